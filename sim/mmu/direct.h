/* Direct paging, inside: the CPU walks the guest's own tables, which hold machine frames; the hypervisor only judges them.
 *
 * Idea 1: every frame has one type at a time and counts its uses as that type. A frame is a table or writable, never both,
 * so no guest can write to what the CPU walks; what a table says was checked when it became one and at each change since.
 * Idea 2: counts are the whole proof. An entry that maps a frame is a reference to it; a writable one is a use as WRITABLE;
 * a directory's entry is a use of a table as L1; CR3 and a pin are uses as L2. A frame changes its type when its uses are 0.
 * Idea 3: the TLB may remember what an entry said before. A frame that was writable since the last flush is flushed out
 * before it becomes a table.
 *
 *   linear space   0 ... FBFFFFFF guest   FC000000-FC3FFFFF machine-to-physical table, read-only   ... FFFFFFFF hypervisor
 *   with PAE       0 ... F57FFFFF         F5800000-F67FFFFF
 *
 * With PAE tables have 512 entries of 8 bytes. What CR3 names is an L3, of four entries, which the processor loads as PDPTEs:
 * its last one names a directory of its own (L2-top), in whose last entries the hypervisor is; whoever changes another one
 * has CR3 loaded anew.
 *
 * SOSP03 3.3.3; the Xen 3 interface manual, "page tables". Idea 4: several domains share the machine's frames, and so the
 * counts: a frame has one owner; what others may map was granted, and counts as any reference. Not modelled: a directory in another
 * directory (Xen allowed it read-only), nor, with PAE, in itself; auto-translated guests.
 * TOUR mmu.14: a ported guest's own tables, checked before hardware walks them. */
#ifndef MMU_DIRECT_H
#define MMU_DIRECT_H

#include "sim/mmu/pte.h"
#include "sim/mmu/strategy.h"

#define DIRECT_HOLE 0xFC000000u /* the hypervisor's part of the linear space begins */
#define DIRECT_PAE_HOLE 0xF5800000u
enum {
    DIRECT_SLOTS = 1008 /* directory entries that are the guest's */, DIRECT_HYPERVISOR_SLOTS = PTE_SLOTS - DIRECT_SLOTS,
    DIRECT_PAE_SLOTS = 428 /* of an L2-top */, DIRECT_PAE_HYPERVISOR_SLOTS = PAE_SLOTS - DIRECT_PAE_SLOTS,
    DIRECT_L3_SLOTS = 4
};

enum direct_rule {
#define RULE(e, word, error, about) DIRECT_##e,
#include "sim/mmu/direct.def"
#undef RULE
    DIRECT_RULES
};
const char *direct_word(unsigned rule);  /* of one of them, as in traces */
const char *direct_about(unsigned rule); /* a sentence for people */
int         direct_errno(unsigned rule); /* as the ABI has it: positive, 0 for DIRECT_OK */
extern const char *const direct_words[DIRECT_RULES];

enum direct_type { FRAME_UNTYPED, FRAME_WRITABLE, FRAME_L1, FRAME_L2, FRAME_SEGMENTS /* of a GDT or LDT */,
                   FRAME_L3, FRAME_TOP /* an L2 in an L3's last entry */, FRAME_TYPES };
extern const char *const direct_types[FRAME_TYPES];

enum direct_owner { OWNER_NONE /* free, or the hypervisor's own, or another VM's */, OWNER_GUEST, OWNER_SHARED /* the hypervisor's, lent to the guest */ };

struct direct_frame {
    uint32_t refs;      /* all references, uses among them; the allocation counts as one */
    uint32_t uses;      /* as `type` */
    uint32_t stamp;     /* the TLB flush count when it was last mapped or writable */
    uint8_t  type;      /* enum direct_type; means nothing without uses */
    uint8_t  owner;     /* enum direct_owner */
    uint8_t  domain;    /* which guest, index */
    bool     pinned : 1;    /* one of the uses is a pin */
    bool     allocated : 1; /* one of the references is the allocation */
};

struct direct;
enum { DIRECT_DOMAINS = 256 };
/* A table that the guest stores to at will, because no directory leads to it now (direct_unhook.c). Its counts are those of
 * `copy`. */
struct direct_unhooked {
    uint32_t frame;            /* FRAME_NONE: none is */
    uint32_t slot;             /* of the directory in use, which led there; of all four with PAE */
    gva_t    at;               /* the guest stores by this page */
    hpa_t    hook, way;        /* the directory's entry; that of another table, which maps `at` */
    uint64_t was;              /* what `way` held */
    uint8_t  copy[PAGE_SIZE];  /* what the table held */
};

/* What the domains of a machine have together. */
struct direct_all {
    struct direct_frame *frame;  /* per machine frame */
    uint32_t flushes;            /* of the TLB, which all use by turns */
    struct direct *domain[DIRECT_DOMAINS];
    uint64_t scrubbed;           /* frames filled with zeros before somebody got them */
};

struct direct {
    const struct vmmu *vmmu;
    struct direct_all *all;
    struct direct_frame *frame;  /* all->frame */
    uint32_t frames;
    uint8_t  domain;             /* its number */
    bool     pae;                /* entries have 8 bytes; before there is any table */
    bool     reload;             /* an entry of the L3 in use changed, and the processor's PDPTEs are old: vmm loads CR3 anew */
    uint32_t owned;              /* frames that are the guest's */
    uint32_t granted;            /* another domain's frame that may be named now; FRAME_NONE: none */
    uint32_t base;               /* frame of the current directory or L3; FRAME_NONE before there is one */
    struct direct_unhooked unhooked;
    struct { bool on; uint32_t first, frames, used; } log; /* of stores: its pool of frames (direct_log.c); 0 frames: there can be none */
    void   (*stored)(void *self, uint32_t frame); /* a page that is marked was stored to */
    uint64_t hypervisor[DIRECT_PAE_HYPERVISOR_SLOTS]; /* what the last entries of every directory (PAE: of every L2-top) hold */
    /* Judges, and corrects, the 512 descriptors in a frame. */
    bool   (*segments)(void *self, uint32_t frame);
    /* For checks: has another domain granted this frame to this one, so that it may be mapped, also for writing? */
    bool   (*lent)(const void *self, uint32_t frame, bool write);
    void    *self;
    struct vmmu_stats stats;     /* filled: entries validated; tables: frames that are tables; dropped: tables given up */
    uint32_t refused[DIRECT_RULES];
};

static inline struct direct *direct_of(const struct vmmu *m) { return m->state; }

/* Where the hypervisor's part of the linear space begins. */
static inline uint32_t direct_hole(const struct direct *d) { return d->pae ? DIRECT_PAE_HOLE : DIRECT_HOLE; }
static inline unsigned direct_bytes(const struct direct *d) { return d->pae ? 8 : 4; }   /* of an entry */
static inline uint32_t direct_slots(const struct direct *d) { return d->pae ? (uint32_t)PAE_SLOTS : (uint32_t)PTE_SLOTS; }
/* Which entry of all directories, from linear 0 on, leads to an address's table; and which entry of that is its page's. */
static inline uint32_t direct_upper(const struct direct *d, gva_t at) { return at.v >> (d->pae ? PAE_PDE_SHIFT : PDE_SHIFT); }
static inline uint32_t direct_lower(const struct direct *d, gva_t at) { return at.v >> PAGE_SHIFT & (direct_slots(d) - 1); }
static inline uint32_t direct_frame(uint64_t entry) { return (uint32_t)((entry & ~PAE_RESERVED) >> PAGE_SHIFT); }
static inline hpa_t direct_place(const struct direct *d, uint32_t frame, uint32_t slot) { return hpa(frame << PAGE_SHIFT | slot * direct_bytes(d)); }
static inline bool direct_is_table(unsigned type) { return type == FRAME_L1 || type == FRAME_L2 || type == FRAME_L3 || type == FRAME_TOP; }
/* What CR3 names, as a type. */
static inline enum direct_type direct_base_type(const struct direct *d) { return d->pae ? FRAME_L3 : FRAME_L2; }

/* ---- direct_frame.c: references and types */
/* Emits REFUSED and returns the rule. `frame`, `entry`: what it was about. */
enum direct_rule direct_refuse(struct direct *d, enum direct_rule rule, uint32_t frame, uint64_t entry);
bool direct_owns(const struct direct *d, uint32_t frame);                    /* may the guest name this frame at all? */
/* The guest is no more: its tables are none any longer, and refer to nothing. */
void direct_abandon(struct direct *d);
/* The guest's frame becomes another guest's: nobody but its allocation may refer to it. False: somebody does. */
bool direct_transfer(struct direct *d, uint32_t frame, struct direct *to);
enum direct_rule direct_get(struct direct *d, uint32_t frame);               /* one more reference */
void direct_put(struct direct *d, uint32_t frame);                           /* one less; the last one frees the frame */
enum direct_rule direct_take(struct direct *d, uint32_t frame, enum direct_type type); /* one more reference, and use as that */
void direct_drop(struct direct *d, uint32_t frame);                          /* undoes direct_take */
/* a frame of the hypervisor's that the guest may map */
void direct_share(struct direct *d, uint32_t frame);
/* The guest's frame is given back (false: it has no allocation to give); a free one, of any domain's memory, becomes the
 * guest's, zeroed. */
bool direct_release(struct direct *d, uint32_t frame);
bool direct_allocate(struct direct *d, uint32_t *frame);
/* Frames of all domains' memory, and of these, how many are nobody's. */
uint32_t direct_memory(const struct direct_all *all, uint32_t *free);
void direct_flush(struct direct *d);                                         /* the whole TLB; counted */
void direct_charge(const struct direct *d, enum cost cost, uint64_t times);

/* ---- direct_table.c: what tables say */
enum direct_rule direct_validate(struct direct *d, uint32_t frame, enum direct_type type); /* all entries; takes what they name */
void direct_devalidate(struct direct *d, uint32_t frame, enum direct_type type);
/* Stores an entry at a machine address if it may: into a table, checked; into a frame that is no table, as it is. */
enum direct_rule direct_update(struct direct *d, hpa_t at, uint64_t value);
/* An entry as it is, by its machine address. */
uint64_t direct_load(const struct direct *d, hpa_t at);
void     direct_store(const struct direct *d, hpa_t at, uint64_t entry);
/* The frame of the directory in use that leads to the nth table (direct_upper); FRAME_NONE: there is none. *slot: its entry. */
uint32_t direct_directory(const struct direct *d, uint32_t upper, uint32_t *slot);
uint32_t direct_guest_slots(const struct direct *d, enum direct_type type); /* entries of such a table that are the guest's */
/* The machine address of the entry, in a page table, that maps `at` in the current directory. */
enum direct_rule direct_entry(struct direct *d, gva_t at, hpa_t *where);
enum direct_rule direct_update_va(struct direct *d, gva_t at, uint64_t value);
enum direct_rule direct_pin(struct direct *d, uint32_t frame, enum direct_type type);
enum direct_rule direct_unpin(struct direct *d, uint32_t frame);
enum direct_rule direct_set_base(struct direct *d, uint32_t frame);          /* the caller loads CR3 */

/* ---- direct_unhook.c: a table that the guest may store to, for a while */
/* The guest's kernel stores to the table that `at` shows, and may go on if this returns true. False: it is not one that hangs
 * in the directory in use, and nowhere else, or it is that by which `at` is mapped, or another one is unhooked. */
bool direct_unhook(struct direct *d, gva_t at);
/* Judges what was stored and puts the table back, if one is unhooked: before anything looks at tables or counts, or changes
 * them. Of the entries from the first that breaks a rule on, which is returned, none was stored. */
enum direct_rule direct_rehook(struct direct *d);
/* Would `at` be reached by the unhooked table? */
static inline bool direct_through(const struct direct *d, gva_t at) { return d->unhooked.frame != FRAME_NONE && direct_upper(d, at) == d->unhooked.slot; }

/* ---- direct_log.c: the processor's tables while stores are noted */
void direct_log_forget(struct direct *d);            /* all entries: with each flush */
void direct_log_drop(struct direct *d, gva_t at);    /* one */
/* An entry for an access that the guest's own tables permit; false: they do not, and *f is its page fault. */
bool direct_log_fill(struct direct *d, gva_t at, unsigned access, struct fault *f);
/* in direct.c: the guest's own tables */
bool direct_walk(const struct direct *d, gva_t at, unsigned access, struct xlat *x, struct fault *f);
static inline void direct_stored(struct direct *d, uint32_t frame)
{
    if (d->vmmu->env.machine->marks[frame] & FRAME_SHARED) d->stored(d->self, frame);
}

/* ---- direct_check.c: the invariants, from nothing but the tables. For tests and views: true if all counts are right and no
 * table can be written to; else a sentence in `why`. `others`: per frame, the references that vmm holds. Costs no cycle. */
bool direct_check(const struct direct *d, const uint32_t *others, char *why, unsigned room);

extern const struct mmu_strategy mmu_direct;

#endif
