#!/bin/bash
# Bad input of every kind: one line "ringside: WHAT; SUGGESTION" on stderr, the right exit code, nothing else.
. "$(dirname "$0")/../support/ia32.sh"
. "$(dirname "$0")/../support/cli.sh"

# bad NAME EXIT PATTERN ARGUMENT...: stderr must be one line that begins with "ringside: " and matches PATTERN
bad() {
    local name=$1 want=$2 pattern=$3 rc good=0
    shift 3
    timeout 60 "$ringside" "$@" >out 2>err </dev/null
    rc=$?
    [[ $rc =~ ^$want$ ]] || good=1
    [ "$(wc -l <err)" = 1 ] || good=1
    grep -Eq -- "^ringside: .*($pattern)" err || good=1
    grep -Eiq 'assert|traceback|\[C\]|sanitizer|runtime error:|core dumped' err out && good=1
    result "$name" $good
    [ $good = 0 ] || { echo "  exit $rc, wanted $want and /$pattern/; stderr:"; sed 's/^/  | /' err | head -20; }
}

# image NAME < assembly: a guest of a few instructions, entered in flat 32-bit mode
image() {
    gcc -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-Ttext=0x100000 -x assembler - -o "$1" ||
        { echo "not ok - could not build $1"; exit 1; }
}
image loop.elf <<<$'.globl _start\n_start: jmp _start'
image nowhere.elf <<<$'.globl _start\n_start: mov $0x7000000, %eax\n jmp *%eax'
image void.elf <<<$'.globl _start\n_start: mov $0xF0000000, %eax\n jmp *%eax'
image fails.elf <<<$'.globl _start\n_start: mov $3, %al\n out %al, $0xF4\n hlt'
image good.elf <<<$'.globl _start\n_start: cli\n hlt'
guest=$(ls "$root"/build/guests/popf.elf "$(dirname "$ringside")"/guests/popf.elf 2>/dev/null | head -n 1)
[ -n "$guest" ] || { echo "not ok - there is no built guest popf.elf"; exit 1; }

# --- images
for size in 0 1 3 4 16 51 52 53 83 84 100 200 4095 4096 4097 6000 8191; do
    head -c "$size" "$guest" >cut.elf
    [ "$(stat -c %s cut.elf)" -lt "$(stat -c %s "$guest")" ] || continue
    timeout 60 "$ringside" run cut.elf -q --limit-cycles 1e6 >out 2>err
    rc=$?
    { [ $rc = 3 ] && [ "$(wc -l <err)" = 1 ] && grep -q '^ringside: cut.elf: ' err; }
    result "an image cut to $size bytes" $?
done
echo "this is a letter, not a kernel" >text.txt
bad "a text file" 3 'text.txt' run text.txt
mkdir folder
bad "a directory" 3 'folder: .*directory' run folder
bad "a directory with a slash" 3 'directory' run folder/
bad "/dev/null" 3 '/dev/null' run /dev/null
bad "a missing file" 3 'missing.elf: no such file; .*list' run missing.elf
bad "a missing scenario file that has a namesake" 3 'no such file; did you mean the scenario popf' run popf.lua
bad "a file in a missing folder" 3 'no such file' run nowhere/x.elf
echo 'int main(void) { return 0; }' >prog.c
gcc -c prog.c -o prog.o && gcc prog.o -o prog64
bad "an x86-64 program" 3 'prog64: ' run prog64
bad "an x86-64 object file" 3 'prog.o: ' run prog.o
gcc -m32 -ffreestanding -fno-pic -c prog.c -o prog32.o
bad "an IA-32 object file" 3 'prog32.o: ' run prog32.o
head -c 70000 /dev/urandom >noise.bin
bad "noise" 3 'noise.bin' run noise.bin
cp "$guest" secret.elf && chmod 000 secret.elf
[ "$(id -u)" = 0 ] || bad "a file that may not be read" 3 'secret.elf' run secret.elf
bad "an image that does not fit into --ram 1M" 3 'ram' run "$guest" --ram 1M -q

# --- guests
for cpu in native te; do
    bad "a jump into nothing ($cpu)" 4 'nowhere.elf: .*07000000' run nowhere.elf --cpu $cpu -q --limit-cycles 1e8
    bad "a jump beyond RAM ($cpu)" 4 'void.elf: .*F0000000' run void.elf --cpu $cpu -q --limit-cycles 1e8
    bad "a guest that loops for ever ($cpu)" 5 'limit-cycles 100000;' run loop.elf --cpu $cpu -q --limit-cycles 1e5
    bad "the same under --limit-instr ($cpu)" 5 'limit-instr 1000;' run loop.elf --cpu $cpu -q --limit-instr 1000
    bad "a guest that reports failure ($cpu)" 1 'fails.elf: .*failure' run fails.elf --cpu $cpu -q
done
bad "the last guard" 5 'limit-wall 0.3' run loop.elf -q --limit-wall 0.3

# --- command lines
bad "a machine that does not exist" 2 'no such choice' compare popf --on native,teh
bad "a reference alone" 2 'second machine' compare popf --on native
bad "one machine twice" 2 'te is there twice' compare popf --on te,te
bad "an empty name in the list" 2 'empty' compare popf --on native,,te
bad "--cpu with compare" 2 'an option of .*, not of this command' compare popf --cpu te
bad "compare without a guest" 2 'is missing' compare
bad "against another machine" 2 'no such choice' run good.elf --against te
bad "a profile that cannot be written" 6 'nowhere' run good.elf -q --profile-folded nowhere/f.txt
bad "bench of nothing" 2 'bench what' bench
bad "no such benchmark" 2 'did you mean nano' bench nanno
bad "a benchmark too many" 2 'takes no guest' bench nano popf
bad "a guest for all ways" 2 'it has its own' bench io popf
bad "ways on one machine" 2 'are for .bench sweep' bench io --on vtx
bad "no such workload" 2 'did you mean fork' bench sweep frok
bad "no range" 2 'not a range' bench sweep --set cost.vmexit=400..
bad "a range backwards" 2 'not a range' bench sweep --set cost.vmexit=4000..400
bad "two ranges" 2 'one figure at a time' bench sweep --set cost.vmexit=1..2 --set cost.vmentry=1..2
bad "a range of nothing" 2 'no such row' bench sweep --set cost.nothing=1..2
bad "one step" 2 '2 to' bench sweep --set cost.vmexit=1..2:1
bad "no shard" 2 'like 1/4' bench sweep --shard 5/4
bad "a plot of nothing" 2 'nothing to plot' bench sweep -o x.svg
bad "a sweep of a machine twice" 2 'twice' bench sweep --on vtx,vtx
bad "a sweep of a missing image" 3 'missing.elf' bench sweep ./missing.elf --on native
bad "a sweep where the guest dies" 4 'nowhere.elf on native' bench sweep ./nowhere.elf
bad "macro of one workload" 2 'bench sweep fork' bench macro fork
bad "macro with a shard" 2 'for .bench sweep' bench macro --shard 1/2
bad "macro with a range" 2 'not a number' bench macro --set cost.vmexit=1..2
bad "macro of no machine" 2 'no such choice' bench macro --on bogus
bad "nano with a shard" 2 'for .bench sweep' bench nano --shard 1/2
bad "two answers on stdout" 2 'one of them' bench nano --json - --csv -
bad "a benchmark's cost row" 2 'no such row' bench nano --set cost.nothing=1
bad "no such instruction" 2 'no such instruction; did you mean popf' classify pofp
bad "an untrapped instruction that asks for nothing" 2 'not an instruction that is privileged' classify --set cpu.untrap=XLAT
bad "a mistyped one" 2 'did you mean WRMSR' classify --set cpu.untrap=WRMSSR
bad "no page on that" 2 'no page on that; did you mean page-fault' explain pagefault
bad "two words to explain that are no term" 2 'no page on that' explain popf cli
bad "two lists at once" 2 'episodes and --instr' trace popf --episodes --instr
bad "an unknown command" 2 'no such command; did you mean .run' rnu popf
bad "a wild command" 2 'no such command; there are: run, tui' xyzzy
bad "a file for a command" 2 'did you mean .run good.elf' good.elf
bad "a word that is near nothing" 3 'ringside list. names the scenarios' run nope
bad "a wild diagram" 2 'no such diagram; there are: ladder, matrix, decision, blocks, vmx, bars, hist, timeline, walk, tables, migrate, topology, io' draw pie popf
bad "a planned command" 2 'planned, not in version 0.1; there are: run' asm popf
bad "lab what" 2 'lab what' lab
bad "a mistyped verb" 2 'did you mean lab start' lab strat isa
bad "a wild verb" 2 'lab start NAME' lab xyzzy isa
bad "no lab" 2 'which lab' lab start
bad "a mistyped lab" 3 'did you mean .isa' lab start iss
bad "a lab over a folder" 6 'it is there already' lab start isa folder
bad "a lab with -o" 2 'ringside lab start isa begun$' lab start isa -o begun
bad "a lab for a platform" 2 'only lab pack does; leave it out' lab start isa --for make
bad "a pack in jobs" 2 'only lab selftest does; leave it out' lab pack isa --for make -o x.zip --jobs 2
bad "a lab in too many words" 2 'one word too many' lab selftest isa isa
bad "a selftest in no jobs" 2 'a number from 1 to 64' lab selftest isa --jobs 0
bad "a pack for nobody" 2 'for what' lab pack isa -o x.zip
bad "a pack for a mistyped one" 2 'did you mean gradescope' lab pack isa --for gradscope -o x.zip
bad "a pack to nowhere" 2 'where to' lab pack isa --for make
bad "a pack into no folder" 6 'nowhere' lab pack isa --for make -o nowhere/x.zip
bad "grading no lab" 3 'no lab of that name, nor a folder' grade
bad "grading a mistyped lab" 3 'did you mean .isa' grade iso
bad "a report of no test" 2 'only with --at' grade isa --report x.json
bad "a report that is not there" 3 'nowhere.json' grade isa --at fail:1 --report nowhere.json
bad "a report that is none" 3 'no JSON' grade isa --at fail:1 --report text.txt
bad "a test of no name" 3 'did you mean .repair' grade isa --only repiar
bad "a dry look at a whole course" 2 'one submission' grade isa --all . --dry
bad "a dry look and a report" 2 'runs nothing' grade isa --dry -o x.json
bad "a dry look at no lab" 3 'did you mean .isa' grade isaa --dry
bad "grading two labs" 2 'one word too many' grade isa isa
bad "grading nobody" 3 'no such folder; --submission' grade isa --submission nowhere
bad "grading a folder of nobody" 3 'no folders in it' grade isa --all folder
bad "grading all of nothing" 3 'no such folder' grade isa --all nowhere
bad "one of all" 2 'not together with --submission' grade isa --all folder --submission folder
bad "a shard of one" 2 'only with --all' grade isa --shard 1/2
bad "test 99" 3 'no such test; .ringside grade. names them, 1 to' grade isa --only 99
bad "no jobs" 2 'a number from 1 to 64' grade isa --jobs 0
bad "a format that nobody reads" 2 'did you mean junit' grade isa --format jnuit
bad "two formats" 2 'is the same' grade isa --json x.json --format csv
mkdir -p folder/one
bad "TAP of many" 2 'for one submission' grade isa --all folder --format tap
rmdir folder/one
mkdir solved && cp "$root"/scenarios/labs/isa/solution/* solved
bad "no hidden tests" 3 'there are no tests there' grade isa --hidden folder
bad "an image looked through" 2 'is for scenarios' run --dry good.elf
bad "an image watched" 2 'is for scenarios' run --watch good.elf
bad "an image watched on a screen" 2 'is for scenarios' tui --watch good.elf
bad "a failure where nothing fails" 3 'no test fails' grade isa --submission solved --at fail:1
bad "a failure without a machine" 3 'without a machine to look at' grade isa --submission folder --at fail:1
bad "a failure too many" 3 'only [0-9]* tests fail' grade isa --submission folder --at fail:60
bad "a mistyped test" 3 "did you mean .repair" grade isa --submission folder --at test:repiar
bad "a place of no grader" 2 'fail:N' grade isa --submission folder --at step:2
bad "the failures of all" 2 'one submission' grade isa --all folder --at fail:1
bad "keys without a screen" 2 'only with --at' grade isa --submission folder --keys q
bad "a seal without a value" 2 'NAME=VALUE' grade --seal refs
bad "scores into no folder" 6 'nowhere' grade isa --submission folder -o nowhere/x.json
bad "an option for a command" 2 'a command comes first' --cpu te
bad "an unknown option" 2 '--modle: no such option; did you mean --model' run popf --modle p4
bad "a word of an option" 2 '--cycles: no such option; did you mean --limit-cycles' run popf --cycles 5
bad "an option with a word too many" 2 '--limit-wall-clock: no such option; did you mean --limit-wall' draw ladder popf --limit-wall-clock 5
bad "a wild option" 2 '--xyzzyxyzzy: no such option' run popf --xyzzyxyzzy
bad "an unknown letter" 2 '-Z: no such option' run popf -Z
bad "an option of another command" 2 '--from: an option of draw, not of this' run popf --from step:1
bad "a missing value" 2 '--cpu: a value is missing' run popf --cpu
bad "an option for a value" 2 '--cpu: a value is missing' run popf --cpu --mmu shadow
bad "a value for a switch" 2 '--quiet: takes no value' run popf --quiet=yes
bad "no subject" 2 'missing' run
bad "an empty subject" 2 'empty' run ''
bad "two subjects" 2 'one word too many' run popf trap
bad "a typing error in a scenario" 3 'did you mean .?popf' run poppf
bad "a guest for a scenario" 3 'a guest: write its path, .*sens19.elf' run sens19
bad "--cpu vtx --mmu two-level without EPT" 2 'no second level of page tables' run popf --cpu vtx --mmu two-level --set cpu.ept=0
bad "--cpu pv --mmu two-level" 2 'nothing to translate' run popf --cpu pv --mmu two-level
bad "--cpu pv with a plain kernel" 2 'Use another --cpu, or port it' run "$root/build/guests/popf.elf" --cpu pv
bad "--cpu pv with a plain kernel that has a port" 2 'Its port: ringside run .*/build/guests/mini-pv.elf --cpu pv' run "$root/build/guests/mini.elf" --cpu pv
bad "--cpu te --mmu agile" 2 'has no VMCS; use --cpu vtx' run popf --cpu te --mmu agile
bad "--cpu bt --mmu agile" 2 'has no VMCS' run popf --cpu bt --mmu agile
bad "--cpu pv --mmu agile" 2 'nothing to translate' run popf --cpu pv --mmu agile
bad "--cpu native --mmu agile" 2 'native has none' run popf --cpu native --mmu agile
bad "--mmu agile with large second-level pages" 2 'has one for 512 of them' run popf --cpu vtx --mmu agile --set ept.large=1
bad "--mmu agile without traces" 2 'learns from traced stores' run popf --cpu vtx --mmu agile --set shadow.trace=0
bad "--mmu agile without its hardware" 2 'could not go on from a shadow table' run popf --cpu vtx --mmu agile --set cpu.agile=0
bad "--mmu agil" 2 'did you mean agile' run popf --cpu vtx --mmu agil
bad "stores for ever" 2 'a number from 0 to 1000000' run popf --cpu vtx --mmu agile --set agile.writes=1000001
bad "--cpu nativ" 2 'did you mean native' run popf --cpu nativ
bad "native with shadow" 2 'native has none' run good.elf --cpu native --mmu shadow
bad "te with native tables" 2 'use --mmu shadow' run good.elf --cpu te --mmu native
bad "--io passthrough for two" 2 'has it alone' run good.elf --io passthrough --cpu vtx --vms 2
bad "--io passthrough without a driver" 2 'has none for a real IDE' run good.elf --io passthrough --cpu pv
bad "--io split with a guest that is not ported" 2 'part of a ported kernel' run "$root/build/guests/mini.elf" --cpu vtx --vms 2 --io split --disk "$root/build/guests/mini.img"
bad "--set vm.1.later=1 without a service domain" 2 'made by another, the first' run "$root/build/guests/popf.elf" --cpu vtx --vms 2 --set vm.1.later=1
bad "--set vm.0.later=1" 2 'made by another, the first' run "$root/build/guests/mini-pv.elf" --cpu pv --io split --vms 2 --set split.control=1 --disk "$root/build/guests/mini.img" --set vm.0.later=1
bad "--set vm.1.later=yes" 2 'no domain until the service domain makes one' run "$root/build/guests/popf.elf" --cpu vtx --vms 2 --set vm.1.later=yes
bad "--set split.control=1 without split drivers" 2 'there is none; add --io split' run popf --set split.control=1
bad "--set migrate.peer=1 without split drivers" 2 'there is none; add --io split' run popf --cpu vtx --set migrate.peer=1
bad "--set migrate.peer=1 without domain 0" 2 'only by --set split.control=1' run "$root/build/guests/mini-pv.elf" --cpu pv --io split --vms 2 --disk "$root/build/guests/mini.img" --set migrate.peer=1
bad "--set migrate.cut=2 without a migration" 2 'no virtual machine goes anywhere; add --migrate-at' run popf --cpu vtx --set migrate.cut=2
bad "--io split with one VM" 2 'the first is the service domain' run "$root/build/guests/mini-pv.elf" --cpu pv --io split --disk "$root/build/guests/mini.img"
bad "--io split without a disk" 2 'with 0 disks' run "$root/build/guests/mini-pv.elf" --cpu pv --vms 2 --io split
bad "--io split with more disks than drives" 2 'has 4 drives' run "$root/build/guests/mini-pv.elf" --cpu pv --vms 4 --io split --disk "$root/build/guests/mini.img" --disk "$root/build/guests/mini.img"
bad "virtio disks of a real controller" 2 'which the guest gets, are an IDE' run good.elf --cpu vtx --io passthrough --set io.virtio=1
bad "virtio disks behind a front end" 2 "Xen's rings" run "$root/build/guests/mini-pv.elf" --cpu pv --vms 2 --io split --set io.virtio=1
bad "virtio disks for a ported kernel" 2 'sees no PCI bus' run "$root/build/guests/mini-pv.elf" --cpu pv --set io.virtio=1
bad "virtio disks of a third kind" 2 'a number from 0 to 2' run good.elf --cpu vtx --set io.virtio=3
bad "--nic of nobody" 2 'did you mean mirror' run good.elf --nic miror
bad "--nic join with nobody" 2 'name an image with --peer' run good.elf --nic join
bad "--peer without a cable" 2 'add --nic join' run good.elf --peer good.elf
bad "--peer-append of no machine" 2 'of which machine' run good.elf --nic mirror --peer-append x
bad "--peer-cpu of no machine" 2 'of which machine' run good.elf --nic mirror --peer-cpu vtx
bad "--peer with a record" 2 'leave one of them out' run good.elf --nic join --peer good.elf --net-replay good.elf
bad "--net-replay of something else" 3 'not a capture' run good.elf --nic join --net-replay good.elf
bad "--peer that is not there" 3 'missing.elf' run good.elf --nic join --peer missing.elf
bad "--net-record of another command" 2 'an option of [a-z, ]*, not of this command' trace popf --net-record x
bad "--save of a joined machine" 2 'would go on without this one' run good.elf --cpu vtx --nic join --peer good.elf --save x --save-at 1e6
bad "--nic for a ported kernel" 2 'no network card' run "$root/build/guests/mini-pv.elf" --cpu pv --nic mirror
bad "--pcap without a card" 2 'add --nic alone or --nic mirror' run good.elf --pcap nothing.pcap
bad "--net-record without a cable" 2 'add --nic join' run good.elf --nic mirror --net-record nothing.pcap
bad "--pcap of another command" 2 'an option of [a-z, ]*, not of this command' trace popf --pcap x
mini=("$root/build/guests/mini.elf" --module "$root/build/guests/mini.img" --append 'run="ps"')
bad "--save without a moment" 2 'Add --save-at' run good.elf --cpu vtx --save x
bad "--save-at without a file" 2 'Add --save FILE' run good.elf --cpu vtx --save-at 1e6
bad "--save of a bare machine" 2 'no virtual machine' run good.elf --save x --save-at 1e6
bad "--restore into a bare machine" 2 'no virtual machine' run good.elf --restore x
bad "--save of a kernel without a suspend path" 1 'no suspend path' run "$root/build/guests/pvtest.elf" --cpu pv --serial null -q --save x --save-at 1e6
bad "--save with --io split" 2 'in this machine.s service domain' run good.elf --cpu pv --io split --vms 2 --disk a.img --save x --save-at 1e6 --set vm.1.save=1
bad "--save with a pool of frames" 2 'a domain with a balloon' run good.elf --cpu pv --set memory.total=8 --save x --save-at 1e6
bad "--save with passthrough" 2 'the real device that it owns' run good.elf --cpu vtx --io passthrough --save x --save-at 1e6
bad "--save of one of two" 2 'which one' run good.elf --cpu vtx --vms 2 --save x --save-at 1e6
bad "--save of both" 2 'which one' run good.elf --cpu vtx --vms 2 --save x --save-at 1e6 --set vm.0.save=1 --set vm.1.save=1
bad "--save with another's card" 2 'it would go on as the first' run good.elf --cpu vtx --vms 2 --nic alone --save x --save-at 1e6 --set vm.1.save=1
bad "--migrate-at of one of two" 2 'which one' run good.elf --cpu vtx --vms 2 --migrate-at 1e6
bad "--migrate-at of both" 2 'which one' run good.elf --cpu vtx --vms 2 --migrate-at 1e6 --set vm.0.migrate=1 --set vm.1.migrate=1
bad "--migrate-at of one of two with cards" 2 'the switch between them' run good.elf --cpu vtx --vms 2 --nic alone --migrate-at 1e6 --set vm.0.migrate=1
bad "--migrate-at of one of two with agile paging" 2 'Use --mmu shadow' run good.elf --cpu vtx --vms 2 --mmu agile --migrate-at 1e6 --set vm.0.migrate=1
bad "--set vm.0.migrate=2" 2 'a number from 0 to 1' run good.elf --cpu vtx --vms 2 --set vm.0.migrate=2
bad "--restore into one of two" 2 'the whole machine to itself' run good.elf --cpu vtx --vms 2 --restore x
bad "--save of another command" 2 'an option of [a-z, ]*, not of this command' trace good.elf --cpu vtx --save x --save-at 1e6
bad "--restore of nothing" 3 'cannot open' run good.elf --cpu vtx --restore nowhere.vm
bad "--restore of an image" 3 'not a saved virtual machine' run good.elf --cpu vtx --restore good.elf
bad "--save into no folder" 6 'was not saved, and went on here' run "${mini[@]}" --cpu vtx --serial null -q --save nowhere/x --save-at 5e6
bad "--save behind the end" 1 'ended before cycle' run "${mini[@]}" --cpu vtx --serial null -q --save x --save-at 9e9
"$ringside" run "${mini[@]}" --cpu bt --serial null -q --save m.vm --save-at 5e6 || { echo "not ok - mini could not be saved"; failed=1; }
head -c 5000 m.vm >cut.vm
bad "--restore of a file that was cut" 3 'cut off: 5000 bytes' run "${mini[@]}" --cpu vtx --restore cut.vm
{ head -c 5000 m.vm; printf x; tail -c +5002 m.vm; } >altered.vm
bad "--restore of a file that was altered" 3 'the checksum says' run "${mini[@]}" --cpu vtx --restore altered.vm
bad "--restore where memory is managed" 3 'a balloon.s port; leave them out' run "${mini[@]}" --set memory.total=20 --cpu vtx --restore m.vm
bad "--restore of another image's" 3 'another image' run good.elf --cpu vtx --restore m.vm
bad "--restore with another size" 3 'say --ram 64M' run "${mini[@]}" --ram 32M --cpu vtx --restore m.vm
bad "--restore on another processor" 3 'use the same --model' run "${mini[@]}" --model core2 --cpu vtx --restore m.vm
bad "--migrate-at of a bare machine" 2 'no virtual machine' run good.elf --migrate-at 1e6
bad "--migrate-to another technique than a ported kernel's" 2 'under no other technique' run good.elf --cpu pv --migrate-at 1e6 --migrate-to vtx
bad "--migrate-to pv of a kernel that is not ported" 2 'under no other technique' run good.elf --cpu vtx --migrate-at 1e6 --migrate-to pv
bad "--migrate-at with passthrough" 2 'the real device that it owns' run good.elf --cpu vtx --io passthrough --migrate-at 1e6
bad "--migrate-at with agile paging" 2 'Use --mmu shadow' run good.elf --cpu vtx --mmu agile --migrate-at 1e6
bad "--migrate-to without a moment" 2 'Add --migrate-at' run good.elf --cpu vtx --migrate-to bt
bad "--migrate-to a bare machine" 2 'no virtual machine' run good.elf --cpu vtx --migrate-at 1e6 --migrate-to native
bad "--migrate-to nobody" 2 'did you mean vtx' run good.elf --cpu vtx --migrate-at 1e6 --migrate-to vtxx
bad "--migrate-at with --save" 2 'cannot go both ways' run good.elf --cpu vtx --migrate-at 1e6 --save x --save-at 1e6
bad "draw migrate where nothing moved" 2 'nothing migrated' draw migrate popf -o x.svg
bad "--set migrate.rounds=31" 2 'a number from 1' run good.elf --set migrate.rounds=31
bad "--set net.mbit=0" 2 'a number from 1' run good.elf --set net.mbit=0
bad "--io passthru" 2 'did you mean passthrough' run popf --io passthru
bad "exitless interrupts of nobody" 2 'use --io passthrough --cpu vtx' run good.elf --cpu vtx --set io.exitless=1
bad "exitless interrupts below ring 0" 2 'use --io passthrough --cpu vtx' run good.elf --cpu te --io passthrough --set io.exitless=1
bad "exitless interrupts without a timer" 2 'no preemption timer' run good.elf --cpu vtx --model p4 --io passthrough --set io.exitless=1
mkdir -p away && cp "$ringside" away/alone # a program without its tree: what is missing, and where it looked
lonely() { local name=$1 code=$2 words=$3; shift 3; (ringside=$PWD/away/alone; bad "$name, alone" "$code" "$words" "$@"; exit $failed) || failed=1; }
lonely "--host hosted" 6 'mini-host.elf, lies neither' run good.elf --cpu vtx --host hosted
lonely "a scenario" 3 'the scenarios lie neither' run popf
lonely "draw matrix" 6 'make guests' draw matrix
rm -r away
bad "--host hosted without a hypervisor" 2 'use --cpu vtx' run good.elf --host hosted --cpu native
bad "--host hosted, a ported kernel" 2 'they are the host.s; use --cpu vtx' run good.elf --host hosted --cpu pv
bad "--host hosted, a second level below ring 0" 2 'roots of its own' run good.elf --host hosted --cpu te --mmu two-level
bad "--host hosted, too many" 2 'room for 16' run good.elf --host hosted --cpu vtx --vms 17 --ram 4M
bad "--host hosted, too large" 2 'room for 760 MB' run good.elf --host hosted --cpu vtx --ram 800M
bad "--host hosted with weights" 2 'scheduler.s affair' run good.elf --host hosted --cpu vtx --vms 2 --set vm.0.weight=2
bad "--host hosted with a scheduler" 2 'scheduler of its own' run good.elf --host hosted --cpu vtx --vms 2 --set sched=credit
bad "--host hosted with virtio" 2 'models IDE drives' run good.elf --host hosted --cpu vtx --set io.virtio=1
bad "--host hosted, passed through" 2 'the devices are the host.s' run good.elf --host hosted --cpu vtx --io passthrough
bad "--host hosted with a network card" 2 'no driver of a network' run good.elf --host hosted --cpu vtx --nic mirror
bad "--host hosted, migrating" 2 'a process of the host.s' run good.elf --host hosted --cpu vtx --migrate-at 1000000
bad "--host hosted, less memory" 2 'the host.s to give' run good.elf --host hosted --cpu vtx --set memory.total=32
bad "--host hostde" 2 'did you mean hosted' run popf --host hostde
bad "--model p5" 2 'did you mean p4' run popf --model p5
bad "--ram of nothing" 2 '--ram 0' run good.elf --ram 0
bad "--ram 3G" 2 '1M to 2G' run good.elf --ram 3G
bad "--ram that is no number" 2 'not a number' run good.elf --ram lots
bad "--ram 3, too small for the guest, is named" 3 'ram' run "$guest" --ram 1 -q
bad "--seed x" 2 'not a number' run popf --seed x
bad "--limit-cycles -5" 2 'limit-cycles' run popf --limit-cycles=-5
bad "--limit-wall 0" 2 'not a number of seconds' run popf --limit-wall 0
bad "--history 1M" 2 'from 16M' run popf --history 1M
bad "--history x" 2 'history' run popf --history x
bad "--set history.memory=1" 2 'MB of memory' run popf --set history.memory=1
bad "--set without a value" 2 'KEY=VALUE' run popf --set cost
bad "--set of something mistyped" 2 'did you mean shadow.cache. `ringside explain shadow.cache`' run popf --set shadow.cach=0
bad "--set of nothing known" 2 'no such setting' run popf --set colour=red
bad "caching shadows without traces" 2 'set shadow.cache=0, too' run popf --cpu vtx --set shadow.trace=0
bad "untraced shadows below ring 0" 2 'use --cpu vtx' run popf --cpu te --set shadow.trace=0 --set shadow.cache=0
bad "too small a pool" 2 'a number from 16 to 960' run popf --cpu te --set shadow.pool=15
bad "--set of an unknown cost" 2 'cost.nonsense: no such row; .ringside list model p4' run popf --set cost.nonsense=3
bad "--set of a cost with a typing error" 2 'cost.insn.dvi: no such row; did you mean insn.div[?]' run popf --set cost.insn.dvi=3
bad "--set of a short name with one" 2 'cost.vmexti: no such row; did you mean vmexit[?]' bench sweep --set cost.vmexti=1..2
bad "--vms for a scenario" 2 'give an image' run popf --vms 2
bad "--vms 0" 2 'from 1 to 128' run good.elf --vms 0
bad "--vms 129" 2 'from 1 to 128' run good.elf --vms 129
bad "several VMs without a hypervisor" 2 'they need a hypervisor' run good.elf --vms 2
bad "more VMs than memory" 2 'a smaller --ram' run good.elf --vms 64 --cpu te
bad "one changed disk for two" 2 'only one of them' run good.elf --vms 2 --cpu te --set disk.write=1
bad "an unknown scheduler" 2 'known: rr, credit' run good.elf --vms 2 --cpu te --set sched=fair
bad "a share of nobody" 2 'vm.N.weight' run good.elf --vms 2 --cpu te --set vm.weight=3
bad "a weight of 0" 2 'from 1 to 65535' run good.elf --vms 2 --cpu te --set sched=credit --set vm.0.weight=0
bad "a cap where there are none" 2 'add --set sched=credit' run good.elf --vms 2 --cpu te --ram 4M --set vm.1.cap=20
bad "a weight, too" 2 'add --set sched=credit' run good.elf --vms 2 --cpu te --ram 4M --set sched=rr --set vm.0.weight=512
bad "a cap for who is alone" 2 'shares the processor with nobody' run good.elf --cpu te --set sched=credit --set vm.0.cap=20
bad "a technique for one VM" 2 'no such technique' run good.elf --vms 2 --cpu te --set vm.0.cpu=x
bad "--initrd for who knows nothing of it" 2 'no Linux and no Multiboot kernel' run good.elf --initrd "$guest"
bad "--module that is not there" 3 'nowhere.bin: cannot open' run "$guest" --module nowhere.bin
bad "--module without a name" 2 'FILE,STRING' run "$guest" --module ,text
bad "--gdb of a scenario" 2 'give the image' run popf --gdb :0
bad "--gdb without a number" 2 'no such address' run good.elf --gdb=localhost
bad "--gdb, port too large" 2 'no such address' run good.elf --gdb=:99999
bad "--gdb at somebody else's" 6 'cannot listen' run good.elf --gdb=192.0.2.1:1
bad "--dap of a scenario" 2 'give the image' run popf --dap
bad "--dap without a number" 2 'no such address' run good.elf --dap=localhost
bad "--color sometimes" 2 'no such choice' run popf --color sometimes
bad "--json - and --serial stdio" 2 'both on stdout' run good.elf --json - --serial stdio
bad "--json - and --screen -" 2 'both on stdout' run good.elf --json - --screen -
bad "a quiz about nothing known" 2 'no such topic; .quiz. alone' quiz astronomy
bad "a mistyped topic" 2 'did you mean tables' quiz tabels
bad "no problems" 2 'a number from 1 to 100' quiz walk --problems 0
bad "a quiz that both asks and tells" 2 'not together with --solve' quiz walk --ask --solve
bad "a quiz of a guest" 2 'one word too many' quiz walk popf
bad "the manual page of no command" 2 'did you mean .trace' manual tarce
bad "two manual pages" 2 'one word too many' manual run draw
bad "draw what" 2 'draw what' draw
bad "draw a scenario" 2 'draw ladder popf' draw popf
bad "no shard of pictures" 2 'like 1/4' draw ladder popf rings --shard 3/2
bad "several pictures in one file" 2 'put %s where the guest' draw ladder popf rings -o x.svg
bad "a picture twice" 2 'would be one file' draw ladder popf ./popf
bad "a picture and its list on stdout" 2 'give one of them a file' draw ladder popf -o - --json -
bad "several pictures, one mistyped" 3 'did you mean .popf' draw ladder poppf -q rings -o /dev/null%s
bad "a diff of nothing" 2 'draw diff: of what' draw diff
bad "a diff of one recording" 2 'and which other run' draw diff x.rtrace
bad "a diff of three" 2 'of what' draw diff popf rings trap
bad "a diff of three techniques" 2 'is of two' draw diff popf --on te,bt,vtx -o x.svg
bad "a diff of two guests on two techniques" 2 'give one guest' draw diff popf rings --on te,bt -o x.svg
bad "a diff on no such technique" 2 'no such choice' draw diff popf --on te,tee -o x.svg
bad "a diff as Mermaid" 2 'which is for ladders' draw diff popf -o x.mmd
bad "a diff from nowhere" 2 'not a place' draw diff popf --from here -o x.svg
bad "bits as Mermaid" 2 'which is for ladders' draw bits popf -o x.mmd
bad "frames of bars" 2 'only a ladder' draw bars popf --frames -o x-%d.svg
bad "frames in one file" 2 'put %02d where' draw ladder popf --frames -o x.svg
bad "slides in one file" 2 'put %02d where' draw ladder popf --split -o x.svg
bad "slides as text" 2 'as .svg, .png or .pdf' draw ladder popf --split -o x-%d.txt
bad "slides of a matrix in words" 2 'no diagram is written as .md' draw matrix --split -o x-%d.md
bad "frames as text" 2 'in one file for Beamer' draw ladder popf --frames -o x-%d.txt
bad "a size of no slide" 2 'known: 16x9, 4x3, column' draw ladder popf --size 3x2 -o x.svg
bad "a caption without words" 2 'no words; leave it out' draw ladder popf --caption ' ' -o x.svg
bad "an empty caption" 2 'no words; leave it out' draw ladder popf --caption= -o x.svg
bad "a caption as long as a chapter" 2 'a caption has at most 1000' draw ladder popf --caption "$(printf 'word %.0s' $(seq 300))" -o x.svg
bad "a caption of a run" 2 '--caption: an option of draw' run popf --caption words
bad "pixels of an SVG" 2 'only PNG has pixels' draw ladder popf --scale 2 -o x.svg
bad "a wild scale" 2 'from 0.1 to 10' draw ladder popf --scale 1e3 -o x.png
bad "no scale" 2 'from 0.1 to 10' draw ladder popf --scale '' -o x.png
bad "outlined letters of a PDF" 2 'for SVG; PDF has its fonts' draw ladder popf --outline-text -o x.pdf
bad "bits at no moment" 2 'not a place' draw bits popf --at noon -o x.svg
bad "bits of no address" 2 'neither a hexadecimal address nor a symbol' draw bits popf --va nowhere -o x.svg
bad "bits as a graph" 2 'no graph' draw bits popf -o x.dot
bad "rings as a graph" 2 'no graph' draw rings popf -o x.dot
bad "a screen of no size" 2 'not a size' draw screen popf --term 80 -o x.svg
bad "a screen after no key" 2 'no such key|key' draw screen popf --keys '<nokey>' -o x.svg
bad "a walk from no address" 2 'neither a hexadecimal address nor a symbol' draw walk popf --va nowhere -o x.svg
bad "a walk from a mistyped symbol" 2 'did you mean kmain' draw walk popf --va kmian -o x.svg
bad "a walk of no access" 2 'may stand read, write or exec' draw walk popf --va 1000,fly -o x.svg
bad "a walk at no moment" 2 'not a place' draw walk popf --at noon -o x.svg
bad "a walk at step 99" 2 'step:1 to step:' draw walk popf --at step:99 -o x.svg
bad "tables backwards" 2 'exchange them' draw tables shadow --from step:6 --to step:2 -o x.svg
bad "--va for run" 2 'an option of [a-z, ]*, not of this command' run popf --va 1000
bad "a disk request without a disk" 2 'no disk here' draw io popf -o x.svg
bad "a disk request as a graph" 2 'no graph' draw io dev3 -o x.dot
bad "a mistyped diagram" 2 'did you mean matrix' draw matrx
bad "a matrix of a guest" 2 'takes no guest' draw matrix popf
bad "a matrix as .dot" 2 'not written as dot' draw matrix -o x.dot
bad "a decision as text" 2 'classify. says it in words' draw decision -o x.txt
bad "draw as .gif" 2 'no diagram is written as .gif' draw ladder popf -o x.gif
bad "draw from nowhere" 2 'not a place' draw ladder popf --from here -o x.svg
bad "draw from step 99" 2 'step:1 to step:' draw ladder popf --from step:99 -o x.svg
bad "draw backwards" 2 'exchange them' draw ladder popf --from step:4 --to step:2 -o x.svg
bad "trace as yaml" 2 'known: text, jsonl' trace popf --format yaml
bad "record what" 2 'is missing' trace record
bad "record in a format" 2 'holds the whole run' trace record popf --format vcd
bad "a diagram of a recording on another machine" 2 'of a run, and this is a file' draw ladder x.rtrace --cpu vtx
bad "a recorded trace that is not there" 3 'nowhere.rtrace' draw ladder nowhere.rtrace
bad "print of a machine" 2 'of a run, and this is a file' trace print x.rtrace --cpu vtx
bad "print without a file" 2 'is missing' trace print
bad "a trace that is not there" 3 'nowhere.rtrace' trace print nowhere.rtrace
bad "a guest as a trace" 3 'not a recorded trace' trace convert "$guest" --format vcd
bad "convert into nothing" 2 'into what' trace convert x.rtrace
bad "convert into a format that is none" 2 'known: text, jsonl' trace convert x.rtrace --format waves
bad "diff of one" 2 'of which two files' trace diff x.rtrace
bad "episodes as waves" 2 'of the whole run' trace print x.rtrace --episodes --format vcd
bad "list with a name" 2 'takes no name' list popf
ls x.* >/dev/null 2>&1
result "nothing of all that left a file" $((! $?))

# --- places that cannot be written
bad "JSON into a folder that is not there" 6 'none/x.json' run good.elf -q --json none/x.json
bad "a diagram over a directory" 6 'folder' draw ladder good.elf --format svg -o folder
"$ringside" run good.elf --json /dev/full -q 2>err
[ $? = 6 ] && [ "$(wc -l <err)" = 1 ] && grep -q 'choose another place' err
result "a full disk" $?
printf 'old' >keep.svg
(ulimit -f 1; trap '' XFSZ; "$ringside" draw ladder popf -o keep.svg 2>err)
rc=$?
[ $rc = 6 ] && [ "$(cat keep.svg)" = old ] && ! ls keep.svg.* >/dev/null 2>&1
result "a diagram that does not fit leaves the old one" $?

# --- scenarios
lua() { cat >"$1.lua"; }
head='local s = scenario { title = "t", machine = { guest = "good.elf" } }'
lua syntax <<<'local s = = 3'
lua name <<<'scenariooo { title = "t" }'
lua nothing <<<''
lua runtime <<<"$head
s:step 'one' { run = function(vm) vm:run(nil + 1) end }
return s"
lua expect <<<"$head
s:step 'one' { run = till.never, expect = function(vm) expect.eq(vm.guest.nonsense.deep, 1) end }
return s"
lua label <<<"$head
s:step 'one' { run = till.label 'no_such_label' }
return s"
lua loop <<<'while true do end'
lua loopstep <<<"$head
s:step 'one' { run = function(vm) while true do end end }
return s"
lua memory <<<'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end'
lua string <<<'local x = ("x"):rep(1e9):rep(1e9)'
lua deep <<<'local function f() return 1 + f() end f()'
lua catch <<<'while true do pcall(function() while true do end end) end'
lua guest <<<'local s = scenario { title = "t", machine = { guest = "nosuchguest" } } s:step "a" { run = till.stop() } return s'
lua failing <<<"$head
s:step 'one' { run = till.stop(), expect = function(vm) expect.eq(1, 2, 'one is') end }
return s"
lua endless <<<"local s = scenario { title = 't', machine = { guest = 'loop.elf' } }
s:step 'one' { run = till.stop() }
return s"
head -c 3000 /dev/urandom >noise.lua
printf '\033Lua' >binary.lua
bad "Lua: a syntax error" 3 'syntax.lua:1:' run syntax.lua
bad "Lua: an unknown word" 3 'name.lua:1:' run name.lua
bad "Lua: an empty file" 3 'nothing.lua' run nothing.lua
bad "Lua: an error while a step runs" 3 'runtime.lua:2:' run runtime.lua -q
bad "Lua: an error in expectations" 3 'expect.lua:2:' run expect.lua -q
bad "Lua: a label that is not there" 3 'label.lua:2:.*no_such_label' run label.lua -q
bad "Lua: a loop while loading" 5 'loop.lua' run loop.lua
bad "Lua: a loop in a step" 5 'loopstep.lua' run loopstep.lua -q
bad "Lua: a loop that catches everything" 5 'catch.lua' run catch.lua
bad "Lua: memory without end" 5 'memory.lua' run memory.lua
bad "Lua: one huge string" '[35]' 'string.lua' run string.lua
bad "Lua: recursion without end" '[35]' 'deep.lua' run deep.lua
bad "Lua: noise" 3 'noise.lua' run noise.lua
bad "Lua: precompiled code" 3 'binary.lua' run binary.lua
bad "Lua: a guest that is not there" 3 'nosuchguest' run guest.lua
bad "Lua: an expectation fails" 1 'failing.lua:2:' run failing.lua -q
bad "Lua: a guest that never gets there" 5 'endless.lua:2:|limit' run endless.lua -q --limit-cycles 1e7
for verb in draw\ ladder trace tui; do
    bad "the same for $verb" 3 'syntax.lua:1:' $verb syntax.lua
done
bad "a pause in nothing" 2 "belongs to --narrate" run popf --pause
bad "a story as JSON" 2 "without it" run popf --narrate --json -
bad "notes of nothing" 2 'takes nothing' notes popf
bad "no lecture runs" 6 'no lecture runs' notes
bad "no terminal" 6 'terminal' tui popf

# --- reports that are none: nothing of them gets to the terminal
bad "a report to verify that is none" 3 'not a report of .grade --format json' grade isa --submission "$root/scenarios/labs/isa/starter" --verify text.txt
bad "a report to compare with that is none" 3 'not a report of .grade --format csv' grade isa --submission "$root/scenarios/labs/isa/starter" --compare text.txt
truncate -s 3G huge.txt
bad "exec of a line that does not end" 3 'huge.txt:1: a line of more than' exec huge.txt
rm huge.txt
(trap '' XFSZ; ulimit -f 2; "$ringside" lab start isa begun >out 2>err)
result "a lab that cannot be copied as a whole leaves nothing" "$([ $? = 6 ] && [ ! -e begun ] && grep -q 'cannot write' err; echo $?)"
"$ringside" completion bash >/dev/full 2>err
result "a full disk is said of stdout, too" "$([ $? = 6 ] && grep -q 'stdout: cannot write: No space' err; echo $?)"
exit $failed
