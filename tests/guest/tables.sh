#!/bin/bash
# The MP and ACPI tables from a kernel's side, which powers off through them; and the DSDT's bytes against its source.
#
# With iasl (Debian: acpica-tools) the DSDT is compiled and compared; `--update` rewrites sim/dsdt.def from it.
set -u
. tests/guest/tools/images.sh

compiled() { # the table's bytes by iasl, one hexadecimal pair a line, without its sum and the compiler's version
    cp sim/dsdt.asl "$TMPDIR/dsdt.asl" && (cd "$TMPDIR" && iasl dsdt.asl >iasl.out 2>&1) || { cat "$TMPDIR/iasl.out"; return 1; }
    od -An -v -tx1 -w1 "$TMPDIR/dsdt.aml"
}
committed() { tail -n +2 sim/dsdt.def | tr -d ' ,' | sed 's/0x/\n/g' | sed '/^$/d; s/./\L&/g; s/^/ /'; }
stable() { sed '10d; 29,36d'; }
if [ "${1:-}" = --update ]; then
    { head -n 1 sim/dsdt.def; compiled | tr -d '\n' | sed 's/ \(..\)/0x\U\1, /g; s/\(.\{120\}\)/\1\n/g; s/ \n/\n/g; s/ $/\n/'; } \
        >"$TMPDIR/dsdt.def" && mv "$TMPDIR/dsdt.def" sim/dsdt.def
    exit
fi

image tables
ends() { [ "$rc" = 0 ] && diff "$1" "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
run tables native --limit-cycles 1e9
check "tables, native" ends tests/guest/expected/tables.txt
run tables te --limit-cycles 1e9
check "tables of a VM: no APICs" ends <(sed -e '/^MP pointer/s/1$/0/' -e '/^MP pointer/,/^ACPI pointer/{/pointer/!d}' \
    -e '/^APIC/d' tests/guest/expected/tables.txt)
rc=0
same() { diff <(compiled | stable) <(committed | stable); }
if command -v iasl >/dev/null; then check "the DSDT is what iasl makes of its source" same; fi
finish
