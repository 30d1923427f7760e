// Guest `pvtest`: everything a domain may not do, with the error the hypervisor answers.
#include "pvtest/pv.h"

static uint32_t page[1024] __attribute__((aligned(4096)));
static uint32_t table[1024] __attribute__((aligned(4096)));
static uint32_t descriptors[1024] __attribute__((aligned(4096)));

static void update(const char *what, uint32_t ptr, uint32_t val) { print_result(what, update_entry(ptr, val, 0)); }

static void tables(void)
{
    uint32_t base = mfn_of((void *)info->pt_base), self = mfn_of(page), entry = machine_of(table_entry((uint32_t)page));
    update("map a frame of the hypervisor's", entry, 1u << 12 | PTE_P);
    update("map a frame beyond memory", entry, 0xFFFFF000 | PTE_P);
    update("map a page table writable", entry, base << 12 | PTE_P | PTE_W);
    update("map a large page", entry, self << 12 | PTE_P | PTE_PS);
    update("map a global page", entry, self << 12 | PTE_P | PTE_G);
    update("an entry in the hole", base << 12 | 0xFF0, self << 12 | PTE_P);
    update("a directory entry to a writable page", base << 12, self << 12 | PTE_P);
    update("a directory in itself, writable", base << 12, base << 12 | PTE_P | PTE_W);
    update("a directory in itself, read-only", base << 12, base << 12 | PTE_P);
    update("and out again", base << 12, 0);
    update("an entry of a foreign frame", 1u << 12, 0);
    update("an unknown kind of update", entry | 3, 0);
    print_result("a list at a wild address", hypercall(CALL_MMU_UPDATE, 0xFFFFF000, 1, 0, DOM_SELF));
    print_result("in another domain's name", hypercall(CALL_MMU_UPDATE, (uint32_t)page, 0, 0, 7));
    print_result("update_va_mapping in the hole", update_va(HOLE, self << 12 | PTE_P));
    print_result("update_va_mapping without a table", update_va(0x00400000, self << 12 | PTE_P));
}

static void pins(void)
{
    uint32_t base = mfn_of((void *)info->pt_base), self = mfn_of(table);
    print_result("pin a table that is mapped writable", extended(PIN_L1, self, 0));
    print_result("make it read-only", update_va((uint32_t)table, self << 12 | PTE_P));
    print_result("pin it", extended(PIN_L1, self, 0));
    print_result("pin it twice", extended(PIN_L1, self, 0));
    print_result("make it writable again", update_va((uint32_t)table, self << 12 | PTE_P | PTE_W));
    print_result("use it as a directory", extended(NEW_BASE, self, 0));
    print_result("unpin it", extended(UNPIN, self, 0));
    print_result("unpin what is not pinned", extended(UNPIN, self, 0));
    print_result("now make it writable", update_va((uint32_t)table, self << 12 | PTE_P | PTE_W));
    print_result("pin the base as a table", extended(PIN_L1, base, 0));
    print_result("pin a foreign frame", extended(PIN_L1, 2, 0));
}

// A segment that would reach around 4 GB: with the assist bytes below its base are there as well as those above it.
static uint32_t gs_load(uint32_t offset)
{
    uint32_t value;
    __asm__ volatile("mov %0, gs:[%1]" : "=r"(value) : "r"(offset) : "memory");
    return value;
}

static void around(uint32_t at)
{
    static volatile uint32_t words[4] = { 10, 11, 12, 13 };
    uint32_t base = (uint32_t)&words[2];
    print_result("segments around 4 GB", hypercall(CALL_VM_ASSIST, 0, 0, 0, 0));
    print_result("one", hypercall(CALL_UPDATE_DESCRIPTOR, at, 0, base << 16 | 0xFFFF, (base >> 16 & 0xFF) | (base & 0xFF000000) | 0x00CF9200));
    print_result("load it", try_gs(8 | 1));
    print_result("above its base", (int32_t)gs_load(4));
    print_result("below it", (int32_t)gs_load((uint32_t)-8));
    print_result("it is expand-down now", descriptors[3] >> 10 & 1);
    words[3] = words[0]; // other segments are as they were
    __asm__ volatile("add dword ptr gs:[%0], 5" : : "r"(-4) : "memory");
    print_result("below it, a sum", (int32_t)words[1]);
    __asm__ volatile("add dword ptr gs:[%0], 5" : : "r"(4) : "memory");
    print_result("above it, a sum", (int32_t)words[3]);
    print_result("it expands up again", !(descriptors[3] >> 10 & 1));
    print_result("no assist", hypercall(CALL_VM_ASSIST, 1, 0, 0, 0));
    print_result("flat data", hypercall(CALL_UPDATE_DESCRIPTOR, at, 0, 0x0000FFFF, 0x00CF9300));
    print_result("load it", try_gs(8 | 1));
}

static void segments(void)
{
    uint32_t self = mfn_of(descriptors), list = self, at = self << 12 | 8;
    descriptors[2] = 0x0000FFFF, descriptors[3] = 0x00CF9300; // flat data for ring 0
    print_result("a writable page as GDT", hypercall(CALL_SET_GDT, (uint32_t)&list, 512, 0, 0));
    update_va((uint32_t)descriptors, self << 12 | PTE_P);
    print_result("a read-only one", hypercall(CALL_SET_GDT, (uint32_t)&list, 512, 0, 0));
    print_result("its ring-0 descriptor is ring 1's now", descriptors[3] >> 13 & 3);
    print_result("and ends below the hypervisor", ((descriptors[3] & 0xF0000) | (descriptors[2] & 0xFFFF)) == (SEGMENT_END >> 12) - 1);
    print_result("map the GDT writable", update_va((uint32_t)descriptors, self << 12 | PTE_P | PTE_W));
    print_result("a TSS in it", hypercall(CALL_UPDATE_DESCRIPTOR, at, 0, 0x00000067, 0x00008900));
    print_result("a base in the hole", hypercall(CALL_UPDATE_DESCRIPTOR, at, 0, 0x00000000, 0xFFC09300));
    print_result("a byte-granular segment over all", hypercall(CALL_UPDATE_DESCRIPTOR, at, 0, 0x0000FFFF, 0xFC4F933F));
    print_result("flat data", hypercall(CALL_UPDATE_DESCRIPTOR, at, 0, 0x0000FFFF, 0x00CF9300));
    print_result("load it", try_gs(8 | 1));
    around(at);
    print_result("the same page as LDT", extended(SET_LDT, (uint32_t)descriptors, 512));
    print_result("load it from there", try_gs(8 | 4 | 1));
    print_result("beyond its end", try_gs(0x1008 | 4 | 1));
    print_result("no LDT", extended(SET_LDT, 0, 0));
    print_result("load it from there", try_gs(8 | 4 | 1));
    print_result("GS from the GDT again", try_gs(8 | 1));
    print_result("make it absent", hypercall(CALL_UPDATE_DESCRIPTOR, at, 0, 0, 0));
    print_result("GS was bad on the way back: failsafe callbacks", (int32_t)failsafes);
    print_result("too many descriptors", hypercall(CALL_SET_GDT, (uint32_t)&list, 14 * 512 + 1, 0, 0));
    print_result("no GDT", hypercall(CALL_SET_GDT, 0, 0, 0, 0));
    print_result("an LDT that is not on a page", extended(SET_LDT, (uint32_t)page + 8, 1));
    print_result("an LDT in the hole", extended(SET_LDT, 0xFFC00000, 512));
    print_result("a handler in the hypervisor's code", hypercall(CALL_SET_CALLBACKS, 0xFFC9, 0, 0xE019, 0));
}

static void others(void)
{
    print_result("an unknown hypercall", hypercall(60, 0, 0, 0, 0));
    print_result("a call for privileged domains", hypercall(CALL_DOMCTL, 0, 0, 0, 0));
    print_result("a call for each segment that reaches around 4 GB", hypercall(CALL_VM_ASSIST, 0, 1, 0, 0));
    print_result("a breakpoint on the hypervisor", hypercall(CALL_SET_DEBUGREG, 0, 0xFFC04000, 0, 0));
    print_result("the general-detect bit", hypercall(CALL_SET_DEBUGREG, 7, 0x2400, 0, 0));
    print_result("text from the hypervisor's memory", hypercall(CALL_CONSOLE_IO, 0, 16, 0xFFC04000, 0));
    struct { uint32_t virq, vcpu, port; } bind = { 0, 0, 0 };
    print_result("the timer's channel a second time", hypercall(CALL_EVENT_CHANNEL_OP, 1, (uint32_t)&bind, 0, 0));
    uint32_t port = 1000;
    print_result("a closed channel", hypercall(CALL_EVENT_CHANNEL_OP, 4, (uint32_t)&port, 0, 0));
    print_result("OUT to a port works", try_out());
    print_result("CLI works", try_cli());
    struct { uint32_t iopl; } iopl = { 1 };
    print_result("set_iopl", hypercall(CALL_PHYSDEV_OP, 6, (uint32_t)&iopl, 0, 0));
    print_result("CLI works", try_cli());
    print_result("a store into the hypervisor's window works", try_store(0xFFC02000, 0));
    print_result("a load from it works", try_load(0xFFC02000));
}

LANDMARK void forbidden(void)
{
    tables();
    pins();
    segments();
    others();
}
