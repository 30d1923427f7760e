// x87 and MMX: results, pending exceptions, and who owns the unit when CR0.TS comes and goes.
//
// Idea: a hypervisor may keep the unit's registers to itself until they are used, and must not lose them at any of the
// moments when TS or EM change hands; so values are put in before each change and read behind it.
// Manual: Intel SDM volume 1, 8; volume 3, 2.5 (TS, EM, MP, NE), 13.4 (lazy state).
#include "probe.h"

enum { CR0_EM = 4, NE = 0x20 };

static uint32_t words[28];

ACT(use_x87, "nop\nfld1\nfstp st(0)\nret");
ACT(use_mmx, "nop\npxor mm0, mm0\nret");
ACT(use_wait, "nop\nfwait\nret");
ACT(no_such, ".byte 0xDB, 0x0D, 0, 0, 0, 0\nret");
ACT(divide, "fninit\npush 0x37B\nfldcw [esp]\nadd esp, 4\nfld1\nfldz\nfdivp st(1), st\nfnstsw ax\nnop\nfwait\nret");
ACT(divide_again, "fnclex\nfwait\nret");

static uint32_t cr0_read(void)
{
    uint32_t v;
    __asm__ volatile("mov %0, cr0" : "=r"(v));
    return v;
}
static void cr0_write(uint32_t v)
{
    __asm__ volatile("mov cr0, %0" : : "r"(v) : "memory");
}

// The status word and the top of the stack, without a change.
static void look(const char *what)
{
    uint32_t status = 0;
    __asm__ volatile("xor eax, eax\n\tfnstsw ax\n\tfld st(0)\n\tfstp tbyte ptr [%1]" : "=&a"(status) : "r"(words) : "memory");
    fact2(what, status << 16 | (words[2] & 0xFFFF), words[1]);
}

static void results(void)
{
    __asm__ volatile("fninit\n\tfldpi\n\tfsqrt");
    look("sqrt pi");
    __asm__ volatile("fldl2e\n\tfmulp st(1), st\n\tfsin");
    look("sin of it times log2 e");
    __asm__ volatile("movd mm1, %0\n\tpaddusb mm1, mm1\n\tmovd %0, mm1\n\temms" : "=r"(words[5]) : "0"(0x10907F81));
    fact("paddusb", words[5]);
}

static void owners(void)
{
    uint32_t cr0 = cr0_read() & ~(uint32_t)(CR0_TS | CR0_MP | CR0_EM);
    cr0_write(cr0);
    __asm__ volatile("fninit\n\tfldln2\n\tfldpi");
    look("before");
    cr0_write(cr0 | CR0_TS);
    outcome("TS, x87", use_x87);
    outcome("TS, mmx", use_mmx);
    outcome("TS, wait", use_wait);
    cr0_write(cr0 | CR0_TS | CR0_MP);
    outcome("TS MP, wait", use_wait);
    __asm__ volatile("clts");
    look("after clts");
    cr0_write(cr0 | CR0_EM);
    outcome("EM, x87", use_x87);
    outcome("EM, mmx", use_mmx);
    cr0_write(cr0);
    look("after EM");
    outcome("SSE3", no_such);
    look("at the end");
}

static void exceptions(void)
{
    cr0_write(cr0_read() | NE);
    outcome("1 / 0, wait", divide);
    outcome("cleared", divide_again);
    __asm__ volatile("fninit");
}

void kmain(void)
{
    probe_init();
    results();
    owners();
    exceptions();
    finish(true);
}
