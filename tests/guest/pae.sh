#!/bin/bash
# mini with PAE page tables (mini-pae.elf, and ported mini-pae-pv.elf): under every technique and every kind of tables its programs say what
# they say on a bare machine without PAE, and a machine has domains and VMs of both formats at once.
set -u
. tests/guest/tools/images.sh

script='run="ls; ps; cow; forktest; crash; halt"'
mini() { # mini KERNEL OPTION...
    "$RINGSIDE" run "build/guests/$1.elf" --ram 8M --module build/guests/mini.img --append "$script" -q "${@:2}" >"$TMPDIR/out" 2>"$TMPDIR/err"
    rc=$?
}
same() { [ "$rc" = 0 ] && diff "$TMPDIR/bare" "$TMPDIR/out" | head -n 10 | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
mini mini --cpu native
cp "$TMPDIR/out" "$TMPDIR/bare"
check "it ends, and says something" [ "$rc" = 0 -a "$(wc -l <"$TMPDIR/bare")" -gt 20 ]
ways=("native" "te --set cpu.virtualizable=1" "te --mmu two-level --set cpu.virtualizable=1" "bt" "bt --mmu two-level" "vtx" "vtx --set shadow.cache=0 --set shadow.trace=0"
    "vtx --mmu two-level" "vtx --mmu two-level --set ept.large=1" "vtx --mmu agile" "vtx --mmu agile --set agile.writes=1 --set agile.period=50 --set shadow.pool=20")
checked="--set vmm.check=1"
sanitized && checked="--set vmm.check=0"
sanitized && ways=("vtx --set shadow.cache=0 --set shadow.trace=0" "${ways[-1]}")
for way in "${ways[@]}"; do
    # shellcheck disable=SC2086
    mini mini-pae --cpu $way
    check "PAE: $way" same
done
some 2 pv.unhook=0 pv.unhook=1
for set in "${cases[@]}"; do
    mini mini-pae-pv --cpu pv --set $set $checked
    check "PAE: pv, $set" same
done
"$RINGSIDE" run build/guests/mini-pae-pv.elf --cpu pv --vms 2 --io split --disk build/guests/mini.img --append 'run="ls; cat motd; halt"' $checked -q \
    >"$TMPDIR/out" 2>"$TMPDIR/err"
rc=$?
check "PAE: a disk through a service domain with PAE" grep -q '^vm1: Welcome to mini' "$TMPDIR/out"

cat >"$TMPDIR/mixed.lua" <<'L'
local s = scenario {
  title = "Worlds with PAE and without, by turns",
  machine = { cpu = "vtx", ram = "8M", set = { ["sched.slice"] = 500, ["vmm.check"] = CHECK, ["vm.0.cpu"] = "pv", ["vm.1.cpu"] = "pv", ["vm.2.cpu"] = "bt" },
    vms = { { guest = "mini-pae-pv", module = "mini.img", append = 'run="ls; cow; halt"' }, { guest = "mini-pv", module = "mini.img", append = 'run="ls; cow; halt"' },
            { guest = "mini-pae", module = "mini.img", append = 'run="ls; cow; halt"' }, { guest = "mini", module = "mini.img", append = 'run="ls; cow; halt"' } } },
}
s:step "All of them" { run = till.stop, say = [[Both.]] }
L
sed -i "s/CHECK/${checked##*=}/" "$TMPDIR/mixed.lua"
"$RINGSIDE" run "$TMPDIR/mixed.lua" --json "$TMPDIR/json" >/dev/null 2>"$TMPDIR/err"
rc=$?
check "pv with PAE, pv without, bt with PAE, vtx without: all end well" [ "$rc" = 0 -a "$(grep -c '"vm": .*"stop": "exited", "guest_exit": 0' "$TMPDIR/json")" = 4 ]
finish
