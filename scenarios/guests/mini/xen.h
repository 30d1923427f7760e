// The hypervisor's side of the border: Xen 3 for x86-32, with -DPAE its variant with PAE, as much of it as mini uses.
//
// Idea: a hypercall is INT 82h with a number in EAX and arguments in EBX, ECX, EDX, ESI, EDI; what is needed often lies in
// memory that both sides see: pending events, their mask, the time, the address of the last page fault.
// Manual: Xen interface manual for x86, version 3; its public headers.
// Not here: rings of devices: ring.h, blkif.h, netif.h; the store: store.h.
#ifndef MINI_XEN_H
#define MINI_XEN_H

#include <stdint.h>
#include "mini/abi.h"

enum hypercall_number {
    HC_SET_TRAP_TABLE = 0, HC_MMU_UPDATE = 1, HC_STACK_SWITCH = 3, HC_SET_CALLBACKS = 4, HC_MEMORY = 12, HC_UPDATE_VA_MAPPING = 14,
    HC_SET_TIMER = 15, HC_XEN_VERSION = 17, HC_CONSOLE_IO = 18, HC_GRANT_TABLE = 20, HC_MMUEXT = 26, HC_SCHED = 29, HC_EVENT_CHANNEL = 32, HC_PHYSDEV = 33, HC_DOMCTL = 36,
};

enum { RING1_CS = 0xE019, RING1_DS = 0xE021, RING3_CS = 0xE02B, RING3_DS = 0xE033, DOMAIN_SELF = 0x7FF0 };
#ifdef PAE
#define HYPERVISOR_BEGIN 0xF5800000u // its part of the linear space
#else
#define HYPERVISOR_BEGIN 0xFC000000u
#endif
#define MACHINE_TO_PHYSICAL ((const uint32_t *)HYPERVISOR_BEGIN) // by machine frame; the hypervisor's, read-only

struct trap_info { // of set_trap_table; the list ends with address 0
    uint8_t vector, flags;
    uint16_t cs;
    uint32_t address;
};
enum { TRAP_DPL3 = 3, TRAP_MASKS_EVENTS = 4 };

struct mmu_update { // of mmu_update: store `value` at machine address `at`
    uint64_t at, value;
};

struct mmuext {
    uint32_t command, mfn_or_address, unused;
};
enum { MMUEXT_PIN_TABLE = 0, MMUEXT_PIN_DIRECTORY = 1, MMUEXT_PIN_ROOT = 2, MMUEXT_UNPIN = 4, MMUEXT_NEW_BASE = 5, MMUEXT_FLUSH = 6, MMUEXT_INVLPG = 7 };
enum { VA_INVLPG = 2 }; // update_va_mapping: and flush that page

enum { MEMORY_DECREASE = 1, MEMORY_MAXIMUM = 4, MEMORY_POPULATE = 6, MEMORY_MAP = 9 };

struct reservation { // of memory_op: frames given back (their machine numbers) or asked for (ours; it answers with those)
    uint32_t *list, count, order, address_bits;
    uint16_t domain, unused;
};

struct memory_map { // what firmware would tell: ranges of our own count
    uint32_t entries;
    struct {
        uint64_t begin, size;
        uint32_t type;
    } __attribute__((packed)) *range;
};

enum { SCHED_YIELD = 0, SCHED_BLOCK = 1, SCHED_SHUTDOWN = 2, SHUTDOWN_OFF = 0, SHUTDOWN_SUSPEND = 2, SHUTDOWN_CRASH = 3 };
enum { CHANNEL_BIND_INTERDOMAIN = 0, CHANNEL_BIND_VIRQ = 1, CHANNEL_BIND_PIRQ = 2, CHANNEL_CLOSE = 3, CHANNEL_SEND = 4,
       CHANNEL_ALLOC_UNBOUND = 6, VIRQ_TIMER = 0, VIRQ_SUSPEND = 16 };
enum { PHYSDEV_SET_IOPL = 6, PHYSDEV_EOI = 12 };

struct bind_virq {
    uint32_t virq, vcpu, port;
};

struct bind_pirq {
    uint32_t irq, flags, port;
};

struct alloc_unbound { // a channel that `remote` may bind
    uint16_t domain, remote;
    uint32_t port;
};

struct bind_interdomain {
    uint16_t domain, unused;
    uint32_t remote_port, port;
};

// Grants: an entry of a domain's table lets another one use a frame.
enum { GRANT_MAP = 0, GRANT_UNMAP = 1, GRANT_SETUP = 2, GRANT_COPY = 5 };
enum { GRANT_ACCESS = 1, GRANT_READONLY = 4, GRANT_IN_USE = 0x18 };
enum { MAP_FOR_DEVICE = 1, MAP_FOR_HOST = 2, MAP_READONLY = 4 };
enum { GRANT_CONSOLE = 0, GRANT_STORE = 1, GRANT_FIRST_FREE = 8 };

struct grant_entry {
    uint16_t flags, domain;
    uint32_t mfn;
};

struct grant_map {
    uint64_t at;
    uint32_t flags, ref;
    uint16_t domain;
    int16_t status;
    uint32_t handle;
    uint64_t bus;
} __attribute__((packed, aligned(4)));

struct grant_unmap {
    uint64_t at, bus;
    uint32_t handle;
    int16_t status;
    uint16_t unused;
} __attribute__((packed, aligned(4)));

struct grant_setup {
    uint16_t domain, unused;
    uint32_t frames;
    int16_t status;
    uint16_t unused2;
    uint32_t *list;
};

struct grant_copy_end { // `what`: a reference, or a machine frame of one's own
    uint32_t what;
    uint16_t domain, offset;
};

struct grant_copy {
    struct grant_copy_end from, to;
    uint16_t size, flags;
    int16_t status;
    uint16_t unused;
};
enum { COPY_FROM_GRANT = 1, COPY_TO_GRANT = 2 };

enum { DOMCTL_VERSION = 5 };
struct domctl { // its commands and the structure of getdomaininfo: abi.h
    uint32_t command, version;
    uint16_t domain, unused[3];
    union {
        struct domain_info info;
        struct domain_piece piece;
        struct domain_image image;
    };
    uint32_t rest[24];
};

enum { START_INITIAL = 2 }; // of start_info.flags: this is the service domain

struct time_record { // changes while `version` is odd
    uint32_t version, unused;
    uint64_t tsc, system_time; // ns
    uint32_t multiplier;
    int8_t shift;
    uint8_t padding[3];
} __attribute__((packed, aligned(4)));

struct vcpu_info {
    volatile uint8_t pending, masked; // an event waits; but not now: what IF = 0 is on a bare PC
    volatile uint32_t selector;       // words of struct shared_info.pending with something in them
    volatile uint32_t cr2, unused[5];
    volatile struct time_record time;
};

struct shared_info {
    struct vcpu_info vcpu[32];
    volatile uint32_t pending[32], mask[32];
    volatile uint32_t clock[3];               // the time of day at system time 0
    volatile uint32_t frames, frame_lists;    // how many pages there may be; the frame where the list of their frames begins
};

struct start_info {
    char magic[32];
    uint32_t pages, shared_info, flags, store_mfn, store_channel, console_mfn, console_channel;
    uint32_t directory, table_frames, frame_list, module, module_size;
    char command_line[1024];
};

struct console_ring {
    char in[1024], out[2048];
    volatile uint32_t in_read, in_written, out_read, out_written;
};

// hypercall.S: any hypercall; arguments it does not have may be left out.
int hypercall(enum hypercall_number number, ...);

#endif
