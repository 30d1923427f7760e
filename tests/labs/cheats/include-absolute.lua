include "/etc/passwd"
function answer() return 0 end
