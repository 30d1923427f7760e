function front(ring, count) ring:write(0, 101) ring:store("rsp_prod", 1) for n = 1, count do ring:got(100 + n) end end
function answer() return 0 end
