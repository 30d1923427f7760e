#!/bin/bash
# `ringside compare`: the table, the place where two machines part, its JSON, exit codes.
. "$(dirname "$0")/../support/cli.sh"
run() { # run EXIT ARGUMENT...: to the files out and err
    local want=$1
    shift
    timeout 100 "$ringside" "$@" >out 2>err </dev/null
    rc=$?
    [ $rc = "$want" ] || { echo "not ok - ringside $* exits $rc, not $want"; sed 's/^/  | /' err | head -5; failed=1; }
}
has() { grep -Eq -- "$2" "$1"; }
guests=$(dirname "$(ls "$root"/build/guests/popf.elf "$(dirname "$ringside")"/guests/popf.elf 2>/dev/null | head -n 1)")

run 1 compare popf --on native,te
ok "a column for each machine" has out '^ +native +te$'
ok "the console's first line that differs" has out '^  console +reference +line 4$'
ok "exits by reason" has out '^    port +0 +6,[0-9]+$'
ok "cycles by cause" has out '^    emulate +0 +[0-9,]+$'
ok "the instruction at which they part" has out 'guest instruction 15,[0-9]+, [0-9A-F]{8} \(read_flags\): pushfd'
ok "what it left" has out 'memory at [0-9A-F]{8} +wanted +46 +got +246'
ok "the detector agrees" has out 'the detector: .*silent +pushf'
ok "fits 80 columns" [ "$(LC_ALL=C.UTF-8 wc -L <out)" -le 80 ]
run 0 compare "$guests/fault.elf" --on native,te
ok "a faithful pair" has out 'in step to the end|nothing the guest could see differs'
run 1 compare popf --on native,te,pv --lockstep --json j -q
ok "-q and --json FILE: nothing on stdout" [ ! -s out ]
ok "JSON says where" has j '"end": "parted".*"insn": "pushfd"'
ok "and nothing of runs that were not made" sh -c '! grep -Eq "\"(end\": \"running|cycles)" j'
ok "one that cannot run it is refused with the reason" has j '"cpu": "pv", "refused": "[^"]{20,}"'
run 0 compare popf --on native,te --lockstep --limit-instr 1000
ok "--limit-instr bounds the steps" has out 'in step for 1,000 instructions; --limit-instr allows more'
run 1 compare popf --on native,te --lockstep -o file
ok "-o FILE" has file 'they part'
ok "leaves stdout alone" [ ! -s out ]
run 1 compare popf --on native,te --json -
ok "--json - is all of stdout" sh -c 'head -c 1 out | grep -q "{" && tail -n 1 out | grep -qx "}"'
run 1 compare mini
ok "a technique for ported kernels runs the port beside the image" has out '^  memory at the end +reference .* a port +'
ok "and all that is faithful says the same" has out '^  console +reference +line [0-9]+ +same +same +same$'
ok "trap-and-emulate parts from it at PUSHF" has out 'they part at guest instruction .*irq_save\): pushfd'
ok "who did not do the same work is not said to be quicker" has out '^  slowdown +1.00x +- +[0-9]'
run 0 compare mini --on native,pv
ok "the port ends as the kernel does" has out 'it says the same, byte for byte'
run 0 compare "$guests/mini.elf" --module "$guests/mini.img" --append 'run="ls; cat motd | wc; halt"' --on native,bt,vtx --lockstep
ok "long string instructions do not keep two machines from being in step: mini to its end" [ "$(grep -c 'in step to the end, 5[45][0-9],[0-9]* instructions' out)" = 2 ]
run 0 compare dev3 --on native,vtx --lockstep
ok "an interrupt after a fault in the middle of one, with its frame's RF" has out 'in step to the end'
exit $failed
