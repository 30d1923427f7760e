/* Grant tables: not yet. A kernel that asks is told so (-ENOSYS), as by a hypervisor built without them. See paravirt.h. */
#include "sim/vmm/paravirt.h"

int32_t pv_grant_table_op(struct paravirt *p, const uint32_t arg[6])
{
    (void)p, (void)arg;
    return -XEN_ENOSYS;
}
