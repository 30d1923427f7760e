// crash: everything a program must not do, and that only the program pays for it.
#include "mini/user/user.h"

static void touch(uint32_t address) { *(volatile int *)address = 1; }
static void null_pointer(void) { touch(0); }
static void kernel_memory(void) { touch(0xC0100000); }
static void own_code(void) { touch(0x400000); }
static void divide(void) { __asm__ volatile("xor edx, edx\n\tmov eax, 1\n\txor ecx, ecx\n\tdiv ecx" : : : "eax", "ecx", "edx"); }
static void disable_interrupts(void) { __asm__ volatile("cli"); }
static void halt_processor(void) { __asm__ volatile("hlt"); }
static void use_port(void) { __asm__ volatile("out 0xF4, al"); }
static void load_table(void) { __asm__ volatile("mov cr3, %0" : : "r"(0)); }
static void no_instruction(void) { __asm__ volatile("ud2"); }
static void wrong_gate(void) { __asm__ volatile("int 0x20"); } // the timer's vector is not for programs
static void jump_away(void) { ((void (*)(void))0x30000000)(); }

static __attribute__((noinline)) int recurse(int depth)
{
    volatile char room[1000];
    room[0] = (char)depth;
    return depth ? recurse(depth - 1) + room[0] : 0;
}

static void deep_stack(void) { exit(recurse(200) == 0); }       // 200 KB: the stack grows
static void bottomless_stack(void) { exit(recurse(2000000)); } // until it may not

static const struct crime {
    const char *name;
    void (*commit)(void);
} crimes[] = {
    { "null pointer", null_pointer }, { "kernel memory", kernel_memory }, { "own code", own_code },
    { "division by zero", divide }, { "CLI", disable_interrupts }, { "HLT", halt_processor }, { "OUT", use_port },
    { "MOV CR3", load_table }, { "UD2", no_instruction }, { "INT 20h", wrong_gate }, { "jump to nowhere", jump_away },
    { "deep stack", deep_stack }, { "bottomless stack", bottomless_stack },
};

int main(void)
{
    for (uint32_t i = 0; i < sizeof crimes / sizeof *crimes; i++) {
        int status = -1, pid = fork();
        if (pid == 0) {
            crimes[i].commit();
            exit(0);
        }
        wait(&status);
        if (status >= STATUS_TRAP) printf("crash: %s: exception %d\n", crimes[i].name, status - STATUS_TRAP);
        else printf("crash: %s: no harm\n", crimes[i].name);
    }
    return 0;
}
