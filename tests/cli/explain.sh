#!/bin/bash
# `ringside explain`: pages from the tables, and the port counted from the sources.
. "$(dirname "$0")/../support/cli.sh"
explain() { timeout 60 "$ringside" explain "$@" >out 2>err </dev/null || { echo "not ok - explain $*: $(head -n 1 err)"; failed=1; }; }
has() { grep -Eq -- "$1" out; }

explain popf
ok "an instruction: its rule" has 'CPL <= IOPL'
ok "its cost, with the source" has 'insn.popf: 70 cycles'
explain popf --set cost.insn.popf=7
ok "as --set has it" has 'insn.popf: 7 cycles'
explain mov
ok "the plain row of a word first" sh -c 'grep -m 1 "(row" out | grep -q "(row MOV)" && grep -q "(row MOV_CR)" out'
explain faddp
ok "the faults of its group" has '#NM if CR0.EM or CR0.TS is set'
explain page-fault
ok "an exit reason" has '^page-fault: exit reason'
explain inject
ok "a word of two tables: both pages" sh -c 'grep -q "^inject: cause" out && grep -q "^inject: event" out'
explain vmm.dispatch
ok "a cost row" has 'cost.vmm.dispatch=N'
explain bt.unit
ok "a setting, with its bounds" has 'from 1 to 64; 12'
explain triple-fault
ok "a death" has '^triple-fault: death'
explain mmu_update
ok "a hypercall, with its number" has 'number 1 in EAX, 4 arguments'
explain keys
ok "the terminal's keys, every one once" sh -c '[ "$(grep -c "^  [^ ]" out)" -ge 60 ] && grep -q "^  s Space Right F7  *step one instruction" out'
ok "in 80 columns" [ "$(LC_ALL=C.UTF-8 wc -L <out)" -le 80 ]
explain PgDn
ok "one key" sh -c 'grep -q "^PgDn: key" out && grep -q "the lesson.s next step" out'
explain b
ok "which is not the one with a capital" sh -c 'grep -q "^b: key" out && ! grep -q "list the stop points" out'
explain jnz
ok "an instruction by another of its names" sh -c 'grep -q "^jnz is an instruction of the row" out && grep -q "^jcc: instruction" out'
ok "and its condition" has 'the condition of jnz: ZF = 0'
explain setle
ok "in all of its flags" has 'ZF = 1, or SF and OF differ'
for w in je setae cmovnle movsd stosb popfd pushad lgs sal faddp fstp loopz iretd insb; do explain $w; has ': instruction$' || { echo "  $w"; failed=1; }; done
explain shadow page tables
ok "a term, in several words" has '^shadow-page-table: term'
explain '#PF'
ok "an exception" has 'CR2 has the address'
explain ept-violation
ok "a reason of VMX" has 'basic exit reason 48'
"$ringside" explain jzz >out 2>err </dev/null
ok "no instruction, no term" [ $? = 2 ]
explain terms
ok "the glossary" sh -c '[ "$(grep -c "^[^ ]" out)" -ge 90 ]'
ok "in 80 columns, too" [ "$(LC_ALL=C.UTF-8 wc -L <out)" -le 80 ]
# A row must not hide another: each of its words leads to one term.
LC_ALL=C awk -F'"' '/^TERM\(/ { n = split($2 " " $4, w, " "); for (i = 1; i <= n; i++) if (seen[tolower(w[i])]++) { print "  twice: " w[i]; bad = 1 } } END { exit bad }' "$root/sim/term.def"
ok "no word stands for two terms" [ $? = 0 ]
"$ringside" completion words explain | while read -r w; do "$ringside" explain "$w" >page 2>&1 && [ "$(wc -l <page)" -ge 2 ] || { echo "  $w: no page"; exit 1; }; done
ok "every word that is offered has a page" [ $? = 0 ]
explain
ok "terms are among the words" has 'paravirtualization event-channel'
ok "fits 80 columns" [ "$(LC_ALL=C.UTF-8 wc -L <out)" -le 80 ]

if [ -d "$root/scenarios/guests/mini" ]; then
    explain port
    lines=$(sed -n 's/^The port of mini: \([0-9]*\) lines changed.*/\1/p' out)
    # Counted here in another way: the files of MINI_PV and the headers that only they include.
    own=$(cd "$root/scenarios/guests/mini" && cat arch_pv.S arch_pv.c console_pv.c disk_pv.c net_pv.c front.c grant.c store_wire.c store_client.c suspend.c pv.h xen.h service.h ring.h blkif.h netif.h store.h |
          awk '/^[ \t]*$/ || /^[ \t]*\/\// { next } { n++ } END { print n }')
    ok "the port: $lines lines, counted twice" [ "$lines" = "$own" ]
    ok "against the whole" has 'lines changed \(written in place of [0-9]+\) of [0-9]+ in all'
fi
exit $failed
