#!/bin/bash
# The GDB server with the real gdb: breakpoints, watchpoints, stepping, going back, registers, memory, `monitor`, ends.
# From the repository's root or anywhere; needs gdb (skips visibly without).
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/guest/tools/images.sh
if ! command -v gdb >/dev/null 2>&1; then
    echo "ok - # SKIP there is no gdb here: the server was not tried with it"
    exit 0
fi
runtime
object tests/guest/images/debuggee.c debuggee -g -O0 -fno-omit-frame-pointer
link debuggee scenarios/guests/guest.ld "$entry" "${common[@]}" "$TMPDIR/debuggee.o"
elf=$TMPDIR/debuggee.elf
rc=0

serve() { # serve OPTION...: starts the server on a free port: sets pid, port
    "$RINGSIDE" run "$elf" --gdb :0 "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null &
    pid=$!
    for _ in $(seq 100); do
        port=$(sed -n 's/.*(target remote :\([0-9]*\))$/\1/p' "$TMPDIR/err")
        [ -n "$port" ] && return
        sleep 0.05
    done
}
debug() { # debug COMMAND...: runs them in gdb, output in $TMPDIR/gdb; then waits for the server: rc
    local script=() c
    for c in "$@"; do script+=(-ex "$c"); done
    timeout 60 gdb -nx -batch -ex 'set pagination off' -ex 'set confirm off' -ex 'set width 0' "$elf" \
        -ex "target remote :$port" "${script[@]}" >"$TMPDIR/gdb" 2>&1
    [ -n "${stay-}" ] || { wait "$pid"; rc=$?; }
}
saw() { grep -Eq -- "$1" "$TMPDIR/gdb"; }
line() { # line TEXT PATTERN: gdb said it
    if saw "$2"; then echo "ok - $1"; return; fi
    echo "not ok - $1: no line like $2"
    sed 's/^/# /' "$TMPDIR/gdb" | tail -n 40
    failed=1
}
times() { # times TEXT N PATTERN
    local n
    n=$(grep -Ec -- "$3" "$TMPDIR/gdb")
    if [ "$n" = "$2" ]; then echo "ok - $1"; return; fi
    echo "not ok - $1: $n lines like $3, not $2"
    sed 's/^/# /' "$TMPDIR/gdb" | tail -n 40
    failed=1
}
exits() { check "$1" test "$rc" = "$2"; }

for cpu in native te; do
    serve --cpu $cpu
    debug 'info registers cr3 cpl' 'print $mode' 'break add' 'continue' 'backtrace' 'info locals' 'finish' 'print $cpl' \
        'print counter' 'print $st0' 'info registers eflags' 'x/2i $pc' 'print $cr0' 'print/x *(int *)0x40000000' \
        'delete' 'watch counter' 'continue' 'continue' 'delete' 'reverse-stepi' 'stepi' 'tbreak factorial if n == 2' 'continue' \
        'backtrace' 'delete' 'continue'
    line "$cpu: before the first instruction" 'in _start \(\)'
    line "$cpu: the guest's ring" '^cpl +0x0 +0$'
    line "$cpu: mode by name" '= protected32$'
    line "$cpu: breakpoint by name" '^Breakpoint 1, add \(a=0, b=0\)'
    line "$cpu: backtrace" '^#2 .*kmain \(\) at '
    line "$cpu: finish" '^Value returned is .* = 0$'
    line "$cpu: x87" '= 1$'
    line "$cpu: flags by name" '^eflags .*\[.*IOPL=0.*\]'
    line "$cpu: cr0 as bits" '= \[ PE .*PG \]'
    line "$cpu: what is not mapped is no zeros" 'Cannot access memory at address 0x40000000'
    line "$cpu: watchpoint" '^Old value = 0'
    line "$cpu: and the next change" '^New value = 3'
    line "$cpu: recursion" '^#3 .*factorial \(n=5\)'
    line "$cpu: the end" 'exited normally'
    exits "$cpu: exit code" 0
    check "$cpu: the guest's output is whole" grep -qx '10 120' "$TMPDIR/out"
done
finish
