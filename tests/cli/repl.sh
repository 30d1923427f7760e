#!/bin/bash
# `ringside repl`: lines from standard input, and a prompt with history and Tab on a pseudo-terminal.
. "$(dirname "$0")/../support/cli.sh"
export XDG_STATE_HOME=$work/state
printf 'vm:run(till.label "kmain")\nvm.cpl\nexpect.eq(vm.cpl, 1)\nfor i = 1, 2 do print(i) end\n' | "$ringside" repl popf >out 2>err
ok "lines: exit code 0" [ $? = 0 ]
ok "an expression's value" grep -qx 1 out
ok "a claim that holds" grep -q '^holds' out
ok "a statement prints" grep -qx 2 out
echo 'vm.exa' | "$ringside" repl popf >out 2>err
ok "a wrong line: exit code 3" [ $? = 3 ]
ok "with a suggestion" grep -q "did you mean 'eax'" err
"$ringside" repl popf >out 2>err <<'END'
for i = 1, 2 do
  print("number", i)
end
t = { b = 2, a = { 1, 12 },
      ["x y"] = "q\"" } -- several lines

t.self, t.a.up = t, t
t
{ {}, { { { { { 1 } } } } }, ["end"] = print }
(function() local t = {} for i = 1, 200 do t[i] = 0 end return t end)()
END
ok "what is not complete goes on in the next line: exit code 0" [ $? = 0 ]
ok "a loop of three lines" sh -c 'sed -n 1,2p out | tr "\n" " " | grep -q "number  1 number  2 "'
cat >want <<'END'
{
  a = { 1, 12 (C), up = <the table 1 above this one> },
  b = 2,
  self = <this table>,
  ["x y"] = "q\""
}
{ {}, { { { { {...} } } } }, ["end"] = function#builtin }
END
sed -n 3,9p out | diff want - >diff || cat diff
ok "tables: ordered, cycles said, depth bounded" cmp -s want <(sed -n 3,9p out)
ok "and length" grep -qx '  ... 100 more' out
ok "no addresses" sh -c '! grep -q "0x[0-9a-f]\{6\}" out'
printf 'x = {\n1\n' | "$ringside" repl popf >out 2>err
ok "one that is never completed: exit code 3" [ $? = 3 ]
ok "and what is missing" grep -q "expected.*near <eof>" err
printf 'vm.cycles\nquit\nerror "never"\n' | "$ringside" repl popf >out 2>err
ok "quit ends it" [ $? = 0 ]
echo 'while true do end' | timeout 60 "$ringside" repl popf >out 2>err
ok "a loop is ended: exit code 3" [ $? = 3 ]
ok "with the budget as the reason" grep -q 'Lua instructions' err
"$ringside" repl >out 2>err
ok "nothing: exit code 2" [ $? = 2 ]
"$ringside" repl poppf >out 2>err
ok "a typo: exit code 3" [ $? = 3 ]
ok "and what was meant" grep -q popf err
if command -v python3 >/dev/null; then
    cat >terminal.py <<'END'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "repl", "popf"])
seen = b""
def wait(what, seconds=60):
    global seen
    end = time.time() + seconds
    while what not in seen:
        if time.time() > end: print("missing", what, "in", seen); sys.exit(1)
        if select.select([fd], [], [], 1)[0]: seen += os.read(fd, 4096)
    seen = seen[seen.index(what) + len(what):]
def send(s): os.write(fd, s)
def prompt(): wait(b"\n\r\x1b[Kringside> ")                              # a new one: each key draws the old one again; between two the terminal is the reader's no more
wait(b"ringside> ")
send(b"vm.cyc\t"); wait(b"vm.cycles"); send(b"\r"); wait(b"0"); prompt()   # one word fits
send(b"vm.flags.I\t"); wait(b"vm.flags.I"); send(b"\x15")               # Ctrl-U
send(b"till.la\t"); wait(b"till.label"); send(b"\x15")
send(b"vm.e\t"); wait(b"eax"); wait(b"eip"); send(b"\x15")              # several: shown
send(b"1 + 2\x1b[D\x1b[D\x1b[C 40 +\r"); wait(b"43"); prompt()         # the cursor moves
send(b"\x1b[A\r"); wait(b"\n43"); prompt()                              # the line before
send(b"x\x7f2 * 21\r"); wait(b"\n42"); prompt()                         # backspace
send(b"half a line\x03"); prompt(); send(b"7 * 11\r"); wait(b"77"); prompt() # Ctrl-C forgets the line
send(b"function twice(x)\r"); wait(b"..> ")                              # goes on
send(b"return 2 * x\r"); wait(b"..> "); send(b"end\r"); prompt()
send(b"twi\t"); wait(b"twice"); send(b"(4)\r"); wait(b"\n8"); prompt()   # what is there now is offered, too
send(b"\x12tw"); wait(b"(search `tw') twi"); send(b"i\r"); wait(b"\n8"); prompt() # Ctrl-R finds a line as its letters are typed, Enter takes it
send(b"\x12 \x12\x12\x7fx"); wait(b"x") ; send(b"\x07keep\x12nowhere"); wait(b"(not found `nowhere')"); send(b"\x07"); wait(b"keep"); send(b"\x15") # Ctrl-G: as it was
send(b"\x12n "); wait(b"return 2"); send(b"\x12"); wait(b"function"); send(b"\x13"); wait(b"return 2"); send(b"\x1b[F\x151 + 4\r"); wait(b"\n5\r"); prompt() # older, newer; another key goes on with it
send(b"string.form\t"); wait(b"string.format"); send(b"\x15")
send(b"t = {\r"); wait(b"..> "); send(b"\x03"); prompt()                 # Ctrl-C forgets all of it
send(b"3\x0110 + \x050\r"); wait(b"\n40 "); prompt()                    # Ctrl-A, Ctrl-E
send(b"7\x1b[H1\x1b[F1\x1b[D\x1b[3~\r"); wait(b"\n17 "); prompt()      # Home, End, Delete
send(b'"\xc3\xa4x\x1b[D\x7f\x1b[F"\r'); wait(b"x\r"); prompt()   # a letter of two bytes is one
send(b"-- " + b"long " * 60 + b"\r"); prompt()
send(b"\x04")                                                           # Ctrl-D
_, status = os.waitpid(pid, 0)
sys.exit(status != 0)
END
    ok "a prompt: Tab, arrows, history, Ctrl-C, Ctrl-D" timeout 120 python3 terminal.py "$ringside"
    ok "the past is kept" grep -qx "function twice(x)" state/ringside/repl
    cat >again.py <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], [sys.argv[1], "repl", "popf"])
def until(what):
    seen = b""
    while what not in seen: seen += os.read(fd, 4096)
until(b"ringside> "); os.write(fd, b"\x1b[A\x1b[A\r"); until(b"\nx\r\n\r\x1b[Kringside> "); os.write(fd, b"\x04")
sys.exit(os.waitpid(pid, 0)[1] != 0)
END
    ok "and there the next time" timeout 60 python3 again.py "$ringside"
fi
exit $failed
