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
explain
words=$(grep -v '^[a-z ]*: ' out)
ok "every word that is listed has a page" sh -c 'for w in '"$(echo $words)"'; do "$0" explain "$w" >/dev/null || exit 1; done' "$ringside"
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
