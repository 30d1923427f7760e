// Generated kernel code: thousands of small programs, written into memory and run in ring 0, each folded into a checksum.
//
// Idea: a program is a row of pieces, and a piece is what hypervisors stumble over: flags pushed and popped, descriptor
// tables and selectors read, faults in the middle, returns and jumps of every kind, stores into code before and behind,
// page tables changed, far transfers, interrupts at any instruction. Every jump leads forward, or counts, so each ends.
// Faults are caught and go on where the piece before said. The timer runs all the while, and must leave no trace.
// Undefined flags are in the checksum, too: what is compared is one processor with itself.
// Manual: Intel SDM volumes 2 and 3. Not here: ring 3, ports with effects, the time-stamp counter.
#include "probe.h"

#ifndef SEED
#define SEED 1
#endif
#ifndef ROUNDS
#define ROUNDS 500
#endif
enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum { ARENA = 1024, CODE = 3 * 4096, PIECES = 48, SUBS = 6, HOLE = 0x300000 /* a page that comes and goes */ };

struct state { uint32_t reg[8], flags; };
struct state rnd_in, rnd_out;
uint8_t rnd_code[CODE] __attribute__((aligned(4096)));
uint8_t rnd_arena[ARENA] __attribute__((aligned(4096)));
uint32_t rnd_resume, rnd_count, rnd_target, rnd_log, rnd_ticks;
uint32_t rnd_far[2];
void rnd_run(void);

__asm__(".pushsection .text\n.intel_syntax noprefix\n.global rnd_run\nrnd_run:\n pushad\n"
        " mov eax, 0x10\n mov fs, eax\n mov gs, eax\n"
        " push dword ptr [rnd_in + 32]\n popfd\n mov ecx, [rnd_in + 4]\n mov edx, [rnd_in + 8]\n mov ebx, [rnd_in + 12]\n"
        " mov ebp, [rnd_in + 20]\n mov esi, [rnd_in + 24]\n mov edi, [rnd_in + 28]\n mov eax, [rnd_in]\n call [rnd_entry]\n"
        " mov [rnd_out], eax\n mov [rnd_out + 4], ecx\n mov [rnd_out + 8], edx\n mov [rnd_out + 12], ebx\n"
        " mov [rnd_out + 20], ebp\n mov [rnd_out + 24], esi\n mov [rnd_out + 28], edi\n pushfd\n pop dword ptr [rnd_out + 32]\n"
        " push 2\n popfd\n mov eax, 0x10\n mov ds, eax\n mov es, eax\n popad\n ret\n.popsection");

static uint32_t seed = SEED;
static uint32_t random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}
static uint32_t pick(uint32_t n) { return (random() >> 7) % n; }

// ---- writing code --------------------------------------------------------------------------------------------------

static uint8_t *at;
uint8_t *rnd_entry;
static uint8_t *sub[SUBS];
static unsigned subs, loop_open;
static uint8_t *loop_top;
static uint8_t *patch[8]; // immediates of earlier instructions that stores may change
static unsigned patches;

static void b(uint32_t x) { *(volatile uint8_t *)at++ = (uint8_t)x; }
static void w(uint32_t x) { b(x), b(x >> 8); }
static void d(uint32_t x) { w(x), w(x >> 16); }
static uint32_t reg(void) // any but ESP
{
    uint32_t r = pick(7);
    return r < ESP ? r : r + 1;
}
static uint32_t cell(void) { return (uint32_t)rnd_arena + pick(ARENA - 16); }
static void modrm(uint32_t r, uint32_t rm) { b(0xC0 | r << 3 | rm); }
static void direct(uint32_t r, uint32_t address) { b(0x05 | r << 3), d(address); }

static void alu(void)
{
    uint32_t n = pick(12);
    if (n < 4) b(pick(8) << 3 | 1), modrm(reg(), reg());                     // op r, r
    else if (n < 6) b(0x81), modrm(pick(8), reg()), d(random());             // op r, imm
    else if (n == 6) b(0xC1), modrm(pick(8) == 6 ? 4 : pick(6), reg()), b(random() & 31);
    else if (n == 7) b(0x0F), b(0xAF), modrm(reg(), reg());
    else if (n == 8) b(0x40 + pick(2) * 8 + reg());
    else if (n == 9) b(0x0F), b(0x90 + pick(16)), modrm(0, pick(4));
    else if (n == 10) b(0x0F), b(0x40 + pick(16)), modrm(reg(), reg());
    else b(0x0F), b(0xC8 + reg());
}

static void memory(void)
{
    uint32_t n = pick(6);
    if (n < 2) b(0x89), direct(reg(), cell());
    else if (n < 4) b(0x8B), direct(reg(), cell());
    else if (n == 4) b(pick(8) << 3 | 1), direct(reg(), cell());
    else b(0x64 + pick(2)), b(0x8B), direct(reg(), cell()); // through FS or GS
}

static void stack(void)
{
    uint32_t n = pick(4);
    if (n == 0) b(0x50 + reg()), alu(), b(0x58 + reg());
    else if (n == 1) b(0x68), d(random()), b(0x8F), direct(0, cell());
    else if (n == 2) b(0x60), alu(), b(0x61);
    else b(0xFF), direct(6, cell()), b(0x58 + reg());
}

/* A selector's PUSH leaves the other half of the doubleword as the last interrupt left it. */
static void low(uint32_t r) { b(0x0F), b(0xB7), modrm(r, r); } // movzx r, r16
static void keep(uint32_t r) { b(0x89), direct(r, cell()); }

static void flag_piece(void)
{
    uint32_t n = pick(7), r = reg();
    if (n == 0) b(0xFA);                                                     // cli
    else if (n == 1) b(0xFB);                                                // sti
    else if (n == 2) b(0x9C), b(0x58 + r), keep(r);                          // pushfd; pop
    else if (n == 3) b(0x68), d(0x202 | (random() & 0xCD5)), b(0x9D);        // popfd, IF on
    else if (n == 4) b(0x68), d(2 | (random() & 0xCD5)), b(0x9D);            // popfd, IF off
    else if (n == 5) b(0x9C), b(0xFA), alu(), memory(), b(0x9D);             // a critical section
    else b(0x66), b(0x9C), b(0x66), b(0x58 + r), b(0x66), keep(r);
    if (n == 3 || n == 4) b(0xFC); // strings run upwards
}

static void selector_piece(void)
{
    static const uint8_t selectors[] = { 0, 8, 0x10, 0x1B, 0x23, 0x28, 0x0B, 0x30, 0xF8 };
    uint32_t n = pick(15), r = reg(), s = selectors[pick(sizeof selectors)];
    if (n == 0) b(0x8C), modrm(1, r), keep(r);                               // mov r, cs
    else if (n == 1) b(0x8C), modrm(2, r), keep(r);                          // mov r, ss
    else if (n == 2) b(0x0E), b(0x58 + r), low(r), keep(r);                  // push cs
    else if (n == 3) b(0x16), b(0x58 + r), low(r), keep(r);                  // push ss
    else if (n < 6) b(0xB8 + r), d(s), b(0x0F), b(0x02 + pick(2)), modrm(reg(), r);       // lar, lsl
    else if (n < 8) b(0xB8 + r), d(s), b(0x0F), b(0x00), modrm(4 + pick(2), r), b(0x0F), b(0x94), modrm(0, 0);
    else if (n == 8) b(0x0F), b(0x01), direct(pick(2), (uint32_t)rnd_arena + 4 * pick(64)); // sgdt, sidt
    else if (n == 9) b(0x0F), b(0x00), modrm(pick(2), r), keep(r);           // sldt, str
    else if (n == 10) b(0x0F), b(0x01), modrm(4, r), keep(r);                // smsw
    else if (n == 11) b(0xB8 + r), d(pick(2) ? 0x10 : 0x23), b(0x8E), modrm(pick(2) ? 0 : 4 + pick(2), r); // mov es, fs, gs
    else if (n == 12) b(0x0F), b(0xA8), b(0x58 + r), low(r), keep(r), b(0x8C), modrm(5, r), keep(r);       // push gs, mov r, gs
    else if (n == 13) b(0x6A), b(pick(2) ? 0x10 : 0x23), b(0x0F), b(pick(2) ? 0xA9 : 0xA1);                // pop gs, fs
    else b(0x65), b(0x01), direct(reg(), cell()), b(0x65), b(0x8B), direct(reg(), cell());                 // through gs twice
}

static void system_piece(void)
{
    uint32_t n = pick(7), r = reg();
    if (n == 0) b(0x0F), b(0x20), modrm(0, r), keep(r);                      // mov r, cr0
    else if (n == 1) b(0x0F), b(0x20), modrm(3, r), b(0x0F), b(0x22), modrm(3, r); // mov cr3 and back: flush
    else if (n == 2) b(0x0F), b(0x01), direct(7, HOLE);                      // invlpg
    else if (n == 3) b(0xE6), b(0x80);                                       // out 80h, al
    else if (n == 4) b(0xE6), b(0x80), b(0xE4), b(0x80);
    else if (n == 5) b(0x0F), b(0x06);                                       // clts
    else { // a page comes or goes
        b(0xC7), direct(0, (uint32_t)&low_table[HOLE >> 12]), d(pick(2) ? HOLE | PTE_P | PTE_RW | PTE_A | PTE_D : 0);
        b(0x0F), b(0x01), direct(7, HOLE);
    }
}

// The next instruction may fault: then go on behind `bytes` more.
static uint8_t *resume_hole;
static void may_fault(void)
{
    b(0xC7), direct(0, (uint32_t)&rnd_resume);
    resume_hole = at;
    d(0);
}
static void fault_end(void)
{
    uint8_t *end = at;
    at = resume_hole;
    d((uint32_t)end);
    at = end;
}

static void fault_piece(void)
{
    uint32_t n = pick(8);
    may_fault();
    if (n == 0) b(0x0F), b(0x0B);                                            // ud2
    else if (n == 1) b(0xF7), direct(6, cell());                             // div: perhaps #DE
    else if (n == 2) b(0x8B), direct(reg(), HOLE + pick(1024) * 4);          // perhaps #PF
    else if (n == 3) b(0x89), direct(reg(), HOLE + pick(1024) * 4);
    else if (n == 4) b(0xCC);                                                // int3: a trap
    else if (n == 5) b(0xCD), b(0x40);                                       // int 40h: beyond the gates that are there
    else if (n == 6) b(0xB8), d(0xF8), b(0x8E), b(0xE0);                     // mov fs, beyond the GDT
    else b(0xFF), direct(6, HOLE), b(0x83), b(0xC4), b(4);                   // push [hole]; add esp, 4: perhaps #PF before it
    fault_end();
}

static void jump_over(void (*piece)(void))
{
    uint32_t n = pick(5);
    uint8_t *hole;
    if (n < 2) b(0x70 + pick(16)), b(0);
    else if (n == 2) b(0xEB), b(0);
    else if (n == 3) b(0xE3), b(0);
    else b(0x0F), b(0x80 + pick(16)), d(0);
    hole = at;
    piece();
    uint32_t over = (uint32_t)(at - hole);
    uint8_t *end = at;
    at = n == 4 ? hole - 4 : hole - 1;
    if (n == 4) d(over);
    else b(over);
    at = end;
}

static void call_piece(void)
{
    uint32_t n = pick(7);
    uint8_t *to = sub[pick(subs)];
    if (n < 3) b(0xE8), d((uint32_t)(to - at - 4));
    else if (n == 3) b(0xC7), direct(0, (uint32_t)&rnd_target), d((uint32_t)to), b(0xFF), direct(2, (uint32_t)&rnd_target);
    else if (n == 4) {
        uint32_t r = reg();
        b(0xB8 + r), d((uint32_t)to), b(0xFF), modrm(2, r);
    } else if (n == 5) { // push the return address; jmp [esp - 4]-wise: push target; ret
        uint8_t *hole;
        b(0x68);
        hole = at;
        d(0);
        b(0x68), d((uint32_t)to), b(0xC3);
        uint8_t *end = at;
        at = hole;
        d((uint32_t)end);
        at = end;
    } else { // iretd to the next instruction
        uint8_t *hole;
        b(0x9C), b(0x0E), b(0x68);
        hole = at;
        d(0);
        b(0xCF);
        uint8_t *end = at;
        at = hole;
        d((uint32_t)end);
        at = end;
    }
}

static void far_piece(void)
{
    uint32_t n = pick(3);
    uint8_t *end;
    if (n == 0) { // jmp far to the next instruction
        b(0xEA);
        end = at + 6;
        d((uint32_t)end), w(SEL_KERNEL_CODE);
    } else if (n == 1) { // call far over a retf: call; jmp over; retf
        b(0x9A);
        end = at + 8;
        d((uint32_t)end), w(SEL_KERNEL_CODE), b(0xEB), b(1), b(0xCB);
    } else { // push cs; call near to a retf; the way old systems did it
        b(0x0E), b(0xE8), d(2), b(0xEB), b(1), b(0xCB);
    }
}

static void code_store(void)
{
    if (patches && pick(2)) { // behind us, in a loop or the next run of the same bytes
        b(0xC7), direct(0, (uint32_t)patch[pick(patches)]), d(random());
        return;
    }
    b(0xC6), direct(0, 0), b(random()); // before us: the immediate of the instruction after the next
    uint8_t *address = at - 5;
    alu();
    b(0xB8 + reg());
    uint8_t *immediate = at;
    d(random());
    uint8_t *end = at;
    at = address;
    d((uint32_t)immediate + pick(4));
    at = end;
    if (patches < 8) patch[patches++] = immediate;
}

static void string_piece(void)
{
    b(0x60); // pushad
    b(0xBE), d((uint32_t)rnd_arena + 4 * pick(64)), b(0xBF), d((uint32_t)rnd_arena + 512 + 4 * pick(64)), b(0xB9), d(pick(12));
    static const uint8_t ops[] = { 0xA4, 0xA5, 0xAA, 0xAB, 0xA6, 0xAF };
    b(0x06), b(0x1E), b(0x07); // push es; push ds; pop es
    b(pick(2) ? 0xF3 : 0xF2), b(ops[pick(sizeof ops)]);
    b(0x07), b(0x61);
}

static void loop_piece(void)
{
    if (loop_open || pick(2)) {
        if (!loop_open) return;
        b(0xFF), direct(1, (uint32_t)&rnd_count); // dec [count]; jnz top
        b(0x0F), b(0x85), d((uint32_t)(loop_top - at - 4));
        loop_open = 0;
        return;
    }
    b(0xC7), direct(0, (uint32_t)&rnd_count), d(2 + pick(20));
    loop_top = at;
    loop_open = 1;
}

static void (*const simple[])(void) = { alu, memory, stack, flag_piece, selector_piece };
static void small(void) { simple[pick(sizeof simple / sizeof simple[0])](); }

static void piece(void)
{
    uint32_t n = pick(32);
    if (n < 14) small();
    else if (n < 16) jump_over(small);
    else if (n < 18) jump_over(alu);
    else if (n < 22) call_piece();
    else if (n < 23) far_piece();
    else if (n < 25) fault_piece();
    else if (n < 27) system_piece();
    else if (n < 29) code_store();
    else if (n < 30) string_piece();
    else loop_piece();
}

static void generate(void)
{
    at = rnd_code + pick(4096);
    patches = loop_open = subs = 0;
    for (unsigned n = 0; n < SUBS; n++) {
        uint8_t *begin = at;
        for (unsigned k = pick(4); k; k--)
            small();
        if (subs && pick(2)) call_piece();
        b(0xC3);
        sub[n] = begin;
        subs = n + 1;
    }
    rnd_entry = at;
    for (unsigned n = 8 + pick(PIECES); n && at < rnd_code + CODE - 256; n--)
        piece();
    if (loop_open) loop_piece();
    b(0xC3);
}

// ---- running it ------------------------------------------------------------------------------------------------------

static void fold(uint32_t x) { rnd_log = (rnd_log ^ x) * 0x01000193u; }

static void caught_it(struct trap_frame *f)
{
    uint32_t cr2;
    if (f->eip - (uint32_t)rnd_code > CODE) trap_unexpected(f);
    __asm__ volatile("mov %0, cr2" : "=r"(cr2));
    fold(f->vector), fold(f->error_code), fold(f->eip - (uint32_t)rnd_code), fold(f->cs), fold(f->eflags & 0xFFFF);
    if (f->vector == VECTOR_PF) fold(cr2);
    f->eip = rnd_resume;
}

static void tick(struct trap_frame *f)
{
    (void)f;
    rnd_ticks++;
    pic_end_of_interrupt();
}

static void round(void)
{
    generate();
    for (unsigned r = 0; r < 8; r++)
        rnd_in.reg[r] = random();
    rnd_in.flags = 0x202 | (random() & 0x8D5);
    for (unsigned again = 0; again < 3; again++) { // the second time all is translated, or patched
        rnd_run();
        for (unsigned r = 0; r < 8; r++)
            if (r != ESP) fold(rnd_out.reg[r]);
        fold(rnd_out.flags);
        for (unsigned i = 0; i < ARENA; i += 4)
            fold(*(volatile uint32_t *)(rnd_arena + i));
    }
}

void kmain(void)
{
    probe_init();
    paging_init();
    for (int vector = 0; vector < 32; vector++)
        trap_handlers[vector] = caught_it;
    trap_handlers[VECTOR_TIMER] = tick;
    paging_on();
    outb(0x43, 0x34); // counter 0, both bytes, rate generator: every 54 microseconds
    outb(0x40, 64);
    outb(0x40, 0);
    pic_unmask_timer();
    for (unsigned n = 0; n < ROUNDS; n++) {
        round();
        if (n % 50 == 49) fact2("round, checksum", n + 1, rnd_log);
    }
    __asm__ volatile("cli");
    fact("the timer ran", rnd_ticks != 0);
    finish(true);
}
