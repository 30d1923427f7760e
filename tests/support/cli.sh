# What scripts of tests/cli begin with. From a script there:   . "$(dirname "$0")/../support/cli.sh"
#
# Gives $ringside (RINGSIDE, else ./ringside), $root (the source tree), $work, an empty folder that is the current one and is gone at the end, $failed (0), and
#   ok NAME COMMAND...     a line of the result: does the command succeed? What it says is kept back; if it fails, lines of the file `err` are shown
#   result NAME STATUS     the same, of a status that is known
# The script ends with `exit $failed`.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}") || exit 1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
ok() {
    local name=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "ok - $name"; return; fi
    echo "not ok - $name"
    [ ! -s err ] || sed 's/^/  | /' err | head -5
    failed=1
}
result() { if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failed=1; fi; }
