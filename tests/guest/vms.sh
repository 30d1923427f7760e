#!/bin/bash
# Several virtual machines in one: each says what it says alone, whoever else is there, whatever the turns and the technique; accounts
# add up; weights, caps and ends of single VMs.
set -u
. tests/guest/tools/images.sh
img=build/guests/mini.img
rc=0

vms() { # vms N IMAGE [OPTION...]: sets rc; leaves $TMPDIR/serial.K and json
    local n=$1 image=$2
    shift 2
    rm -f "$TMPDIR"/serial.*
    timeout 120 "$RINGSIDE" run "build/guests/$image.elf" --vms "$n" --serial "$TMPDIR/serial" --json "$TMPDIR/json" --limit-cycles 20e9 -q "$@" \
        2>"$TMPDIR/err" </dev/null
    rc=$?
}
alone() { # alone IMAGE [OPTION...]: what it says, in $TMPDIR/alone
    local image=$1
    shift
    "$RINGSIDE" run "build/guests/$image.elf" --serial "$TMPDIR/alone" -q --limit-cycles 20e9 "$@" 2>/dev/null </dev/null
}
all_say_the_same() { # of N VMs
    local n=$1 k
    for ((k = 0; k < n; k++)); do cmp "$TMPDIR/alone" "$TMPDIR/serial.$k" >&2 || return 1; done
}
good() { [ "$rc" = 0 ] && all_say_the_same "$1" 2>>"$TMPDIR/err"; }
# The VMs' cycles and the hypervisor's own are the run's, cause by cause; and each VM's states are all of real time.
adds_up() {
    python3 - "$TMPDIR/json" <<'P'
import json, sys
r = json.load(open(sys.argv[1]))
v = r["vms"]
for cause, n in r["cycles_by_cause"].items():
    own = sum(x["cycles_by_cause"].get(cause, 0) for x in v["list"]) + v["hypervisor_cycles_by_cause"].get(cause, 0)
    if own != n: sys.exit(f"{cause}: {own}, not {n}")
for x in v["list"]:
    t = x["tables"]
    assert x["cpu"] == "pv" or 0 < t["now"] <= t["peak"] <= t["pool"], t
    if x["stop"] not in ("limit", "steps"): continue
    if sum(x["cycles"].values()) > r["cycles"]: sys.exit(f"vm{x['vm']}: {x['cycles']}")
P
}
command -v python3 >/dev/null || adds_up() { return 0; }

bounded() { # bounded CPU: the text says of each VM how many tables the hypervisor made, at most as many as it may
    "$RINGSIDE" run build/guests/popf.elf --vms 3 --ram 4M --cpu "$1" >"$TMPDIR/out" 2>&1 || return 1
    sed -n '/its tables:/,/together/p' "$TMPDIR/out" | tr '\n' ' ' | grep -oE 'vm[0-9]+ [0-9]+ +\([0-9]+ +KB\), +at +most +[0-9]+ +of +[0-9]+' |
        tr -c '0-9\n' ' ' | awk '{ n += $2 * 4 == $3 && $2 <= $4 && $4 <= $5 && $2 > 0 } END { exit n != 3 }'
}
some 3 te vtx bt
for cpu in "${cases[@]}"; do
    check "$cpu: tables of the hypervisor's, told and bounded" bounded $cpu
    alone popf --cpu $cpu --ram 4M
    vms 3 popf --cpu $cpu --ram 4M
    check "$cpu: three of popf" good 3
    vms 5 popf --cpu $cpu --ram 4M --set sched.slice=20
    check "$cpu: five, turns of 20 us" good 5
    check "$cpu: accounts add up" adds_up
done
alone pvtest --cpu pv --ram 8M
vms 2 pvtest --cpu pv --ram 8M --set sched.slice=50
check "pv: two of pvtest" good 2

script='run="forktest 3; ls | wc; cat welcome; fib 12; halt 0"'
some 2 bt pv vtx
for cpu in "${cases[@]}"; do
    kernel=mini
    [ $cpu = pv ] && kernel=mini-pv
    alone $kernel --cpu $cpu --ram 16M --module $img --append "$script"
    for how in "sched=rr --set sched.slice=200" "sched=credit --set sched.slice=200"; do
        if sanitized && [ "${how%% *} $cpu" != "sched=credit vtx" ] && [ "${how%% *} $cpu" != "sched=rr bt" ]; then continue; fi
        # shellcheck disable=SC2086
        vms 4 $kernel --cpu $cpu --ram 16M --module $img --append "$script" --set $how
        check "$cpu: four of mini, ${how%% *}" good 4
        check "and accounts add up" adds_up
    done
done

alone popf --cpu bt --ram 4M
vms 3 popf --cpu bt --ram 4M --set vm.1.cpu=vtx --set sched.slice=100
check "vtx between bt and bt" good 3
vms 2 popf --cpu bt --ram 4M --set vm.1.cpu=te --set sched.slice=100
other=$rc
check "te beside bt" cmp -s "$TMPDIR/alone" "$TMPDIR/serial.0"
alone popf --cpu te --ram 4M
check "bt beside te" cmp -s "$TMPDIR/alone" "$TMPDIR/serial.1"
check "both well" [ "$other" = 0 ]

vms 2 popf --cpu te --ram 2M --set vm.0.background=1
check "one in the background" [ "$rc" = 0 ]
vms 2 popf --cpu te --ram 2M --set vm.0.background=1 --set vm.1.background=1
nobody() { [ "$rc" = 2 ] && grep -q 'all 2 virtual machines are in the background' "$TMPDIR/err"; }
check "all in the background is refused: nobody's end would be the run's" nobody

vms 64 popf --cpu te --ram 2M
check "64 virtual machines" good 64

# One of several goes into a file, in the middle of its disk's work, and goes on alone under another technique; the others do not notice.
one=(--ram 16M --disk "$img" --append 'run="ls; cat README > f; primes 200; sleep 30; cat f | wc; halt 0"')
alone mini "${one[@]}"
some 2 "vtx bt" "bt vtx"
for pair in "${cases[@]}"; do
    read -r from to <<<"$pair"
    vms 3 mini --cpu "$from" "${one[@]}" --save "$TMPDIR/one.vm" --save-at 60e6 --set vm.1.save=1
    check "one of three saved under $from" [ "$rc" = 0 -a -s "$TMPDIR/one.vm" ]
    check "the others say what they say alone" sh -c 'cmp "$TMPDIR/alone" "$TMPDIR/serial.0" && cmp "$TMPDIR/alone" "$TMPDIR/serial.2"'
    "$RINGSIDE" run build/guests/mini.elf --cpu "$to" "${one[@]}" --restore "$TMPDIR/one.vm" --serial "$TMPDIR/rest" -q --limit-cycles 20e9 2>"$TMPDIR/err" </dev/null
    check "it goes on under $to, and ends well" [ $? = 0 -a -s "$TMPDIR/serial.1" ]
    check "what it says in both is what it says alone" sh -c 'cat "$TMPDIR/serial.1" "$TMPDIR/rest" | cmp - "$TMPDIR/alone"'
done

# One of several moves to another machine, in the middle of its disk's work, and ends there; the others do not notice.
some 2 "bt vtx" "vtx bt"
for pair in "${cases[@]}"; do
    read -r from to <<<"$pair"
    alone mini --cpu "$from" "${one[@]}"
    vms 3 mini --cpu "$from" "${one[@]}" --migrate-at 60e6 --set vm.1.migrate=1 --migrate-to "$to" --set migrate.min=1000 --set migrate.max=5000
    check "one of three goes from $from to $to, and all end well" good 3
    check "and the report says so" grep -q '"migration": {"vm": 1, "done": true, "failed": null, "to": "'"$to"'"' "$TMPDIR/json"
done
finish
