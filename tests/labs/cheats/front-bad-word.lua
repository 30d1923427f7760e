function front(ring, count) ring:store("rsp_prodd", 1) end
function answer() return 0 end
