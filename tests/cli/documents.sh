#!/bin/bash
# Every `ringside` command in README.md and docs/*.md is carried out as it is written: whatever a document shows must work.
#
# A command is a line of an indented block that begins with ringside or ./ringside, or pipes something into it. They run in the order in which they
# stand, in one folder that has the files they name. What takes long is cut after some seconds of real time (exit code 5 then); what cannot run
# here (a debugger or a person is waited for, a kernel that is not ours) is named with its reason. Wrong usage, unusable input and our own bugs fail.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
root=$(pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
export LC_ALL=C.UTF-8 TERM=xterm

mkdir "$work/bin" "$work/here" && ln -s "$ringside" "$work/bin/ringside" && cd "$work/here" || exit 1
PATH=$work/bin:$PATH
export RINGSIDE_SCENARIOS=$root/scenarios
ln -s "$ringside" ringside
mkdir build && ln -s "$root/build/guests" build/guests && ln -s "$root/scenarios" scenarios
cp build/guests/popf.elf kernel.elf && cp build/guests/mini.elf build/guests/mini.img . && cp scenarios/popf.lua mine.lua
cp scenarios/labs/isa/solution/* . 2>/dev/null
for s in alice s submissions/alice submissions/bob hidden results; do mkdir -p $s; done
for s in alice s submissions/alice submissions/bob; do cp scenarios/labs/isa/solution/* $s; done
cp scenarios/labs/isa/hidden/* hidden
printf 'ls\nhalt\n' >typed.txt
ringside grade isa --submission s --format json -o results.json >/dev/null 2>&1

commands() { # FILE:LINE, a tab, the command without prompt and comment
    (cd "$root" && awk '/^    / { l = $0; sub(/^    (\$ )?/, "", l)
        if (l ~ /^(\.\/)?ringside / || l ~ /^(echo|printf) .*\| *(\.\/)?ringside /) { sub(/[ \t]+# .*/, "", l); print FILENAME ":" FNR "\t" l } }' README.md docs/*.md)
}

skipped() { # why it is not run, or nothing
    case $1 in
    *"COMMAND [options]"* | *"[FILE] "*) echo "a form, not a command" ;;
    *--gdb*) echo "waits for a debugger (tests/cli/gdb.sh)" ;;
    *"run --watch"*) echo "waits for changes (tests/cli/dry.sh)" ;;
    *--dap=*) echo "waits for an editor (tests/cli/dap.sh)" ;;
    *vmlinuz*) echo "a kernel that is not ours (tests/guest/images.sh)" ;;
    *"lab selftest"*) echo "takes minutes (tests/cli/lab.sh)" ;;
    *"grade --at"* | *"grade "*" --at fail"*) echo "opens the terminal (tests/cli/grade.sh)" ;;
    esac
}

# What a line before, by another program, would have made.
before() {
    case $1 in
    *"merge part-*.csv"*) for i in 1 2; do ringside grade isa --all submissions --shard $i/2 --format csv -o part-$i.csv --exit-zero; done ;;
    *"merge part-*.json"*) for i in 1 2 3; do ringside draw ladder popf rings trap -o '%s.svg' --shard $i/3 --json part-$i.json; done ;;
    esac >/dev/null 2>&1
}

# What a reader puts in for a word in capitals, and what makes a long or a waiting one short.
shorten() {
    local c=$1
    c=$(sed -E 's/\b(IMAGE|KERNEL)\b/kernel.elf/; s/--io NAME/--io hypervisor-direct/; s/--disk FILE/--disk mini.img/; s/--csv FILE/--csv out.csv/; s/ \[[A-Z:]*\]//g' <<<"$c")
    case $c in
    *"ringside tui "*) c="$c --keys q --dump /dev/null" ;;
    *"ringside run "* | *"ringside draw "* | *"ringside compare "* | *"ringside bench "*) c=$(sed -E 's/(ringside (run|draw|compare|bench)) /\1 --limit-wall 1 /' <<<"$c") ;;
    esac
    case $c in *"ringside draw matrix"* | *"ringside draw decision"*) c=${c/--limit-wall 1 /} ;; esac
    echo "$c"
}

n=0
declare -A done_
while IFS=$'\t' read -r where command; do
    n=$((n + 1))
    why=$(skipped "$command")
    if [ -n "$why" ]; then echo "# $where: $command: $why"; continue; fi
    [ -z "${done_[$command]:-}" ] || continue
    done_[$command]=1
    folder=.
    case $command in "ringside grade" | "ringside grade --dry" | "ringside grade --only"*) folder=trap ;; *"lab start trap") rm -rf trap ;; esac
    before "$command"
    (cd $folder && timeout 100 bash -c "$(shorten "$command")" </dev/null >"$work/out" 2>"$work/err")
    rc=$?
    case $rc in
    0 | 1 | 4 | 5) ;;
    6) [[ $command == *notes* ]] || failed=2 ;;
    *) failed=2 ;;
    esac
    grep -q 'ringside: .*\(no such\|not a \|internal error\)' "$work/err" && failed=2
    if [ $failed = 2 ]; then
        echo "not ok - $where: $command"
        echo "  exit $rc: $(head -n 2 "$work/err")"
        failed=1
    fi
done < <(commands)
[ $n -gt 80 ] && [ $failed = 0 ]
rc=$?
if [ $rc = 0 ]; then echo "ok - $n commands in the documents do what they are shown to do"; else echo "not ok - commands of the documents ($n of them were found)"; failed=1; fi

# --- targets of make that documents name
cd "$root" || exit 1
known=$(make help | awk '{ print $1 }')
missing=
for t in $(grep -hoE '^    make [a-z-]+|`make [a-z-]+' README.md docs/*.md | sed 's/.*make //' | sort -u); do
    grep -qx -- "$t" <<<"$known" || [ "$t" = grade ] || missing="$missing $t" # `make grade` is that of a lab's pack
done
[ -z "$missing" ]
rc=$?
if [ $rc = 0 ]; then echo "ok - every target of make that a document names is there"; else echo "not ok - there is no make$missing"; failed=1; fi
exit $failed
