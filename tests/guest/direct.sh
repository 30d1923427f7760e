#!/bin/bash
# Direct paging from the outside: a demand page fault is exactly two entries to the hypervisor, the fault and the update. Two runs that
# differ in nothing but 40 pages are compared; interrupts, which come by the clock, are left out, and the clock's ticks, which the guest
# answers by two hypercalls, are rare: the model is the one that takes the least time.
set -u
. tests/guest/tools/images.sh

obj=build/guests/obj bin=build/guests/obj/mini/bin
object tests/guest/images/demand.c demand
# shellcheck disable=SC2086
"$GUEST_CC" $ldflags -Wl,-T,scenarios/guests/mini/user/user.ld -s "$TMPDIR/demand.o" $obj/mini/user/start.S.o $obj/mini/user/user.c.o \
    $obj/mini/text.c.o $obj/lib/memory.c.o -o "$TMPDIR/demand" || exit 1
$obj/mini/mkfs "$TMPDIR/demand.img" 1024 bin/init=$bin/init bin/sh=$bin/sh bin/halt=$bin/halt "bin/demand=$TMPDIR/demand" >/dev/null || exit 1

entries() { # entries KERNEL PAGES OPTION...: exits by reason into $TMPDIR/exits, "reason count" a line
    local kernel=$1 pages=$2
    shift 2
    "$RINGSIDE" run "build/guests/$kernel.elf" --module "$TMPDIR/demand.img" --append "run=\"demand $pages; halt\"" -q --set vmm.check=1 "$@" \
        --json - 2>"$TMPDIR/err" >"$TMPDIR/json"
    rc=$?
    grep -q "$pages pages, $pages" "$TMPDIR/json" || rc=1
    sed -n 's/.*"exits": {"total": [0-9]*, "by_reason": {\(.*\)}},.*/\1/p' "$TMPDIR/json" | sed 's/}, /\n/g' |
        sed 's/"\([^"]*\)": {"count": \([0-9]*\).*/\1 \2/' | grep -v '^irq ' >"$TMPDIR/exits"
}
more() { # more KERNEL OPTION...: what 50 pages cost more than 10 do, for each
    entries "$1" 10 "${@:2}" && cp "$TMPDIR/exits" "$TMPDIR/few" && entries "$1" 50 "${@:2}" &&
        awk 'NR == FNR { few[$1] = $2; next } { d = ($2 - few[$1]) / 40; if (d) printf "%s %s\n", $1, d }' "$TMPDIR/few" "$TMPDIR/exits" | sort >"$TMPDIR/each"
}
more mini-pv --cpu pv --model ideal
check "pv: a demand page fault is two entries: the fault, and a hypercall that maps the page" [ "$(cat "$TMPDIR/each")" = "hypercall 1
page-fault 1" ]
sed 's/^/# /' "$TMPDIR/each"
more mini-pae-pv --cpu pv --model ideal
check "pv with PAE: the same two" [ "$(cat "$TMPDIR/each")" = "hypercall 1
page-fault 1" ]
more mini --cpu vtx
check "vtx on shadows: a fault for the guest, a traced store or a hidden fault" awk '$1 == "page-fault" && $2 >= 2 { ok = 1 } END { exit !ok }' "$TMPDIR/each"
sed 's/^/# /' "$TMPDIR/each"
finish
