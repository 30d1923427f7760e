#!/bin/bash
# A time-stamp counter of the guest's own, under every technique that runs unported kernels.
set -u
. tests/guest/tools/images.sh

image counter
says() { [ "$rc" = 0 ] && diff <(grep -v "$1" tests/guest/expected/counter.txt) <(grep -v "$1" "$TMPDIR/out") | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
some 2 native bt "bt --set bt.incache=0" "bt --set bt.user=1" "bt --set bt.cache=4" vtx
for how in "${cases[@]}"; do
    # shellcheck disable=SC2086
    run counter $how
    check "$how" says nothing
done
run counter te
check "te, whose POPF does not let interrupts in" says interrupts
finish
