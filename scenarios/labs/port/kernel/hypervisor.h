// The machine: what the hypervisor and a kernel in ring 1 agree on (Xen 3, x86-32). Only what this kernel needs.
#ifndef HYPERVISOR_H
#define HYPERVISOR_H

#include <stdint.h>

enum {
    CALL_SET_TRAP_TABLE = 0,     // (table of struct trap_info, ends with address 0)
    CALL_STACK_SWITCH = 3,       // (ss, esp) of the kernel, for traps from ring 3
    CALL_SET_CALLBACKS = 4,      // (cs, event entry, cs, failsafe entry)
    CALL_UPDATE_VA_MAPPING = 14, // (linear address, entry, its upper half 0, UVMF_INVLPG)
    CALL_SET_TIMER_OP = 15,      // (time in ns, lower half, upper half): one event
    CALL_CONSOLE_IO = 18,        // (CONSOLE_WRITE, length, text)
    CALL_VCPU_OP = 24,           // (VCPU_STOP_PERIODIC, cpu 0, 0): no ticks but those asked for
    CALL_SCHED_OP = 29,          // (SCHED_BLOCK, 0): wait, events on; (SCHED_SHUTDOWN, &reason)
    CALL_EVENT_CHANNEL_OP = 32,  // (EVENT_BIND_VIRQ, &struct bind_virq)
};
enum { CONSOLE_WRITE = 0, SCHED_BLOCK = 1, SCHED_SHUTDOWN = 2, EVENT_BIND_VIRQ = 1, VIRQ_TIMER = 0, UVMF_INVLPG = 2, VCPU_STOP_PERIODIC = 7 };
enum { SHUTDOWN_GOOD = 0, SHUTDOWN_CRASH = 3 };
enum { KERNEL_CS = 0xE019, KERNEL_DS = 0xE021, USER_CS = 0xE02B, USER_DS = 0xE033 };

extern uint8_t hypercall_page[];

// 0 or more, or a negative error.
static inline int32_t hypercall(uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    int32_t result;
    __asm__ volatile("call %[to]" : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d) : [to] "r"(hypercall_page + number * 32) : "memory");
    return result;
}

struct start_info {
    char     magic[32];
    uint32_t nr_pages, shared_info, flags, store_mfn, store_evtchn, console_mfn, console_evtchn;
    uint32_t pt_base, nr_pt_frames, mfn_list, mod_start, mod_len; // shared_info: a machine address; mfn_list: machine frame by page number
    char     cmd_line[1024];
};

// One page that both write.
struct shared_info {
    struct {
        uint8_t  upcall_pending; // the hypervisor: an event came
        uint8_t  upcall_mask;    // the kernel: but tell me later
        uint8_t  unused[2];
        uint32_t pending_sel;    // which words of pending[] to look at
        uint32_t cr2, pad[5];
        uint32_t version, pad0;
        uint64_t tsc_timestamp, system_time; // ns since the machine started, at that moment
        uint32_t mul;
        int8_t   shift, pad1[3];
    } vcpu[32];
    uint32_t pending[32], mask[32]; // channels, a bit each
};

struct trap_info { uint8_t vector, flags; uint16_t cs; uint32_t address; }; // flags: DPL in bits 1-0; 4: events off
struct bind_virq { uint32_t virq, vcpu, port; };                            // port: comes back

#endif
