# Builds the test images; to be sourced by the scripts of tests/guest from the repository's root.
#
# Idea: the guests' own runtime (scenarios/guests/lib) and its flags, plus images/probe.*; everything goes to $TMPDIR.
# Gives: image NAME (builds $TMPDIR/NAME.elf), run NAME CPU [OPTION...] (sets rc; leaves $TMPDIR/out and err),
# numbered (a disk image on stdout), check TEXT COMMAND... (one ok or not ok line), finish; and for the build with sanitizers, which takes
# ten times as long to find what a part of the cases shows as well: sanitized, some N CASE... (sets `cases`).
: "${TMPDIR:=/tmp}" "${RINGSIDE:=./ringside}" "${GUEST_CC:=gcc}"
failed=0
lib=scenarios/guests/lib
cflags="-std=gnu17 -O1 -Wall -Wextra -Werror -m32 -march=i686 -mgeneral-regs-only -masm=intel -ffreestanding -fno-pic
        -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none
        -fno-tree-loop-distribute-patterns -Iscenarios/guests -Itests/guest/images"
ldflags="-m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-z,noexecstack"

object() { # object SOURCE NAME [FLAG...]: compiles to $TMPDIR/NAME.o, once
    local o="$TMPDIR/$2.o" source=$1
    shift 2
    # shellcheck disable=SC2086
    [ -f "$o" ] || "$GUEST_CC" $cflags "$@" -c "$source" -o "$o" || exit 1
}

link() { # link NAME SCRIPT OBJECT...: links $TMPDIR/NAME.elf
    local name=$1 script=$2
    shift 2
    # shellcheck disable=SC2086
    "$GUEST_CC" $ldflags "-Wl,-T,$script" "$@" -o "$TMPDIR/$name.elf" || exit 1
}

runtime() { # the library's objects and the probe's, into the variable `common`; without boot.S's object: also `entry`
    local source
    common=()
    for source in trap.S tables.c serial.c timer.c paging.c memory.c; do
        object "$lib/$source" "lib_$source"
        common+=("$TMPDIR/lib_$source.o")
    done
    for source in probe.S probe.c; do
        object "tests/guest/images/$source" "$source"
        common+=("$TMPDIR/$source.o")
    done
    object "$lib/boot.S" lib_boot.S
    entry="$TMPDIR/lib_boot.S.o"
}

image() { # image NAME: from images/NAME.c
    runtime
    object "tests/guest/images/$1.c" "$1"
    link "$1" scenarios/guests/guest.ld "$entry" "${common[@]}" "$TMPDIR/$1.o"
}

run() { # run NAME CPU [OPTION...]
    local image=$1 cpu=$2
    shift 2
    "$RINGSIDE" run "$TMPDIR/$image.elf" --cpu "$cpu" -q "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"
    rc=$?
}

sanitized() { [ "${TEST_MODE:-release}" = asan ]; }

some() { # some N CASE...: sets `cases` to all of them; with sanitizers to one in N, the last among them
    local n=$1
    shift
    cases=()
    while [ $# -gt 0 ]; do
        if ! sanitized || [ $((($# - 1) % n)) = 0 ]; then cases+=("$1"); fi
        shift
    done
}

numbered() { # numbered: a disk image, 4 cylinders of 16 heads and 63 sectors; a sector begins with its number, 4 times
    perl -e 'for my $n (0 .. 4031) { print pack("V4", ($n) x 4), chr($n % 251) x 496 }'
}

check() { # check TEXT COMMAND...
    local text=$1
    shift
    if "$@"; then
        echo "ok - $text"
    else
        echo "not ok - $text (exit $rc)"
        sed 's/^/# /' "$TMPDIR/err" | head -n 5
        failed=1
    fi
}

finish() { exit $failed; }
