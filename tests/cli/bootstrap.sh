#!/bin/sh
# The prerequisites step, branch by branch, in a PATH that holds only what each case puts there: fake apt-get, sudo,
# dpkg-query and id write down what they were asked, and a state file says which packages are "installed".
set -u
root=$(pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
all="gcc make libc6-dev clang libclang-rt-dev binutils libzydis-dev libncurses-dev liblua5.4-dev libjansson-dev libcmocka-dev libvterm-dev zlib1g-dev
     libdw-dev graphviz librsvg2-bin fonts-dejavu-core gdb mandoc dpkg-dev"

fake() { # fake NAME: the body comes on standard input
    { echo '#!/bin/sh'; cat; } > "$bin/$1"
    chmod +x "$bin/$1"
}

# The program itself, not a compiler cache's link of that name: that one would look for the compiler in a PATH where there is only itself.
real_of() {
    (IFS=:
    for d in $PATH; do
        [ -x "$d/$1" ] && [ ! -d "$d/$1" ] || continue
        case $(readlink -f "$d/$1") in */ccache | */sccache | */distcc | */icecc) continue ;; esac
        echo "$d/$1"
        exit 0
    done
    exit 1)
}

borrow() { # borrow PROGRAM...: let the real ones be found
    for p in "$@"; do
        real=$(real_of "$p") || { echo "not ok - this test needs $p"; exit 1; }
        ln -sf "$real" "$bin/$p"
    done
}

world() { # world UID MISSING...: a Debian where everything but MISSING is installed
    rm -rf "$work/w"
    mkdir -p "$work/w/path with spaces"
    bin="$work/w/path with spaces"
    export STATE="$work/w/installed" LOG="$work/w/log" APT_MODE=good
    : > "$LOG"
    printf '%s\n' $all > "$STATE"
    uid=$1
    shift
    for p in "$@"; do sed -i "/^$p\$/d" "$STATE"; done
    borrow sh awk cat cut env sed mktemp rm grep tr printf
    echo "echo $uid" | fake id
    fake dpkg-query <<'END'
for p in "$@"; do grep -q "^$p\$" "$STATE" && echo "$p installed"; done
exit 0
END
    fake apt-get <<'END'
echo "apt-get $* [$DEBIAN_FRONTEND]" >> "$LOG"
case "$APT_MODE $*" in
*--simulate*) [ "$APT_MODE" != nolists ] || grep -q '^apt-get update' "$LOG" ;;
"stale install"*) grep -q '^apt-get update' "$LOG" || exit 100; for p in "$@"; do echo "$p"; done >> "$STATE" ;;
"broken install"*) echo "E: no network" >&2; exit 100 ;;
*" install"*) for p in "$@"; do echo "$p"; done >> "$STATE" ;;
esac
END
    fake sudo <<'END'
echo "sudo $*" >> "$LOG"
exec "$@"
END
}

run() { # run the script in that world; out, rc
    out=$(PATH="$bin" sh "$root/tests/tools/prerequisites.sh" 2>&1)
    rc=$?
}

check() { # check NAME WANTED_EXIT PATTERN...: exit code, and each pattern in the output or the log ("!x": must not be)
    name=$1; good=1
    [ "$rc" = "$2" ] || good=0
    shift 2
    for want in "$@"; do
        case $want in
        !*) { printf '%s\n' "$out"; cat "$LOG"; } | grep -q -- "${want#!}" && good=0 ;;
        *) { printf '%s\n' "$out"; cat "$LOG"; } | grep -q -- "$want" || good=0 ;;
        esac
    done
    if [ $good = 1 ]; then echo "ok - $name"; return; fi
    echo "not ok - $name (exit $rc)"; printf '%s\n' "$out"; sed 's/^/  log: /' "$LOG"
    failed=1
}

unset DEBIAN_FRONTEND
world 0; run
check "nothing missing: silent, apt-get not called" 0 '!.'

world 0 graphviz libzydis-dev; run
check "root: names what is missing and why, installs it, asks no questions" 0 'libzydis-dev .*decodes' \
    'graphviz .*draws' '^apt-get install -y --no-install-recommends libzydis-dev graphviz \[noninteractive\]' \
    '!^sudo' '!apt-get update' '!cmocka'
run
check "and the second time there is nothing to say" 0 '!ringside:'
sed -i /libvterm-dev/d "$STATE"; : > "$LOG"; run
check "a package removed later is noticed" 0 '^apt-get install .* libvterm-dev'

world 0 graphviz; APT_MODE=nolists; run
check "no package lists: fetched first" 0 '^apt-get update' '^apt-get install -y'
world 0 graphviz; APT_MODE=stale; run
check "stale package lists: fetched, tried again" 0 '^apt-get update' 'once more'
world 0 graphviz; APT_MODE=broken; run
check "installation fails: clear error, exit 6" 6 'could not install: graphviz' 'E: no network'

world 1000 libcmocka-dev; run
check "not root: through sudo, and says so" 0 'installing them now: sudo apt-get' \
    '^sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libcmocka-dev'
world 1000 libcmocka-dev; rm "$bin/sudo"; run
check "neither root nor sudo: the exact command, exit 6" 6 'no sudo' \
    'apt-get update && apt-get install -y --no-install-recommends libcmocka-dev' '!^apt-get install'

# ---- a system without apt-get: everything is found out by compiling ----
no_apt() {
    world 0
    rm "$bin/apt-get" "$bin/sudo" "$bin/dpkg-query"
    borrow gcc clang as ld objdump dot rsvg-convert
    CC=gcc CLANG=clang PROBE_FLAGS="-std=c17 -D_GNU_SOURCE -isystem /usr/include/lua5.4"
    PROBE_LIBS="-lcmocka -lvterm -lZydis -lpanelw -lncursesw -llua5.4 -lm"
    export CC CLANG PROBE_FLAGS PROBE_LIBS
}
no_apt; run
check "no apt-get, all there: silent" 0 '!.'
no_apt; rm "$bin/dot"; run
check "no apt-get, no dot: package list, exit 6" 6 'no apt-get' 'graphviz .*Graphviz' 'complete list' 'libvterm-dev'
no_apt; rm "$bin/clang" "$bin/objdump"; run
check "no apt-get, missing programs are told apart" 6 'clang .*second compiler' 'binutils .*GNU as'
no_apt; rm "$bin/gcc"; run
check "no apt-get, no compiler: says so rather than probing with it" 6 'gcc .*GNU C compiler'
no_apt; PROBE_FLAGS="-std=c17 -D_GNU_SOURCE"; run
check "no apt-get, Lua's headers not found: only Lua is named first" 6 'something is missing:'
first=$(printf '%s\n' "$out" | sed -n '2p;3p')
case $first in
*liblua5.4-dev*"install these"*) echo "ok - and the list of the missing holds Lua alone" ;;
*) echo "not ok - and the list of the missing holds Lua alone: $first"; failed=1 ;;
esac
REAL_GCC=$(real_of gcc); export REAL_GCC
no_apt; rm "$bin/gcc"; fake gcc <<'END'
case " $* " in *" -m32 "*) exit 1 ;; esac
exec "$REAL_GCC" "$@"
END
run
check "no apt-get, a compiler without -m32: says what that means" 6 '-m32' 'make dist'
exit $failed
