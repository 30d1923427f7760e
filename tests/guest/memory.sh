#!/bin/bash
# Machine memory between VMs: what a guest sees is the same whether its frames are shared, ballooned, swapped or its own; the
# hypervisor's figures say what was saved; policies choose whom they should.
set -u
. tests/guest/tools/images.sh
img=build/guests/mini.img

figure() { # figure PATH: of the JSON's "memory", as 1 2 3 for vms: list.0.here
    python3 - "$TMPDIR/json" "$1" <<'P'
import json, sys
x = json.load(open(sys.argv[1]))["memory"]
for k in sys.argv[2].split("."): x = x[int(k)] if k.isdigit() else x[k]
print(x)
P
}
vms() { # vms IMAGE N CPU [OPTION...]
    local elf=$1 n=$2 cpu=$3
    shift 3
    rm -f "$TMPDIR"/serial*
    timeout 200 "$RINGSIDE" run "$elf" --cpu "$cpu" --vms "$n" --serial "$TMPDIR/serial" --json "$TMPDIR/json" -q --limit-cycles 40e9 "$@" \
        >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
    rc=$?
}
same() { # of N VMs
    local k
    [ "$rc" = 0 ] || return 1
    for ((k = 0; k < $1; k++)); do cmp "$TMPDIR/alone" "$TMPDIR/serial.$k" >&2 || return 1; done
}

refuses() { # refuses WORDS OPTION...: exit 2, and the reason
    local words=$1
    shift
    "$RINGSIDE" run build/guests/mini.elf --vms 2 "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"
    rc=$?
    [ "$rc" = 2 ] && grep -q "$words" "$TMPDIR/err"
}

# A property: the guest sees the same memory whatever becomes of its frames. The second image is short, and all promises are checked
# at every visit.
runtime
# With sanitizers only the short one, on three machines, and what the rest is about is left to the other builds.
check="--set vmm.check=1" turn=0 seeds="1 2" machines=(te bt vtx "vtx --mmu two-level" "vtx --set shadow.cache=0 --set shadow.trace=0")
ways=("memory.share=1 --set memory.scan=400" "memory.total=3 --set memory.share=1 --set memory.scan=100" "memory.total=3")
sanitized && check= seeds=2 machines=(te "vtx --mmu two-level") ways=("${ways[1]}")
busy="--ram 8M --set sched.slice=500 --set memory.period=200 --set memory.sample=1000"
for seed in $seeds; do
    steps=500 checked=
    [ $seed = 2 ] && steps=250 checked=$check machines+=("vtx --mmu agile --set agile.writes=1 --set agile.period=50")
    object tests/guest/images/pages.c "pages$seed" -DSEED=$seed -DSTEPS=$steps
    link "pages$seed" scenarios/guests/guest.ld "$entry" "${common[@]}" "$TMPDIR/pages$seed.o"
    "$RINGSIDE" run "$TMPDIR/pages$seed.elf" --cpu native --ram 8M -q >"$TMPDIR/alone" 2>"$TMPDIR/err"
    rc=$?
    check "pages $seed, native" [ "$rc" = 0 ]
    for machine in "${machines[@]}"; do
        hows=("${ways[@]}")
        [ $seed = 1 ] && hows=("${ways[turn++ % 3]}") # twice as long: one way for each machine, by turns
        for how in "${hows[@]}"; do
            promises=$checked
            case "$machine, $how" in # pages that are shared and nothing else: the check takes five times as long as the run
            te,*=400 | *agile*=400) ;;
            *=400) promises= ;;
            esac
            # shellcheck disable=SC2086
            vms "$TMPDIR/pages$seed.elf" 3 $machine $busy --set $how $promises
            check "pages $seed, $machine, $how" same 3
            case $how in
            memory.share*)
                check "  pages were shared" [ "$(figure list.0.shared_so_far)" -gt 50 ]
                check "  and had their own again" [ "$(figure list.0.unshared_so_far)" -gt 20 ] ;;
            *=3) check "  pages were swapped out, and came back" [ "$(figure list.1.swapped_out)" -gt 20 -a "$(figure list.1.swapped_in)" -gt 20 ] ;;
            esac
            check "  pages were given, and their frames scrubbed" [ "$(figure list.2.locked)" -gt 10 -a "$(figure scrubbed)" -gt 30 ]
        done
    done
done

# A VM of which pages are shared, given away or swapped goes into a file, and on in a machine with 1 MB, under another technique: it sees no other bytes.
moved="$busy --set memory.scan=100"
some 3 "te shadow 22e6 share=1 shared bt shadow" "vtx shadow 30e6 share=1 shared vtx two-level" "bt shadow 450e6 total=1 swapped vtx shadow" \
    "vtx two-level 450e6 total=1 swapped te shadow" "vtx agile 500e6 total=1 swapped bt shadow"
for way in "${cases[@]}"; do
    read -r cpu mmu at how what to there <<<"$way"
    # shellcheck disable=SC2086
    "$RINGSIDE" run "$TMPDIR/pages2.elf" --cpu "$cpu" --mmu "$mmu" $moved --set "memory.$how" --save "$TMPDIR/one.vm" --save-at "$at" --set vmm.check=1 \
        --serial "$TMPDIR/serial.0" --json "$TMPDIR/json" -q 2>"$TMPDIR/err"
    check "pages 2 saved under $cpu, $mmu, memory.$how" [ $? = 0 ]
    check "  pages were $what, others in the balloon" [ "$(figure list.0.$what)" -gt 20 -a "$(figure list.0.ballooned)" -gt 5 ]
    # shellcheck disable=SC2086
    "$RINGSIDE" run "$TMPDIR/pages2.elf" --cpu "$to" --mmu "$there" $moved --set memory.total=1 --restore "$TMPDIR/one.vm" --set vmm.check=1 \
        --serial "$TMPDIR/serial.1" -q --limit-cycles 40e9 2>"$TMPDIR/err"
    check "  it goes on under $to, $there, and ends well" [ $? = 0 ]
    check "  and sees what it sees on a bare machine" sh -c "cat '$TMPDIR/serial.0' '$TMPDIR/serial.1' | cmp - '$TMPDIR/alone'"
done

# And to another machine while it runs.
fast="--set migrate.min=2000 --set migrate.max=100000 --set migrate.last=0 --set migrate.rounds=5 --set migrate.latency=20000"
some 3 "te shadow 10e6 share=1 bt" "bt shadow 450e6 total=1 vtx" "vtx two-level 450e6 total=1 vtx"
for way in "${cases[@]}"; do
    read -r cpu mmu at how to <<<"$way"
    # shellcheck disable=SC2086
    "$RINGSIDE" run "$TMPDIR/pages2.elf" --cpu "$cpu" --mmu "$mmu" $moved --set "memory.$how" --migrate-at "$at" --migrate-to "$to" $fast --set vmm.check=1 \
        --serial "$TMPDIR/serial.0" --json "$TMPDIR/json" -q --limit-cycles 40e9 2>"$TMPDIR/err"
    check "pages 2 goes from $cpu, $mmu to $to, memory.$how, and ends well" [ $? = 0 ]
    check "  it went while it ran" grep -Eq '"migration": .*"done": true.*"stores_noted": [1-9]' "$TMPDIR/json"
    check "  and sees what it sees on a bare machine" cmp "$TMPDIR/serial.0" "$TMPDIR/alone"
done

if sanitized; then finish; fi

# mini, whose driver gives what it can spare. Three alike: what they say is what one says alone.
script='run="forktest 3; ls | wc; sleep 60; halt 0"'
for machine in bt vtx "vtx --mmu two-level" "vtx --mmu agile"; do
    # shellcheck disable=SC2086
    "$RINGSIDE" run build/guests/mini.elf --module $img --cpu $machine --ram 16M --serial "$TMPDIR/alone" -q --append "$script" 2>"$TMPDIR/err"
    for how in memory.share=1 memory.total=5; do
        # shellcheck disable=SC2086
        vms build/guests/mini.elf 3 $machine --module $img --ram 16M --append "$script" --set $how
        check "mini, $machine, $how" same 3
    done
    check "  the driver was asked, and gave" [ "$(figure list.0.locked)" -gt 50 ]
    check "  machine memory never ended" [ "$(figure least_free)" -gt 0 ]
done
# shellcheck disable=SC2086
vms build/guests/mini.elf 10 vtx --module $img --ram 16M --append "$script" --set memory.share=1
here=0
for k in 0 1 2 3 4 5 6 7 8 9; do here=$((here + $(figure list.$k.here))); done
rc="$(figure saved) of $here"
check "ten alike: a third of their pages and more needs no frame" [ $((3 * $(figure saved))) -gt "$here" ]

# Ported guests give and take themselves: two sleep, the third needs more than it began with.
cat >"$TMPDIR/pool.lua" <<'L'
local s = scenario {
  title = "A pool", lecture = "test", order = 1, techniques = "pv",
  machine = { cpu = "pv", ram = "16M", set = { ["memory.total"] = 14 },
    vms = { { guest = "mini-pv", module = "mini.img", append = 'run="sleep 5000; halt"', count = 2, background = true },
            { guest = "mini-pv", module = "mini.img", append = 'run="sleep 40; sieve 2800000; halt"' } } },
}
s:step "all of it" {
  run = till.stop(), limit = 4e9, show = "costs", note = "One grows.",
  expect = function(vm)
    local here = 0
    for k = 0, 2 do
      local y = vm:of(k).memory
      here = here + y.here
      expect.eq(y.here + y.ballooned, 4096, "pages that are here or in the balloon")
    end
    expect.eq(vm.memory.frames, 14 * 256, "frames")
    expect.eq(here + vm.memory.free, vm.memory.frames, "of them somebody's or free")
    expect.gt(vm.memory.scrubbed, 100, "frames that went from one to another")
    expect.lt(vm:of(0).memory.here, 1190, "the first gave")
    expect.lt(vm:of(1).memory.here, 1190, "the second gave")
  end,
}
return s
L
timeout 300 "$RINGSIDE" run "$TMPDIR/pool.lua" --color never >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
rc=$?
check "ported guests: the one that needs memory has got it" grep -q 'sieve: 203362 primes below 2800000' "$TMPDIR/out"
check "  from those that slept" [ $rc = 0 ]
check "pages of ported guests are not shared, and why" refuses "name machine frames" --cpu pv --set memory.share=1
check "a pool with a service domain is refused" refuses "all its memory from the start" --cpu pv --set memory.total=100 --io split --disk $img
check "native is refused, with the reason" refuses "there is no hypervisor" --cpu native --set memory.total=8
check "too little for all" refuses "1 MB each" --cpu vtx --set memory.total=1
finish
