#include "port.c"
