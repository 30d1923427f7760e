#if __INCLUDE_LEVEL__ < 150
#include "port.c"
#include "port.c"
#endif
