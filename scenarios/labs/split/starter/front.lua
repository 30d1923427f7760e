-- The front end of a split driver: sends requests 1 .. count, gets as many responses. README.md says what a ring is.
-- As it stands it fills one slot and tells nobody.

function front(ring, count)
  ring:write(0, 1)
  ring:sleep()
end
