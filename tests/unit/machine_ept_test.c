/* EPT and VPID on the CPU with its real MMU: what a violation tells, what a guest does without leaving, what stays in the TLB and
 * what INVEPT and INVVPID forget. SDM vol. 3C 25.5.6, 26.2.1.1, 27.2.1, 28.2, 28.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "sim/cpu/debug.h"
#include "sim/cpu/vmcs.h"
#include "sim/mmu/mmu.h"
#include "sim/mmu/second.h"
#include "sim/trace/cause.h"

enum { RAM = 8 << 20, FRAMES = RAM / PAGE_SIZE, REGION = 0x100000, VMCS_AT = 0x101000, HOST_PD = 0x102000, HOST_CODE = 0x103000,
       POINTER = 0x104000, EPT = 0x200000 /* root, then tables */, GUEST_AT = 0x400000 /* where guest-physical 0 lies */, GUEST_PAGES = 256 };
/* Guest-physical. */
enum { G_CODE = 0x1000, G_PD = 0x10000, G_PT = 0x11000, G_DATA = 0x20000, G_STACK = 0x30000, G_PDPT = 0x13000, G_DIRS = 0x14000, G_HANDLER = 0x2000,
       G_IDT = 0x3000, G_GDT = 0x4000 };
#define CR0_BITS (CR0_PG | CR0_PE | CR0_NE | CR0_ET | CR0_WP)

static struct world {
    struct arena arena;
    struct clock clock;
    struct model model;
    struct bus bus;
    struct cpu cpu;
    struct mmu mmu;
    uint8_t *ram;
} *w;

static void put32(uint32_t at, uint32_t v) { bus_poke(&w->bus, hpa(at), &v, 4); }
static void put64(uint32_t at, uint64_t v) { bus_poke(&w->bus, hpa(at), &v, 8); }
static uint32_t get32(uint32_t at)
{
    uint32_t v = 0;
    bus_peek(&w->bus, hpa(at), &v, 4);
    return v;
}
static uint32_t gp(uint32_t guest) { return GUEST_AT + guest; }
static void field(enum vmcs_offset f, uint32_t v) { put32(VMCS_AT + f, v); }
static uint32_t told(enum vmcs_offset f) { return get32(VMCS_AT + f); }

/* Four levels: one table each but for the leaves' one, which maps the first 2 MB of the guest. */
static uint32_t leaf(uint32_t guest) { return EPT + 0x3000 + 8 * (guest >> 12); }
static void build_ept(void)
{
    for (unsigned l = 0; l < 3; l++) put64(EPT + 0x1000 * l, (EPT + 0x1000 * (l + 1)) | SECOND_ALL);
    for (uint32_t n = 0; n < GUEST_PAGES; n++) put64(leaf(n << 12), (uint64_t)gp(n << 12) | SECOND_ALL | SECOND_WRITE_BACK);
}

static void describe(void)
{
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        field(vmcs_nth(VMCS_GUEST_ES, n), n == SEG_CS ? 8 : 0x10);
        field(vmcs_nth(VMCS_GUEST_ES_LIMIT, n), UINT32_MAX);
        field(vmcs_nth(VMCS_GUEST_ES_AR, n), n == SEG_CS ? 0xC09B : 0xC093);
        field(vmcs_nth(VMCS_HOST_ES, n), n == SEG_CS ? 8 : 0x10);
    }
    const struct { enum vmcs_offset f; uint32_t v; } rows[] = {
        { VMCS_GUEST_LDTR_AR, 1 << 16 }, { VMCS_GUEST_TR, 0x18 }, { VMCS_GUEST_TR_LIMIT, 0x67 }, { VMCS_GUEST_TR_AR, 0x8B },
        { VMCS_GUEST_CR0, CR0_BITS }, { VMCS_GUEST_CR3, G_PD }, { VMCS_GUEST_CR4, CR4_VMXE | CR4_PGE }, { VMCS_GUEST_DR7, DR7_FIXED },
        { VMCS_GUEST_EFLAGS, FLAG_ONE }, { VMCS_GUEST_EIP, G_CODE }, { VMCS_GUEST_ESP, G_STACK }, { VMCS_GUEST_IDTR_BASE, G_IDT },
        { VMCS_GUEST_IDTR_LIMIT, 0x7FF }, { VMCS_GUEST_GDTR_BASE, G_GDT }, { VMCS_GUEST_GDTR_LIMIT, 0x1F },
        { VMCS_GUEST_LINK, UINT32_MAX }, { (enum vmcs_offset)(VMCS_GUEST_LINK + 4), UINT32_MAX },
        { VMCS_HOST_TR, 0x18 }, { VMCS_HOST_CR0, CR0_BITS }, { VMCS_HOST_CR3, HOST_PD }, { VMCS_HOST_CR4, CR4_VMXE | CR4_PSE },
        { VMCS_HOST_EIP, HOST_CODE }, { VMCS_HOST_ESP, HOST_CODE + 0xF00 },
        { VMCS_PIN, 0x16 }, { VMCS_PROC, 0x04006172 | VMX_PROC_SECONDARY | VMX_PROC_HLT }, { VMCS_EXIT, 0x36DFF }, { VMCS_ENTRY, 0x11FF },
        { VMCS_PROC2, VMX_PROC2_EPT | VMX_PROC2_VPID }, { VMCS_EPTP, EPT | 3 << 3 | 6 }, { VMCS_VPID, 7 }, { VMCS_CR4_MASK, CR4_VMXE },
    };
    for (unsigned n = 0; n < sizeof rows / sizeof rows[0]; n++) field(rows[n].f, rows[n].v);
}

/* The guest: flat, its first 1 MB mapped as it lies, supervisor and user; #PF and #GP lead to HLT. */
static void build_guest(void)
{
    put32(gp(G_PD), G_PT | 7);
    for (uint32_t n = 0; n < GUEST_PAGES; n++) put32(gp(G_PT) + 4 * n, n << 12 | 7);
    const uint32_t gdt[8] = { 0, 0, 0xFFFF, 0xCF9B00, 0xFFFF, 0xCF9300, 0x67, 0x8B00 };
    bus_poke(&w->bus, hpa(gp(G_GDT)), gdt, sizeof gdt);
    for (unsigned v = 0; v < 32; v++) {
        put32(gp(G_IDT) + 8 * v, 8 << 16 | (G_HANDLER + 16 * v));
        put32(gp(G_IDT) + 8 * v + 4, 0x8E00);
        put32(gp(G_HANDLER) + 16 * v, 0xF4F4F4F4);
    }
}

static void start(void)
{
    put32(HOST_PD, 0x83); /* 4 MB as they lie, twice */
    put32(HOST_PD + 4, 0x400083);
    put32(REGION, vmx_revision(&w->cpu));
    put32(VMCS_AT, vmx_revision(&w->cpu));
    struct cpu *c = &w->cpu;
    cpu_boot_flat(c, HOST_CODE, 0, 0);
    c->cr0 = CR0_BITS;
    c->cr3 = HOST_PD;
    c->cr4 = CR4_VMXE | CR4_PSE;
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    c->vmx = (struct vmx){ .on = true, .region = REGION, .entered = UINT64_MAX };
    vmcs_select(c, VMCS_AT);
    build_ept();
    build_guest();
    describe();
}

static void begin(unsigned levels)
{
    w = calloc(1, sizeof *w);
    w->ram = calloc(1, RAM);
    assert_true(w && w->ram && arena_init(&w->arena, 1 << 20) && model_find("p4", &w->model, NULL));
    w->model.vmx = VMX_NEHALEM;
    w->model.cost[COST_CPU_EPT] = w->model.cost[COST_CPU_VPID] = 1;
    w->model.levels = (uint8_t)levels;
    w->clock.hz = w->model.hz;
    bus_init(&w->bus, w->ram, FRAMES, &w->clock, &w->arena);
    mmu_init(&w->mmu, &w->bus, &w->cpu.dtlb, &w->cpu.itlb, &w->clock, &w->model);
    struct cpu_env env = { .bus = &w->bus, .mmu = &w->mmu, .translate = mmu_translate, .fill = mmu_fill, .flush = mmu_flush,
                           .invlpg = mmu_invlpg, .paging = mmu_paging, .pdptes = mmu_pdptes, .pdptes_now = mmu_pdptes_now,
                           .space = mmu_space, .invalidate = mmu_invalidate };
    cpu_init(&w->cpu, &env, &w->clock, &w->model, NULL, block_cache_new());
    bus_listen(&w->bus, (struct bus_listener){ cpu_code_written, &w->cpu });
    start();
}

static void end(void)
{
    block_cache_free(w->cpu.blocks);
    arena_done(&w->arena);
    free(w->ram);
    free(w);
}

static void bytes(uint32_t at, const char *hex)
{
    for (; hex[0]; hex += hex[0] == ' ' ? 1 : 2) {
        char one[3] = { hex[0], hex[1], 0 };
        uint8_t b = (uint8_t)strtoul(one, NULL, 16);
        if (hex[0] != ' ') bus_poke(&w->bus, hpa(at++), &b, 1);
    }
}

/* VMLAUNCH or VMRESUME; then until it leaves. Returns the reason. */
static uint32_t enter(bool launch)
{
    bytes(HOST_CODE, launch ? "0F01C2" : "0F01C3");
    w->cpu.eip = HOST_CODE;
    (void)cpu_run(&w->cpu, 1);
    if (!w->cpu.vmx.nonroot) return w->cpu.eip == HOST_CODE + 3 ? 1000 + told(VMCS_ERROR) : told(VMCS_REASON);
    for (unsigned k = 0; k < 10000 && w->cpu.vmx.nonroot; k++) (void)cpu_run(&w->cpu, 1);
    assert_false(w->cpu.vmx.nonroot);
    return told(VMCS_REASON);
}
static uint32_t run(const char *hex)
{
    bytes(gp(G_CODE), hex);
    field(VMCS_GUEST_EIP, G_CODE);
    return enter(!get32(VMCS_AT + VMCS_LAUNCHED));
}

/* ---- */

/* mov eax, [20000]; mov [20004], eax; hlt */
#define COPY "A100000200 A304000200 F4"

static void runs_through_both(void **state)
{
    (void)state;
    begin(0);
    put32(gp(G_DATA), 0xC0FFEE);
    assert_int_equal(run(COPY), VMX_HLT);
    assert_int_equal(get32(gp(G_DATA + 4)), 0xC0FFEE);
    assert_int_equal(get32(gp(G_PT) + 4 * (G_DATA >> 12)) & 0x60, 0x60); /* A and D, in the guest's own tables */
    assert_int_equal(get32(gp(G_PD)) & 0x60, 0x20);
    /* A page of code, one of data, and that again, for D: 2 levels over 4 each. */
    assert_int_equal(w->mmu.refs, 1 + 3 * 14); /* the host's page of code, too */
    assert_int_equal(w->mmu.refs_second, 3 * 12);
    assert_int_equal(clock_of_cause(&w->clock, CAUSE_WALK), (1 + 3 * 2) * w->model.cost[COST_WALK_REF]);
    assert_int_equal(clock_of_cause(&w->clock, CAUSE_WALK_SECOND), 3 * 12 * w->model.cost[COST_WALK_REF]);
    end();
}

static void violations(void **state)
{
    (void)state;
    enum { RD_ = 1, WR_ = 2, EX_ = 4, LIN = 0x80, FIN = 0x100 };
    static const struct { const char *what, *code; uint32_t page; uint64_t entry; uint32_t reason, qualification, physical, linear; } cases[] = {
        { "read", COPY, G_DATA, 0, 48, RD_ | LIN | FIN, G_DATA, G_DATA },
        { "write", COPY, G_DATA, GUEST_AT + G_DATA + 1, 48, WR_ | 1 << 3 | LIN | FIN, G_DATA + 4, G_DATA + 4 },
        { "fetch", "E9FBEF0100", G_DATA, GUEST_AT + G_DATA + 3, 48, EX_ | 3 << 3 | LIN | FIN, G_DATA, G_DATA },
        { "page table", COPY, G_PT, 0, 48, RD_ | LIN, G_PT + 4, G_CODE },
        { "A in a read-only directory", COPY, G_PD, GUEST_AT + G_PD + 1, 48, RD_ | WR_ | 1 << 3 | LIN, G_PD, G_CODE },
        { "misconfigured", COPY, G_DATA, GUEST_AT + G_DATA + 2, 49, 0, G_DATA, 0 },
        { "beyond what is mapped", "A100000F00 F4", 0xF0000, 0, 48, RD_ | LIN | FIN, 0xF0000, 0xF0000 },
        { "the stack, by PUSH", "6A00", G_STACK - 0x1000, 0, 48, WR_ | LIN | FIN, G_STACK - 4, G_STACK - 4 },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        begin(0);
        put64(leaf(cases[k].page), cases[k].entry);
        uint32_t reason = run(cases[k].code);
        if (reason != cases[k].reason) fail_msg("%s: reason %u", cases[k].what, reason);
        if (told(VMCS_QUALIFICATION) != cases[k].qualification) fail_msg("%s: qualification %x", cases[k].what, told(VMCS_QUALIFICATION));
        if (told(VMCS_GUEST_PHYSICAL) != cases[k].physical) fail_msg("%s: physical %x", cases[k].what, told(VMCS_GUEST_PHYSICAL));
        if (told(VMCS_LINEAR) != cases[k].linear) fail_msg("%s: linear %x", cases[k].what, told(VMCS_LINEAR));
        assert_int_equal(told(VMCS_EVENT), 0);
        assert_int_equal(told(VMCS_VECTORING), 0);
        assert_true(told(VMCS_GUEST_EFLAGS) & FLAG_RF);
        /* Mended, it goes on from there. */
        put64(leaf(cases[k].page), (uint64_t)gp(cases[k].page) | 7);
        if (cases[k].code[0] == 'A') assert_int_equal(enter(false), VMX_HLT);
        end();
    }
}

/* The guest's own page faults are its own, and so are CR3 and INVLPG. */
static void no_exits(void **state)
{
    (void)state;
    begin(0);
    put32(gp(G_PT) + 4 * 0x40, 0); /* a read there goes to the guest's handler */
    assert_int_equal(run("0F20D8 0F22D8 0F013D00000200 A100000400"), VMX_HLT);
    assert_int_equal(told(VMCS_GUEST_EIP), G_HANDLER + 16 * VEC_PF);
    assert_int_equal(w->cpu.cr2, 0x40000);
    end();
    begin(0); /* a stack that the second level does not map: the fault whose delivery it is, is told */
    put32(gp(G_PT) + 4 * 0x40, 0);
    put64(leaf(G_STACK - 4), 0);
    assert_int_equal(run("A100000400"), VMX_EPT_VIOLATION);
    assert_int_equal(told(VMCS_VECTORING), VMX_EVENT_VALID | VMX_EVENT_CODE | VMX_EVENT_EXCEPTION << VMX_EVENT_TYPE_SHIFT | VEC_PF);
    assert_int_equal(told(VMCS_VECTORING_CODE), 0);
    assert_int_equal(w->cpu.cr2, 0x40000);
    end();
}

/* With a tag the guest finds its translations again; without one, each entry begins with none. */
static void tags(void **state)
{
    (void)state;
    for (unsigned tagged = 0; tagged < 2; tagged++) {
        begin(0);
        if (!tagged) field(VMCS_PROC2, VMX_PROC2_EPT);
        assert_int_equal(run(COPY), VMX_HLT);
        uint64_t walks = w->mmu.walks;
        assert_int_equal(run(COPY), VMX_HLT);
        assert_int_equal(w->mmu.walks - walks, tagged ? 0 : 3); /* the host's, too */
        put64(leaf(G_DATA), 0); /* stale until flushed */
        assert_int_equal(run(COPY), tagged ? VMX_HLT : VMX_EPT_VIOLATION);
        end();
    }
    begin(0); /* another tag, other translations; the same tag over other tables, too */
    assert_int_equal(run(COPY), VMX_HLT);
    put64(leaf(G_DATA), 0);
    field(VMCS_VPID, 8);
    assert_int_equal(run(COPY), VMX_EPT_VIOLATION);
    field(VMCS_VPID, 7);
    assert_int_equal(run(COPY), VMX_HLT);
    for (unsigned l = 0; l < 512; l++) put64(0x300000 + 8 * l, l ? 0 : (EPT + 0x1000) | SECOND_ALL);
    field(VMCS_EPTP, 0x300000 | 3 << 3 | 6);
    assert_int_equal(run(COPY), VMX_EPT_VIOLATION);
    end();
}

/* INVEPT eax, [POINTER]; INVVPID. Returns the flags that tell how it went: ZF with the number in the VMCS. */
static uint32_t invalidate(bool invept, uint32_t type, uint64_t low, uint64_t high)
{
    put64(POINTER, low);
    put64(POINTER + 8, high);
    bytes(HOST_CODE, invept ? "660F38800500401000" : "660F38810500401000");
    w->cpu.eip = HOST_CODE;
    w->cpu.reg[EAX] = type;
    (void)cpu_run(&w->cpu, 1);
    assert_int_equal(w->cpu.eip, HOST_CODE + 9);
    return cpu_flags(&w->cpu) & (FLAG_CF | FLAG_ZF) ? told(VMCS_ERROR) : 0;
}

static void invalidation(void **state)
{
    (void)state;
    const uint64_t eptp = EPT | 3 << 3 | 6;
    const struct { const char *what; bool invept; uint32_t type; uint64_t low, high; bool forgets; uint32_t error; } cases[] = {
        { "the root", true, 1, eptp, 0, true, 0 }, { "another root", true, 1, eptp + 0x1000, 0, false, 0 }, { "all roots", true, 2, 0, 0, true, 0 },
        { "no such type", true, 0, eptp, 0, false, 28 }, { "type 3", true, 3, eptp, 0, false, 28 }, { "reserved", true, 1, eptp, 1, false, 28 },
        { "three levels", true, 1, EPT | 2 << 3 | 6, 0, false, 28 },
        { "the page", false, 0, 7, (uint64_t)(G_DATA + 0x123), true, 0 }, { "another page", false, 0, 7, 0x50000, false, 0 },
        { "the page of another", false, 0, 8, G_DATA, false, 0 }, { "the tag", false, 1, 7, 0, true, 0 }, { "another tag", false, 1, 8, 0, false, 0 },
        { "tag 0", false, 1, 0, 0, false, 28 }, { "all tags", false, 2, 0, 0, true, 0 }, { "but globals", false, 3, 7, 0, true, 0 },
        { "no such kind", false, 4, 7, 0, false, 28 }, { "a long tag", false, 1, 0x10007, 0, false, 28 },
        { "a page too far", false, 0, 7, 0x100000000ull, false, 28 },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        begin(0);
        assert_int_equal(run(COPY), VMX_HLT);
        put64(leaf(G_DATA), 0);
        uint32_t error = invalidate(cases[k].invept, cases[k].type, cases[k].low, cases[k].high);
        if (error != cases[k].error) fail_msg("%s: error %u", cases[k].what, error);
        uint32_t reason = run(COPY);
        if (reason != (cases[k].forgets ? VMX_EPT_VIOLATION : VMX_HLT)) fail_msg("%s: reason %u", cases[k].what, reason);
        end();
    }
    begin(0); /* a global page stays with type 3, and MOV to CR3 leaves it, too */
    put32(gp(G_PT) + 4 * (G_DATA >> 12), G_DATA | 7 | PTE_G);
    assert_int_equal(run(COPY), VMX_HLT);
    put64(leaf(G_DATA), 0);
    assert_int_equal(invalidate(false, 3, 7, 0), 0);
    assert_int_equal(run("0F20D8 0F22D8" COPY), VMX_HLT);
    assert_int_equal(invalidate(false, 1, 7, 0), 0);
    assert_int_equal(run(COPY), VMX_EPT_VIOLATION);
    end();
}

/* A guest with PAE: its four entries are fields, read again only when it loads CR3; reading them may leave, with no linear address. */
static void pae(void **state)
{
    (void)state;
    begin(0);
    put64(gp(G_PDPT), G_DIRS | 1);
    put64(gp(G_DIRS), (G_DIRS + 0x1000) | 7);
    for (uint32_t n = 0; n < GUEST_PAGES; n++) put64(gp(G_DIRS + 0x1000) + 8 * n, (uint64_t)n << 12 | 7);
    field(VMCS_GUEST_CR3, G_PDPT);
    field(VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE);
    assert_int_equal(run(COPY), VMX_TRIPLE_FAULT); /* fields of zeros: nothing is mapped */
    end();
    begin(0);
    put64(gp(G_PDPT), G_DIRS | 1);
    put64(gp(G_DIRS), (G_DIRS + 0x1000) | 7);
    for (uint32_t n = 0; n < GUEST_PAGES; n++) put64(gp(G_DIRS + 0x1000) + 8 * n, (uint64_t)n << 12 | 7);
    field(VMCS_GUEST_CR3, G_PDPT);
    field(VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE);
    put64(VMCS_AT + VMCS_GUEST_PDPTE0, G_DIRS | 1);
    put64(gp(G_PDPT), 0xBAD); /* nobody looks */
    assert_int_equal(run(COPY), VMX_HLT);
    put64(gp(G_PDPT), G_DIRS | 0x11);
    assert_int_equal(run("0F20D8 0F22D8 F4"), VMX_HLT);
    assert_int_equal(told(VMCS_GUEST_PDPTE0), G_DIRS | 0x11);
    put64(leaf(G_PDPT), 0);
    assert_int_equal(run("0F20D8 0F22D8 F4"), VMX_EPT_VIOLATION);
    assert_int_equal(told(VMCS_QUALIFICATION), SECOND_READ);
    assert_int_equal(told(VMCS_GUEST_PHYSICAL), G_PDPT);
    assert_int_equal(told(VMCS_GUEST_EIP), G_CODE + 3);
    put64(VMCS_AT + VMCS_GUEST_PDPTE0, G_DIRS | 3); /* a reserved bit */
    assert_int_equal(run(COPY), VMX_BAD_GUEST | VMX_FAILED_ENTRY);
    assert_int_equal(told(VMCS_QUALIFICATION), 2);
    end();
}

static void controls(void **state)
{
    (void)state;
    enum { GOOD = VMX_HLT, BAD = 1000 + VMX_ERROR_CONTROLS, NO_EPT = 1, NO_VPID = 2 };
    static const struct { const char *what; enum vmcs_offset f; uint32_t v, wanted; uint8_t lacks; } cases[] = {
        { "as it is", VMCS_VPID, 7, GOOD, 0 }, { "tag 0", VMCS_VPID, 0, BAD, 0 }, { "memory type 1", VMCS_EPTP, EPT | 3 << 3 | 1, BAD, 0 },
        { "uncached", VMCS_EPTP, EPT | 3 << 3, GOOD, 0 }, { "three levels", VMCS_EPTP, EPT | 2 << 3 | 6, BAD, 0 },
        { "five", VMCS_EPTP, EPT | 4 << 3 | 6, BAD, 0 }, { "accessed bits", VMCS_EPTP, EPT | 3 << 3 | 6 | 1 << 6, BAD, 0 },
        { "beyond 36 bits", (enum vmcs_offset)(VMCS_EPTP + 4), 0x10, BAD, 0 }, { "unrestricted", VMCS_PROC2, VMX_PROC2_EPT | 1 << 7, BAD, 0 },
        { "no EPT there", VMCS_VPID, 7, BAD, NO_EPT }, { "no VPID there", VMCS_VPID, 7, BAD, NO_VPID },
        { "neither", VMCS_PROC2, 0, BAD, NO_EPT | NO_VPID },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        begin(0);
        if (cases[k].lacks & NO_EPT) w->model.cost[COST_CPU_EPT] = 0;
        if (cases[k].lacks & NO_VPID) w->model.cost[COST_CPU_VPID] = 0;
        field(cases[k].f, cases[k].v);
        uint32_t got = run("F4");
        if (got != cases[k].wanted) fail_msg("%s: %u", cases[k].what, got);
        end();
    }
}

/* Deeper tables of the guest's: 24 references each. */
static void four_by_four(void **state)
{
    (void)state;
    begin(4);
    put64(gp(G_PDPT), (G_PDPT + 0x1000) | 7);
    put64(gp(G_PDPT + 0x1000), (G_PDPT + 0x2000) | 7);
    put64(gp(G_PDPT + 0x2000), (G_PDPT + 0x3000) | 7);
    for (uint32_t n = 0; n < GUEST_PAGES; n++) put64(gp(G_PDPT + 0x3000) + 8 * n, (uint64_t)n << 12 | 7);
    field(VMCS_GUEST_CR3, G_PDPT);
    field(VMCS_GUEST_CR4, CR4_VMXE | CR4_PAE);
    assert_int_equal(run("A100000200 0F20D8 0F22D8 F4"), VMX_HLT);
    assert_int_equal(w->mmu.refs, 1 + 3 * 24); /* code, data, code again */
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_through_both), cmocka_unit_test(violations), cmocka_unit_test(no_exits), cmocka_unit_test(tags),
        cmocka_unit_test(invalidation), cmocka_unit_test(pae), cmocka_unit_test(controls), cmocka_unit_test(four_by_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
