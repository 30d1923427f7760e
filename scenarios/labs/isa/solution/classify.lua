-- The reference solution: the definitions, executed.

local visible = { "pc", "bound", "timer", "output" }
local resources = { "user", "base", "bound", "timer", "output" }

local function same_list(a, b)
  for i = 1, #a do if a[i] ~= b[i] then return false end end
  return true
end

local function same(a, b)                     -- what a program can notice
  for _, field in ipairs(visible) do if a[field] ~= b[field] then return false end end
  return same_list(a.r, b.r) and same_list(a.memory, b.memory)
end

local function kept(a, b)                     -- the resources of the machine
  for _, field in ipairs(resources) do if a[field] ~= b[field] then return false end end
  return true
end

local registers = { { 0, 1, 3, 7 }, { 9, 0, 1, 3 }, { 7, 9, 0, 1 }, { 0x1234, 7, 9, 0 }, { 1, 3, 7, 9 }, { 3, 0x1234, 0, 7 } }

local function nature(isa, name)
  local n = { privileged = true, control = false, mode = false, location = false, user = false }
  for _, r in ipairs(registers) do
    local function try(user, base)
      local before = isa:state { user = user, base = base, r = r }
      return before, isa:run(name, before)
    end
    local b1, u = try(true, 0)
    local b2, s = try(false, 0)
    local _, uthere = try(true, 8)
    local _, sthere = try(false, 8)
    if u.trap ~= "privileged" or s.trap == "privileged" then n.privileged = false end
    if not u.trap and not kept(b1, u) then n.control, n.user = true, true end
    if not s.trap and not kept(b2, s) then n.control = true end
    if not u.trap and not s.trap and not same(u, s) then n.mode, n.user = true, true end
    if not s.trap and not sthere.trap and not same(s, sthere) then n.location = true end
    if not u.trap and not uthere.trap and not same(u, uthere) then n.location, n.user = true, true end
  end
  return n
end

function classify(isa)
  local found = {}
  for _, name in ipairs(isa.names) do found[name] = nature(isa, name) end
  return found
end

local function sensitive(n) return n.control or n.mode or n.location end

function virtualizable(isa)
  local all, hybrid = true, true
  for _, n in pairs(classify(isa)) do
    if sensitive(n) and not n.privileged then all = false end
    if n.user and not n.privileged then hybrid = false end
  end
  return all, hybrid
end

function repair(isa)
  local list = {}
  for name, n in pairs(classify(isa)) do
    if sensitive(n) and not n.privileged then list[#list + 1] = name end
  end
  return list
end
