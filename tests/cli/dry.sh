#!/bin/bash
# `run --dry`: what is wrong with a scenario is found without running it; what is right is left in peace.
. "$(dirname "$0")/../support/cli.sh"
dry() { # EXIT FILE
    timeout 60 "$ringside" run --dry "$2" >out 2>err </dev/null
    [ $? = "$1" ] || { echo "not ok - --dry $2 does not exit $1: $(cat out err)"; failed=1; }
}
for s in "$root"/scenarios/*.lua; do dry 0 "$s"; done
ok "the shipped ones have nothing to mend, and nothing is written" sh -c '[ "$(ls)" = "err
out" ]'

cp "$root/scenarios/popf.lua" whole.lua
n=$(wc -l <whole.lua)
add() { sed '/^return s/d' whole.lua >mine.lua; cat >>mine.lua; } # lines of `cat` begin behind those of popf.lua
at=$(($(sed '/^return s/d' whole.lua | wc -l) + 1))
found() { ok "$1" grep -Eq "^mine.lua:$2: .*($3)" err; }
add <<'END'
s:step "new" { run = till.label "kmian",
  note = [[short
    this line of a note is much too long for the pane that shows it, which has eighty columns at most]],
  expect = function(vm)
    expect.equals(vm.cpl, 1)
    vm:rnu(till.insn "poopf")
    expect.eq(vm.guest.vIIF, undefined_thing)
    local t = vm:translate(0x1000, "read")
    expect.eq(t.refs, t.path[1].at)
    vm:run(till.trap("XX"))
  end,
}
s:step "empty" { minutes = 1 }
return s
END
dry 3 mine.lua
found "a label that the guest does not have" $at "kmian.*did you mean 'kmain'"
found "a note that is too wide" $at "step 'new': line 2 of its note has 9[0-9] columns"
found "a claim that there is not" $((at + 4)) "expect has no 'equals'.*did you mean 'equal'"
found "a method that there is not" $((at + 5)) "vm has no 'rnu'.*did you mean"
found "an instruction that there is not" $((at + 5)) "poopf.*did you mean 'popf'"
found "a field that there is not" $((at + 6)) "vm.guest has no 'vIIF'"
found "a name that nothing makes" $((at + 6)) "there is no 'undefined_thing'"
found "a trap that there is not" $((at + 9)) "XX"
found "a step that does nothing" $((at + 12)) "step 'empty' does nothing"
ok "nine things, and no other" sh -c '[ "$(grep -c "^mine.lua" err)" = 9 ] && grep -q "9 things to mend" err'
printf 'return { tick = function(vm) return vm:u33 "ticks" end }\n' >common.inc
add <<'END'
-- till.nothing "here", nor [[ expect.here ]]
local common = include "common.inc"
--[==[ nor vm.here
]==]
local one, two = "till.text 'x'", [[ vm.text ]]
s:step "new" { run = till.any { till.label "kmain", till.cycles(1e6) }, expect = function(vm) for i, x in ipairs { one, two } do print(i, x, common.tick) end end }
return s
END
dry 3 mine.lua
ok "comments and texts are no names; what is included is looked through, too" sh -c '[ "$(wc -l <err)" = 2 ] && grep -q "^common.inc:1: vm has no .u33" err'
add <<<'s:step "new" {'
dry 3 mine.lua
ok "what Lua itself complains of" grep -q '^ringside: mine.lua:' err
dry 2 "$root"/build/guests/popf.elf
ok "an image is no scenario" grep -q 'is for scenarios' err

# --- run --watch: again at each change, of an included file, too; what is broken is told, and mended
seen() { for _ in $(seq 100); do [ "$(grep -c "$1" log)" -ge "$2" ] && return 0; sleep 0.1; done; return 1; }
printf 'return "first words"\n' >common.inc
small() { { echo 'local s = scenario { title = "small", machine = { guest = "popf", ram = "4M" } }'; cat; } >mine.lua; }
new='s:step "new" { run = till.label "kmain", note = include "common.inc", limit = 1e6 }'
small <<<"$new"
"$ringside" run --watch mine.lua --limit-cycles 1e5 >log 2>&1 </dev/null &
pid=$!
ok "the first run" seen 'waiting for a change' 1
ok "it is one" grep -q 'first words' log
printf 'return "second words"\n' >common.inc
ok "an included file changes: again" seen 'second words' 1
seen 'waiting for a change' 2
small <<<'s:step "new" {'
ok "a broken file is told" seen 'ringside: mine.lua:' 1
seen 'waiting for a change' 3
small <<<"$new"
ok "and watched until it is mended" seen 'waiting for a change' 4
kill -INT $pid
wait $pid
ok "^C ends it well" test $? = 0
timeout 20 "$ringside" run --watch "$root"/build/guests/popf.elf >out 2>err
ok "an image has no steps to watch" grep -q 'is for scenarios' err

# --- laboratories
lab() { # EXIT LAB FOLDER ARGUMENT...
    local want=$1 lab=$2 dir=$3
    shift 3
    timeout 60 "$ringside" grade "$lab" --dry --submission "$dir" "$@" >out 2>err </dev/null
    [ $? = "$want" ] || { echo "not ok - grade $lab --dry of $dir does not exit $want: $(cat out err)"; failed=1; }
}
labs=$root/scenarios/labs
for l in isa trap shadow translation port split; do
    if [ $l = port ] && ! gcc -m32 -x c -c -o /dev/null - </dev/null 2>/dev/null; then continue; fi
    lab 0 $l "$labs/$l/solution" --hidden "$labs/$l/hidden"
    lab 0 $l "$labs/$l/starter"
done
ok "the shipped labs have nothing to mend" grep -q 'nothing was run' out
mkdir sub
cat >sub/handlers.lua <<'END'
local ring = { slots = 3 }
function vmm.gp(vm, insn)
  if insn.is "cli" then vm.guest.vIff = 0 end
  vm:inejct("GP", ring.slots)
  undefined_thing = vm.cycles
  missing_thing()
end
END
lab 3 trap sub
ok "a handler's method that there is not" grep -q "^handlers.lua:4: vm has no 'inejct'.*did you mean 'inject'" err
ok "its vm is not the machine of tests" grep -q "^handlers.lua:5: vm has no 'cycles'; the lab's README" err
ok "a field" grep -q "^handlers.lua:3: vm.guest has no 'vIff'" err
ok "a name that nothing makes" grep -q "^handlers.lua:6: there is no 'missing_thing'" err
ok "four things, and no other" grep -q "trap: 4 things to mend; nothing was run" err
echo 'function vmm.page_fautl(vm, f) end' >sub/handlers.lua
lab 3 shadow sub
ok "a handler that the tests ask for" grep -q "handlers.lua: there is no function vmm.page_fault in this file, which public.lua asks for" err
echo 'function clasify(isa) return isa.nams end' >sub/classify.lua
lab 3 isa sub
ok "a function that they call, once" [ "$(grep -c 'no function classify in this file' err)" = 1 ]
ok "a word of the invented machine" grep -q "isa has no 'nams'.*did you mean 'names'" err
echo 'function vmm.gp(vm insn) end' >sub/handlers.lua
lab 3 trap sub
ok "Lua that is none" grep -q "^handlers.lua:1: .*expected" err
lab 3 split sub
ok "no file at all" grep -q "front.lua: No such file" err
cp -r "$labs/trap" mylab && sed -i '9s/t:ok/t:kk/' mylab/tests/public.lua
lab 3 ./mylab "$labs/trap/solution"
ok "a claim of the tests that there is not" grep -q "^public.lua:9: t has no 'kk'" err
exit $failed
