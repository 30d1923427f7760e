#!/bin/bash
# Trap-and-emulate item by item: what can be repaired is, what cannot be stays wrong and is detected; the what-ifs repair the rest.
set -u
. tests/guest/tools/images.sh
expected=tests/guest/expected/deprivileged.txt

image deprivileged
good() { [ "$rc" = 0 ] && diff "$expected" "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
for cpu in native bt vtx "te --set cpu.virtualizable=1" "te --mmu two-level --set cpu.virtualizable=1"; do
    # shellcheck disable=SC2086
    run deprivileged $cpu
    check "all as on bare hardware, $cpu" good
done

# wrong WORD...: just the silent lines about these differ
wrong() { diff "$expected" "$TMPDIR/out" | sed -n 's/^> silent \([a-z]*\).*/\1/p; /^> silent/!s/^>/unlooked-for/p' | sort | tr '\n' ' ' | grep -qx "$(printf '%s\n' "$@" | sort | tr '\n' ' ')"; }
told() { # told WORD...: the detector reports each
    local word
    for word in "$@"; do grep -q "\"insn\": \"$word\"" "$TMPDIR/json" || { echo "# $word is not reported"; return 1; }; done
}
# VERR and VERW ask for no ring here: a descriptor of DPL 1 answers ring 1 as one of DPL 0 would ring 0 (sens19 has other cases).
state="sgdt sidt sldt smsw str" rest="iret lar lsl pop popf push pushf"
run deprivileged te --json "$TMPDIR/json"
# shellcheck disable=SC2086
check "te: rows 1 to 12 are wrong, nothing else is" wrong $state $rest
# shellcheck disable=SC2086
check "te: each is detected" told $state $rest
run deprivileged te --set cpu.umip=1 --json "$TMPDIR/json"
# shellcheck disable=SC2086
check "te: UMIP repairs rows 1 to 5" wrong $rest
# shellcheck disable=SC2086
check "te: and they are detected no more" sh -c "! grep -Eq '\"insn\": \"(${state// /|})\"' $TMPDIR/json"
finish
