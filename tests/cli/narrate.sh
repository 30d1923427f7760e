#!/usr/bin/env bash
# run --narrate: a lesson as plain lines in full words, at a prompt or not; and what `tui` does on a terminal without a cursor.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export XDG_STATE_HOME=$tmp/state
failed=0

check() # NAME; the status of the command before
{
    if [ $? -eq 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failed=1; fi
}

LC_ALL=C "$ringside" run popf --narrate >"$tmp/out" 2>"$tmp/err"
check "a lesson is told to its end"
grep -q '^Step 5 of 7\. POPF does not trap\.$' "$tmp/out"
check "its steps are named"
grep -Eq '^Event [0-9]+, cycle [0-9]+\. Guest kernel, ring 1, at popf_insn: popf\. Here the interrupt flag should have become 0 and is 1\. No trap: nobody was told\.$' "$tmp/out"
check "a silent failure in full words"
grep -Eq 'Guest kernel, ring 1, at .*: general protection fault, error code 0, for a port access\. The hypervisor writes [0-9A-F]+ hex to the virtual port 3F8 hex\. It took [0-9]+ cycles\.' "$tmp/out"
check "a visit to the hypervisor in full words"
"$ringside" run rings --narrate >"$tmp/rings" 2>/dev/null
grep -q 'User code, ring 3, at .*: interrupt 80 hex\. The hypervisor delivers interrupt 80 hex to the guest\.' "$tmp/rings" && ! grep -q 'kernel, ring [03]' "$tmp/rings"
check "who is in ring 3 is no kernel, and in ring 0 no guest"
grep -Eq '^These 3 lines [0-9]+ times in all\.$' "$tmp/out"
check "what repeats is told once"
[ "$(grep -c '^Holds: ' "$tmp/out")" -eq "$("$ringside" run popf --json - -q | grep -o '"passed": *true' | wc -l)" ]
check "every expectation is told"
! LC_ALL=C grep -q '[^ -~]' "$tmp/out" && [ ! -s "$tmp/err" ]
check "nothing but ASCII in the C locale, and no control characters"
"$ringside" run popf --narrate >"$tmp/again"
LC_ALL=C "$ringside" run popf --narrate | cmp -s - "$tmp/out"
check "the same every time"

printf '\n\n\n\n\np\ns\nr\nx\nX\ng step:2\nm a\nc\n'"'"' a\ni\nnonsense\nq\n' | "$ringside" run popf --narrate --pause >"$tmp/out"
check "at a prompt"
grep -q '^What will happen' "$tmp/out" || grep -q 'Step 5 of 7\. What will happen?' "$tmp/out"
check "a question waits"
awk '/^Question/ { q = NR } /Answer: C/ { a = NR } /POPF below ring 0/ { n = NR } END { exit !(q && a > q && n > a) }' "$tmp/out"
check "the answer comes behind p, the words behind the answer"
grep -q 'At mark a\.' "$tmp/out" && grep -q 'Back at event' "$tmp/out" && grep -q '^> That does nothing here' "$tmp/out"
check "back, marks, and what is not understood"

TERM=dumb "$ringside" tui popf </dev/null >"$tmp/out" 2>&1
check "tui on a dumb terminal tells instead"
grep -q '^POPF loses the interrupt flag$' "$tmp/out"
check "and begins with the title"
"$ringside" run "$(dirname "$ringside")/build/guests/popf.elf" --narrate >"$tmp/out"
check "an image, too"
printf 'local s = scenario { title = "t", machine = { guest = "popf" } }\ns:step "a" { run = till.label "kmain", expect = function(vm) expect.eq(1, 2) end }\nreturn s\n' >"$tmp/bad.lua"
(cd "$(dirname "$ringside")" && "$ringside" run "$tmp/bad.lua" --narrate >"$tmp/out")
[ $? -eq 1 ] && grep -q '^Failed: bad.lua:2' "$tmp/out"
check "a claim that fails: said, and exit code 1"
exit $failed
