#!/usr/bin/env bash
# The terminal inside tmux: what it captures is what a key script dumps; a clicker's keys; detaching and another size keep the place.
set -u
ringside=$(realpath "${RINGSIDE:-./ringside}")
if ! command -v tmux >/dev/null; then
    echo "ok - tmux is not installed: left out"
    exit 0
fi
tmp=$(mktemp -d)
failed=0
export XDG_STATE_HOME=$tmp/state XDG_RUNTIME_DIR=$tmp LC_ALL=C.UTF-8
socket=0 # a server that was told to go is still there for a moment: the next one has another socket
mux() { tmux -f /dev/null -S "$tmp/socket$socket" "$@"; }
anew() { mux kill-server 2>/dev/null; socket=$((socket + 1)); }
trap 'mux kill-server 2>/dev/null; rm -rf "$tmp"' EXIT

shows() # TEXT: within 20 seconds
{
    for _ in $(seq 200); do
        mux capture-pane -p >"$tmp/seen" 2>/dev/null && grep -qF -- "$1" "$tmp/seen" && return 0
        sleep 0.1
    done
    cat "$tmp/seen"
    return 1
}

check() # NAME; the status of the command before
{
    if [ $? -eq 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failed=1; fi
}

mux new-session -d -x 80 -y 24 "'$ringside' tui popf; echo left with \$?; sleep 60"
shows "Press n"
check "it opens in tmux"
mux send-keys n n n n n
shows "step 5/7" && shows "What happens?"
check "keys arrive"
"$ringside" tui popf --keys nnnnn >"$tmp/expected"
sleep 0.3
mux capture-pane -p | sed 's/ *$//' | diff - "$tmp/expected" >"$tmp/diff"
check "tmux has what the key script dumps" || cat "$tmp/diff"
mux send-keys P NPage
shows "C  IF stays as it is"
check "lecture mode by a clicker's keys"
mux resize-window -x 120 -y 40 2>/dev/null
shows "PgDn next  PgUp back  p reveal  b blank"
check "another size keeps the place"
mux send-keys Escape q
shows "left with 0"
check "it leaves by q"

# --- no command: one picks
anew
mux new-session -d -x 80 -y 24 "'$ringside'; echo left with \$?; read -r _; '$ringside'; echo then \$?; '$ringside'; echo last \$?; sleep 60"
shows "Number or name" && shows "2 trap " && mux send-keys 2 Enter && shows "trap.lua  step 0/7" && mux send-keys q && shows "left with 0"
check "the picker opens a scenario by its number"
mux send-keys Enter && mux clear-history && sleep 0.3 && shows "Number or name" && mux send-keys Enter && shows "Number or name"
check "or none"
mux send-keys p o p Enter && shows "did you mean" && shows "last 3"
check "a name that is none is told which one is near"

# --- tui --watch: the file changes under it; it comes back to where it was
sed 's/^return s$//' "$(dirname "$ringside")/scenarios/popf.lua" >"$tmp/mine.lua" 2>/dev/null || sed 's/^return s$//' scenarios/popf.lua >"$tmp/mine.lua"
anew
mux new-session -d -x 80 -y 24 "'$ringside' tui --watch '$tmp/mine.lua'; echo left with \$?; sleep 60"
shows "step 0/7" && mux send-keys n n n s s && shows "step 3/7"
mux capture-pane -p | grep -o 'cyc [0-9,]*' >"$tmp/before"
printf 's:step "eighth" { note = "new" }\n' >>"$tmp/mine.lua"
shows "step 3/8" && shows "Read again"
check "tui --watch: the new file is shown"
mux capture-pane -p | grep -o 'cyc [0-9,]*' | cmp - "$tmp/before"
check "at the moment it was at"
printf 's:stop "ninth" { }\n' >>"$tmp/mine.lua"
shows "did you mean 'step'"
check "a broken one is told, and the old one stays"
mux send-keys q
shows "left with 0"
check "and left as ever"
exit $failed
