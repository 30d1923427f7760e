#!/bin/bash
# Ways to be loaded: a kernel linked at C0000000, an ELF without a Multiboot header, and one over the boot loader's GDT.
set -u
. tests/support/ia32.sh
. tests/guest/tools/images.sh

same() { [ "$rc" = 0 ] && diff "tests/guest/expected/$1.txt" "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }

runtime
object tests/guest/images/boot_high.c boot_high
object tests/guest/images/boot_high_entry.S boot_high_entry
link boot_high tests/guest/images/high.ld "$TMPDIR/boot_high_entry.o" "${common[@]}" "$TMPDIR/boot_high.o"
for cpu in native te vtx; do
    run boot_high "$cpu"
    check "kernel at C0000000, $cpu" same boot_high
done

# The same linker script as every guest's, but the header is thrown away.
sed -e 's/KEEP(\*(.multiboot))//' -e 's/\/DISCARD\/ : {/& *(.multiboot)/' scenarios/guests/guest.ld >"$TMPDIR/plain.ld"
object tests/guest/images/boot_bare.c boot_bare
link boot_plain "$TMPDIR/plain.ld" "$entry" "${common[@]}" "$TMPDIR/boot_bare.o"
for cpu in native te vtx; do
    run boot_plain "$cpu"
    check "ELF without Multiboot header, $cpu" same boot_bare
done

object tests/guest/images/boot_low.S boot_low
"$GUEST_CC" -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-Ttext=0x8000 -Wl,-Tdata=0x7000 \
    "$TMPDIR/boot_low.o" -o "$TMPDIR/boot_low.elf" || exit 1
intact() { [ "$rc" = 0 ] && [ "$(cat "$TMPDIR/out")" = low ]; }
for cpu in native te vtx; do
    run boot_low "$cpu"
    check "ELF over the boot loader's GDT, $cpu" intact
done
finish
