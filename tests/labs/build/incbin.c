#include "arch.h"
#include "hypervisor.h"
__asm__(".incbin \"/etc/passwd\"");
