// Guest `sens19`: executes every sensitive instruction of the IA-32 that does not (or not always) trap below ring 0,
// and compares what it does with what this kernel set up. On a bare machine nothing differs.
//
// Idea: 18 mnemonics of Robin and Irvine's list, plus IRET. Rows 1-12 never fault; rows 13-19 may fault where ring 0
// would not, so an exception handler notes the fault and goes on. Then a control group: the instructions that always
// trap.
// Manual: Intel SDM volume 2; J. Robin, C. Irvine: Analysis of the Intel Pentium's ability to support a secure virtual
// machine monitor, USENIX Security 2000.
// Not here: 16-bit forms, virtual-8086 mode, transfers between rings (guest `rings`).
#include "sens19/sens19.h"

struct descriptor ldt[2] __attribute__((section(".tables.ldt")));
uint32_t probe[12];

static volatile bool arrived;

void tick(struct trap_frame *frame);

LANDMARK void tick(struct trap_frame *frame)
{
    (void)frame;
    arrived = true;
    pic_end_of_interrupt();
}

bool interrupt_arrives(void)
{
    arrived = false;
    pic_unmask_timer();
    pit_wait_periods(3);
    pic_mask_all();
    return arrived;
}

bool interrupt_arrives_after(void (*snippet)(void), bool before)
{
    if (before)
        do_sti();
    else
        do_cli();
    snippet();
    bool result = interrupt_arrives();
    do_cli();
    return result;
}

static void set_up_tables(void)
{
    tables_init();
    for (unsigned n = 0; n < sizeof probe / sizeof probe[0]; n++)
        probe[n] = PROBE_VALUE(n);
    ldt[0] = segment((uint32_t)&probe[4], 15, ACCESS_DATA, false);
    gdt[SEL_LDT / 8] = segment((uint32_t)ldt, sizeof ldt - 1, ACCESS_LDT, false);
    gdt[SEL_PROBE / 8] = segment((uint32_t)&probe[0], 15, ACCESS_DATA, false);
    gdt[SEL_CALL_GATE / 8] = gate(SEL_KERNEL_CODE, gate_target, ACCESS_CALL_GATE);
    idt[VECTOR_SOFT0] = gate(SEL_KERNEL_CODE, soft_dpl0, ACCESS_INT_GATE);
    idt[VECTOR_SOFT3] = gate(SEL_KERNEL_CODE, soft_dpl3, ACCESS_INT_GATE | ACCESS_DPL3);
    tables_load();
    __asm__ volatile("lldt %w0" : : "r"(SEL_LDT));
    for (int vector = 0; vector < 32; vector++)
        trap_handlers[vector] = caught;
}

static int run_rows(const struct row *rows)
{
    int different = 0;
    for (const struct row *row = rows; row->name; row++) {
        for (int i = 0; i < 8; i++)
            seen[i] = 0;
        if (!attempt(row->run)) { // a fault where none is foreseen: the row ends there
            note_fault("unforeseen");
            do_cli();
            pic_mask_all();
        }
        different += !report_row(row->number, row->name);
    }
    return different;
}

LANDMARK void kmain(void)
{
    serial_init();
    print("sens19: sensitive instructions, seen from the kernel\n");
    set_up_tables();
    trap_handlers[VECTOR_TIMER] = tick;
    paging_init();
    paging_on();
    pic_init();
    pit_start();

    int different = run_rows(state_rows) + run_rows(segment_rows) + run_rows(gate_rows);
    print("rows different: ");
    print_dec((uint32_t)different);
    print("\n");
    int failed = run_controls();
    print("controls failed: ");
    print_dec((uint32_t)failed);
    print("\n");
    print("sens19: done\n");
    arrived = false;
    finish(failed == 0);
}
