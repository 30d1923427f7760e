#!/bin/bash
# Adams & Agesen's nano-benchmarks: who beats whom must come out as in their paper.
#
# Idea: images/nano.c prints cycles an operation; here the order is demanded, with the paper's factors as comments, and of stores
# to page tables the paper's figures, too.
set -u
. tests/guest/tools/images.sh

figure() { awk -v row="$2" '$1 == row { print $2 }' "$TMPDIR/$1"; }
less() { # less MACHINE ROW MACHINE [TIMES]: at least TIMES times fewer cycles
    local a b
    a=$(figure "$1" "$2") b=$(figure "$3" "$2")
    [ $((a * ${4:-1})) -lt "$b" ] && return 0
    echo "# $2: $1 $a, $3 $b"
    return 1
}

near() { # near MACHINE ROW FIGURE: the paper's, a quarter more or less
    local a
    a=$(figure "$1" "$2")
    [ $((4 * a)) -ge $((3 * $3)) ] && [ $((4 * a)) -le $((5 * $3)) ] && return 0
    echo "# $2: $1 $a, the paper's machine $3"
    return 1
}
number() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$TMPDIR/json" | head -n 1; }
faults() { [ "$(number traced)" -le $((5 * $(number adapted))) ] && [ "$(number page_table_stores_noted)" -ge 1000 ]; }

image nano
for cpu in native te bt; do
    run nano "$cpu"
    cp "$TMPDIR/out" "$TMPDIR/$cpu"
done
run nano bt --set bt.incache=0
cp "$TMPDIR/out" "$TMPDIR/callouts"
run nano bt --set bt.adaptive=0
cp "$TMPDIR/out" "$TMPDIR/rigid"
check "IN: translated beats bare (15 times in the paper)" less bt in native 10
check "IN: even trap-and-emulate is quicker than the wires" less te in native
check "CLI and STI: translated beats bare" less bt cli+sti native
check "CLI and STI: bare beats trap-and-emulate" less native cli+sti te 10
check "CALL and RET: bare beats translated (4.6 times)" less native call+ret bt 2
check "a callout beats a trap (1254 to 2030)" less bt mov-cr0 te
check "in the cache beats a callout" less bt pushf+popf callouts 10
check "an access through GS stays in the cache" less bt through-gs callouts 10
check "and so does a load of GS" less bt mov-gs callouts 10
check "a page-table store: bare beats both" less native ptemod bt 100
check "a page-table store: adapted beats trapped" less bt ptemod rigid
check "a page-table store that changes nothing" near bt ptemod 391
check "a page-table store that takes a page away" near bt ptemod-p-np 17
check "a page-table store that gives a page" near bt ptemod-np-p 2121
check "one instruction that clears a table" near bt ptemod-p-np-by-register 17
"$RINGSIDE" run "$TMPDIR/nano.elf" --cpu bt -q --json "$TMPDIR/json" >/dev/null 2>"$TMPDIR/err"
check "an adapted store does not trap: a few faults each, before" faults
check "an exception to the guest: translated beats trap-and-emulate" less bt int3 te
check "an exception to the guest: bare beats translated (3.6 times)" less native int3 bt 2
finish
