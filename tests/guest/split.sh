#!/bin/bash
# What a service domain does for its guests beside disks' requests (tests/unit/machine_split_test.c) and the network (net.sh): consoles, several disks.
set -u
. tests/guest/tools/images.sh

img=build/guests/mini.img
split() { # split VMS OPTION...: leaves $TMPDIR/out.N
    local vms=$1
    shift
    rm -f "$TMPDIR"/out.*
    "$RINGSIDE" run build/guests/mini-pv.elf --cpu pv --io split --vms "$vms" --ram 16M --disk $img -q --limit-cycles 3e9 --serial "$TMPDIR/out" "$@" \
        2>"$TMPDIR/err" </dev/null
    rc=$?
}
same() { [ "$rc" = 0 ] && cmp "$TMPDIR/one" "$TMPDIR/out.1" && cmp "$TMPDIR/two" "$TMPDIR/out.2"; }
but_for() { [ "$rc" = 0 ] && diff "$TMPDIR/one" <(grep -v 'other end is a new one' "$TMPDIR/out.1") && diff "$TMPDIR/two" <(grep -v 'other end is a new one' "$TMPDIR/out.2"); }

script='run="ls; cat motd README; ls bin; halt"'
split 3 --append "$script"
cp "$TMPDIR/out.1" "$TMPDIR/one"; cp "$TMPDIR/out.2" "$TMPDIR/two"
split 3 --append "$script" --set split.console=1
check "a guest's console says the same, whoever is at its other end" same
for chance in 1 2 9 17; do
    split 3 --append "crash=$chance $script" --set split.console=1
    check "  and with a back end that dies at its chance $chance" but_for
    check "  which it did" grep -q 'the back end dies' "$TMPDIR/out.0"
done
split 3 --append "die=150 $script" --set split.console=1
check "  and with a service domain that dies" but_for

printf 'cat motd\n\0012ls\nhalt\n\0017\0011echo again\nhalt\n' >"$TMPDIR/typed"
split 3 --set split.console=1 --serial-in "$TMPDIR/typed"
check "what is typed is one guest's, until another is chosen" grep -q 'Welcome to mini' "$TMPDIR/out.1"
check "  and then his" grep -qx 'README' "$TMPDIR/out.2"
check "  and not both's" [ "$(grep -c 'Welcome' "$TMPDIR/out.2") $(grep -cx 'README' "$TMPDIR/out.1")" = "0 0" ]
check "  one can come back, and nobody is nobody" grep -q 'again$' "$TMPDIR/out.1"

perl -e 'print "\0" x (512 * 256)' >"$TMPDIR/blank.img"
script='run="disk; disk fill 1 7; disk sum 1; disk sum 0; disk copy 0 1; disk sum 1; disk fill 0 1; ls; halt"'
"$RINGSIDE" run build/guests/mini.elf --disk $img --disk "$TMPDIR/blank.img" --append "disks=2 $script" -q --serial "$TMPDIR/one" 2>"$TMPDIR/err"
check "two disks of a bare machine" grep -q '^disk: 256 sectors copied' "$TMPDIR/one"
cp "$TMPDIR/one" "$TMPDIR/two"
split 3 --disk "$TMPDIR/blank.img" --append "$script"
check "two disks of each guest are the same" same
for chance in 100 401; do
    split 3 --disk "$TMPDIR/blank.img" --append "crash=$chance $script"
    check "  and with a back end that dies at its chance $chance" but_for
    check "  both rings begin anew" [ "$(grep -c 'the disk.s other end is a new one' "$TMPDIR/out.1")" = 2 ]
done
img=$TMPDIR/blank.img
split 3 --disk build/guests/mini.img --append 'root=1 run="ls; halt"'
check "files on the second disk" grep -qx README "$TMPDIR/out.2"
finish
