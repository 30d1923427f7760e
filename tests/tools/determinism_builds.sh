#!/bin/bash
# make determinism: the same cycle whatever built the simulator. gcc and clang at every optimisation level and one build with sanitizers, each in a
# tree of its own; a set of runs on each, whose results (JSON, tables, pictures, recorded events) must be the first one's, byte for byte.
# What `make check` has of it is determinism.sh: every scenario on three of these builds.
#   determinism_builds.sh [BUILD ...]      BUILD: gcc-O0 ... gcc-Os, clang-O0 ... clang-Os, asan; nothing: all of them
set -u
cd "$(dirname "$0")/../.." || exit 1
make=${MAKE:-make} trees=build/determinism failed=0 first='' compared=0
guests=build/guests
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- gcc-O2 gcc-O0 gcc-O1 gcc-O3 gcc-Os clang-O0 clang-O1 clang-O2 clang-O3 clang-Os asan

build() { # build NAME: into trees/NAME/ringside
    case $1 in
    gcc-O[0123s] | clang-O[0123s]) flags=(MODE=release CC="${1%%-*}" "OPTIMISE_release=-${1#*-}") ;;
    asan) flags=(MODE=asan) ;;
    *) echo "determinism: $1 is no build; they are gcc-O0 to gcc-O3, gcc-Os, clang-O0 to clang-Os and asan" >&2; exit 2 ;;
    esac
    # Warnings differ between levels and are other builds' business
    "$make" -j"${JOBS:-$(nproc)}" "${flags[@]}" B="$trees/$1" WERROR= "$trees/$1/ringside" >"$work/log" 2>&1 && return
    tail -n 20 "$work/log" >&2
    return 1
}

# Each line: a name and what to run. Where it leaves OUT, that is compared as well as what it says. What hosts differ in, their speed, is cut out.
runs() {
    cat <<'END_OF_RUNS'
popf run popf
sensitive17 run sensitive17
pv_mmu run pv_mmu
models run models
agile run agile
mini-native run GUESTS/mini.elf --module GUESTS/mini.img --append SCRIPT --cpu native
mini-bt run GUESTS/mini.elf --module GUESTS/mini.img --append SCRIPT --cpu bt
mini-vtx run GUESTS/mini.elf --module GUESTS/mini.img --append SCRIPT --cpu vtx
mini-core2 run GUESTS/mini.elf --module GUESTS/mini.img --append SCRIPT --cpu vtx --model core2
mini-nehalem run GUESTS/mini.elf --module GUESTS/mini.img --append SCRIPT --cpu vtx --mmu two-level --model nehalem
sens19-te run GUESTS/sens19.elf --cpu te
nano bench nano --csv OUT
macro bench macro --csv OUT
sweep bench sweep fork --on native,vtx --set cost.vmexit=400..4000:3 -o OUT
ladder draw ladder trap -o OUT
record trace record vtx -o OUT
classify classify
END_OF_RUNS
}

observe() { # observe BUILD NAME WORD...: what a run says and leaves, to work/BUILD/NAME
    local build=$1 name=$2 to=$work/$1/$2
    shift 2
    local command=("${@//GUESTS/$guests}")
    command=("${command[@]//OUT/$work/out}")
    command=("${command[@]//SCRIPT/run=\"ls; primes 50; ps; halt\"}")
    rm -f "$work"/out
    case ${command[0]} in
    run) command+=(--json "$work/out") ;;
    esac
    # No binary of the sanitizers' build may stop at a leak of a program that it starts, such as dot
    ASAN_OPTIONS=detect_leaks=0 timeout --foreground 3000 "$trees/$build/ringside" "${command[@]}" >"$to" 2>"$to.err" </dev/null
    echo "exit $?" >>"$to"
    [ ! -f "$work/out" ] || cat "$work/out" >>"$to"
    cat "$to.err" >>"$to"
    rm -f "$to.err"
    sed -i -E -e "s,$work/,,g" -e 's/"(host_seconds|mips)": *[-+0-9.eE]+,?//g' \
        -e '/^next: /d' -e '/[0-9] *(MIPS|million (guest )?instructions a second|host seconds)/d' "$to"
}

for b in "$@"; do
    if ! build "$b"; then
        echo "not ok - $b: does not build"
        failed=1
        continue
    fi
    mkdir -p "$work/$b"
    same=0 other=''
    while read -r name words; do
        # shellcheck disable=SC2086 # words are words
        observe "$b" "$name" $words
        [ -n "$first" ] || { grep -q '^exit 0$' "$work/$b/$name" || other+=" $name(fails)"; continue; }
        if cmp -s "$work/$first/$name" "$work/$b/$name"; then same=$((same + 1)); else other+=" $name"; fi
    done < <(runs)
    if [ -z "$first" ]; then
        first=$b
        [ -z "$other" ] && echo "ok - $b: $(runs | wc -l) runs, to which the others are held" || { echo "not ok - $b:$other"; failed=1; }
    elif [ -z "$other" ]; then
        echo "ok - $b: $same runs, every byte as with $first"
    else
        echo "not ok - $b: another result than with $first:$other"
        for name in $other; do diff "$work/$first/$name" "$work/$b/$name" | head -n 6 | cut -c 1-200; done
        failed=1
    fi
done
exit $failed
