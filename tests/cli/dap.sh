#!/bin/bash
# `run --dap`: an editor's session, message by message, with a client of its own: stop points by line, function and address, steps, and back.
set -u
. "$(dirname "$0")/../support/ia32.sh"
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
guest=$(realpath build/guests/popf.elf)
source=$(realpath scenarios/guests/popf/popf.c)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
result() { if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failed=1; fi; }
command -v jq >/dev/null || { echo "jq is not installed"; exit 77; }

seq=0
begin() { # begin ARGUMENT...: a session; its messages go to fd 3, its answers come from fd 4
    coproc DAP { "$ringside" run "$@" --dap 2>"$work/err"; }
    exec 3>&"${DAP[1]}" 4<&"${DAP[0]}"
    eval "exec ${DAP[1]}>&- ${DAP[0]}<&-" # so that closing 3 is hanging up
    pid=$DAP_PID
    seq=0
}
ask() { # ask COMMAND [ARGUMENTS]
    seq=$((seq + 1))
    local m="{\"seq\":$seq,\"type\":\"request\",\"command\":\"$1\",\"arguments\":${2:-{\}}}"
    printf 'Content-Length: %d\r\n\r\n%s' "${#m}" "$m" >&3
}
hear() { # the next message into $heard; empty at the end
    local line length=
    heard=
    while IFS= read -r -t 60 line <&4; do
        line=${line%$'\r'}
        case $line in
        Content-Length:*) length=${line#*: } ;;
        '') [ -n "$length" ] && break ;;
        esac
    done
    [ -n "$length" ] && LC_ALL=C IFS= read -r -d '' -N "$length" -t 60 heard <&4
}
await() { # await WHAT: hears until a message fits the jq filter; it is left in $heard
    for ((k = 0; k < 400; k++)); do
        hear
        [ -n "$heard" ] || return 1
        jq -e "$1" >/dev/null 2>&1 <<<"$heard" && return 0
    done
    return 1
}
answer() { await ".type == \"response\" and .command == \"$1\""; }
get() { jq -r "$1" <<<"$heard"; }
register() { ask variables '{"variablesReference":1}' && answer variables && get ".body.variables[] | select(.name == \"$1\").value"; }
call() { ask "$@" && answer "$1"; }
stop() { await '.event == "stopped"'; }
place() { call stackTrace '{"threadId":1}' && get '.body.stackFrames[0].name'; }
line() { call stackTrace '{"threadId":1}' && get '.body.stackFrames[0].line'; }

begin "$guest"
call initialize '{"adapterID":"x"}' && [ "$(get .success)" = true ] && [ "$(get .body.supportsStepBack)" = true ]
result "initialize tells what it can" $?
await '.event == "initialized"'
result "then it wants its configuration" $?
call continue '{"threadId":1}' && [ "$(get .success)" = false ] && get .message | grep -q configurationDone
result "nothing runs before that is done" $?
call launch '{"stopOnEntry":true}'
call setFunctionBreakpoints '{"breakpoints":[{"name":"popf_insn"},{"name":"nowhere"}]}'
[ "$(get '.body.breakpoints[0].verified')" = true ] && [ "$(get '.body.breakpoints[1].verified')" = false ]
result "a stop point by function, and one that is none" $?
call configurationDone && stop && [ "$(get .body.reason)" = entry ]
result "it stops at the entry" $?
call stackTrace '{"threadId":1,"startFrame":1,"levels":20}' && [ "$(get '.body.stackFrames | length')" = "$(($(get .body.totalFrames) - 1))" ]
result "a part of the stack is that part" $?
call threads && [ "$(get '.body.threads | length')" = 1 ]
result "one processor" $?
call continue '{"threadId":1}' && stop && [ "$(get .body.reason)" = "function breakpoint" ] && [ "$(place)" = popf_insn ]
result "continue comes to the function" $?
at=$(register eip) esp=$(register esp)
[ "$at" = "$(call evaluate '{"expression":"popf_insn"}' && get .body.result | cut -d' ' -f1)" ]
result "registers and symbols agree" $?
call readMemory "{\"memoryReference\":\"$at\",\"count\":1}" && [ "$(get .body.data | base64 -d | od -An -tx1 | tr -d ' ')" = 9d ]
result "memory holds POPF's byte" $?
call disassemble "{\"memoryReference\":\"$at\",\"instructionOffset\":-1,\"instructionCount\":3}" && [ "$(get '.body.instructions | length')" = 3 ] &&
    get '.body.instructions[1].instruction' | grep -q popf && [ "$(get '.body.instructions[1].symbol')" = popf_insn ]
result "and disassembles so, one before, one behind" $?
call stepIn '{"threadId":1,"granularity":"instruction"}' && stop && [ "$(register esp)" != "$esp" ] && [ "$(place)" = after_popf ]
result "a step" $?
call stepBack '{"threadId":1,"granularity":"instruction"}' && stop && [ "$(register eip) $(register esp)" = "$at $esp" ]
result "and back: the same registers" $?
call scopes '{"frameId":1}' && [ "$(get '.body.scopes | length')" = 4 ] && call variables '{"variablesReference":3}' && [ "$(get '.body.variables[] | select(.name == "cr0").value' | cut -c1-2)" = 0x ]
result "scopes with the system's registers" $?
call setFunctionBreakpoints '{"breakpoints":[]}'
kmain=$(call evaluate '{"expression":"kmain"}' && get .body.memoryReference)
call setInstructionBreakpoints "{\"breakpoints\":[{\"instructionReference\":\"$kmain\"}]}" && [ "$(get '.body.breakpoints[0].verified')" = true ]
call reverseContinue '{"threadId":1}' && stop && [ "$(get .body.reason)" = "instruction breakpoint" ] && [ "$(place)" = kmain ]
result "backwards to a stop point by address" $?
call setInstructionBreakpoints '{"breakpoints":[]}' && call reverseContinue '{"threadId":1}' && stop && get .body.description | grep -q beginning
result "backwards to the beginning" $?
call setVariable '{"variablesReference":1,"name":"ecx","value":"0x1234"}' && [ "$(register ecx)" = 0x00001234 ]
result "a register can be set, which changes the past" $?
call frobnicate && [ "$(get .success)" = false ] && get .message | grep -q 'not supported'
result "what it cannot it says" $?
call evaluate '{"expression":"kmian"}' && get .message | grep -q 'did you mean kmain'
result "a mistyped symbol" $?
call setVariable '{"variablesReference":2,"name":"CF","value":"1"}' && [ "$(call variables '{"variablesReference":2}' && get '.body.variables[0].value')" = 1 ] &&
    call setVariable '{"variablesReference":2,"name":"ZF","value":"2"}' && get .message | grep -q 'ZF cannot be 2'
result "a flag, too" $?
call disassemble '{"memoryReference":"popf_insn","instructionOffset":-300,"instructionCount":400}' && [ "$(get '.body.instructions | length')" = 400 ] &&
    [ "$(get '.body.instructions[300].symbol')" = popf_insn ] && [ "$(get '[.body.instructions[].address] | . == (. | sort)')" = true ] &&
    [ "$(get '[.body.instructions[200:300][] | select(.instruction == "??")] | length')" = 0 ]
result "far back the code is in order, too" $?
call readMemory '{"memoryReference":"kmain","count":200000}' && [ "$(get '.body.data | length')" -gt 266000 ] && call readMemory '{"memoryReference":"0xFFFFFFF0","count":32}' && [ "$(get .body.unreadableBytes)" = 32 ]
result "much memory, and none behind the last byte" $?
call continue '{"threadId":1}' && await '.event == "terminated"' && call stackTrace '{}' && [ "$(get .success)" = false ] && call disconnect && [ "$(get .success)" = true ] && wait "$pid"
result "the run's end is told, goodbye is answered, and its exit code is 0" $?
exec 3>&- 4<&-

# --- source lines
begin "$guest"
call initialize '{}' && await '.event == "initialized"' && call launch '{}'
wanted=$(grep -n 'serial_init\|serial_start\|timer_init\|say(' "$source" | head -n 1 | cut -d: -f1)
call setBreakpoints "{\"source\":{\"path\":\"$source\"},\"breakpoints\":[{\"line\":$wanted}]}"
if [ "$(get '.body.breakpoints[0].verified')" = true ]; then
    there=$(get '.body.breakpoints[0].line')
    call configurationDone && stop && call continue '{"threadId":1}' && stop && [ "$(get .body.reason)" = breakpoint ] && [ "$(line)" = "$there" ] &&
        call stackTrace '{"threadId":1}' && [ "$(get '.body.stackFrames[0].source.path')" = "$source" ]
    result "a stop point by source line, in the file as it lies here" $?
    call next '{"threadId":1}' && stop && after=$(line) && [ "$after" != "$there" ] && [ "$after" -gt 0 ]
    result "next goes to another line" $?
    call stepBack '{"threadId":1}' && stop && [ "$(line)" = "$there" ]
    result "and back, over what was called" $?
else
    get '.body.breakpoints[0].message' | grep -q 'no source lines' && echo "ok - # SKIP this Ringside was built without libdw, or the guest without -g"
fi
ask disconnect && wait "$pid"
exec 3>&- 4<&-

# --- conditions, counts, messages, data: on a loop that counts in memory, and in ECX
cat >"$work/count.S" <<'END'
.globl _start, again, counter, done
_start: mov $0, %ecx
again:  inc %ecx
        mov %ecx, counter
        cmp $20, %ecx
        jb again
done:   mov counter, %edx
        mov $0xf4, %dx
        xor %eax, %eax
        out %eax, %dx
        .data
        .balign 4
counter: .long 0
END
gcc -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-Ttext=0x100000 -Wl,-Tdata=0x101000 "$work/count.S" -o "$work/count.elf"
begin "$work/count.elf" --cpu te
call initialize '{}' && [ "$(get .body.supportsDataBreakpoints)$(get .body.supportsConditionalBreakpoints)$(get .body.supportsLogPoints)" = truetruetrue ]
await '.event == "initialized"' && call launch '{}'
on() { call setFunctionBreakpoints "{\"breakpoints\":[{\"name\":\"again\",$1}]}"; }
on '"condition":"ecx == 7"' && id=$(get '.body.breakpoints[0].id') && call configurationDone && stop && call continue '{}' && stop && [ "$(get '.body.hitBreakpointIds[0]')" = "$id" ] &&
    [ "$(register ecx)" = 0x00000007 ]
result "a condition, and whose it was" $?
on '"condition":"ecx > 8 && [counter] >= 0xA"' && call continue '{}' && stop && [ "$(register ecx)" = 0x0000000A ]
result "two of them, one of memory" $?
on '"hitCondition":"3"' && call continue '{}' && stop && [ "$(register ecx)" = 0x0000000D ]
result "a count" $?
on '"condition":"ecx < 5"' && call reverseContinue '{}' && stop && [ "$(register ecx)" = 0x00000004 ]
result "a condition backwards" $?
on '"logMessage":"ecx is {ecx}, memory {[counter]}"' && call setDataBreakpoints '{"breakpoints":[]}'
call dataBreakpointInfo '{"name":"counter","bytes":4}' && data=$(get .body.dataId) && [ "$data" = 0x00101000/4 ] && [ "$(get '.body.accessTypes | length')" = 3 ]
result "data has an id" $?
call dataBreakpointInfo '{"variablesReference":1,"name":"eax"}' && [ "$(get .body.dataId)" = null ] && get .body.description | grep -q 'cannot be watched'
result "a register has none" $?
call setDataBreakpoints "{\"breakpoints\":[{\"dataId\":\"$data\",\"accessType\":\"write\",\"condition\":\"ecx == 6\"},{\"dataId\":\"eax\"}]}" &&
    [ "$(get '.body.breakpoints | map(.verified) | tostring')" = '[true,false]' ]
ask continue '{}' && await '.event == "output" and (.body.output | test("ecx is 0x5, memory 0x5"))' && stop && [ "$(get .body.reason)" = "data breakpoint" ] && [ "$(register ecx)" = 0x00000006 ]
result "a message, and a stop where data is written, on a condition" $?
on '"condition":"false"' && [ "$(get '.body.breakpoints[0].verified')" = false ] && get '.body.breakpoints[0].message' | grep -q 'the condition is none'
result "a condition that is none" $?
on '"hitCondition":"often"' && [ "$(get '.body.breakpoints[0].verified')" = false ] && call setFunctionBreakpoints '{"breakpoints":"none"}' && [ "$(get .success)" = true ]
result "a count that is none, and no list at all" $?
call setDataBreakpoints "{\"breakpoints\":[{\"dataId\":\"$data\",\"accessType\":\"read\"}]}" && call continue '{}' && stop && [ "$(get .body.reason)" = "data breakpoint" ] &&
    [ "$(place)" = done+6 ]
result "where data is read" $?
call writeMemory "{\"memoryReference\":\"counter\",\"data\":\"$(printf 'abcd' | base64)\"}" && [ "$(get .body.bytesWritten)" = 4 ] &&
    call readMemory '{"memoryReference":"counter","count":4}' && [ "$(get .body.data | base64 -d)" = abcd ]
result "memory is written" $?
call writeMemory '{"memoryReference":"counter","data":"a?b"}' && [ "$(get .success)" = false ] && call writeMemory '{"memoryReference":"0xFFFFF000","data":"YWJj"}'
[ "$(get .success)" = false ] && get .message | grep -q 'no memory there'
result "but not with what is no base64, nor where there is none" $?
printf 'Content-Length: 9\r\n\r\n[1,2,3.5]' >&3
ask setBreakpoints '[]' && answer setBreakpoints && [ "$(get .success)" = false ] && call evaluate '{"expression":7}' && [ "$(get .success)" = false ] && call threads
result "messages of the wrong kind are refused, and the session goes on" $?
ask disconnect && wait "$pid"
exec 3>&- 4<&-

# --- calls: of a function that calls itself, without frame pointers, while a timer interrupts
cat >"$work/calls.c" <<'END'
static volatile unsigned sum, ticks;
static inline void out(unsigned short port, unsigned char v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
__attribute__((interrupt)) static void tick(void *frame)
{
    (void)frame;
    ticks++;
    out(0x20, 0x20);
}
__attribute__((noinline)) unsigned deep(unsigned n)
{
    for (volatile unsigned k = 0; k < 2000; k++) sum += k;
    if (n) sum += deep(n - 1);
    sum++;
    return n;
}
static struct { unsigned short low, cs, type, high; } idt[33];
static const unsigned long long gdt[] = { 0, 0xCF9B000000FFFFull, 0xCF93000000FFFFull };
void start(void)
{
    struct __attribute__((packed)) { unsigned short limit; unsigned base; } g = { sizeof gdt - 1, (unsigned)gdt }, i = { sizeof idt - 1, (unsigned)idt };
    __asm__ volatile("lgdt %0; ljmp $8, $1f; 1: mov %1, %%ds; mov %1, %%es; mov %1, %%ss" : : "m"(g), "r"(16));
    idt[32].low = (unsigned short)(unsigned)tick, idt[32].high = (unsigned short)((unsigned)tick >> 16), idt[32].cs = 8, idt[32].type = 0x8E00;
    __asm__ volatile("lidt %0" : : "m"(i));
    out(0x20, 0x11), out(0x21, 32), out(0x21, 4), out(0x21, 1), out(0x21, 0xFE);
    out(0x43, 0x34), out(0x40, 20), out(0x40, 0);
    __asm__ volatile("sti");
    deep(5);
    deep(4);
    sum = ticks;
    out(0xF4, 0);
    for (;;) __asm__("cli; hlt");
}
END
printf '.globl _start\n_start: mov $0x200000, %%esp\n call start\n .section .note.GNU-stack,"",@progbits\n' >"$work/first.S"
gcc -m32 -g -O1 -fomit-frame-pointer -ffreestanding -fno-pic -mgeneral-regs-only -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-Ttext=0x100000 -Wl,-e,_start "$work/first.S" "$work/calls.c" -o "$work/calls.elf"
at() { grep -n "$1" "$work/calls.c" | head -n 1 | cut -d: -f1; }
for cpu in native te; do
    begin "$work/calls.elf" --cpu $cpu -q
    call initialize '{}' && await '.event == "initialized"' && call launch '{}' && call setFunctionBreakpoints '{"breakpoints":[{"name":"start"}]}' && call configurationDone && stop && call continue '{}' && stop
    for ((j = 0; j < 30; j++)); do call next '{}' && stop && [ "$(line)" = "$(at 'deep(5)')" ] && break; done
    if [ "$(line)" = "$(at 'deep(5)')" ]; then
        call next '{}' && stop && [ "$(line)" = "$(at 'deep(4)')" ]
        result "$cpu: next runs a call to its end that calls itself, and over interrupts" $?
        call setFunctionBreakpoints '{"breakpoints":[{"name":"deep","hitCondition":"4"}]}' && call continue '{}' && stop && call setFunctionBreakpoints '{"breakpoints":[]}'
        same=0
        for ((j = 0; j < 4; j++)); do call next '{}' && stop && place | grep -q '^deep' || same=1; done
        result "$cpu: steps by line stay in the function, whatever interrupts" $same
        out=$(for j in 1 2 3 4; do call stepOut '{}' && stop && place; done | cut -d+ -f1 | xargs)
        [ "$out" = "deep deep deep start" ]
        result "$cpu: stepOut goes out of one call, not of two" $?
    else
        call stackTrace '{}' && [ "$(line)" = 0 ] && echo "ok - # SKIP this Ringside was built without libdw"
    fi
    ask disconnect && wait "$pid"
    exec 3>&- 4<&-
done

# --- a guest under a hypervisor, what it prints, a pause while it runs
begin "$guest" --cpu te
call initialize '{}' && await '.event == "initialized"' && call launch '{"stopOnEntry":true}' && call setFunctionBreakpoints '{"breakpoints":[{"name":"after_popf"}]}'
call configurationDone && stop && ask continue '{"threadId":1}' && await '.event == "output" and .body.category == "stdout"' && stop && [ "$(place)" = after_popf ]
result "under trap-and-emulate: its output, and the same stop" $?
call variables '{"variablesReference":3}' && [ "$(get '.body.variables[0].value')" = "0 (really 1)" ]
result "the ring it believes in, and the real one" $?
ask disconnect && wait "$pid"
exec 3>&- 4<&-
# --- filters of exceptions: the guest stands at the instruction that was the reason, under every technique at the same ones
begin "$guest" --cpu te
call initialize '{}' && [ "$(get '.body.exceptionBreakpointFilters | map(.filter) | join(" ")')" = "exception exit silent" ] && [ "$(get '.body.supportsExceptionInfoRequest')" = true ]
result "filters of exceptions are told" $?
await '.event == "initialized"' && call launch '{"stopOnEntry":true}'
call setExceptionBreakpoints '{"filters":["silent","loud"],"filterOptions":[{"filterId":"exit","condition":"sometimes"}]}'
[ "$(get '.body.breakpoints | map(.verified) | tostring')" = '[true,false,false]' ] && get '.body.breakpoints[1].message' | grep -q 'exception, exit and silent'
result "and those that are none" $?
call configurationDone && stop && call exceptionInfo '{"threadId":1}' && [ "$(get .success)" = false ]
result "where nothing was raised there is nothing to say of it" $?
call continue '{}' && stop && [ "$(get '.body.reason')" = exception ] && [ "$(place)" = read_flags ] && call continue '{}' && stop && [ "$(place)" = popf_insn ]
result "it stops at what fails silently" $?
call exceptionInfo '{"threadId":1}' && [ "$(get .body.exceptionId)" = "silent failure: popf" ] && get .body.description | grep -q '^event [0-9]* .* popf IF wanted 0 got 1'
result "and says what that was" $?
call next '{"granularity":"instruction"}' && stop && [ "$(get .body.reason) $(place)" = "step after_popf" ]
result "a step from there passes it" $?
call setExceptionBreakpoints '{"filters":[],"filterOptions":[{"filterId":"exit","condition":"vector == 13 && address == 0 && edx == 0x20"}]}'
call continue '{}' && stop && get .body.text | grep -q '^exit: port at ' && [ "$(register edx)" = 0x00000020 ]
result "exits, on a condition" $?
call setExpression '{"expression":"$edi","value":"popf_insn"}' && [ "$(register edi)" = "$(call evaluate '{"expression":"popf_insn"}' && get .body.memoryReference)" ] &&
    call setExpression '{"expression":"[esp]","value":"0x12345678"}' && call evaluate '{"expression":"[esp]"}' && get .body.result | grep -q '^0x12345678'
result "registers and memory are set by expression" $?
call setExpression '{"expression":"kmain","value":"1"}' && get .message | grep -q '\[kmain\]' && call setExpression '{"expression":"[0xFFFFF000]","value":"1"}' && get .message | grep -q 'no memory' &&
    call setExpression '{"expression":"eax","value":"?"}' && [ "$(get .success)" = false ]
result "what cannot be set is refused" $?
ask disconnect && wait "$pid"
exec 3>&- 4<&-
faults() { # faults TECHNIQUE: the places of the first three exceptions
    begin "$(dirname "$guest")/fault.elf" --cpu "$1" -q
    call initialize '{}' && await '.event == "initialized"' && call launch '{"stopOnEntry":true}' && call setExceptionBreakpoints '{"filters":["exception"]}' && call configurationDone && stop
    for k in 1 2 3; do call continue '{}' && stop && echo "$(get .body.description) $(place)"; done
    exec 3>&- 4<&-
    wait "$pid"
}
faults native >"$work/native"
[ "$(wc -l <"$work/native")" = 3 ] && [ "$(head -n 1 "$work/native")" = "#PF first_touch+7" ]
result "page faults, each at its instruction" $?
faults te >"$work/faults"
cmp -s "$work/native" "$work/faults"
result "the same under trap-and-emulate" $?
printf '.globl _start\n_start: jmp _start\n' | gcc -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-Ttext=0x100000 -x assembler - -o "$work/loop.elf"
begin "$work/loop.elf"
call initialize '{}' && await '.event == "initialized"' && call launch '{"stopOnEntry":false}' && ask configurationDone && answer configurationDone
sleep 0.3
ask pause '{"threadId":1}' && stop && [ "$(get .body.reason)" = pause ]
result "a pause while it runs" $?
printf 'Content-Length: 5\r\n\r\n{bad}' >&3
await '.event == "output" and (.body.output | test("no JSON"))' && call threads && [ "$(get .success)" = true ]
result "what is no JSON is said, and the session goes on" $?
exec 3>&-
wait "$pid"
rc=$?
[ $rc -lt 64 ]
result "an editor that hangs up ends it" $?
exec 4<&-

# --- at a port
"$ringside" run "$guest" --dap=:0 2>"$work/err" &
pid=$!
for ((k = 0; k < 100; k++)); do grep -q 'waiting for an editor' "$work/err" && break; sleep 0.1; done
port=$(sed -n 's/.*at 127.0.0.1:\([0-9]*\)$/\1/p' "$work/err" | head -n 1)
exec 3<>"/dev/tcp/127.0.0.1/$port" 4<&3
call initialize '{}' && [ "$(get .success)" = true ]
result "the same at a port" $?
ask disconnect && await '.event == "terminated"'
wait "$pid"
exec 3>&- 4<&-
exit $failed
