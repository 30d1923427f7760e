#!/bin/sh
# A checker that cannot fail proves nothing: build small trees, each with one wall climbed, and demand the complaint.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# A tree in which every wall holds, with the things that only look like violations.
good_tree() {
    rm -rf "$work/t"
    mkdir -p "$work/t/tests/unit" "$work/t/tui" "$work/t/scenarios/guests"
    for room in core trace cpu mmu io vmm script; do
        mkdir -p "$work/t/sim/$room"
        echo "int $room;" > "$work/t/sim/$room/$room.h"
    done
    cp "$here/../layers.txt" "$work/t/tests/"
    cd "$work/t" || exit 1
    echo '#include "sim/vmm/vmm.h"' > sim/machine.h
    printf '%s\n' '#include "sim/machine.h"' '#include "tui/tui.h"' '#include "sim/script/script.h"' > sim/main.c
    printf '%s\n' '#include "sim/machine.h"' '#include <curses.h>' > tui/paint.c
    echo 'int tui;' > tui/tui.h
    printf '%s\n' '#include "sim/machine.h"' '#include <lua.h>' > sim/script/script.c
    printf '%s\n' '#include "sim/core/core.h"' '/* rand() and' ' * #include "tui/tui.h" in a comment */' \
        'void f(struct clock *c) { c->time(); snprintf(b, n, "printf(%d) \" time()", 1); } // rand()' > sim/cpu/exec.c
    echo 'void die(void) { fprintf(stderr, "no memory"); }' > sim/core/fatal.c
    printf '%s\n' '#include "sim/cpu/cpu.h"' 'int main(void) { printf("x"); }' > tests/unit/cpu_exec_test.c
    mkdir scenarios/guests/popf
    printf '%s\n' '#include "lib/guest.h"' '#include "popf.h"' > scenarios/guests/popf/popf.c
}

expect() { # expect NAME PATTERN: the checker must fail and say PATTERN; an empty PATTERN demands success
    out=$(sh "$here/layers.sh" "$work/t" 2>&1); rc=$?
    if [ -z "$2" ]; then [ "$rc" = 0 ]; else [ "$rc" = 1 ] && printf '%s\n' "$out" | grep -q -- "$2"; fi
    if [ $? = 0 ]; then echo "ok - $1"; else echo "not ok - $1 (exit $rc)"; printf '%s\n' "$out"; failed=1; fi
}

bad() { # bad FILE LINE PATTERN: append one line to one file of the good tree, demand the complaint at that file
    good_tree
    printf '%s\n' "$2" >> "$1"
    expect "refused in $1: $2" "^$1:[0-9]*: .*$3"
}

good_tree
expect "a tree whose walls hold passes" ""
bad sim/core/core.h  '#include "sim/trace/trace.h"'      'may not include sim/trace/trace.h'
bad sim/trace/trace.h '#include "sim/cpu/cpu.h"'         'may not include'
bad sim/cpu/cpu.h    '#include "sim/mmu/mmu.h"'          'may not include'
bad sim/mmu/mmu.h    '#  include "sim/io/io.h"'          'may not include'
bad sim/io/io.h      '#include "sim/vmm/vmm.h"'          'may not include'
bad sim/vmm/vmm.h    '#include "sim/machine.h"'          'may not include'
bad sim/machine.h    '#include "tui/tui.h"'              'may not include'
bad sim/machine.h    '#include "sim/script/script.h"'    'may not include'
bad sim/script/script.h '#include "sim/vmm/vmm.h"'       'may not include'
bad tui/tui.h        '#include "sim/cpu/cpu.h"'          'may not include'
bad tui/tui.h        '#include "sim/script/script.h"'    'may not include'
bad tests/unit/cpu_exec_test.c '#include "sim/mmu/mmu.h"' 'may not include'
bad scenarios/guests/popf/popf.c '#include "sim/core/core.h"' 'may not include'
bad scenarios/guests/popf/popf.c '#include "../../../sim/core/core.h"' 'may not include sim/core/core.h'
bad sim/cpu/exec.c   '#include "cpu.h"'                  'from the root'
bad sim/cpu/exec.c   '#include "../mmu/mmu.h"'           'may not include sim/mmu/mmu.h'
bad sim/cpu/exec.c   '#include <sim/mmu/mmu.h>'          'in quotes'
bad sim/cpu/exec.c   '#include WHO_KNOWS'                'macro'
bad tui/tui.h        '#include <curses.h>'               'belongs to'
bad sim/machine.h    '#include <ncursesw/panel.h>'       'belongs to'
bad tui/paint.c      '#include <lua5.4/lauxlib.h>'       'belongs to'
bad sim/cpu/exec.c   'int g(void) { return rand(); }'    'rand() is not'
bad sim/vmm/vmm.h    '/* x */ t = time (NULL);'          'time() is not'
bad sim/core/core.h  'printf("%d", 1);'                  'printf() is not'
bad sim/core/fatal.c 'clock_gettime(0, &t);'             'clock_gettime() is not'
good_tree
mkdir sim/attic && echo 'int x;' > sim/attic/x.c
expect "a folder that is in no row is refused" '^sim/attic/x.c:1: this file has no room'
rm -rf "$work/t/sim" "$work/t/tui" "$work/t/tests/unit" "$work/t/scenarios"
expect "an empty tree is not a success" 'no source file'
exit $failed
