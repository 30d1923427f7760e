#!/bin/sh
# layers.sh ROOT: check every C source, header and .def of the tree at ROOT against its tests/layers.txt.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
cd "$1"
set -- tests/layers.txt
for place in sim tui tests/support tests/unit tests/bench tests/fuzz scenarios/guests; do
    [ -d "$place" ] || continue
    found=$(find "$place" -name '*.[ch]' -o -name '*.def' | LC_ALL=C sort)
    for f in $found; do set -- "$@" "$f"; done
done
LC_ALL=C exec awk -f "$tools/layers.awk" "$@"
