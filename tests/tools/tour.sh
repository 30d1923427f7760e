#!/bin/sh
# Prints every `TOUR room.n: text` comment of the sources, rooms in the order in which one reads them, n in order.
set -eu
grep -rnE 'TOUR [a-z]+\.[0-9]+:' sim tui scenarios --include='*.[chS]' --include='*.def' --include='*.lua' 2>/dev/null |
    awk '
    BEGIN { n = split("core trace cpu mmu io vmm sim script tui", r, " "); for (i = 1; i <= n; i++) order[r[i]] = i }
    match($0, /TOUR [a-z]+\.[0-9]+:/) {
        stop = substr($0, RSTART + 5, RLENGTH - 6)
        text = substr($0, RSTART + RLENGTH)
        sub(/[ \t]*\*\/[ \t]*$/, "", text)
        split($0, at, ":"); split(stop, part, ".")
        printf "%d %d %-9s %s:%s %s\n", (part[1] in order) ? order[part[1]] : 99, part[2], stop, at[1], at[2], text
    }' | LC_ALL=C sort -k1,1n -k2,2n | cut -d ' ' -f 3- | grep . || { echo "tour: no TOUR comment yet" >&2; exit 1; }
