#!/bin/bash
# Model files as people write and break them, and the table of rows in docs/model.md, which is held to the models.
. "$(dirname "$0")/../support/cli.sh"
tried() { timeout 60 "$ringside" run popf -q --serial null --model "./$1" >out 2>err </dev/null; }
works() { tried "$1" && [ ! -s err ]; }
refused() { # refused FILE LINE PATTERN: exit code 3, and FILE:LINE: with this
    tried "$1"
    [ $? = 3 ] && grep -Eq "^ringside: \./$1:$2: .*$3" err
}

"$ringside" list model p4 >p4.model || exit 1
row=$(grep -n '^insn.div ' p4.model | cut -d: -f1) lines=$(wc -l <p4.model)
changed() { sed "${row}s/.*/$2/" p4.model >"$1"; } # changed FILE LINE: with that instead of insn.div's row
ok "a copy works" works p4.model
sed 's/$/\r/' p4.model >dos.model
ok "as does one with CR before each LF" works dos.model
{ printf '\xef\xbb\xbf'; cat p4.model; } >bom.model
ok "and one that begins with a byte order mark" works bom.model
head -c -1 p4.model >ends.model
ok "and one whose last line has no end" works ends.model
while IFS='|' read -r name line says; do
    changed "$name.model" "$line"
    ok "$name: refused, with the line" refused "$name.model" "$row" "$says"
done <<'END'
negative|insn.div -3 me|insn.div: -3 is negative
absurd|insn.div 4000000000 me|insn.div: 4000000000 is absurd; cycles, from 0 to 65535
beyond|insn.div 99999999999999999999 me|is absurd
word|insn.div many me|"many" is not a whole number
fraction|insn.div 3.5 me|"3.5" is not a whole number
exponent|insn.div 1e3 me|"1e3" is not a whole number
unknown|insn.dvi 3 me|insn.dvi: no such row; did you mean insn.div[?]
foreign|cycles 3 me|cycles: no such row; .ringside list
units|insn.div 3ns me|"3ns" is not a whole number
short|vmexit 3 me|vmexit: no such row
bare|insn.div 3|its source is missing
lonely|insn.div|its value is missing
END
printf 'insn.div 3\0 me' >nul.row
{ head -n $((row - 1)) p4.model; cat nul.row; echo; tail -n +$((row + 1)) p4.model; } >nul.model
ok "a NUL byte in a row: refused, with the line" refused nul.model "$row" 'insn.div'
sed "${row}d" p4.model >missing.model
ok "a missing row: refused" refused missing.model $((lines - 1)) 'a row is missing: insn.div'
{ cat p4.model; echo 'insn.div 3 me'; } >twice.model
ok "a row said twice: refused, with both lines" refused twice.model $((lines + 1)) "said already in line $row"
: >empty.model
ok "an empty file: refused" refused empty.model 1 'empty'
head -c 4096 "$ringside" >binary.model
ok "a program: refused" refused binary.model 1 ''
{ cat p4.model; head -c 100000 /dev/zero | tr '\0' a; } >long.model
ok "an endless line: refused" refused long.model $((lines + 1)) 'no such row'
mkdir folder.model
folder() { tried folder.model; [ $? = 3 ] && grep -q 'is a directory' err; }
ok "a folder: refused" folder
none() { tried nothing.model; [ $? = 3 ] && grep -q 'nothing.model' err; }
ok "no file: refused" none
changed dear.model 'insn.div 5000 what if?'
cycles() { "$ringside" bench nano --model "./$1" --csv - -q 2>/dev/null | awk -F, '$1 == "divzero" && $2 == "native" { print int($3) }'; }
dearer() { [ "$(cycles dear.model)" -gt "$(cycles p4.model)" ]; }
ok "a row that is changed shows" dearer

sed 's/^branch.counters .*/branch.counters 0 me/' p4.model >none.model
unpredicted() { "$ringside" run popf -q --serial null --model ./none.model --json - 2>/dev/null | grep -q '"mispredicted": null,'; }
ok "without a predictor nothing is told of what it predicted" unpredicted

# docs/model.md: | `row` | p4, f if fitted | core2 | nehalem | what it is |
for model in p4 core2 nehalem; do "$ringside" list model $model | awk '!/^#/ && NF > 2 && $1 != "model" && $1 != "about" { print $1, $2 }' | sort >$model.rows; done
table() { sed -n 's/^| `\([a-z0-9_.]*\)` | \([0-9]*\)\( f\)* | \([0-9]*\) | \([0-9]*\) | [^ ].* |$/\1 \2 \4 \5/p' "$root/docs/model.md" | sort -u; }
ok "docs/model.md has every row, with its values" diff <(table) <(join p4.rows core2.rows | join - nehalem.rows)
fits() { # what the table marks as fitted, docs/bench.md tells of
    local rows r
    rows=$(sed -n 's/^| `\([a-z0-9_.]*\)` | [0-9]* f |.*/\1/p' "$root/docs/model.md")
    [ "$(wc -w <<<"$rows")" -ge 14 ] || return 1
    for r in $rows; do grep -q "$r" "$root/docs/bench.md" p4.model || return 1; done
    for r in $(awk '/fitted/ && !/^#/ { print $1 }' p4.model) $("$ringside" bench nano 2>/dev/null | awk '/^f: fitted/ { on = 1; next } /^Assumed/ { on = 0 } on { print $1 }' | grep '\.'); do
        grep -qw "$r" <<<"$rows" || return 1
    done
}
ok "and marks all that was fitted" fits
exit $failed
