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
chances="1 2 9 17" deaths="100 401" checked=1
sanitized && chances=9 deaths=401 checked=0
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

split 2 --ram 4M --append 'die=3 run="ls; halt"'
check "a service domain that dies again and again is given up, which ends its guests" grep -q 'was given up: nobody serves its devices any more (17 times' "$TMPDIR/err"
check "  with the guest's exit code" [ "$rc" = 4 ]
# The kernel's first instruction becomes UD2, long before it knows of anybody.
perl -e 'local $/; $_ = <STDIN>; my ($entry) = unpack "x24 V"; my ($n, $off) = (unpack("x44 v"), unpack "x28 V");
         for my $i (0 .. $n - 1) { my ($type, $at, $virt, $phys, $bytes) = unpack "V5", substr $_, $off + 32 * $i;
             substr($_, $at + $entry - $virt, 2) = "\x0f\x0b" if $type == 1 && $entry >= $virt && $entry < $virt + $bytes } print' \
    <build/guests/mini-pv.elf >"$TMPDIR/stillborn.elf"
cat >"$TMPDIR/vain.lua" <<L
local s = scenario { title = "In vain", lecture = "test", order = 1, techniques = "pv",
  machine = { cpu = "pv", ram = "16M", io = "split", disk = "mini.img", guest = "mini-pv",
              vms = { { guest = "$TMPDIR/stillborn.elf", background = true }, { append = 'run="ls; halt"' } } } }
s:step "all of it" { run = till.stop(), limit = 9e9, note = "." }
return s
L
"$RINGSIDE" run "$TMPDIR/vain.lua" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
check "one that never tells anybody anything is given up early" grep -q 'was given up: nobody serves its devices any more (3 times' "$TMPDIR/err"

# --- a boot loader that others wrote: it asks the store for directories, and leaves its disk to the kernel that it would start
object tests/guest/images/bootloader.c bootloader
object scenarios/guests/mini/store_wire.c store_wire
link bootloader scenarios/guests/pvtest/pvtest.ld "$TMPDIR/bootloader.o" "$TMPDIR/store_wire.o"
cat >"$TMPDIR/bootloader.lua" <<L
local s = scenario { title = "Boot loader", lecture = "test", order = 1, techniques = "pv",
  machine = { cpu = "pv", ram = "4M", io = "split", disk = "mini.img", guest = "mini-pv", set = { ["vmm.check"] = $checked },
              vms = { { background = true }, { guest = "$TMPDIR/bootloader.elf" } } } }
s:step "all of it" { run = till.stop(), limit = 9e9, note = "." }
return s
L
"$RINGSIDE" run "$TMPDIR/bootloader.lua" --color never >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
sed -n '/serial output, vm1/,/^$/p' "$TMPDIR/out" | sed -n 's/^  | //p' >"$TMPDIR/vm1"
told() { diff "$TMPDIR/vm1" - | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
check "a boot loader finds its disk by the store's directories, reads, and leaves it to the next" told <<'T'
disks: 768|
of one: backend|backend-id|
its other end: sectors|sector-size|dev|state|
cards: no, ENOENT|
another's: no, EACCES|
its name: hda
my path: /local/domain/1|
transaction: 1|
a directory: OK|
in it: OK|
committed: OK|
data: note|
removed: OK|
read: no, ENOENT|
not mine: no, EACCES|
initialised: OK|
read: MINI
closed: OK|
again: OK|
the next one can come
T

# --- the control interface
cat >"$TMPDIR/control.lua" <<'L'
local s = scenario {
  title = "Control", lecture = "test", order = 1, techniques = "pv",
  machine = { cpu = "pv", ram = "16M", io = "split", disk = "mini.img", guest = "mini-pv", set = { ["split.control"] = CONTROL, ["vmm.check"] = CHECK },
    vms = { { module = "mini.img", background = true,
              append = 'run="sleep 40; domain pause 2; domain list; sleep 150; domain list; domain unpause 2; sleep 40; domain destroy 2; domain create 1; domain create 2; sleep 90; domain list; domain migrate 2; domain destroy 7; domain destroy 0; domain destroy 1"' },
            { append = 'run="sleep 900; halt"' },
            { append = 'run="echo begun; sleep 100; echo done; domain list; domain destroy 1; sleep 60; halt"' } } },
}
s:step "all of it" { run = till.stop(), limit = 9e9, note = "." }
return s
L
control() { # control 0|1: leaves $TMPDIR/vm0 to vm2
    sed "s/CONTROL/$1/; s/CHECK/$checked/" "$TMPDIR/control.lua" >"$TMPDIR/control$1.lua"
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
domain: migrate 2: there is no other machine
domain: destroy 7: no such domain
domain: destroy 0: not possible
T
)" ]
check "  who was created begins again, and comes to its end" [ "$(grep -c '^begun' "$TMPDIR/vm2") $(grep -c '^done' "$TMPDIR/vm2")" = "2 2" ]
check "  another domain may do nothing of it" grep -qx 'domain: destroy 1: not allowed' "$TMPDIR/vm2"
check "  and who is destroyed ends as without power" grep -q 'vm1 *pv *off' "$TMPDIR/out"
check "  all is well for the machine" [ "$rc" = 0 ]
if ! sanitized; then
    control 0
    check "without the setting the service domain may not, either" [ "$(grep -c 'not allowed' "$TMPDIR/vm0")" -ge 5 ]
fi

# --- a domain that the machine did not begin with
cat >"$TMPDIR/later.lua" <<'L'
local s = scenario {
  title = "Later", lecture = "test", order = 1, techniques = "pv",
  machine = { cpu = "pv", ram = "16M", io = "split", disk = "mini.img", guest = "mini-pv", set = { ["split.control"] = 1, ["vmm.check"] = CHECK },
    vms = { { module = "mini-dom0.img", background = true,
              append = [[run="domain list; domain create 2; domain create 2 motd; domain create 2 boot/cut; domain create 1 boot/mini-pv run=halt; domain create 2 boot/mini-pv 'run=echo I am new; cat motd; halt'; domain migrate 2; sleep 60; domain migrate 1; domain pause 2; domain list; domain create 2 boot/mini-pv 'run=echo and again; sleep 5; halt'"]] },
            { append = 'run="sleep 250; halt"' }, { later = true } } },
}
s:step "all of it" { run = till.stop(), limit = 9e9, note = "." }
return s
L
sed -i "s/CHECK/$checked/" "$TMPDIR/later.lua"
"$RINGSIDE" run "$TMPDIR/later.lua" --color never >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
rc=$?
for vm in 0 2; do sed -n "/serial output, vm$vm/,/^\$/p" "$TMPDIR/out" | sed -n 's/^  | //p' >"$TMPDIR/vm$vm"; done
check "a file of the service domain's becomes a domain that was not there" grep -qx 'I am new' "$TMPDIR/vm2"
check "  with a disk" grep -q 'Welcome to mini' "$TMPDIR/vm2"
check "  and once more, when it has ended" grep -qx 'and again' "$TMPDIR/vm2"
check "  what is no kernel, or somebody's who lives, is refused with the reason" [ "$(grep '^domain:' "$TMPDIR/vm0" | tr '\n' '/')" = "$(tr '\n' '/' <<'T'
domain: create 2: the machine has no image for it; name a file
domain: motd: not a 32-bit ELF file
domain: boot/cut: not found
domain: create 1: it has not ended
domain: migrate 2: it was made of a file, which no other machine has
domain: migrate 1: there is no other machine
domain: pause 2: it is over
T
)" ]
check "  it is over before, and after" [ "$(grep -c '^domain 2: over' "$TMPDIR/vm0")" = 2 ]
check "  and all is well for the machine" [ "$rc" = 0 ]
"$RINGSIDE" run "$TMPDIR/later.lua" --set split.control=0 >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
check "nobody could make it without the control interface" [ "$? $(grep -c 'made by another' "$TMPDIR/err")" = "2 1" ]

# --- a domain that goes to another machine, in the middle of its writes
cat >"$TMPDIR/moves.lua" <<'L'
local s = scenario {
  title = "Moves", lecture = "test", order = 1, techniques = "pv",
  machine = { cpu = "pv", ram = "4M", io = "split", disk = "mini.img", guest = "mini-pv", set = { ["split.control"] = 1, ["migrate.peer"] = 1 },
    vms = { { module = "mini-dom0.img", background = true,
              append = [[run="sleep @; domain migrate 1; domain list; domain migrate 1; domain create 1; domain migrate 2; domain pause 2; domain migrate 2; domain unpause 2"]] },
            { append = [[run="ls; cat motd README bin/sh >a; wc a; cat a bin/ls >b; wc b; rm a; cat b bin/ps >c; wc c; cat c >d; wc d; cat d c >e; wc e; rm b; ls -l; halt"]] },
            { append = 'run="sleep 60; cat motd; halt"' } } },
}
s:step "all of it" { run = till.stop(), limit = 9e9, note = "." }
return s
L
moves() { # MILLISECONDS OPTION...
    sed "s/@/$1/" "$TMPDIR/moves.lua" >"$TMPDIR/moves1.lua"
    shift
    "$RINGSIDE" run "$TMPDIR/moves1.lua" --color never "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
    rc=$?
    for vm in 0 1 2; do sed -n "/serial output, vm$vm/,/^\$/p" "$TMPDIR/out" | sed -n 's/^  | //p' >"$TMPDIR/vm$vm"; done
}
moves 10 --set migrate.peer=0
check "a domain without another machine stays" [ "$rc $(grep -c 'there is no other machine' "$TMPDIR/vm0")" = "0 3" ]
check "  nor does one that is paused, and is told so" grep -qx 'domain: migrate 2: it is paused; unpause it first' "$TMPDIR/vm0"
cp "$TMPDIR/vm1" "$TMPDIR/stayed"
moves 7 --set "vmm.check=$checked"
check "the service domain sends a domain to another machine" [ "$(grep -cx 'domain 1: on the other machine now' "$TMPDIR/vm0") $(grep -c '^domain 1: over' "$TMPDIR/vm0")" = "1 1" ]
check "  which finds another service domain there, and has lost no write" cmp "$TMPDIR/vm1" "$TMPDIR/stayed"
check "  it is nowhere twice" [ "$(grep '^domain: [mc].*1' "$TMPDIR/vm0" | tr '\n' '/')" = "domain: migrate 1: it has gone to the other machine/domain: create 1: it has gone to the other machine/" ]
check "  one goes at most" grep -qx 'domain: migrate 2: one goes at most, and one has gone or will go' "$TMPDIR/vm0"
check "  and all is well for both machines" [ "$rc" = 0 ]
moves 18
check "so it is in the middle of others" cmp "$TMPDIR/vm1" "$TMPDIR/stayed"
moves 7 --set migrate.spoil=31
check "if it does not arrive it goes on here, and lost no write" cmp "$TMPDIR/vm1" "$TMPDIR/stayed"
check "  and the service domain is told" grep -qx 'domain: migrate 1: it did not go, and runs on here' "$TMPDIR/vm0"

img=$TMPDIR/blank.img
split 3 --disk build/guests/mini.img --append 'root=1 run="ls; halt"'
check "files on the second disk" grep -qx README "$TMPDIR/out.2"
finish
