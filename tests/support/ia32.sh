# For scripts that assemble guests of their own, to be read at their beginning: on a host whose compiler makes no IA-32 code they are left out, and
# the runner says why (exit 77). Guests that the tarball carries are tested by all others.
if ! echo 'int x;' | "${GUEST_CC:-gcc}" -m32 -x c -c -o /dev/null - 2>/dev/null; then
    echo "no compiler here makes IA-32 code, of which this test's guests are made"
    exit 77
fi
