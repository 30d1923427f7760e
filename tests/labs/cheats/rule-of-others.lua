bt.rule("iret", function() end)
function answer() return 0 end
