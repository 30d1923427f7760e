/* Adaptive retranslation: see bintrans.h. */
#include "sim/vmm/bintrans.h"

bool bt_adapted(const struct vcpu *v, uint32_t eip)
{
    (void)v, (void)eip;
    return false;
}
