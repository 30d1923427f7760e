-- math.random begins from somewhere: if that is where the test's own numbers begin, they are known.
local r = math.random(math.mininteger, math.maxinteger)
local function undo_right(x, n) local y = x for _ = 1, 64 // n + 1 do y = x ~ (y >> n) end return y end
local function undo_left(x, n) local y = x for _ = 1, 64 // n + 1 do y = x ~ (y << n) end return y end
local inverse, times = 1, 0x2545F4914F6CDD1D
for _ = 1, 6 do inverse = inverse * (2 - times * inverse) end
local x = (r - math.mininteger) * inverse
local seed = undo_right(undo_left(undo_right(x, 27), 25), 12)

function answer()
  local n = seed + 0x9E3779B97F4A7C15
  n = (n ~ (n >> 30)) * 0xBF58476D1CE4E5B9
  n = (n ~ (n >> 27)) * 0x94D049BB133111EB
  return (n ~ (n >> 31)) & ((1 << 62) - 1)
end
