#!/bin/bash
# The designs of shadow paging beside each other: the guest sees no difference, the hypervisor's figures tell them apart.
set -u
. tests/guest/tools/images.sh

image switch
image=switch
says() { [ "$rc" = 0 ] && diff tests/guest/expected/switch.txt "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
figures() { # figures CPU [OPTION...]: runs $image, and sets a variable for each figure of the JSON's "shadow"
    local cpu=$1
    shift
    run $image "$cpu" --ram 4M --set vmm.check=1 "$@"
    check "$image, $cpu${*:+ $*}" says
    "$RINGSIDE" run "$TMPDIR/$image.elf" --cpu "$cpu" --ram 4M "$@" -q --json - 2>/dev/null |
        sed -n 's/.*"shadow": {\(.*\)}.*/\1/p' | tr -d ' "' | tr ',:' '\n=' >"$TMPDIR/figures"
    # shellcheck disable=SC1091
    true_=0 && sed -i 's/^true=/true_=/' "$TMPDIR/figures" && . "$TMPDIR/figures"
}
bounded() { [ "$tables_peak" -le "$pool" ] && [ "$bytes_peak" = $((tables_peak * 4096)) ]; }

run switch native
check "switch, native" says
some 3 te bt vtx
for cpu in "${cases[@]}"; do
    figures $cpu --set shadow.cache=0
    dropping=$hidden
    check "$cpu: noncaching, every load of CR3 drops all" [ "$switches" -ge 120 ]
    figures $cpu
    rc="$hidden against $dropping"
    check "$cpu: caching saves 80 % of the hidden faults of two processes" [ $((hidden * 5)) -le "$dropping" ]
    check "$cpu: caching drops nothing" [ "$switches" = 0 ]
    check "$cpu: a table that became a page is released" [ "$released" -ge 1 ]
    check "$cpu: and is not traced for long" [ "$traced" -lt 400 ]
    at_once=$hidden stores=$traced
    check "$cpu: eager validation, on stores" [ "$eager" -ge 48 ]
    figures $cpu --set shadow.eager=0
    rc="$hidden hidden, $at_once with eager validation"
    check "$cpu: without, a hidden fault for each page" [ $((hidden - at_once)) -ge 48 -a "$eager" = 0 ]
    check "$cpu: and as many traced stores" [ "$traced" -ge $((stores - 2)) -a "$traced" -le $((stores + 2)) ]
    figures $cpu --set shadow.pool=16
    check "$cpu: a small pool" bounded
done
figures vtx --set shadow.cache=0 --set shadow.trace=0
check "vtx: a TLB in memory traces nothing" [ "$traced" = 0 ]
rc="$hidden against $dropping"
check "vtx: and hides as many faults as any noncaching design" [ "$hidden" -ge $((dropping * 9 / 10)) ]
# Such a TLB is emptied by every load of CR3
image paging
run paging vtx --set shadow.cache=0 --set shadow.trace=0
check "vtx: paging, with a TLB in memory" diff tests/guest/expected/paging.txt "$TMPDIR/out"
image=switch
# The same with PAE: the saving must be there, too.
object tests/guest/images/switch.c switch_pae -DPAE
link switch_pae scenarios/guests/guest.ld "$entry" "${common[@]}" "$TMPDIR/switch_pae.o"
image=switch_pae
run switch_pae native
check "switch with PAE, native" says
some 3 vtx te bt
for cpu in "${cases[@]}"; do
    figures $cpu --set shadow.cache=0
    dropping=$hidden
    figures $cpu --set shadow.pool=16
    rc="$hidden against $dropping"
    check "$cpu: caching saves 80 % with PAE" [ $((hidden * 5)) -le "$dropping" ]
    check "$cpu: and stores to the page that was a table are not traced" [ "$traced" -lt 400 ]
done
rc=0
# A pool smaller than what the guest uses.
image spaces
some 3 bt vtx te
for cpu in "${cases[@]}"; do
    run spaces $cpu --set shadow.pool=16 --set vmm.check=1
    check "spaces, $cpu: 16 frames do" diff tests/guest/expected/spaces.txt "$TMPDIR/out"
done
finish
