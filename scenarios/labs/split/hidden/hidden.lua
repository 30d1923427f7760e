-- Hidden tests.
test "with store buffers, and more of everything" { points = 15, limit = { lua = 5e8 }, visibility = "after_due_date", hint = "where must stores have reached memory?" } (function(t)
  t:orders { requests = 4, slots = 2, buffers = true }
  t:orders { requests = 2, slots = 2, buffers = true, one_by_one = true }
end)

test "no needless call" { points = 15, limit = { lua = 2e8 }, visibility = "after_due_date", hint = "does the back end want to be told?" } (function(t)
  t:orders { requests = 3, slots = 2 }
  local r = t:orders { requests = 12, slots = 3, one_by_one = true, turns = true }
  t:scale(r.notifications, 2, 8, "notifications, turn by turn")
end)
