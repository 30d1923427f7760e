local kept function front(ring, count) kept = ring ring:sleep() end function answer() return kept:load "rsp_prod" end
