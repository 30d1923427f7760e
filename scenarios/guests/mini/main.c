// The kernel's first steps in C, the same on every machine.
//
// Idea: when kernel_main begins, the machine's side (arch_*) has all of RAM mapped, traps and the timer set up, and
// interrupts still off. What is left: find the files, make process 1, become the idle process.
// Words of the command line: run="SCRIPT" (what the shell does instead of asking), disk (prefer it to the module),
// pio (no DMA), disks=N (that many IDE drives; for a service domain: of each guest), root=N (the disk that has the files; 0), crash=N, die=N (a back end of the service domain, or all of it, dies at the Nth chance), checks=0, timer=0 (no ticks, for measuring), panic=STATUS (of a machine whose kernel gave up; 1).
#include "mini/kernel.h"

static char script[1024];

// The value of an option NAME=VALUE or NAME="VALUE ..."; NULL if it is not there. NAME alone gives "".
static const char *option(const char *line, const char *name, char *value, uint32_t room)
{
    for (bool start = true; *line; start = *line++ == ' ') {
        if (!start || !text_begins(line, name)) continue;
        const char *at = line + text_length(name);
        if (*at && *at != '=' && *at != ' ') continue;
        uint32_t n = 0;
        if (*at == '=') at++;
        char end = *at == '"' ? '"' : ' ';
        if (end == '"') at++;
        while (*at && *at != end && n + 1 < room) value[n++] = *at++;
        value[n] = 0;
        return value;
    }
    return NULL;
}

static const char *command_line;

uint32_t kernel_option(const char *name)
{
    char value[12];
    return option(command_line, name, value, sizeof value) ? (uint32_t)text_number(value) : 0;
}

// With interrupts on, and after a critical section has come and gone, the timer must be heard.
static void check_timer(void)
{
    enum { PATIENCE = 50 };
    irq_enable();
    critical_leave(critical_enter());
    uint32_t before = ticks;
    for (int i = 0; i < PATIENCE && ticks == before; i++) arch_pause(1);
    if (ticks == before) panic("interrupts are on, but in %d periods of the timer none came", PATIENCE);
    irq_disable();
}

LANDMARK void kernel_main(const struct boot *boot)
{
    char value[8];
    command_line = boot->command_line;
    const char *checks = option(boot->command_line, "checks", value, sizeof value);
    critical_checks = !checks || checks[0] != '0';
    if (option(boot->command_line, "panic", value, sizeof value)) panic_status = (uint32_t)text_number(value);
    kprintf("mini: a small Unix\n");
    frames_init(boot->free_begin, boot->free_end);
    sched_init();
    check_timer();
    void (*service)(void) = arch_service();
    if (service) {
        if (boot->module_size) { // programs, if somebody gave it any
            block_init(boot, false);
            process_init(option(boot->command_line, "run", script, sizeof script));
        }
        process_kernel("service", service);
        sched_idle();
    }
    balloon_init(boot);
    disk_init(option(boot->command_line, "pio", value, sizeof value) != NULL);
    block_init(boot, option(boot->command_line, "disk", value, sizeof value) != NULL);
    const char *timer = option(boot->command_line, "timer", value, sizeof value);
    if (timer && timer[0] == '0') arch_timer_stop();
    kprintf("mini: files on the %s, %u KB\n", block_device(), block_count() * (BLOCK / 1024));
    process_init(option(boot->command_line, "run", script, sizeof script));
    device_threads();
    sched_idle();
}
