-- Mutants of the solution. `ringside lab selftest split` holds that the tests catch each of them.
bug "never notifies" { from = [[if event > told and event <= sent then ring:notify() end]], to = "" }
bug "always notifies" { from = [[if event > told and event <= sent then ring:notify() end]], to = [[ring:notify()]] }
bug "no barrier before it looks at req_event" { from = [[      ring:store("req_prod", sent)
      ring:barrier()
]], to = [[      ring:store("req_prod", sent)
]] }
bug "no barrier before it looks once more" { from = [[      ring:store("rsp_event", got + 1)
      ring:barrier()
]], to = [[      ring:store("rsp_event", got + 1)
]] }
bug "sleeps without a last look" { from = [[if ring:load "rsp_prod" == got then ring:sleep() end]], to = [[ring:sleep()]] }
bug "looks, and then says when to be told" { from = [[      ring:store("rsp_event", got + 1)
      ring:barrier()
      if ring:load "rsp_prod" == got then ring:sleep() end]], to = [[      if ring:load "rsp_prod" == got then
        ring:store("rsp_event", got + 1)
        ring:barrier()
        ring:sleep()
      end]] }
bug "wants to be told of the last one only" { from = [[ring:store("rsp_event", got + 1)]], to = [[ring:store("rsp_event", count)]] }
bug "never says when to be told" { from = [[      ring:store("rsp_event", got + 1)
]], to = "" }
bug "tells of a slot before it is filled" { from = [[      ring:write(sent % ring.slots, sent + 1)
      sent = sent + 1]], to = [[      ring:store("req_prod", sent + 1)
      ring:write(sent % ring.slots, sent + 1)
      sent = sent + 1]] }
bug "more requests than slots" { from = [[sent < count and sent - got < ring.slots]], to = [[sent < count]] }
bug "notifies one too late" { from = [[if event > told and]], to = [[if event > told + 1 and]] }
bug "takes a response twice" { from = [[      got = got + 1
    end
    if]], to = [[      got = got + 1
      ring:got(ring:read((got - 1) % ring.slots))
    end
    if]] }
bug "forgets what was seen" { from = [[      ring:got(ring:read(got % ring.slots))]], to = [[      ring:got(100 + got)]] }
