include "/proc/self/maps"
