#include "arch.h"
#include "hypervisor.h"
char big[1 << 28] = { 1 };
