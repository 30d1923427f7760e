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
    : >"$TMPDIR/err" # now: the child may be late, and an old port is there
    "$RINGSIDE" run "$elf" --gdb :0 --limit-wall 60 "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null &
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
    timeout 30 gdb -nx -batch -ex 'set pagination off' -ex 'set confirm off' -ex 'set width 0' "$elf" \
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

for cpu in native te vtx; do
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

# --- backwards: watched writes in reverse order, then the beginning
for cpu in native te vtx; do
    serve --cpu $cpu
    debug 'break spin' 'continue' 'delete' 'watch counter' 'reverse-continue' 'print counter' 'reverse-continue' 'print counter' \
        'continue' 'print counter' 'delete' 'break factorial' 'reverse-continue' 'reverse-continue' 'info registers eip' 'reverse-stepi' \
        'reverse-continue' 'stepi' 'stepi' 'reverse-stepi' 'info registers eip'
    line "$cpu: backwards to the last write" '^Old value = 10'
    line "$cpu: before it" '^\$1 = 6$'
    line "$cpu: the one before" '^\$2 = 3$'
    line "$cpu: forwards the same write again" '^\$3 = 6$'
    line "$cpu: history has a beginning" '^No more reverse-execution history'
    line "$cpu: one step from it" '^eip +0x104001 +0x104001 <_start\+1>'
    exits "$cpu: detached, the guest runs on to its end" 0
    check "$cpu: nothing was said twice" test "$(grep -c debuggee "$TMPDIR/out")" = 1
done

# --- by source line, both ways
serve
debug 'hbreak kmain' 'continue' 'next' 'next' 'tbreak count' 'continue' 'step' 'step' 'info frame' 'up' 'print n' 'reverse-finish' \
    'reverse-next' 'reverse-step' 'until' 'advance factorial' 'backtrace 1' 'reverse-continue'
line "hardware breakpoint" '^Breakpoint 1, kmain \(\)'
line "next" '^48.*tables_init'
line "step goes into a call" '^add \(a=0, b=0\)'
line "the caller's frame" '^\$1 = 5$'
line "advance" '^#0  factorial \(n=5\)'
line "back to a hardware breakpoint" '^Breakpoint 1, kmain'

# --- a segment with a base: EIP is an offset, breakpoints are linear addresses
object tests/guest/images/based.S based
"$GUEST_CC" $ldflags -Wl,-Ttext=0x110000 -Wl,-N "$TMPDIR/based.o" -o "$TMPDIR/based.elf" 2>"$TMPDIR/err" || exit 1
mv "$elf" "$elf.kept"
cp "$TMPDIR/based.elf" "$elf"
serve
debug 'break *&inside' 'continue' 'print $mode' 'print/x $eip' 'print/x $linear_pc' 'print $linear_pc' 'x/i $linear_pc' 'delete' \
    'break *&real' 'continue' 'print $mode' 'print/x $cs' 'print/x $cs_base' 'print $linear_pc' 'stepi' 'reverse-continue' 'monitor regs' 'continue'
line "a stop inside" '= protected32$'
line "eip is the offset" '= 0x0$'
line "linear_pc is not" '<inside>$'
line "real mode" '= real$'
line "its segment's base" '= 0x1200$'
line "monitor knows the mode" 'cs 0120  base 00001200'
line "and it ends" 'exited normally'
mv "$elf.kept" "$elf"

# --- all kinds of watchpoints, exact to the byte
serve
debug 'awatch table[3]' 'continue' 'info watchpoints' 'delete' 'tbreak spin' 'continue' 'rwatch spins' 'continue' 'delete' \
    'watch *(char *)((char *)table + 5)' 'continue' 'info registers ecx'
line "access watchpoint" '^Hardware access \(read/write\) watchpoint 1: table\[3\]'
line "read watchpoint" '^Hardware read watchpoint 3: spins'
line "one byte within a repeated string instruction" '^New value = 90'
line "which stops at its end" '^ecx +0x0 '

# --- changing things by hand: memory, code, registers; a call; history after that
serve
debug 'break spin' 'continue' 'set var spins = 7' 'print spins' 'set var counter = 77' 'print factorial(4)' 'reverse-stepi' \
    'set var *(unsigned char *)&add = 0x31' 'set var *((unsigned char *)&add + 1) = 0xc0' 'set var *((unsigned char *)&add + 2) = 0xc3' \
    'print add(3, 4)' 'set $ebx = 0x1234' 'print $ebx' 'set $st0 = 2.5' 'print $st0' 'set $cr2 = 0x5000' 'print/x $cr2' \
    'set $cpl = 3' 'stepi' 'reverse-stepi' 'set var counter = 10' 'delete' 'continue'
line "memory" '^\$1 = 7$'
line "a call" '^\$2 = 24$'
line "history begins anew" '^No more reverse-execution history'
line "code that was changed" '^\$3 = 0$'
line "a register" '^\$4 = 4660$'
line "x87" '^\$5 = 2.5$'
line "cr2" '^\$6 = 0x5000$'
line "not every register can be set" 'Could not write register "cpl"'
line "it runs on" 'exited normally'
serve --cpu te
debug 'break spin' 'continue' 'set var counter = 12' 'print factorial(4)' 'set var *(int *)&add = 0xc3c031' 'print add(3, 4)' \
    'set $eflags |= 0x40' 'info registers eflags' 'set $cr3 = 0' 'stepi' 'continue'
line "te: a call" '^\$1 = 24$'
line "te: code that was changed" '^\$2 = 0$'
line "te: flags" '^eflags .*ZF'
line "te: control registers are the hypervisor's" 'Could not write register "cr3"'
line "te: the guest failed, and says so" 'exited with code'
exits "te: which is the exit code" 1

# --- monitor
serve --cpu te
debug 'monitor help' 'break spin' 'continue' 'monitor exits' 'monitor cycles' 'monitor info' 'monitor regs' 'monitor log 3' \
    'monitor walk counter' 'monitor gdt' 'monitor idt 14' 'monitor segments' 'monitor devices pit' 'monitor symbol spin' 'monitor exit' \
    'monitor step 3' 'monitor back 3' 'monitor until fill' 'monitor until out' 'monitor goto 5' 'monitor nonsense' 'monitor until' 'monitor until nowhere'
line "monitor help" '^monitor walk ADDRESS'
line "monitor exits" '^ +[0-9,]+ +[0-9,]+  privileged$'
line "monitor cycles" 'hypervisor: '
line "monitor info" '^--cpu te --mmu shadow'
line "monitor regs" '^eax [0-9a-f]{8} '
line "monitor walk" 'level 2 entry at [0-9a-f]{8}: [0-9a-f]{8} PW'
line "monitor gdt" '^ *8  00cf9b00 0000ffff  base 00000000 limit ffffffff  code32 readable, DPL 0$'
line "monitor segments" '^cs 0008  base 00000000'
line "monitor devices" '^pit$'
line "monitor symbol" '^[0-9a-f]{8}  spin$'
line "monitor until" 'ring 0, protected32, fill: push'
line "monitor until an instruction" 'out[a-z]* '
line "monitor suggests" 'nonsense: no such command'
line "monitor until nothing" 'until what'
line "monitor until nowhere" 'nowhere: no such address or symbol'
serve
debug 'monitor exits' 'monitor walk 0' 'monitor idt'
line "native has no exits" 'no hypervisor'
line "paging is off at first" 'paging is off'

# --- ^C, kill, a lost connection, a second debugger, another one afterwards
serve
debug 'tbreak spin' 'continue' 'set var forever = 1' 'shell (sleep 0.5; kill -INT $PPID) &' 'continue' 'backtrace' 'stepi' \
    'set var forever = 0' 'continue'
line "^C" '^Program received signal SIGINT'
line "in the loop" '^#0 .* spin \(\)'
line "and on" 'exited normally'
serve
debug 'kill'
exits "kill" 130
serve
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf '$g#67' >&3
head -c 100 <&3 >/dev/null
stay=1
timeout 20 gdb -nx -batch "$elf" -ex "target remote :$port" >"$TMPDIR/gdb" 2>&1
line "a second debugger is turned away" 'Remote|closed|reset'
printf '$c' >&3
exec 3>&-
wait "$pid"
rc=$?
exits "a lost connection: the guest runs on" 0
serve
debug 'tbreak spin' 'continue' 'set var forever = 1' 'detach'
debug 'backtrace 1' 'set var forever = 0' 'reverse-stepi' 'continue'
stay=
wait "$pid"
rc=$?
line "another debugger finds it where it is" '^#0 .* spin \(\)'
exits "and the end" 0
"$RINGSIDE" run "$elf" --gdb :0 >"$TMPDIR/out" 2>"$TMPDIR/err" &
pid=$!
sleep 0.3
kill -INT "$pid"
wait "$pid"
rc=$?
exits "^C while waiting for a debugger" 130
"$RINGSIDE" run "$elf" --gdb :0 --limit-wall 0.3 >"$TMPDIR/out" 2>"$TMPDIR/err"
rc=$?
exits "--limit-wall while waiting" 5

# --- ends
serve
debug 'tbreak spin' 'continue' 'set $eip = 0x40000000' 'continue' 'reverse-stepi' 'continue' 'continue'
line "a guest without handler for it dies, visibly" 'SIGSEGV|trap_unexpected|exited with code'
serve --limit-instr 5000
debug 'continue' 'reverse-stepi' 'continue' 'continue'
line "a limit is shown" 'limit reached: --limit-instr 5000'
line "as a signal" '^Program received signal SIGXCPU'
line "and ends the session" 'exited with code 05'
exits "limit: exit code" 5
serve
stay=1
debug 'detach' 'target extended-remote :'"$port" 'kill'
wait "$pid"
stay=
serve
timeout 60 gdb -nx -batch -ex 'set confirm off' "$elf" -ex "target extended-remote :$port" -ex 'break spin' -ex continue -ex run \
    -ex 'info registers eip' -ex continue -ex 'delete' -ex continue >"$TMPDIR/gdb" 2>&1
wait "$pid"
rc=$?
times "extended-remote: run begins again" 2 '^Breakpoint 1, spin'
exits "extended-remote: exit code" 0

# --- time: a thousand steps, backwards over millions of instructions, running past a breakpoint that is never hit
serve
began=$EPOCHREALTIME
debug 'tbreak spin' 'continue' 'set var spins = 3000000' 'stepi 1000' 'delete' 'break factorial' 'tbreak fill' 'continue' 'stepi' \
    'watch counter' 'reverse-continue' 'info registers eip'
took=$(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
line "back over twelve million instructions" '^No more reverse-execution history'
echo "# $took ms"
check "in reasonable time" test "$took" -lt 40000
finish
