#!/bin/bash
# Oracle: this computer's own processor. Random instructions run in Ringside and in a 32-bit process of the host, and every
# register, defined flag, byte of memory and fault must be the same. What may differ is listed in tests/native/compare.c.
#   NATIVE_SEED (default 1), NATIVE_CASES (default 220000), NATIVE_FIRST: make the same cases again, more, or one
# Exit 77: this host cannot run them.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
native=$(cd "$(dirname "$0")/../.." && pwd)/build/native
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
seed=${NATIVE_SEED:-1}
cases=${NATIVE_CASES:-220000}
first=${NATIVE_FIRST:-0}
part=40000

echo 'probe 90' | "$native/native-exec" >"$work/native" 2>"$work/why" || {
    sed 's/^/skipped: /' "$work/why"
    [ -s "$work/why" ] || echo "skipped: native-exec does not run on this host"
    exit 77
}
echo "seed $seed, cases $first to $((first + cases - 1))"
failed=0
for ((done = 0; done < cases; done += part)); do
    n=$((cases - done < part ? cases - done : part))
    "$native/cases" "$seed" "$n" $((first + done)) >"$work/cases" &&
        "$ringside" exec "$work/cases" >"$work/ours" &&
        "$native/native-exec" <"$work/cases" >"$work/native" || { echo "not ok - could not run part $done"; exit 1; }
    "$native/compare" "$work/cases" "$work/ours" "$work/native" || failed=1
    # The same once more as programs run: out of decoded blocks
    "$ringside" exec --blocks "$work/cases" >"$work/ours" || { echo "not ok - could not run part $done"; exit 1; }
    "$native/compare" "$work/cases" "$work/ours" "$work/native" blocks | grep -v 'let pass'
    [ "${PIPESTATUS[0]}" = 0 ] || failed=1
done
exit $failed
