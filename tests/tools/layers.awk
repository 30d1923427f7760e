# Reads tests/layers.txt first, then every C file of the tree by its path from the root, and prints one line for each
# #include or call that climbs a wall; exits 1 if there was one. See layers.txt for the rules' form.
#
# The idea: each file has one room (the longest row that fits its path), and an include is fine if the included file's
# path fits a place in that row. Comments and string contents are cut away before words are looked for.

function complain(text) { printf "%s:%d: %s\n", file, FNR, text; bad++ }

# Does `path` lie in `place`: a folder's own file, the very file, NAME_*, or anywhere below FOLDER/**?
function fits(path, place,    rest) {
    if (path == place) return 1
    if (sub(/\*\*$/, "", place)) return index(path, place) == 1
    if (sub(/\*$/, "", place)) return index(path, place) == 1 && substr(path, length(place) + 1) !~ /\//
    if (index(path, place "/") != 1) return 0
    rest = substr(path, length(place) + 2)
    return rest !~ /\//
}

function fits_any(path, list,    n, i, place) {
    n = split(list, place, " ")
    for (i = 1; i <= n; i++) if (fits(path, place[i])) return 1
    return 0
}

function room_of(path,    r, best) {
    best = ""
    for (r in allowed) if (fits(path, r) && length(r) > length(best)) best = r
    return best
}

function rule(line,    at, head, tail, n, i, name) {
    sub(/#.*/, "", line)
    if (line ~ /^[ \t]*$/) return
    at = index(line, ":")
    if (!at) { printf "tests/layers.txt:%d: no colon in this rule\n", FNR; bad++; return }
    head = substr(line, 1, at - 1); tail = substr(line, at + 1)
    n = split(head, name, " ")
    if (name[1] == "header") {
        for (i = 2; i <= n; i++) header_home[name[i]] = tail
    } else if (name[1] == "word") {
        rules++
        at = index(tail " ", " except ")
        word_rooms[rules] = at ? substr(tail, 1, at) : tail
        word_except[rules] = at ? substr(tail, at + 8) : ""
        for (i = 2; i <= n; i++) word_rule[name[i]] = rules
    } else allowed[name[1]] = tail
}

# The line without comments and without what stands in quotes; `in_comment` carries over to the next line.
function code_of(line,    out, c, two, i, n, quote) {
    out = ""; n = length(line)
    for (i = 1; i <= n; i++) {
        c = substr(line, i, 1); two = substr(line, i, 2)
        if (in_comment) { if (two == "*/") { in_comment = 0; i++; out = out " " } }
        else if (quote != "") { if (c == "\\") i++; else if (c == quote) { quote = ""; out = out c } }
        else if (two == "/*") { in_comment = 1; i++ }
        else if (two == "//") break
        else { if (c == "\"" || c == "'") quote = c; out = out c }
    }
    return out
}

# sim/cpu/x.c and "y.h" give sim/cpu/y.h: how the preprocessor would find a path not written from the root.
function beside(path, name) {
    sub(/[^\/]*$/, "", path)
    path = path name
    while (sub(/[^\/]+\/\.\.\//, "", path)) ;
    gsub(/\.\//, "", path)
    return path
}

function check_quoted(name,    target) {
    target = name
    if (file ~ /^scenarios\//) { # guests have include paths of their own
        if (name !~ /^(sim|tui|tests)\//) target = beside(file, name)
    } else if (name !~ /\// || name ~ /(^|\/)\.\.?\//) {
        complain("write \"" name "\" from the root of the repository")
        target = beside(file, name)
    }
    if (!fits(target, room) && !fits_any(target, allowed[room]) && room_of(target) != room)
        complain(room " may not include " target " (tests/layers.txt allows:" \
                 (allowed[room] ~ /[^ ]/ ? allowed[room] : " nothing") ")")
}

function check_system(name,    base) {
    if (name ~ /^(sim|tui|tests)\//) { complain("include <" name "> in quotes, so that its layer is checked"); return }
    base = name
    sub(/.*\//, "", base)
    if (base in header_home && !fits_any(file, header_home[base]))
        complain("<" name "> belongs to" header_home[base] " alone")
}

function check_include(line) {
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
    if (match(line, /^"[^"]*"/)) check_quoted(substr(line, 2, RLENGTH - 2))
    else if (match(line, /^<[^>]*>/)) check_system(substr(line, 2, RLENGTH - 2))
    else complain("an include whose name is a macro cannot be checked")
}

function check_words(code,    word, r) {
    while (match(code, /[A-Za-z_][A-Za-z_0-9]*[ \t]*\(/)) {
        word = substr(code, RSTART, RLENGTH - 1)
        sub(/[ \t]+$/, "", word)
        # x->time( and x.time( are somebody's own table of functions
        if (word in word_rule && substr(code, 1, RSTART - 1) !~ /(->|\.)[ \t]*$/) {
            r = word_rule[word]
            if (fits_any(file, word_rooms[r]) && !fits_any(file, word_except[r]))
                complain(word "() is not for this room")
        }
        code = substr(code, RSTART + RLENGTH)
    }
}

FNR == 1 {
    files++
    file = FILENAME
    sub(/^\.\//, "", file)
    in_comment = 0
    room = room_of(file)
    if (files > 1) {
        checked++
        if (room == "") complain("this file has no room: no row of tests/layers.txt fits it")
    }
}
files == 1 {
    rule_text = rule_text $0
    if (!sub(/\\$/, "", rule_text)) { rule(rule_text); rule_text = "" }
    next
}
room == "" { next }
!in_comment && /^[ \t]*#[ \t]*include/ { check_include($0) }
{ check_words(code_of($0)) }

END {
    if (!checked) { print "layers: no source file was looked at"; bad++ }
    if (bad) { printf "layers: %d line%s climb%s a wall\n", bad, bad == 1 ? "" : "s", bad == 1 ? "s" : ""; exit 1 }
    printf "layers: %d files, every wall holds\n", checked
}
