#!/bin/bash
# What is installed works where it lies; manual pages are clean and complete; the tarball builds without an IA-32 compiler; the Debian
# package can be made, taken apart and run.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
result() { if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failed=1; fi; }
unset MAKEFLAGS MFLAGS MAKELEVEL MODE DESTDIR PREFIX

# --- make install
make install DESTDIR="$work/a root" PREFIX=/opt/ring >"$work/log" 2>&1 || { cat "$work/log"; echo "not ok - make install"; exit 1; }
mkdir -p "$work/moved" && mv "$work/a root/opt/ring" "$work/moved/here" # found by its own path: it may be moved
inst=$work/moved/here program=$work/moved/here/bin/ringside
away() { (cd "$work" && env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME=/nonexistent "$program" "$@"); }
cmp -s "$program" ./ringside
result "the program is installed" $?
away list >"$work/list" && for s in scenarios/*.lua; do grep -q "^  $(basename "$s" .lua) " "$work/list" || exit 1; done
result "all scenarios are found from anywhere" $?
away run popf -q --json "$work/popf.json" && grep -q '"stop": "exited"' "$work/popf.json"
result "a lesson runs" $?
away run mini -q --json - 2>/dev/null | grep -q '"guest_exit": 0'
result "one with a module does" $?
away quiz tables --seed 7 --solve | grep -q tables
result "a quiz finds its guest" $?
away explain port | grep -q 'lines changed'
result "explain port finds the sources" $?
(cd "$work" && "$program" lab start isa >/dev/null && [ -f isa/README.md ] && [ -f isa/ringside.d.lua ])
result "a lab can be begun" $?
away doctor >/dev/null
result "doctor finds all" $?
for f in bash-completion/completions/ringside zsh/site-functions/_ringside fish/vendor_completions.d/ringside.fish; do
    grep -q ringside "$inst/share/$f" || failed=1
done
bash -c ". '$inst/share/bash-completion/completions/ringside'; COMP_WORDS=(ringside ru); COMP_CWORD=1; _ringside; [ \"\${COMPREPLY[*]}\" = run ]"
result "bash completes from the installed script" $?
make install DESTDIR="$work/students" PREFIX=/usr STAFF=no >/dev/null 2>&1
[ -z "$(find "$work/students" -path '*solution*' -o -path '*hidden/*' -o -name bugs.lua)" ] && [ -f "$work/students/usr/share/ringside/scenarios/labs/isa/lab.lua" ]
result "STAFF=no leaves solutions and hidden tests out" $?
make uninstall DESTDIR="$work/students" PREFIX=/usr >/dev/null 2>&1
[ -z "$(find "$work/students" -type f)" ]
result "make uninstall leaves nothing" $?

# --- manual pages
man=$inst/share/man
for c in $("$ringside" completion words help); do [ -s "$man/man1/ringside-$c.1" ] && [ -s "docs/man/$c.mdoc" ] || { echo "  $c has no page, or no words of its own"; failed=1; }; done
grep -h '^\.Xr ringside' "$man"/man?/* | awk '{ print $2 "." $3 }' | sort -u | while read -r p; do
    [ -s "$man/man${p##*.}/$p" ] || { echo "  $p is referred to and not there"; exit 1; }
done
result "every page that is referred to is there" $?
for o in $("$ringside" run --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
    grep -q "Fl -${o#--}\b" "$man/man1/ringside-run.1" || { echo "  $o is not in ringside-run(1)"; failed=1; }
done
if command -v mandoc >/dev/null; then
    # Debian's mandoc looks for pages that are referred to in the system's own folders only: that was tested above.
    mandoc -T lint "$man"/man?/* | grep -v 'referenced manual not found' | sed 's,.*/,  ,' >"$work/lint"
    [ ! -s "$work/lint" ] || head -n 20 "$work/lint"
    pages=$(ls "$man"/man?/* | wc -l)
    [ ! -s "$work/lint" ]
    result "mandoc has nothing to say about $pages pages" $?
    mandoc -T utf8 "$man/man1/ringside-run.1" | grep -q 'limit-cycles'
    result "and shows them" $?
else
    echo "ok - # SKIP mandoc is not installed"
fi

# --- the tarball, on a host whose compiler makes no 32-bit code: nothing that is there is made anew
make dist >"$work/dist.log" 2>&1 || { cat "$work/dist.log"; echo "not ok - make dist"; exit 1; }
tarball=$(tail -n 1 "$work/dist.log")
mkdir "$work/tree" && tar -xzf "$tarball" -C "$work/tree" --strip-components=1
cat >"$work/cc" <<'END'
#!/bin/sh
for a; do case $a in -m32 | -m16) echo "cc: $a: this compiler makes no 32-bit code" >&2; exit 1 ;; esac; done
exec gcc "$@"
END
chmod +x "$work/cc"
(cd "$work/tree" && make CC="$work/cc" GUEST_CC="$work/cc" guests build/guests/bios_rom.c build/native/native-exec >"$work/hidden.log" 2>&1)
result "the tarball's guests need no IA-32 compiler" $?
(cd "$work/tree" && make -n CC="$work/cc" GUEST_CC="$work/cc" all 2>&1) >"$work/plan"
! grep -Eq -- '-m(32|16)' "$work/plan" && [ "$(grep -c -- '-c -o build/release/' "$work/plan")" -gt 300 ]
result "and the whole plan of make compiles no guest" $?
(cd "$work/tree" && build/native/native-exec </dev/null 2>"$work/native.err")
[ $? = 77 ] && grep -q '32-bit' "$work/native.err"
result "the native oracle says why it is left out" $?
cp ./ringside "$work/tree/ringside"
(cd "$work/tree" && ./ringside run popf -q --json - | grep -q '"stop": "exited"' && ./ringside run mini -q)
result "lessons run on the carried guests" $?
rm "$work/tree/build/guests/popf.elf"
(cd "$work/tree" && make CC="$work/cc" GUEST_CC="$work/cc" build/guests/popf.elf >"$work/log" 2>&1)
[ $? != 0 ] && grep -q 'no 32-bit code' "$work/log"
result "only making a guest anew needs one" $?

# --- the Debian package
if command -v dpkg-buildpackage >/dev/null && dpkg-architecture -qDEB_HOST_ARCH | grep -q 'amd64'; then
    WERROR=-Werror DEB_OBJECTS=build/release make deb >"$work/deb.log" 2>&1
    rc=$?
    [ $rc = 0 ] || tail -n 20 "$work/deb.log"
    result "dpkg-buildpackage makes the package" $rc
    deb=$(realpath build/deb/ringside_*_amd64.deb) staff=$(realpath build/deb/ringside-staff_*_all.deb)
    dpkg-deb -f "$deb" Depends | grep -q 'liblua5.4-0' && dpkg-deb -f "$deb" Depends | grep -q 'libzydis'
    result "it depends on the libraries" $?
    dpkg-deb -x "$deb" "$work/root"
    (cd / && env -i LC_ALL=C.UTF-8 "$work/root/usr/bin/ringside" run popf -q --json - | grep -q '"stop": "exited"')
    result "unpacked, it runs a lesson" $?
    ! find "$work/root" -path '*solution*' | grep -q . && dpkg-deb -c "$staff" | grep -q 'isa/solution/' && ! dpkg-deb -c "$staff" | grep -q 'lab.lua'
    result "solutions are in the package for staff" $?
    (cd "$work/root" && md5sum --quiet -c <(dpkg-deb --ctrl-tarfile "$deb" | tar -xO ./md5sums))
    result "its checksums are right" $?
    rm -rf build/deb
else
    echo "ok - # SKIP dpkg-buildpackage is not installed"
fi
exit $failed
