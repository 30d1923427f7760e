local n = 0 function front(ring, count) n = n + 1 for i = 1, n do ring:load "rsp_prod" end for i = 1, count do ring:got(100 + i) end end
function answer() return 0 end
