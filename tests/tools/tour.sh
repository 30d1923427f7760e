#!/bin/sh
# tour.sh [FOLDER]: prints every `TOUR room.n: text` comment of the sources, rooms in the order in which one reads them, n in order.
# Exit 1 if a mark could not be shown or followed: one without its text, a number that is missing or there twice, an unknown room.
set -eu
cd "${1:-.}"
grep -rnE 'TOUR [a-z]+\.[0-9]+' sim tui scenarios --include='*.[chS]' --include='*.def' --include='*.lua' 2>/dev/null |
    awk '
    function complain(why) { print "tour: " at[1] ":" at[2] ": TOUR " stop ": " why | "cat >&2"; wrong = 1 }
    BEGIN { n = split("core trace cpu mmu io vmm sim script tui", room, " "); for (i = 1; i <= n; i++) order[room[i]] = i }
    match($0, /TOUR [a-z]+\.[0-9]+/) {
        stop = substr($0, RSTART + 5, RLENGTH - 5)
        text = substr($0, RSTART + RLENGTH)
        split($0, at, ":"); split(stop, part, ".")
        if (!(part[1] in order)) complain("no such room")
        if (text !~ /^: [^ ]/) { complain("a mark is TOUR room.n: and one line of text"); next }
        if (stop in seen) complain("that number is at " seen[stop] ", too")
        seen[stop] = at[1] ":" at[2]
        if (part[2] > last[part[1]]) last[part[1]] = part[2]
        sub(/[ \t]*\*\/[ \t]*$/, "", text); sub(/^: /, "", text)
        line[stop] = sprintf("%-10s %-28s %s", stop, at[1] ":" at[2], text)
    }
    END {
        for (i = 1; i <= n; i++)
            for (k = 1; k <= last[room[i]]; k++) {
                stop = room[i] "." k
                if (stop in seen) { print line[stop]; shown++ }
                else { print "tour: there is no TOUR " stop | "cat >&2"; wrong = 1 }
            }
        if (!shown) { print "tour: no TOUR comment yet" | "cat >&2"; wrong = 1 }
        exit wrong
    }'
