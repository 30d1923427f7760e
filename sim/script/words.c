/* See words.h. */
#include "sim/script/words.h"

#include <stddef.h>

const struct script_class script_classes[] = {
    { "till", till_words }, { "expect", expect_words }, { "vm", vm_words }, { "vm.flags", vm_flag_words }, { "vm.guest", vm_guest_words },
    { "t", t_words }, { "isa", isa_words }, { "vmm.vm", vmm_vm_words }, { "vmm.guest", vmm_guest_words }, { "bt.emit", bt_emit_words }, { "ring", ring_words },
    { NULL, NULL },
};
