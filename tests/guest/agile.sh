#!/bin/bash
# Agile paging and guests that page with PAE, or store where R/W forbids it (CR0.WP clear): what they see is what they see bare, and walks
# begin in shadows for them, too, with as many entries read as the places where they switch say.
set -u
. tests/guest/tools/images.sh

often=(--mmu agile --set agile.writes=1 --set agile.period=20 --set vmm.check=1)
same() { [ "$rc" = 0 ] && diff "tests/guest/expected/$1.txt" "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
names="paging pae spaces recursive stores"
sanitized && names="pae recursive"
for name in $names; do
    image $name
    if ! sanitized; then
        run $name vtx "${often[@]}"
        check "$name" same $name
    fi
    run $name vtx "${often[@]}" --set agile.writes=2 --set shadow.pool=20 --set ept.pool=40
    check "$name, few frames" same $name
done

object tests/guest/images/switch.c switch_pae -DPAE
link switch_pae scenarios/guests/guest.ld "$entry" "${common[@]}" "$TMPDIR/switch_pae.o"
walks() { # walks OPTION...: runs it, and sets walk_K and refs_K to the walks that switched at level K (0: none did) and what they read
    run switch_pae vtx --mmu agile --ram 4M --set vmm.check=1 "$@"
    check "switch with PAE $*" same switch
    "$RINGSIDE" run "$TMPDIR/switch_pae.elf" --cpu vtx --mmu agile --ram 4M "$@" -q --json "$TMPDIR/json" >/dev/null 2>&1
    # shellcheck disable=SC2046
    set -- $(sed -n 's/.*"agile": {.*\[\(.*\)\].*/\1/p' "$TMPDIR/json" | tr -c '0-9\n' ' ')
    walk_0=${1:-0} refs_0=${2:-0} walk_1=${3:-0} refs_1=${4:-0} walk_2=${5:-0} refs_2=${6:-0}
    rc="in shadows $walk_0 ($refs_0 entries), from level 1 $walk_1 ($refs_1), from level 2 $walk_2 ($refs_2)"
}
walks --set agile.writes=0
check "with PAE all shadowed: 2 entries a walk" [ "$walk_0" -gt 1000 -a "$refs_0" = $((2 * walk_0)) -a "$walk_1" = 0 -a "$walk_2" = 0 ]
walks --set agile.period=0
check "a table is its own: 1 + 5" [ "$walk_1" -gt 40 -a "$refs_1" = $((6 * walk_1)) -a "$refs_0" = $((2 * walk_0)) ]
walks --set agile.writes=1 --set agile.period=0
check "a directory is, by its PDPTE: 2 * 5" [ "$walk_2" -gt 0 -a "$refs_2" = $((10 * walk_2)) ]
walks --set mmu.second=2 --set agile.period=0
check "over two levels: 1 + 3" [ "$walk_1" -gt 40 -a "$refs_1" = $((4 * walk_1)) ]
finish
