#!/bin/bash
# A disk image behind IDE: a guest with a driver of its own says the same bare, under the hypervisor and elsewhere; what
# it wrote is kept or not as asked; images that are none are refused.
set -u
. tests/guest/tools/images.sh

said() { [ "$rc" = "$1" ] && grep -q "$2" "$TMPDIR/err"; } # said EXIT TEXT
good() { [ "$rc" = 0 ] && diff tests/guest/expected/disk.txt "$TMPDIR/out" | sed 's/^/# /' && [ "${PIPESTATUS[0]}" = 0 ]; }
unchanged() { cmp "$TMPDIR/disk.img" "$TMPDIR/master.img"; }
# Sectors 200-201, 300-303, 2000-2007 and 3000 differ, and no others.
changed() {
    cmp -l "$TMPDIR/disk.img" "$TMPDIR/master.img" | awk '{ n[int(($1 - 1) / 512)] } END { for (s in n) print s }' |
        sort -n | tr '\n' ' ' | diff - <(printf '200 201 300 301 302 303 2000 2001 2002 2003 2004 2005 2006 2007 3000 ')
}

image disk
numbered >"$TMPDIR/master.img"
cp "$TMPDIR/master.img" "$TMPDIR/disk.img"
for cpu in native te vtx; do
    run disk "$cpu" --disk "$TMPDIR/disk.img"
    check "disk, $cpu" good
done
check "the image is as it was" unchanged
for more in "--model ideal" "--set cost.disk.seek_ns=8500000"; do
    # shellcheck disable=SC2086
    run disk native --disk "$TMPDIR/disk.img" $more
    check "disk, $more" good
done

# --- images
again() { # again OPTION...: like run disk native, but with its report in err
    "$RINGSIDE" run "$TMPDIR/disk.elf" --serial null "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
    rc=$?
}
refused() { # refused TEXT OPTION...
    local text=$1
    shift
    timeout 10 "$RINGSIDE" run "$TMPDIR/disk.elf" "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
    rc=$?
    check "$text" [ $rc = 3 ]
    check "$text: in one line" [ "$(wc -l <"$TMPDIR/err")" = 1 ]
}
again --disk "$TMPDIR/disk.img"
check "the report says what was written" said 0 'disk.img: 4,032 sectors; 15 written, not kept'
again --disk "$TMPDIR/disk.img" --set disk.write=1 --limit-cycles 20M
check "a run cut short" said 5 'written, not kept'
check "keeps nothing" unchanged
ln -s disk.img "$TMPDIR/link.img"
chmod 640 "$TMPDIR/disk.img"
again --disk "$TMPDIR/link.img" --set disk.write=1 --json "$TMPDIR/json"
check "disk.write=1 keeps it" said 0 '15 written, kept'
check "just what was written" changed
check "the link is still one, and the mode as it was" [ "$(stat -L -c %a "$TMPDIR/link.img")$(stat -c %F "$TMPDIR/link.img")" = '640symbolic link' ]
check "in the results, too" grep -q '"sectors": 4032, "padding": 0, "written": 15, "kept": true' "$TMPDIR/json"
check "nothing is left beside it" [ "$(find "$TMPDIR" -name '*.part.*' | wc -l)" = 0 ]
id() { "$RINGSIDE" run "$TMPDIR/disk.elf" --disk "$1" -q --json - | grep run_id; }
check "the image is part of the run's identity" [ "$(id "$TMPDIR/disk.img")" != "$(id "$TMPDIR/master.img")" ]
head -c 1000 "$TMPDIR/master.img" >"$TMPDIR/odd.img"
again --disk "$TMPDIR/odd.img" --limit-cycles 1M
check "a last sector that is not whole" said 5 'odd.img: 2 sectors, the last one filled up with 24 zero bytes'
: >"$TMPDIR/empty.img"
mkfifo "$TMPDIR/pipe.img"
refused "an empty image" --disk "$TMPDIR/empty.img"
refused "a directory" --disk "$TMPDIR"
refused "a pipe" --disk "$TMPDIR/pipe.img"
refused "a device" --disk /dev/zero
refused "no file" --disk "$TMPDIR/nowhere.img"
i="--disk=$TMPDIR/disk.img"
again "$i" "$i" "$i" "$i" "$i"
check "a fifth disk" said 2 'has 4 drives'
again "$i" "$i" "$i" "$i"
check "four disks; the second drive answers now" said 0 'disk.img'
again "$i" --set disk.write=yes
check "disk.write=yes" said 2 '1 keeps'

finish
