#!/bin/bash
# gallery.sh FOLDER [SCENARIO ...]: diagrams of every scenario (or those named; `all` among them: of all instructions), light and dark, and a page that shows them, without scripts
# and without network. Same program, same bytes. RINGSIDE: the program (./ringside). What is drawn: docs/gallery.txt.
set -eu
to=$1
shift
program=${RINGSIDE:-./ringside}
here=$(dirname "$0")
rm -rf "$to"
mkdir -p "$to"
"$program" list --color never | sed -n '/^Scenarios/,/^$/p' | grep -E '^  [a-z]' >"$to/list" || true
names=${*:-$(awk '{ print $1 }' "$to/list") all}
whole= # is it to have what is of no scenario?
case " $names " in *" all "*) whole=yes names=$(echo " $names " | sed 's/ all / /') ;; esac

escape() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'; }
page() { cat >>"$to/index.html"; }

# figure SCENARIO|- KIND OPTIONS CAPTION: drawn in both themes; what refuses (a run without what the kind draws) is left out
count=0
figure() {
    local name=$1 kind=$2 options=$3 caption=$4 subject=$1 file why
    [ "$name" != - ] || subject=
    count=$((count + 1))
    file=$(printf '%s-%s-%02d' "${subject:-all}" "$kind" "$count")
    for theme in light dark; do
        # shellcheck disable=SC2086
        if ! why=$("$program" draw "$kind" $subject $options --theme $theme -q -o "$to/$file-$theme.svg" 2>&1); then
            rc=0
            # shellcheck disable=SC2086
            "$program" draw "$kind" $subject $options --theme $theme -q -o /dev/null --format svg >/dev/null 2>&1 || rc=$?
            [ $rc = 2 ] || { echo "gallery: draw $kind $subject $options: $why" >&2; exit 1; }
            return 0
        fi
    done
    local alt
    alt=$(sed -n 's,.*<desc>\(.*\)</desc>.*,\1,p' "$to/$file-light.svg" | head -n 1)
    page <<END
<figure id="$file">
<picture><source srcset="$file-dark.svg" media="(prefers-color-scheme: dark)"><img src="$file-light.svg" alt="${alt:-$(echo "$caption" | escape)}"></picture>
<figcaption>$(echo "$caption" | escape)<br><code>ringside draw $(echo "$kind $subject $options" | tr -s ' ' | sed 's/ $//' | escape)</code>
<a href="$file-light.svg">light</a> <a href="$file-dark.svg">dark</a></figcaption>
</figure>
END
}

more() { # more NAME: the rows of the table
    grep -E "^$1 *\\|" "$here/gallery.txt" | while IFS='|' read -r name kind options caption; do
        printf '%s|%s|%s|%s\n' $name $kind "$options" "$(echo "$caption" | sed 's/^ *//')"
    done
}

page <<'END'
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Ringside: the gallery</title>
<style>
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1a1a1a; --faint: #595959; --line: #d0d0d0 }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --ink: #f0f0f0; --faint: #b8b8b8; --line: #444444 } }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 "DejaVu Sans", system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem }
nav { columns: 15rem } nav div { break-inside: avoid } nav a, a { color: inherit }
h2 { border-top: 1px solid var(--line); padding-top: 1rem }
figure { margin: 1.5rem 0; overflow-x: auto } img { max-width: 100%; height: auto }
figcaption, p { color: var(--faint) } code { color: var(--ink) }
</style>
</head>
<body>
<h1>Ringside: the gallery</h1>
<p>Every diagram here is drawn from a run of the real simulator, by the command below it; nothing is drawn by hand. Each is there for light and for
dark paper; this page takes what your browser prefers.</p>
END
{
    echo '<nav>'
    for name in $names; do
        echo "<div><a href=\"#$name\">$name</a>: $(sed -n "s/^  $name  *//p" "$to/list" | head -n 1 | escape)</div>"
    done
    [ -z "$whole" ] || echo '<div><a href="#all">all instructions</a></div>'
    echo '</nav>'
} | page
for name in $names; do
    { echo "<h2 id=\"$name\">$name</h2>"; echo "<p>$(sed -n "s/^  $name  *//p" "$to/list" | head -n 1 | escape)</p>"; } | page
    figure "$name" ladder "" "Who had control when"
    figure "$name" rings "" "Who runs in which ring, and the ways between"
    figure "$name" timeline "" "Who ran when"
    while IFS='|' read -r n kind options caption; do figure "$n" "$kind" "$options" "$caption"; done < <(more "$name")
    figure "$name" screen "--at step:1" "The terminal, after its first step"
done
if [ -n "$whole" ]; then
    echo '<h2 id="all">All instructions</h2>' | page
    while IFS='|' read -r n kind options caption; do figure "$n" "$kind" "$options" "$caption"; done < <(more -)
fi
printf '</body>\n</html>\n' | page
rm "$to/list"
echo "$to/index.html: $(ls "$to"/*-light.svg | wc -l) figures"
