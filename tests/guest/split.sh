#!/bin/bash
# What a service domain does for its guests beside disks' requests (tests/unit/machine_split_test.c) and the network (net.sh): consoles, several disks.
set -u
. tests/guest/tools/images.sh

img=build/guests/mini.img
split() { # split VMS OPTION...: leaves $TMPDIR/out.N
    local vms=$1
    shift
    rm -f "$TMPDIR"/out.*
    "$RINGSIDE" run build/guests/mini-pv.elf --cpu pv --io split --vms "$vms" --ram 16M --disk $img -q --limit-cycles 3e9 --serial "$TMPDIR/out" "$@" \
        2>"$TMPDIR/err" </dev/null
    rc=$?
}
same() { [ "$rc" = 0 ] && cmp "$TMPDIR/one" "$TMPDIR/out.1" && cmp "$TMPDIR/two" "$TMPDIR/out.2"; }
but_for() { [ "$rc" = 0 ] && diff "$TMPDIR/one" <(grep -v 'other end is a new one' "$TMPDIR/out.1") && diff "$TMPDIR/two" <(grep -v 'other end is a new one' "$TMPDIR/out.2"); }

script='run="ls; cat motd README; ls bin; halt"'
split 3 --append "$script"
cp "$TMPDIR/out.1" "$TMPDIR/one"; cp "$TMPDIR/out.2" "$TMPDIR/two"
split 3 --append "$script" --set split.console=1
check "a guest's console says the same, whoever is at its other end" same
chances="1 2 9 17" deaths="100 401"
[ "${TEST_MODE:-release}" = asan ] && chances="2 9" deaths=401
for chance in $chances; do
    split 3 --append "crash=$chance $script" --set split.console=1
    check "  and with a back end that dies at its chance $chance" but_for
    check "  which it did" grep -q 'the back end dies' "$TMPDIR/out.0"
done
split 3 --append "die=150 $script" --set split.console=1
check "  and with a service domain that dies" but_for

printf 'cat motd\n\0012ls\nhalt\n\0017\0011echo again\nhalt\n' >"$TMPDIR/typed"
split 3 --set split.console=1 --serial-in "$TMPDIR/typed"
check "what is typed is one guest's, until another is chosen" grep -q 'Welcome to mini' "$TMPDIR/out.1"
check "  and then his" grep -qx 'README' "$TMPDIR/out.2"
check "  and not both's" [ "$(grep -c 'Welcome' "$TMPDIR/out.2") $(grep -cx 'README' "$TMPDIR/out.1")" = "0 0" ]
check "  one can come back, and nobody is nobody" grep -q 'again$' "$TMPDIR/out.1"

perl -e 'print "\0" x (512 * 256)' >"$TMPDIR/blank.img"
script='run="disk; disk fill 1 7; disk sum 1; disk sum 0; disk copy 0 1; disk sum 1; disk fill 0 1; ls; halt"'
"$RINGSIDE" run build/guests/mini.elf --disk $img --disk "$TMPDIR/blank.img" --append "disks=2 $script" -q --serial "$TMPDIR/one" 2>"$TMPDIR/err"
check "two disks of a bare machine" grep -q '^disk: 256 sectors copied' "$TMPDIR/one"
cp "$TMPDIR/one" "$TMPDIR/two"
split 3 --disk "$TMPDIR/blank.img" --append "$script"
check "two disks of each guest are the same" same
for chance in $deaths; do
    split 3 --disk "$TMPDIR/blank.img" --append "crash=$chance $script"
    check "  and with a back end that dies at its chance $chance" but_for
    check "  both rings begin anew" [ "$(grep -c 'the disk.s other end is a new one' "$TMPDIR/out.1")" = 2 ]
done

# --- the control interface
cat >"$TMPDIR/control.lua" <<'L'
local s = scenario {
  title = "Control", lecture = "test", order = 1, techniques = "pv",
  machine = { cpu = "pv", ram = "16M", io = "split", disk = "mini.img", guest = "mini-pv", set = { ["split.control"] = CONTROL, ["vmm.check"] = 1 },
    vms = { { module = "mini.img", background = true,
              append = 'run="sleep 40; domain pause 2; domain list; sleep 150; domain list; domain unpause 2; sleep 40; domain destroy 2; domain create 1; domain create 2; sleep 90; domain list; domain migrate 2; domain destroy 7; domain destroy 0; domain destroy 1"' },
            { append = 'run="sleep 900; halt"' },
            { append = 'run="echo begun; sleep 100; echo done; domain list; domain destroy 1; sleep 60; halt"' } } },
}
s:step "all of it" { run = till.stop(), limit = 9e9, note = "." }
return s
L
control() { # control 0|1: leaves $TMPDIR/vm0 to vm2
    sed "s/CONTROL/$1/" "$TMPDIR/control.lua" >"$TMPDIR/control$1.lua"
    "$RINGSIDE" run "$TMPDIR/control$1.lua" --color never --json "$TMPDIR/json" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
    rc=$?
    for vm in 0 1 2; do sed -n "/serial output, vm$vm/,/^\$/p" "$TMPDIR/out" | sed -n 's/^  | //p' >"$TMPDIR/vm$vm"; done
}
control 1
check "the service domain lists, pauses, destroys and creates" [ "$(grep '^domain' "$TMPDIR/vm0" | sed 's/^domain 2: running/domain 2: blocked/' | tr '\n' '/')" = "$(tr '\n' '/' <<'T'
domain 0: running, 16384 KB
domain 1: blocked, 16384 KB
domain 2: paused, 16384 KB
domain 0: running, 16384 KB
domain 1: blocked, 16384 KB
domain 2: paused, 16384 KB
domain: create 1: it has not ended
domain 0: running, 16384 KB
domain 1: blocked, 16384 KB
domain 2: blocked, 16384 KB
domain: a ported kernel's page tables name this machine's frames: it ca...
domain: destroy 7: no such domain
domain: destroy 0: not possible
T
)" ]
check "  who was created begins again, and comes to its end" [ "$(grep -c '^begun' "$TMPDIR/vm2") $(grep -c '^done' "$TMPDIR/vm2")" = "2 2" ]
check "  another domain may do nothing of it" grep -qx 'domain: destroy 1: not allowed' "$TMPDIR/vm2"
check "  and who is destroyed ends as without power" grep -q 'vm1 *pv *off' "$TMPDIR/out"
check "  all is well for the machine" [ "$rc" = 0 ]
control 0
check "without the setting the service domain may not, either" [ "$(grep -c 'not allowed' "$TMPDIR/vm0")" -ge 5 ]

img=$TMPDIR/blank.img
split 3 --disk build/guests/mini.img --append 'root=1 run="ls; halt"'
check "files on the second disk" grep -qx README "$TMPDIR/out.2"
finish
