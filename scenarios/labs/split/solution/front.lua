-- The reference solution.
function front(ring, count)
  local sent, told, got, seen = 0, 0, 0, 0     -- requests written, and told of; responses taken, and known of
  while got < count do
    while sent < count and sent - got < ring.slots do
      ring:write(sent % ring.slots, sent + 1)
      sent = sent + 1
    end
    if sent > told then
      ring:store("req_prod", sent)
      ring:barrier()
      local event = ring:load "req_event"
      if event > told and event <= sent then ring:notify() end
      told = sent
    end
    seen = ring:load "rsp_prod"
    while got < seen do
      ring:got(ring:read(got % ring.slots))
      got = got + 1
    end
    if got < count and (sent == count or sent - got == ring.slots) then
      ring:store("rsp_event", got + 1)
      ring:barrier()
      if ring:load "rsp_prod" == got then ring:sleep() end
    end
  end
end
