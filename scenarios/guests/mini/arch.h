// The border between the kernel and the machine: every operation that another kind of machine does in another way.
//
// Idea: all of the kernel but the files *_native.* is the same on a bare PC and under a paravirtualizing hypervisor.
// The interrupt flag, page tables, the stack for traps, the way to user code, time, console and disk are reached through
// the functions below; arch_native.* implements them with instructions of ring 0, arch_pv.* with hypercalls. There is no
// #ifdef: the build links one set or the other.
// Physical addresses are the kernel's own count from 0. On a bare PC they are what goes into page-table entries; a
// paravirtual kernel's entries hold machine addresses, hence pte_make and pte_physical.
// Built with -DPAE (mini-pae.elf, mini-pae-pv.elf) page tables have PAE's format; what that is stands below, and where they are made.
#ifndef MINI_ARCH_H
#define MINI_ARCH_H

#include "lib/guest.h" // struct trap_frame, bits of page-table entries

enum { PAGE = 4096, HZ = 1000 };
#define KERNEL_BASE 0xC0000000u    // kernel address of physical address 0; user space is all below
#define RAM_MAX (64u << 20)        // as much as the kernel maps, from KERNEL_BASE on

static inline void *physical_to_kernel(uint32_t physical) { return (void *)(physical + KERNEL_BASE); }
static inline uint32_t kernel_to_physical(const void *address) { return (uint32_t)address - KERNEL_BASE; }

// ---- What the machine does for the kernel ------------------------------------------------------------------------

// Interrupts. irq_save switches them off and says whether they were on; irq_restore puts that back.
typedef uint32_t irq_state;
irq_state irq_save(void);
void irq_restore(irq_state saved);
bool irq_enabled(void);
void irq_enable(void);
void irq_disable(void);
void irq_wait(void); // called with interrupts off: switches them on and sleeps until one came

// Page tables. An entry is changed by pte_set only; what was set is in force after pte_sync.
// With PAE what CR3 names, a root, has four entries, each for a directory worth a gigabyte: three of a space's own and, in the last one, the
// kernel's. Without, the root is the one directory, and the kernel's part is at its end.
#ifdef PAE
typedef uint64_t pte_t;
enum { TABLE_SHIFT = 21, TABLE_ENTRIES = 512, ROOT_ENTRIES = 4 };
#else
typedef uint32_t pte_t;
enum { TABLE_SHIFT = 22, TABLE_ENTRIES = 1024, ROOT_ENTRIES = 1 };
#endif
enum { KERNEL_ENTRY = ROOT_ENTRIES - 1 /* of a root, with PAE */, FIRST_KERNEL_ENTRY = (KERNEL_BASE >> TABLE_SHIFT) % TABLE_ENTRIES /* of its directory */ };
enum { PTE_COW = 1 << 9 }; // a bit the processor leaves to software: writable, but shared; copy on the first store
pte_t pte_make(uint32_t physical, uint32_t flags);
uint32_t pte_physical(pte_t entry);
void pte_set(pte_t *slot, pte_t value);
void pte_sync(void);
void tlb_flush_page(uint32_t address); // of the space in use
void tlb_flush_all(void);
enum table_level { LEVEL_TABLE = 1, LEVEL_DIRECTORY = 2 };
void table_adopt(pte_t *table, enum table_level level);   // a zeroed page becomes a table (a directory gets the kernel's part)
void table_release(pte_t *table, enum table_level level); // and is an ordinary page again
bool root_adopt(pte_t *root);          // PAE: likewise a root, with the space's directories in it; false: no memory
void root_abandon(pte_t *root);        // and it is an ordinary page again
void directory_load(pte_t *directory); // what CR3 names; NULL: one with the kernel's part only

// Processes. The trap frame at the top of a kernel stack is what trap_return (assembly) goes back to.
void arch_kernel_stack(uint32_t top); // where the next trap from user code puts its frame
void arch_user_frame(struct trap_frame *frame, uint32_t entry, uint32_t stack);
void trap_return(void);

// Time: periods of 1/HZ s pass, whether interrupts come or not.
void arch_pause(int periods);
void arch_timer_stop(void);      // no more ticks: nobody is preempted, nobody who sleeps wakes up

// Console: text out, and everything out before it returns. Input comes by kernel_input.
void console_out(const char *text, uint32_t size);
void console_drain(void);

// Disks, by number, in sectors of 512 bytes. A transfer may put the calling process to sleep; its memory crosses no 64 KB boundary.
void disk_init(bool pio); // without DMA
uint32_t disk_sectors(uint32_t disk); // 0: there is none
bool disk_transfer(uint32_t disk, uint32_t sector, uint32_t count, void *memory, bool write);
extern const bool disk_takes_several; // from several processes at once

// The network card: frames without their check sequence. net_start looks for it, and may put the calling process to sleep; false: there is
// none. net_put: false if there is no room now; net_take: 0 if nothing has come. Whenever that may have changed, kernel_net is called.
bool net_start(uint8_t address[6]);
bool net_put(const void *frame, uint32_t size);
uint32_t net_take(void *frame);

// The service domain has another task than to run programs: what its only process does instead. Elsewhere NULL.
void (*arch_service(void))(void);
void device_threads(void); // makes the kernel's own processes that devices need, once there are processes
// A call to a hypervisor's balloon: its status, and in *target how many pages it would like, if it says so. All ones: there is none.
uint32_t balloon_call(uint32_t command, uint32_t argument, uint32_t *target);

// What the process of a virtual machine asks (enum vm_call in run.h). Without a hypervisor in the kernel E_NOSYS.
int arch_vm(uint32_t call, uint32_t vm, uint32_t record);

// Other domains, for the service domain: an operation of abi.h's, with the program's record. 0, or an error.
int arch_domain(uint32_t operation, uint32_t domain, uint32_t record);

void arch_off(uint32_t status) __attribute__((noreturn)); // the machine's end; 0 is success

// ---- What the kernel does for the machine --------------------------------------------------------------------------

// What start-of-day found out, all physical.
struct boot {
    uint32_t free_begin, free_end; // memory that nobody uses
    uint32_t absent_end;           // behind it, up to here, is more, which a hypervisor has for now; 0: there is none
    uint32_t module, module_size;  // a file the loader brought; size 0: none
    const char *command_line;
};

void kernel_main(const struct boot *boot) __attribute__((noreturn)); // interrupts off, all of RAM mapped
void kernel_tick(void);                                              // interrupts off
void kernel_input(char c);                                           // interrupts off
void kernel_net(void);                                               // interrupts off
void kernel_syscall(struct trap_frame *frame);
void kernel_page_fault(struct trap_frame *frame, uint32_t address); // interrupts off
void kernel_exception(struct trap_frame *frame);                    // any other
void kernel_leave(struct trap_frame *frame);                        // last, before a trap or interrupt returns

static inline bool from_user(const struct trap_frame *frame) { return (frame->cs & 3) == 3; }

#endif
