-- Public tests: every order of both sides' steps is tried. A back end that is right, and a processor without and with store buffers.
leaderboard { name = "notifications", order = "asc" }

test "one request" { points = 10 } (function(t)
  t:orders { requests = 1, slots = 1 }
end)

test "a full ring" { points = 15, limit = { lua = 1e8 } } (function(t)
  t:orders { requests = 3, slots = 1 }
  t:orders { requests = 3, slots = 2 }
end)

test "in every order" { points = 20, limit = { lua = 1e8 } } (function(t)
  t:orders { requests = 4, slots = 2 }
  t:orders { requests = 3, slots = 2, one_by_one = true }
end)

test "with store buffers" { points = 25, limit = { lua = 2e8 } } (function(t)
  local r = t:orders { requests = 3, slots = 2, buffers = true }
  t:board("notifications", r.notifications)
end)
