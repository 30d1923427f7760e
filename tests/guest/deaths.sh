#!/bin/bash
# Guests that end: exit code, and for a death one line that names the first cause and where it happened.
set -u
. tests/support/ia32.sh
. tests/guest/tools/images.sh

said() { # said CODE PATTERN: that exit code; something matching the pattern on stderr, on one line, if it is not empty
    [ "$rc" = "$1" ] || return 1
    [ -z "$2" ] || grep -Eq "$2" "$TMPDIR/err" || return 1
    [ "$1" != 4 ] || [ "$(grep -c . "$TMPDIR/err")" = 1 ]
}

also=
row() { # row NUMBER CODE PATTERN NAME [OPTION...]
    local number=$1 code=$2 pattern=$3 name=$4 cpu
    shift 4
    "$GUEST_CC" -m32 -DDEATH="$number" -c tests/guest/images/death.S -o "$TMPDIR/death.o" || exit 1
    link death scenarios/guests/guest.ld "$TMPDIR/death.o"
    for cpu in native te vtx $also; do
        run death "$cpu" "$@"
        check "$name, $cpu" said "$code" "$pattern"
    done
}

row 1 4 '#UD at [0-9A-F]+ \(no_idt\)' 'no IDT'
row 2 4 '#DE at [0-9A-F]+ \(bad_idt\)' 'nonsense for an IDT'
row 3 4 '(#UD|#PF|#GP).* at E0000000' 'a jump into nothing'
row 4 4 '#PF at [0-9A-F]+ \(no_stack\)' 'a fault without a stack'
row 5 4 '#PF at [0-9A-F]+ \(lost_idt\)' 'an IDT that is not mapped'
row 6 0 '' 'HLT with interrupts off'
row 7 5 '.' 'an endless loop' --limit-cycles 3000000
row 8 1 '' 'failure, reported'
row 9 4 '.' 'a page directory outside of memory'
row 10 5 '.' 'double faults for ever' --limit-cycles 3000000
row 11 0 '' 'success, reported'
also=bt
row 12 5 '.' 'a breakpoint on the first instruction of its own handler' --model ideal --set cpu.vmx=1 --limit-cycles 100000
row 13 5 '.' 'page faults whose handler is not there, for ever' --model off --set cpu.vmx=1 --limit-cycles 100000
finish
