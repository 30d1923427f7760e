/* What a machine is made of, in the words of the command line. Plain data; parsed once, checked in one place. */
#ifndef SIM_CONFIG_H
#define SIM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/err.h"
#include "sim/core/near.h"

enum { CONFIG_SETS = 32, CONFIG_MODULES = 8, CONFIG_DISKS = 4, CONFIG_VMS = 128, CONFIG_KINDS = 8 };

/* Some of the VMs of a machine, alike, where not all are. What is left empty or 0 is as for the machine. */
struct vm_kind {
    unsigned count;            /* at least 1 */
    char     cpu[16], mmu[16], image[512], append[512], module[512];
    uint32_t ram_mib, weight, cap, shares;
    bool     background;       /* the machine does not wait for their end */
    bool     later;            /* not there until the service domain makes a domain of it (docs/split.md) */
};

struct machine_cfg {
    char     cpu[16];          /* "native", "te" */
    char     mmu[16];          /* "" = the technique's default: "native" for native, "shadow" for te */
    char     io[24];           /* "hypervisor-direct" */
    char     host[16];         /* "bare-metal", "hosted" */
    char     host_image[512], host_module[512]; /* hosted: the host's kernel and its files; "": subject.h finds mini's */
    char     model[256];       /* "p4", "core2", ..., or the path of a model's file */
    char     what_if[200];     /* features that the machine has and its model has not, in words; "": none. Set by config_check */
    char     label[480];       /* the model with these, for every output. Likewise */
    uint32_t ram_mib;          /* the guest's RAM; a hypervisor's own frames come on top. Default 64 */
    uint64_t seed;
    char     image[512];       /* path of the guest image */
    char     serial_in[512];   /* path of a file whose bytes COM1 receives; "" = none */
    char     append[2048];     /* its command line */
    char     initrd[512];      /* a Linux kernel's initial RAM disk; "": none */
    unsigned modules;          /* --module FILE[,STRING], in order */
    struct { char path[512]; char string[512]; } module[CONFIG_MODULES];
    unsigned disks;            /* --disk FILE, in order: the IDE drives, first channel first */
    char     disk[CONFIG_DISKS][512];
    char     nic[16];          /* --nic: who is at the other end of the network card's switch, "mirror" or "alone"; "": no card */
    char     save[512];        /* --save: the file that the virtual machine goes into at cycle save_at, and is over then; "": none */
    uint64_t save_at;
    char     restore[512];     /* --restore: the file that it comes from; "": it starts */
    uint64_t migrate_at;       /* --migrate-at: from that cycle on the VM goes to a second machine; 0: never */
    char     peer[512], peer_append[512], peer_cpu[16]; /* --nic join: the machine at the other end of the card's cable; "": none, "", native */
    char     net_replay[512]; /* --nic join: what came over the link, from a file */
    bool     is_peer;         /* it is that machine */
    char     migrate_to[16];   /* --migrate-to: the technique there; "": the same */
    bool     onward;           /* nobody will look back: no snapshots, and of a bare machine's history little more than its ends */
    bool     arrives;          /* this is that machine: its VM is not started, but comes. machine_migrate.c */
    unsigned arriving;         /* which one: 0, or beside a service domain as it was */
    char     bios[512];        /* path of the ROM at the reset vector, perhaps ",PATH" of a video ROM; "": none */
    unsigned vms;              /* --vms: VMs that are alike; 0: one */
    unsigned kinds;            /* instead: what a scenario says */
    struct vm_kind kind[CONFIG_KINDS];
    unsigned sets;             /* --set KEY=VALUE, in order */
    struct { char key[48]; char value[48]; } set[CONFIG_SETS];
    uint64_t limit_cycles, limit_insns; /* 0: none */
    /* Where the guest's serial bytes go (outside the machine, never part of its state); NULL: dropped. */
    void   (*serial)(void *self, unsigned vm, uint8_t byte);
    void    *serial_self;
};

#define CONFIG_DISK_WRITE "disk.write" /* --set disk.write=1: `run` puts what the guest wrote into its images */

#define CONFIG_SCHEDULER "sched"        /* --set sched=NAME: who of several VMs runs (sim/vmm/schedule.h) */

extern const struct machine_cfg config_defaults; /* --cpu native, p4, 64 MB, seed 0 */

/* Sets one option by its long name without dashes ("cpu", "ram", "set", "limit-cycles", ...). EXIT_USAGE with the known
 * words and one suggestion. "ram" takes 4M, 64M, 1G; numbers take 1000, 1e6, 2M (decimal millions for limits). */
bool config_option(struct machine_cfg *c, const char *name, const char *value, struct err *e);
/* Fills defaults that depend on others, and refuses impossible combinations with the reason (law 10). */
bool config_check(struct machine_cfg *c, struct err *e);
struct model;
/* The CPU model with all --set cost. and cpu. applied; `m` may be NULL. */
bool config_model(const struct machine_cfg *c, struct model *m, struct err *e);
/* The value of the last --set KEY=..., or NULL. */
const char *config_get(const struct machine_cfg *c, const char *key);
/* How many VMs there are (1: also without hypervisor), and one of them as if it were alone; its share of the processor. */
unsigned config_vms(const struct machine_cfg *c);
struct config_share { uint32_t weight, cap; bool background; uint32_t shares /* of machine memory */; bool later; };
void     config_vm(const struct machine_cfg *c, unsigned vm, struct machine_cfg *one, struct config_share *share);
/* MB of machine memory that the VMs have together and the hypervisor manages (--set memory.*); 0: each has its own from the start. */
uint32_t config_memory(const struct machine_cfg *c);
/* Of several VMs the one that --save takes (vm.N.save=1), that --migrate-at means (vm.N.migrate=1); -1: none, or more than one. The only one: 0. */
int config_saved_vm(const struct machine_cfg *c);
int config_leaver(const struct machine_cfg *c);
/* What that one is on a machine of its own: no other VMs, and no words about them. */
void config_alone(const struct machine_cfg *c, unsigned vm, struct machine_cfg *one);
/* With --io split: that one beside a service domain that has nothing else to do; all others are over. */
void config_beside(const struct machine_cfg *c, unsigned vm, struct machine_cfg *to);
/* The same for ported guests, which cannot be managed but by themselves: MB that they have together, less than they may have; 0: each has
 * its own from the start. */
uint32_t config_pool(const struct machine_cfg *c);
/* --host hosted? */
bool config_hosted(const struct machine_cfg *c);
/* Parts of config_check: can these options be had with the rest? False: EXIT_USAGE, with the reason. */
bool config_check_join(const struct machine_cfg *c, struct err *e);
bool config_check_hosted(const struct machine_cfg *c, struct err *e);
bool config_check_memory(const struct machine_cfg *c, struct err *e);
bool config_check_save(const struct machine_cfg *c, struct err *e);
bool config_check_idle(const struct machine_cfg *c, struct err *e); /* settings that nothing here would ask for */
/* Its virtual machine neither comes nor goes: for machines beside the one that was asked for. */
void config_stays(struct machine_cfg *c);
/* Without the settings whose keys begin so: what they are of is not in this machine. */
void config_drop_sets(struct machine_cfg *c, const char *beginning);
/* The keys of --set that are words, but for cost.ROW and vm.N.WHAT: at most `room`, and how many. */
unsigned config_keys(const char **words, unsigned room);
/* Nearest of `n` words to a mistyped one (edit distance at most 3), or NULL. */
static inline const char *config_suggest(const char *word, const char *const *words, unsigned n) { return near_word(word, words, n); }

#endif
