#!/bin/sh
# Sees that everything needed to build, run and test is here. Silent and quick when it is.
#
# With apt-get: ask dpkg which packages of the table are missing, say which and why, install them (as root, or through
# sudo). Nothing is remembered between runs, so a package removed later is noticed; the question costs milliseconds.
# Without apt-get: find out by really compiling and linking, then name what is missing. Exit 6 if anything is.
# From the Makefile: CC, CLANG, PROBE_FLAGS (includes), PROBE_LIBS.
set -u

# package | what it is elsewhere | what it is for
table() {
    cat <<'END'
gcc|the GNU C compiler|compiles the simulator, and the guests with -m32
make|GNU make|builds everything
libc6-dev|the C library's headers|needed by every C program
clang|the clang compiler|the second compiler of make check
libclang-rt-dev|clang's run-time libraries|the sanitizers of make check (gcc takes longer to compile its own), and make fuzz
binutils|GNU as, ld and objdump|assemble and link the guests
libzydis-dev|Zydis 4, headers and library|decodes and disassembles IA-32 instructions
libncurses-dev|ncurses (wide) and panel, headers and libraries|the terminal screens
liblua5.4-dev|Lua 5.4, headers and library|scenarios are Lua scripts
libcmocka-dev|cmocka, headers and library|the unit tests
libvterm-dev|libvterm, headers and library|reads screens back in the tests
libdw-dev|elfutils' libdw, headers and library|shows guests' source lines
libjansson-dev|jansson, headers and library|reads and writes JSON for editors (run --dap)
zlib1g-dev|zlib, headers and library|trace files
graphviz|Graphviz (the program dot)|draws .dot diagrams as PDF and PNG
librsvg2-bin|librsvg's rsvg-convert|turns SVG diagrams into PNG and PDF
fonts-dejavu-core|the DejaVu fonts|the lettering of diagrams
gdb|the GNU debugger|tests the GDB server
mandoc|mandoc, the manual-page compiler|checks the manual pages
dpkg-dev|dpkg-buildpackage|the Debian package is made by it
END
}

say() { printf 'ringside: %s\n' "$*" >&2; }

explain() { # explain PACKAGE...: one line each, what and why
    for p in "$@"; do
        table | awk -F '|' -v p="$p" '$1 == p { printf "  %-18s %s: %s\n", $1, $2, $3 }' >&2
    done
}

missing_packages() {
    packages=$(table | cut -d '|' -f 1)
    # shellcheck disable=SC2086
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages 2>/dev/null |
        awk -v all="$(echo $packages)" '
            $2 == "installed" { have[$1] = 1 }
            END { n = split(all, p, " "); for (i = 1; i <= n; i++) if (!(p[i] in have)) print p[i] }'
}

apt_get() { # as whoever may; $become is empty or sudo
    $become env DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null >&2
}

with_apt() {
    missing=$(echo $(missing_packages))
    [ -z "$missing" ] && return 0
    say "these Debian packages are missing:"
    explain $missing
    command="apt-get install -y --no-install-recommends $missing"
    become=
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            say "installing them needs root, and there is no sudo here; as root, run:"
            say "    apt-get update && $command"
            return 6
        fi
        become=sudo
    fi
    say "installing them now: ${become:+sudo }$command"
    # Package lists may be absent (a fresh container) or stale (a version gone from the mirror): then fetch them.
    fresh=
    if ! apt-get --simulate install --no-install-recommends $missing >/dev/null 2>&1; then
        fresh=yes
        say "fetching the package lists first: ${become:+sudo }apt-get update"
        apt_get update || say "apt-get update failed; trying with the lists there are"
    fi
    if ! apt_get install -y --no-install-recommends $missing; then
        if [ -z "$fresh" ]; then
            say "that failed; once more with fresh package lists"
            apt_get update && apt_get install -y --no-install-recommends $missing
        fi
    fi
    missing=$(echo $(missing_packages))
    if [ -n "$missing" ]; then
        say "could not install: $missing"
        say "see apt-get's message above; when it is mended, run as root:  apt-get update && apt-get install $missing"
        return 6
    fi
    say "all prerequisites are installed"
}

# ---- without apt-get ------------------------------------------------------------------------------------------------

probe_link() { # probe_link LIBS HEADER...: does a program with these headers compile and link?
    libs=$1
    shift
    for h in stdarg.h stddef.h stdint.h setjmp.h "$@"; do printf '#include <%s>\n' "$h"; done > "$work/p.c"
    echo 'int main(void) { return 0; }' >> "$work/p.c"
    # shellcheck disable=SC2086
    $CC ${PROBE_FLAGS-} -o "$work/p" "$work/p.c" $libs >/dev/null 2>&1
}

probe_guest() { # can this compiler and assembler make IA-32 code without a C library?
    printf '#include <stdint.h>\n#include <stddef.h>\nuint32_t x; size_t y;\n' > "$work/g.c"
    $CC -m32 -ffreestanding -c -o "$work/g.o" "$work/g.c" >/dev/null 2>&1
}

has() { command -v "$1" >/dev/null 2>&1; }

library() { # library PACKAGE LIBRARY HEADER...: note PACKAGE if LIBRARY cannot be used
    p=$1
    # Its linker flags as the Makefile found them (-llua5.4 here, -llua there)
    l=$(printf '%s\n' ${PROBE_LIBS-} | grep -E "^-(L.*|l$2)\$" | tr '\n' ' ')
    shift 2
    probe_link "$l" "$@" || lacking="$lacking $p"
}

without_apt() {
    work=$(mktemp -d) || return 6
    trap 'rm -rf "$work"' EXIT
    lacking=
    has "${CC%% *}" || lacking="$lacking gcc"
    has "${CLANG%% *}" || lacking="$lacking clang"
    { has as && has ld && has objdump; } || lacking="$lacking binutils"
    has dot || lacking="$lacking graphviz"
    has rsvg-convert || lacking="$lacking librsvg2-bin"
    all="Zydis/Zydis.h curses.h panel.h lua.h lauxlib.h lualib.h cmocka.h vterm.h zlib.h jansson.h"
    # One program that uses everything answers at once; only when it fails is each library asked alone.
    case $lacking in
    *gcc*) lacking="$lacking libc6-dev libzydis-dev libncurses-dev liblua5.4-dev libcmocka-dev libvterm-dev"
        lacking="$lacking zlib1g-dev libjansson-dev" ;;
    *) if ! probe_link "${PROBE_LIBS-} -lz" $all; then
            probe_link "" stdio.h stdlib.h || lacking="$lacking libc6-dev"
            library libzydis-dev 'Zy.*' Zydis/Zydis.h
            library libncurses-dev '(ncurses|panel|tinfo).*' curses.h panel.h
            library liblua5.4-dev 'lua.*' lua.h lauxlib.h lualib.h
            library libcmocka-dev 'cmocka.*' cmocka.h
            library libvterm-dev 'vterm.*' vterm.h
            library libjansson-dev jansson jansson.h
            probe_link -lz zlib.h || lacking="$lacking zlib1g-dev"
        fi ;;
    esac
    m32=
    case $lacking in *gcc*) ;; *) probe_guest || m32=no ;; esac
    [ -z "$lacking$m32" ] && return 0
    say "there is no apt-get here to install with, and something is missing:"
    [ -z "$lacking" ] || explain $lacking
    if [ -n "$m32" ]; then
        say "'$CC -m32 -ffreestanding' cannot make IA-32 code, which the guests are; use an x86 gcc, or a"
        say "tarball made by 'make dist', which carries the guests built"
    fi
    say "install these with your package manager, then run make again; the complete list, by Debian's names:"
    explain $(table | cut -d '|' -f 1)
    return 6
}

CC=${CC:-gcc}
CLANG=${CLANG:-clang}
if command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1; then
    with_apt
else
    without_apt
fi
