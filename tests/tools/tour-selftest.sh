#!/bin/bash
# The reading tour can be followed; and tour.sh says where it could not.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
result() { # result TEXT 0|1
    if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failed=1; fi
}
sh tests/tools/tour.sh >"$work/out"
result "the sources' own tour has no gap" $?
[ "$(head -n 1 "$work/out" | cut -c1-6)" = core.1 ] && grep -q '^vmm.1 ' "$work/out"
result "it begins with core.1" $?

tour() { # tour TEXT PATTERN MARK...: with these marks it complains of PATTERN
    local text=$1 pattern=$2
    shift 2
    rm -rf "${work:?}/sim" && mkdir -p "$work/sim"
    printf '/* %s */\n' "$@" >"$work/sim/a.c"
    sh tests/tools/tour.sh "$work" >"$work/out" 2>"$work/err" && pattern='(it did not complain)'
    grep -q "$pattern" "$work/err"
    result "$text" $?
}
tour "a mark without text" 'a.c:2: TOUR core.2: a mark is' 'TOUR core.1: first.' 'TOUR core.2'
tour "a number twice" 'a.c:2: TOUR core.1: that number is at sim/a.c:1' 'TOUR core.1: first.' 'TOUR core.1: again.'
tour "a gap" 'there is no TOUR core.2' 'TOUR core.1: first.' 'TOUR core.3: third.'
tour "an unknown room" 'no such room' 'TOUR cellar.1: what is that?'
tour "none at all" 'no TOUR comment' 'nothing'
exit $failed
