-- Mutants of the solution. `ringside lab selftest isa` holds that the tests catch each of them.
bug "any trap is a privileged one" { from = [[if u.trap ~= "privileged" or s.trap == "privileged" then]], to = [[if not u.trap and s.trap == "privileged" then]] }
bug "forgets the output" { from = [["bound", "timer", "output" }

local function same_list]], to = [["bound", "timer" }

local function same_list]] }
bug "looks at one register" { from = [[same_list(a.r, b.r)]], to = [[a.r[1] == b.r[1] ]] }
bug "tries one state" { from = [[local registers = { { 0, 1, 3, 7 },]], to = [[local registers = { { 0, 1, 3, 7 } } local _unused = {]] }
bug "no control in supervisor mode" { from = [[if not s.trap and not kept(b2, s) then n.control = true end]], to = "" }
bug "location in user mode only" { from = [[if not s.trap and not sthere.trap and not same(s, sthere) then n.location = true end]], to = "" }
bug "repairs what is only control-sensitive" { from = [[local function sensitive(n) return n.control or n.mode or n.location end]],
                                               to   = [[local function sensitive(n) return n.control end]] }
bug "repairs privileged ones, too" { from = [[    if sensitive(n) and not n.privileged then list]], to = [[    if sensitive(n) then list]] }
bug "a hybrid monitor needs theorem 1" { from = [[if n.user and not n.privileged]], to = [[if sensitive(n) and not n.privileged]] }
