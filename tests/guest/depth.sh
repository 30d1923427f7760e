#!/bin/bash
# References of a page walk, counted: a guest with tables of 2 to 5 levels looks at one page again and again, bare and under a second
# level of 2 to 5. What it costs more to look 500 times than not at all is 500 walks of (n+1)(m+1)-1.
set -u
. tests/guest/tools/images.sh
elf=build/guests/depth.elf
figure() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$TMPDIR/json" | head -n 1; }
look() { # look LEVELS TOUCHES OPTION...: sets refs, walks, hits
    local levels=$1 touches=$2
    shift 2
    "$RINGSIDE" run $elf --append "levels=$levels touches=$touches" --set "mmu.levels=$levels" -q --json "$TMPDIR/json" "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"
    rc=$?
    refs=$(figure walk_refs) walks=$(figure walks)
    grep -q "levels: $levels, touches: $touches" "$TMPDIR/out" || rc=99
}
counted() { # counted TEXT REFERENCES LEVELS OPTION...
    local text=$1 each=$2 refs0 walks0
    shift 2
    look "$1" 0 "${@:2}" && refs0=$refs walks0=$walks && look "$1" 500 "${@:2}"
    refs=$((refs - refs0)) walks=$((walks - walks0))
    [ "$rc" = 0 ] || walks=0
    rc="$refs references in $walks walks"
    check "$text: $each references a walk" [ "$walks" = 500 -a "$refs" = $((500 * each)) ]
}
for n in 2 3 4 5; do
    counted "$n levels" "$n" "$n"
    for m in 2 3 4 5; do
        counted "$n over $m" $(((n + 1) * (m + 1) - 1)) "$n" --cpu vtx --mmu two-level --set mmu.second=$m
    done
done
# The guest's tables and the page lie in the same 2 MB: with large pages the second level is one shorter, for all of them.
counted "4 over 4, 2 MB in an entry" 19 4 --cpu vtx --mmu two-level --set ept.large=1 --model nehalem
counted "4 over 4, caches of one dimension: INVLPG empties them" 24 4 --cpu vtx --mmu two-level --set mmu.walk_cache=1D
counted "4 over 4, of two: the second stays" 9 4 --cpu vtx --mmu two-level --set mmu.walk_cache=2D
counted "4 over 4, with a nested TLB" 5 4 --cpu vtx --mmu two-level --set mmu.walk_cache=2D --set mmu.nested_tlb=16
finish
