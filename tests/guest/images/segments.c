// Segmentation as few kernels use it: bases, byte limits, expand-down, conforming code, LDT, 16-bit code, other tables.
//
// Idea: every rule is shown by the first access that still works and the first that does not. Limits of the flat
// segments are not asked for (LSL), nor ranks of selectors (MOV from CS): a deprivileged kernel sees others, rightly.
// Manual: Intel SDM volume 3, 3.4, 3.5, 5.3-5.6, 5.8; volume 2, the loads and far transfers.
// Not here: call gates and rings (image `gates`), tasks.
#include "probe.h"

enum { // our descriptors, from SEL_FREE on
    SEL_BASED = 0x30, SEL_SMALL = 0x38, SEL_DOWN = 0x40, SEL_CODE_BASED = 0x48, SEL_CONFORMING = 0x50,
    SEL_CODE16 = 0x58, SEL_LDT = 0x60, SEL_STACK16 = 0x68, SEL_CHANGES = 0x70, SEL_ABSENT = 0x78,
};
enum { ACCESS_READ = 0x90, ACCESS_DOWN = 0x96, ACCESS_EXEC = 0x98, ACCESS_EXEC_READ = 0x9A, ACCESS_CONFORM = 0x9E };
enum { HIGH_BIG = 0x400000, HIGH_ACCESSED = 0x100 };

static uint8_t data[64] __attribute__((aligned(64)));
static struct descriptor ldt[8] __attribute__((aligned(8)));

static struct descriptor narrow(struct descriptor d) // 16-bit: D/B clear
{
    d.high &= ~(uint32_t)HIGH_BIG;
    return d;
}

static void load_fs(uint32_t selector) { __asm__ volatile("mov fs, %0" : : "r"(selector) : "memory"); }
static void load_es(uint32_t selector) { __asm__ volatile("mov es, %0" : : "r"(selector) : "memory"); }

static uint32_t fs_read(uint32_t offset)
{
    uint32_t value;
    __asm__ volatile("mov %0, fs:[%1]" : "=r"(value) : "r"(offset) : "memory");
    return value;
}

static void show_accessed(const char *name, unsigned selector)
{
    fact(name, (gdt[selector / 8].high & HIGH_ACCESSED) != 0);
}

// ---- bases --------------------------------------------------------------------------------------------------------

ACT(fs_last, "push 0x30\npop fs\nmov al, fs:[63]\nret");
ACT(fs_beyond, "push 0x30\npop fs\nmov al, fs:[64]\nret");
ACT(fs_last4, "push 0x30\npop fs\nmov eax, fs:[60]\nret");
ACT(fs_beyond4, "push 0x30\npop fs\nmov eax, fs:[61]\nret");
ACT(fs_write_beyond4, "push 0x30\npop fs\nmov fs:[61], eax\nret");
ACT(es_string, "push 0x30\npop es\nmov edi, 48\nmov ecx, 8\nxor eax, eax\ndec eax\nrep stosd\nret");
ACT(gs_negative, "push 0x30\npop gs\nmov ebx, 4\nmov eax, gs:[ebx - 8]\nret");

static void bases(void)
{
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    gdt[SEL_BASED / 8] = segment((uint32_t)data, sizeof data - 1, ACCESS_DATA & ~1, false);
    show_accessed("accessed before the load", SEL_BASED);
    load_fs(SEL_BASED);
    fact("fs:[4]", fs_read(4));
    show_accessed("accessed after the load", SEL_BASED);
    outcome("byte at the limit", fs_last);
    outcome("byte beyond", fs_beyond);
    outcome("dword at the limit", fs_last4);
    outcome("dword one beyond", fs_beyond4);
    outcome("write one beyond", fs_write_beyond4);
    outcome("offset below zero", gs_negative);
    outcome("rep stosd across the limit", es_string);
    fact2("its registers", caught.edi, caught.ecx);
    fact("its last store", *(uint32_t *)&data[60]);
}

ACT(write_read_only, "push 0x38\npop ds\nmov byte ptr [0], 1\nret");
ACT(read_read_only, "push 0x38\npop ds\nmov al, [0]\nret");
ACT(read_execute_only, "push 0x48\npop ds\nret");
ACT(read_code_as_data, "push 0x50\npop ds\nmov al, [0]\nret");
ACT(write_code_as_data, "push 0x50\npop ds\nmov [0], al\nret");
ACT(write_through_cs, "mov byte ptr cs:[0x100000], 1\nret");
ACT(stack_read_only, "push 0x38\npop ss\nret");
ACT(load_absent, "push 0x78\npop es\nret");
ACT(stack_absent, "push 0x78\npop ss\nret");
ACT(load_system, "push 0x28\npop es\nret");
ACT(load_beyond, "push 0x80\npop es\nret");
ACT(load_far_beyond, "push 0xFFF0\npop es\nret");
ACT(stack_null, "push 0\npop ss\nret");
ACT(stack_null3, "push 3\npop ss\nret");
ACT(use_null, "push 3\npop es\nmov al, es:[0]\nret");
ACT(stack_dpl3, "push 0x23\npop ss\nret");
ACT(data_rpl3, "push 0x13\npop es\nret");
ACT(no_ldt, "push 0x0C\npop es\nret");
ACT(lds_absent, "push 0x78\npush 0x1234\nmov ecx, 0x55\nlds ecx, [esp]\nret");

static void types(void)
{
    __asm__ volatile("lldt %w0" : : "r"(0)); // after a reset LDTR holds a present segment at 0: SDM 3A table 9-1
    gdt[SEL_SMALL / 8] = segment((uint32_t)data, 0xF, ACCESS_READ, false);
    gdt[SEL_CODE_BASED / 8] = segment(0, 0xFFFFF, ACCESS_EXEC, true);
    gdt[SEL_CONFORMING / 8] = segment((uint32_t)data, 0xF, ACCESS_EXEC_READ, false);
    gdt[SEL_ABSENT / 8] = segment(0, 0xFFFFF, ACCESS_DATA & ~0x80, true);
    outcome("read-only data, read", read_read_only);
    outcome("read-only data, write", write_read_only);
    outcome("execute-only code as data", read_execute_only);
    outcome("readable code as data, read", read_code_as_data);
    outcome("readable code as data, write", write_code_as_data);
    outcome("write through CS", write_through_cs);
    outcome("read-only stack", stack_read_only);
    outcome("absent data", load_absent);
    outcome("absent stack", stack_absent);
    outcome("TSS as data", load_system);
    outcome("selector beyond the table", load_beyond);
    outcome("selector far beyond the table", load_far_beyond);
    outcome("null stack", stack_null);
    outcome("null stack, RPL 3", stack_null3);
    outcome("null data, used", use_null);
    outcome("stack of DPL 3", stack_dpl3);
    outcome("kernel data with RPL 3", data_rpl3);
    outcome("LDT selector, no LDT", no_ldt);
    outcome("LDS of an absent segment", lds_absent);
    fact("its register", caught.ecx);
}

// ---- expand-down, and stacks of 16 bits ---------------------------------------------------------------------------

ACT(down_lowest, "push 0x40\npop fs\nmov eax, fs:[0x8000]\nret");
ACT(down_below, "push 0x40\npop fs\nmov eax, fs:[0x7FFF]\nret");
ACT(down_highest, "push 0x40\npop fs\nmov eax, fs:[0xFFFC]\nret");
ACT(down_above, "push 0x40\npop fs\nmov eax, fs:[0xFFFD]\nret");
ACT(down_64k, "push 0x40\npop fs\nmov al, fs:[0x10000]\nret");
ACT(down_on_stack, // SP wraps in 16 bits; the upper half of ESP has no part in addresses, and stays
    "mov ebx, esp\nmov esi, 0x68\nmov edi, 0x10\nmov ss, esi\nmov esp, 0x5678FF00\npush 0x11223344\npush ax\n"
    "mov ecx, esp\npop ax\npop edx\nmov eax, esp\nmov ss, edi\nmov esp, ebx\nret");
ACT(down_trap, // a breakpoint on a 16-bit stack: the frame lies there, ESP's upper half survives the way back
    "mov ebx, esp\nmov esi, 0x68\nmov edi, 0x10\nmov ss, esi\nmov esp, 0x0000FF00\nint3\n"
    "mov ecx, esp\nmov ss, edi\nmov esp, ebx\nret");
ACT(leave_with_upper_half,
    "mov ebx, esp\nmov esi, 0x68\nmov edi, 0x10\nmov ss, esi\nmov esp, 0x1234FF00\ncli\ncli\n"
    "mov ecx, esp\nmov ss, edi\nmov esp, ebx\nret");

static uint32_t breakpoint_flags;
static void breakpoint(struct trap_frame *frame) { breakpoint_flags = frame->eflags; }

// Runs an act that leaves something in ECX and EDX.
#define REGISTERS(name, body)                                                                                         \
    do {                                                                                                              \
        uint32_t a_, c_, d_;                                                                                          \
        __asm__ volatile("call " #body                                                                                \
                         : "=a"(a_), "=c"(c_), "=d"(d_) : : "ebx", "esi", "edi", "memory", "cc");                     \
        fact2(name, c_, d_);                                                                                          \
        fact(name ", eax", a_);                                                                                       \
    } while (0)

static void expand_down(void)
{
    gdt[SEL_DOWN / 8] = narrow(segment(0, 0x7FFF, ACCESS_DOWN, false));
    gdt[SEL_STACK16 / 8] = narrow(segment(0, 0x7FFF, ACCESS_DOWN, false));
    outcome("expand-down, lowest byte", down_lowest);
    outcome("expand-down, one below", down_below);
    outcome("expand-down, highest dword", down_highest);
    outcome("expand-down, across the top", down_above);
    outcome("expand-down, 64 KB", down_64k);
    REGISTERS("16-bit stack", down_on_stack);
    trap_handlers[3] = breakpoint;
    __asm__ volatile("call down_trap" : "=c"(caught.ecx) : : "eax", "ebx", "edx", "esi", "edi", "memory", "cc");
    fact("16-bit stack after a breakpoint", caught.ecx);
    __asm__ volatile("call leave_with_upper_half" : "=c"(caught.ecx) : : "eax", "ebx", "edx", "esi", "edi", "memory", "cc");
    fact("16-bit stack after cli", caught.ecx);
    trap_handlers[3] = 0;
    probe_arm();
    gdt[SEL_DOWN / 8] = segment(0, 7, ACCESS_DOWN, true); // 8000 and up, to the end of the address space
    outcome("big expand-down, lowest byte", down_lowest);
    outcome("big expand-down, one below", down_below);
    outcome("big expand-down, 64 KB", down_64k);
}

// ---- code ---------------------------------------------------------------------------------------------------------

// Position-independent; runs at any CS.base. EAX = 1, then what it reads of itself through CS.
ACT(somewhere, "mov eax, 1\nmov ecx, cs:[1]\nretf");
ACT(at_base_zero, "mov eax, 2\nretf");
ACT(run_off_the_end, "nop\nnop\nnop\nnop");

static uint32_t far_call(uint32_t selector, uint32_t offset)
{
    struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) pointer = {offset, (uint16_t)selector};
    uint32_t eax = 0, ecx = 0;
    __asm__ volatile("call fword ptr %2" : "+a"(eax), "+c"(ecx) : "m"(pointer) : "edx", "memory", "cc");
    return eax << 16 | (ecx & 0xFFFF);
}

ACT(call_limit, "mov ebp, esp\npush 0x48\npush 4\ncall fword ptr [esp]\nmov esp, ebp\nret");
ACT(call_beyond, "mov ebp, esp\npush 0x48\npush 0x10\ncall fword ptr [esp]\nmov esp, ebp\nret");
ACT(jump_to_data, "jmp 0x10:0");
ACT(jump_to_null, "jmp 0:0");
ACT(jump_to_absent, "jmp 0x78:0");
ACT(jump_rpl3, "jmp 0x0B:0");
ACT(jump_to_user, "jmp 0x18:0");
ACT(return_to_data, "push 0x10\npush 0\nretf");
ACT(return_to_null, "push 0\npush 0\nretf");
ACT(near_beyond, "push 0x48\npush 0\nretf");

static void code(void)
{
    gdt[SEL_CODE_BASED / 8] = segment((uint32_t)somewhere, 0xFFF, ACCESS_EXEC_READ, false);
    fact("code with a base", far_call(SEL_CODE_BASED, 0));
    show_accessed("its accessed bit", SEL_CODE_BASED);
    gdt[SEL_CONFORMING / 8] = segment((uint32_t)somewhere, 0xFFF, ACCESS_CONFORM, false);
    fact("conforming code", far_call(SEL_CONFORMING, 0));
    fact("conforming code, RPL 3", far_call(SEL_CONFORMING | 3, 0));
    gdt[SEL_CODE_BASED / 8] = segment((uint32_t)at_base_zero, 5, ACCESS_EXEC, false);
    fact("code as long as its limit", far_call(SEL_CODE_BASED, 0));
    gdt[SEL_CODE_BASED / 8] = segment((uint32_t)at_base_zero, 4, ACCESS_EXEC, false);
    outcome("execution beyond the limit", near_beyond);
    gdt[SEL_CODE_BASED / 8] = segment((uint32_t)run_off_the_end, 2, ACCESS_EXEC, false);
    outcome("running off the end", near_beyond);
    outcome("far call beyond the limit", call_beyond);
    gdt[SEL_ABSENT / 8] = segment(0, 0xFFFFF, ACCESS_EXEC & ~0x80, true);
    outcome("jump to data", jump_to_data);
    outcome("jump to null", jump_to_null);
    outcome("jump to absent code", jump_to_absent);
    outcome("jump with RPL 3", jump_rpl3);
    outcome("jump to user code", jump_to_user);
    outcome("return to data", return_to_data);
    outcome("return to null", return_to_null);
}

// 16-bit code at the start of its segment: 16-bit operands by default, IP of 16 bits, a 32-bit far return by prefix.
__asm__(".pushsection .text\n.code16\n.global narrow_code, narrow_end\nnarrow_code:\n"
        "mov eax, 0x11223344\nmov ax, 0x5566\npush ax\npop cx\njmp 1f\nmov ax, 0\n1: mov ebx, eax\nmov bx, cx\n"
        "call 2f\n.byte 0x66\nlret\n2: add bx, 1\nret\n"
        "narrow_end:\n.code32\n.popsection");
extern const uint8_t narrow_code[], narrow_end[];

static void code16(void)
{
    uint32_t eax = 0, ebx = 0;
    struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) pointer = {0, SEL_CODE16};
    gdt[SEL_CODE16 / 8] = narrow(segment((uint32_t)narrow_code, (uint32_t)(narrow_end - narrow_code - 1),
                                         ACCESS_EXEC_READ, false));
    __asm__ volatile("call fword ptr %2" : "=a"(eax), "=b"(ebx) : "m"(pointer) : "ecx", "edx", "memory", "cc");
    fact2("16-bit code", eax, ebx);
}

// ---- descriptors that change, tables that move --------------------------------------------------------------------

static void changing(void)
{
    static uint32_t one = 0x11111111, two = 0x22222222;
    gdt[SEL_CHANGES / 8] = segment((uint32_t)&one, 3, ACCESS_DATA, false);
    load_fs(SEL_CHANGES);
    fact("first descriptor", fs_read(0));
    gdt[SEL_CHANGES / 8] = segment((uint32_t)&two, 3, ACCESS_DATA, false);
    fact("changed in memory, not reloaded", fs_read(0));
    load_es(SEL_CHANGES);
    uint32_t value;
    __asm__ volatile("mov %0, es:[0]" : "=r"(value) : : "memory");
    fact2("ES loaded anew, FS not", value, fs_read(0));
    load_fs(SEL_CHANGES);
    fact("FS loaded anew", fs_read(0));
    gdt[SEL_CHANGES / 8].high &= ~0x8000u;
    fact("made absent, not reloaded", fs_read(0));
    load_es(SEL_KERNEL_DATA);
    load_fs(0);
    gdt[SEL_CHANGES / 8] = segment((uint32_t)&one, 3, ACCESS_DATA, false);
    *(volatile uint8_t *)((uint8_t *)&gdt[SEL_CHANGES / 8] + 2) += 4; // base, one byte of it: `two` follows `one`
    load_fs(SEL_CHANGES);
    fact2("base changed by one byte", fs_read(0), (uint32_t)(&two - &one));
    load_fs(0);
}

ACT(ldt_third, "push 0x1C\npop es\nmov eax, es:[0]\nret");
ACT(ldt_beyond, "push 0x24\npop es\nret");
ACT(lldt_code, "push 0x08\nlldt [esp]\npop eax\nret");
ACT(lldt_beyond, "push 0x88\nlldt [esp]\npop eax\nret");
ACT(lldt_local, "push 0x0C\nlldt [esp]\npop eax\nret");

static void local_table(void)
{
    static uint32_t word = 0xCAFE0001;
    gdt[SEL_LDT / 8] = segment((uint32_t)ldt, 4 * 8 - 1, ACCESS_LDT, false);
    ldt[1] = segment((uint32_t)&word, 3, ACCESS_DATA & ~1, false);
    ldt[2] = segment((uint32_t)somewhere, 0xFFF, ACCESS_EXEC_READ, false);
    ldt[3] = segment(0, 0xFFFFF, ACCESS_DATA & ~0x80, true);
    ldt[4] = segment(0, 0xFFFFF, ACCESS_DATA, true);
    __asm__ volatile("lldt %w0" : : "r"(SEL_LDT));
    load_fs(0x0C);
    fact("through the LDT", fs_read(0));
    fact("accessed there", (ldt[1].high & HIGH_ACCESSED) != 0);
    fact("code in the LDT", far_call(0x14, 0));
    outcome("absent in the LDT", ldt_third);
    outcome("beyond the LDT", ldt_beyond);
    ldt[1] = segment((uint32_t)&data[8], 3, ACCESS_DATA, false);
    load_fs(0x0C);
    fact("LDT entry changed", fs_read(0));
    outcome("LLDT of a code segment", lldt_code);
    outcome("LLDT beyond the table", lldt_beyond);
    outcome("LLDT of a local selector", lldt_local);
    load_fs(0);
    __asm__ volatile("lldt %w0" : : "r"(0));
    outcome("LDT taken away", ldt_third);
}

// A table laid out otherwise: code at 18h, data at 20h, as some loaders leave it. Then back.
static void other_layout(void)
{
    static struct descriptor other[6];
    static uint32_t word = 0x5EA7BE17;
    struct table_register to = {sizeof other - 1, (uint32_t)other}, back = {sizeof gdt - 1, (uint32_t)gdt};
    uint32_t value = 0, late = 0;
    other[3] = segment(0, 0xFFFFF, 0x9A, true);
    other[4] = segment(0, 0xFFFFF, 0x92, true);
    other[5] = segment((uint32_t)&word, 3, 0x92, false);
    __asm__ volatile("lgdt %3\n\tmov eax, [%5]\n\tmov %1, eax\n\t" // the old DS, not in this table, still works
                     "push 0x18\n\tpush offset 1f\n\tretf\n1:\n\t"
                     "mov eax, 0x20\n\tmov ds, eax\n\tmov es, eax\n\tmov ss, eax\n\t"
                     "mov eax, 0x28\n\tmov fs, eax\n\tmov eax, fs:[0]\n\tmov %0, eax\n\t"
                     "xor eax, eax\n\tmov fs, eax\n\t"
                     "lgdt %4\n\tpush 0x08\n\tpush offset 2f\n\tretf\n2:\n\t"
                     "mov eax, 0x10\n\tmov ds, eax\n\tmov es, eax\n\tmov ss, eax"
                     : "=&b"(value), "=&c"(late) : "S"(0), "m"(to), "m"(back), "D"(&word) : "eax", "memory", "cc");
    fact2("another layout", value, late);
    fact2("accessed there", other[3].high, other[4].high);
    fact("and there", other[5].high);
}

// A table with less in it than was there: what lies beyond the new limit is gone.
ACT(fs_0x30, "push 0x30\npop fs\nret");
static void shorter_table(void)
{
    struct table_register shorter = {0x2F, (uint32_t)gdt}, back = {sizeof gdt - 1, (uint32_t)gdt};
    outcome("before the table is cut", fs_0x30);
    __asm__ volatile("lgdt %0" : : "m"(shorter));
    outcome("table cut", fs_0x30);
    shorter.limit = 0x36; // one byte short of the descriptor
    __asm__ volatile("lgdt %0" : : "m"(shorter));
    outcome("one byte short", fs_0x30);
    shorter.limit = 0x37;
    __asm__ volatile("lgdt %0" : : "m"(shorter));
    outcome("just long enough", fs_0x30);
    __asm__ volatile("lgdt %0" : : "m"(back));
}

// A segment that begins below the last 4 MB and reaches beyond: nothing there but what the board has (no memory).
static void up_there(void)
{
    gdt[SEL_CHANGES / 8] = segment(0xFFBFF800, 0xFFFFF, ACCESS_DATA, true);
    load_fs(SEL_CHANGES);
    fact("above all memory", fs_read(0x900) == fs_read(0x100));
    gdt[SEL_CHANGES / 8] = segment(0x80000000, 0xFFFFF, ACCESS_DATA, true);
    load_fs(SEL_CHANGES);
    fact("wrapped to the start", fs_read(0x80000000u + (uint32_t)data) == *(uint32_t *)data);
    load_fs(0);
    gdt[SEL_CHANGES / 8] = segment(0xFFFFFFC0u, 0xFFFFF, ACCESS_DATA, true);
    load_fs(SEL_CHANGES);
    fact("base at the very top", fs_read(0x40u + (uint32_t)data) == *(uint32_t *)data);
    load_fs(0);
}

// Ring-3 code is readable data for the kernel; a hypervisor may keep it absent while the kernel runs.
static void user_code_as_data(void)
{
    gdt[SEL_CHANGES / 8] = segment((uint32_t)data, 63, ACCESS_CODE | ACCESS_DPL3, false);
    load_fs(SEL_CHANGES | 3);
    uint32_t first = fs_read(8);
    __asm__ volatile("cli"); // something that is emulated in between
    fact2("user code as data", first, fs_read(12));
    gdt[SEL_CHANGES / 8] = segment((uint32_t)data, 63, 0x9F, false);
    load_fs(SEL_CHANGES | 3);
    __asm__ volatile("cli");
    fact("conforming code as data", fs_read(16));
    load_fs(0);
}

// Loaded, given up and only then looked at: the accessed bit is set by the load itself.
static void accessed_at_once(void)
{
    gdt[SEL_CHANGES / 8] = segment((uint32_t)data, 3, 0x92, false);
    load_fs(SEL_CHANGES);
    load_fs(0);
    show_accessed("accessed, given up again", SEL_CHANGES);
    gdt[SEL_CHANGES / 8] = segment((uint32_t)data, 3, 0x92, false);
    show_accessed("not loaded", SEL_CHANGES);
}

// The last instruction of a code segment is a port access (a hypervisor may have to emulate it); behind it is nothing.
ACT(port_at_the_end, "mov eax, 0\nout 0x80, al\n.global behind_the_end\nbehind_the_end: nop\nret");
extern uint8_t behind_the_end[];

static void end_of_code(void)
{
    uint32_t base = (uint32_t)port_at_the_end, size = (uint32_t)behind_the_end - base;
    gdt[SEL_CHANGES / 8] = segment(base, size - 1, ACCESS_CODE, false);
    attempt_on((act *)0, SEL_CHANGES, SEL_KERNEL_DATA, (uint32_t)trap_stack_top - 256, EFLAGS_ALWAYS);
    fact2("ran over the end of its segment", caught.vector, caught.code);
    fact2("  at, cs", caught.eip - size, caught.cs);
}

void kmain(void)
{
    probe_init();
    bases();
    types();
    expand_down();
    code();
    code16();
    changing();
    local_table();
    other_layout();
    shorter_table();
    up_there();
    accessed_at_once();
    user_code_as_data();
    end_of_code();
    finish(true);
}
