-- The reference solution: shadows kept for each directory, tables under write trace.
local P, W, U, A, D, PS, PSE = 1, 2, 4, 0x20, 0x40, 0x80, 0x10

local space_of, spaces = {}, 0 -- by directory
local now = 0                  -- the space in use
local made = {}                -- made[page of a table][address of an entry] = list of { va, space }
local stores = {}              -- to a table

local function own_fault(vm, f, present)
  vm:inject("PF", (present and P or 0) | (f.write and W or 0) | (f.user and U or 0))
end

local function note(vm, at, va)
  local page = at >> 12
  if not made[page] then
    made[page] = {}
    vm:trace(page)
  end
  local list = made[page][at] or {}
  made[page][at] = list
  list[#list + 1] = { va, now }
end

local function forget(vm, list)
  for _, entry in ipairs(list) do vm:shadow_unmap(entry[1], entry[2]) end
end

function vmm.page_fault(vm, f)
  local directory = vm.guest.cr3 & 0xFFFFF000
  local pde_at = directory + (f.va >> 22) * 4
  local pde = vm:table(pde_at)
  if not pde or pde & P == 0 then return own_fault(vm, f, false) end
  local large = pde & PS ~= 0 and vm.guest.cr4 & PSE ~= 0
  local at, entry, rights, page = pde_at, pde, pde, nil
  if large then
    page = (pde & 0xFFC00000 | f.va & 0x003FF000) >> 12
  else
    at = (pde & 0xFFFFF000) + (f.va >> 12 & 1023) * 4
    entry = vm:table(at)
    if not entry or entry & P == 0 then return own_fault(vm, f, false) end
    rights = pde & entry
    page = entry >> 12
  end
  if f.write and rights & W == 0 or f.user and rights & U == 0 then return own_fault(vm, f, true) end

  if pde & A == 0 then vm:mark(pde_at, "accessed") end
  if f.write and entry & D == 0 then vm:mark(at, "dirty")
  elseif entry & A == 0 then vm:mark(at, "accessed") end

  local frame = vm:p2m(page)
  if not frame then return vm:emulate() end
  note(vm, pde_at, f.va)
  if not large then note(vm, at, f.va) end
  local dirty = f.write or entry & D ~= 0
  local storable = vm:shadow_map(f.va, frame, { write = dirty and rights & W ~= 0, user = rights & U ~= 0 })
  if f.write and not storable then vm:emulate() end
end

-- A page that was a table is stored to more often than tables are: it is ordinary memory again.
local function give_up(vm, page)
  for _, list in pairs(made[page]) do forget(vm, list) end
  made[page], stores[page] = nil, nil
  vm:trace(page, false)
end

function vmm.stored(vm, at, size)
  local page = at >> 12
  if not made[page] then return end
  for entry = at & ~3, at + size - 1, 4 do
    local list = made[page][entry]
    if list then forget(vm, list) end
    made[page][entry] = nil
  end
  stores[page] = (stores[page] or 0) + 1
  if stores[page] > 400 then give_up(vm, page) end
end

function vmm.cr3(vm, value)
  local directory = value & 0xFFFFF000
  if not space_of[directory] then
    if spaces == 16 then
      vm:shadow_flush()
      for page in pairs(made) do vm:trace(page, false) end
      space_of, spaces, made, stores = {}, 0, {}, {}
    end
    space_of[directory], spaces = spaces, spaces + 1
  end
  now = space_of[directory]
  vm:shadow_space(now)
end
