function front(ring, count) while ring:load "rsp_prod" < count do end end
function answer() return 0 end
