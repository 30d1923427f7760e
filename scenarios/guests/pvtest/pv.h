// What guest `pvtest` and its hypervisor must agree on, and the calls themselves.
//
// Idea: a hypercall is a function call into the hypercall page; arguments in EBX, ECX, EDX, ESI, EDI, the result in EAX.
// Manual: Xen 3 public headers.
#ifndef PV_H
#define PV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANDMARK __attribute__((noipa)) // a function a debugger wants to stop at

enum {
    CALL_SET_TRAP_TABLE = 0, CALL_MMU_UPDATE = 1, CALL_SET_GDT = 2, CALL_STACK_SWITCH = 3, CALL_SET_CALLBACKS = 4,
    CALL_FPU_TASKSWITCH = 5, CALL_SET_DEBUGREG = 8, CALL_GET_DEBUGREG = 9, CALL_UPDATE_DESCRIPTOR = 10, CALL_MEMORY_OP = 12,
    CALL_MULTICALL = 13, CALL_UPDATE_VA_MAPPING = 14, CALL_SET_TIMER_OP = 15, CALL_XEN_VERSION = 17, CALL_CONSOLE_IO = 18,
    CALL_GRANT_TABLE_OP = 20, CALL_VM_ASSIST = 21, CALL_VCPU_OP = 24, CALL_MMUEXT_OP = 26, CALL_SCHED_OP = 29,
    CALL_EVENT_CHANNEL_OP = 32, CALL_PHYSDEV_OP = 33, CALL_DOMCTL = 36,
};

extern uint8_t hypercall_page[];

static inline int32_t hypercall(uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    int32_t result;
    __asm__ volatile("call %[to]"
                     : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d)
                     : [to] "r"(hypercall_page + number * 32)
                     : "memory");
    return result;
}

// ---- shared memory

struct start_info {
    char     magic[32];
    uint32_t nr_pages, shared_info, flags, store_mfn, store_evtchn, console_mfn, console_evtchn;
    uint32_t pt_base, nr_pt_frames, mfn_list, mod_start, mod_len;
    char     cmd_line[1024];
};

struct shared_info {
    struct {
        uint8_t  upcall_pending, upcall_mask, unused[2];
        uint32_t pending_sel, cr2, pad[5];
        uint32_t version, pad0;
        uint64_t tsc_timestamp, system_time;
        uint32_t mul;
        int8_t   shift, pad1[3];
    } vcpu[32];
    uint32_t pending[32], mask[32], wc_version, wc_sec, wc_nsec;
};

// With -DPAE page tables have 512 entries of 8 bytes, under an L3 of four; the builder's one directory is behind it. The upper half of an
// entry is 0 for all frames that there are, so the lower one says all.
#ifdef PAE
#define HOLE 0xF5800000u
#define SEGMENT_END 0xF6800000u
enum { ENTRY_BYTES = 8, UPPER_TABLES = 2 };
#else
#define HOLE 0xFC000000u
#define SEGMENT_END 0xFC400000u
enum { ENTRY_BYTES = 4, UPPER_TABLES = 1 };
#endif
#define M2P ((const uint32_t *)HOLE)
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40, PTE_PS = 0x80, PTE_G = 0x100 };

struct trap_info { uint8_t vector, flags; uint16_t cs; uint32_t address; };
struct mmu_update { uint32_t ptr, ptr_high, val, val_high; };
struct mmuext_op { uint32_t cmd, arg1, arg2; };
struct multicall_entry { uint32_t op, result, arg[6]; };
enum { PIN_L1 = 0, PIN_L2 = 1, PIN_L3 = 2, UNPIN = 4, NEW_BASE = 5, FLUSH_LOCAL = 6, INVLPG_LOCAL = 7, SET_LDT = 13 };
enum { DOM_SELF = 0x7FF0, UVMF_FLUSH = 1, UVMF_INVLPG = 2 };

// ---- the kernel's stack when a trap has come (start.S), lowest address first
struct frame {
    uint32_t es, ds, edi, esi, ebp, unused, ebx, edx, ecx, eax, vector, code, eip, cs, eflags, esp, ss;
};

extern uint8_t trap_entry_divide[], trap_entry_debug[], trap_entry_breakpoint[], trap_entry_invalid[], trap_entry_no_fpu[],
    trap_entry_segment[], trap_entry_stack[], trap_entry_protection[], trap_entry_page[], trap_entry_soft[], trap_entry_event[],
    trap_entry_failsafe[], syscall_entry[], trap_stack_top[], attempts[], attempts_end[], tried[], user_main[],
    __user_start[], __user_end[];
uint32_t run_user(uint32_t eip, uint32_t esp);
void leave_user(uint32_t value);
bool try_store(uint32_t at, uint32_t value);
bool try_load(uint32_t at);
bool try_gs(uint32_t selector);
bool try_out(void);
bool try_cli(void);
bool try_fpu(void);

// ---- what the files share
extern const struct start_info *info;
extern volatile struct shared_info *shared;
extern uint32_t *mfn_list;
extern uint32_t base_of_pages; // linear address of pseudo-physical page 0
extern volatile uint32_t events, faults, last_code, last_cr2, last_vector, failsafes;

void print(const char *text);
void print_hex(uint32_t value, int digits);
void print_dec(uint32_t value);
void print_result(const char *what, int32_t result);
uint32_t mfn_of(const void *at); // machine frame of one of the image's pages
int32_t update_va(uint32_t at, uint32_t entry);
int32_t update_entry(uint32_t ptr, uint32_t val, uint32_t val_high); // by mmu_update: ptr is a machine address
int32_t extended(uint32_t cmd, uint32_t arg1, uint32_t arg2);        // one mmuext_op
uint32_t machine_of(const void *at);
uint32_t *table_entry(uint32_t at); // linear address of the page-table entry, its lower half; tables lie behind the upper ones
void require(bool good, const char *what);
void forbidden(void);            // forbidden.c
void three_levels(void);         // pae.c
__attribute__((noreturn)) void finish(bool success);

#endif
