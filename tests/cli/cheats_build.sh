#!/bin/bash
# Submissions in C that cheat, break out of the compiler, or burn it (tests/labs/build, for lab port): none gets a point, each is told why, nothing
# of the host gets into a report, and nothing is left behind.
. "$(dirname "$0")/../support/cli.sh"
mkdir temp all all/a-link all/a-pipe all/a-folder all/a-folder/port.c
export TMPDIR=$work/temp
RINGSIDE_GUEST_CC=there-is-no-such-compiler "$ringside" grade port --submission all >out 2>err
ok "no compiler: said so, exit code 6" [ $? = 6 ]
ok "and how to get one" grep -q 'IA-32 compiler.*RINGSIDE_GUEST_CC' err
if ! echo 'int x;' | gcc -m32 -xc -c - -o /dev/null 2>/dev/null; then
    echo "ok - # SKIP no IA-32 compiler here"
    exit $failed
fi
corpus=$root/tests/labs/build
n=0
while read -r name pattern; do
    case $name in '#'* | '') continue ;; esac
    mkdir "all/$name" || failed=1
    case $name in
    flood) seq 5000 | sed 's/^/#warning w/' >"all/$name/port.c" ;; # more words than anybody would keep
    *) cp "$corpus/$name.c" "all/$name/port.c" || failed=1 ;;
    esac
    n=$((n + 1))
done <"$corpus/expected.txt"
ok "the list names every file" [ "$n" = $(($(ls "$corpus"/*.c | wc -l) + 1)) ]
ln -s /etc/passwd all/a-link/port.c
mkfifo all/a-pipe/port.c
begin=$(date +%s)
timeout 900 "$ringside" grade port --all all --jobs 2 -o out.txt 2>err </dev/null
ok "all are graded" [ $? = 1 ]
ok "in bounds" [ $((($(date +%s) - begin) / n)) -le 20 ]
while read -r name pattern; do
    case $name in '#'* | '') continue ;; esac
    awk -v name="==== $name" '$0 == name { on = 1; next } /^==== / { on = 0 } on' out.txt >one.txt
    grep -q '^Score: 0/' one.txt && ! grep -Eq '^(Ungradable|== Test .* == OK)' one.txt || { echo "not ok - $name gets points"; sed 's/^/  | /' one.txt; failed=1; continue; }
    grep -Eq "$pattern" one.txt || { echo "not ok - $name is told nothing like $pattern"; sed 's/^/  | /' one.txt; failed=1; continue; }
    if grep -Eq 'root:|crashed|gave the test up' one.txt; then echo "not ok - $name"; sed 's/^/  | /' one.txt; failed=1; continue; fi
    [ "$(wc -c <one.txt)" -lt 6000 ] || { echo "not ok - $name floods the report"; failed=1; continue; }
    echo "ok - $name"
done < <(cat "$corpus/expected.txt"; printf 'a-link no plain file\na-pipe no plain file\na-folder no plain file\n')
ok "nothing is left behind" [ -z "$(ls -A temp)" ]
exit $failed
