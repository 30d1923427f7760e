/* `ringside quiz walk`: by hand from an address to a byte or a fault. See quiz.h.
 *
 * Idea: the guest has filled a table with entries of all kinds from the seed, and used some of them. What is printed is its memory; what
 * the answer says, a walk by the machine. Addresses are taken until the problem is of the kind that the seed wants: one in three
 * faults. */
#include <stdio.h>
#include <string.h>
#include "sim/quiz.h"
#include "sim/walk_view.h"

enum { REGION = 32u << 22, RANDOM = 16, TRIES = 64, WORDS = 4 };

struct problem { const struct machine *m; uint32_t va; unsigned access; uint8_t ring; struct machine_xlat x; };

static const char *access_word(unsigned access) { return access & ACCESS_WRITE ? "writes" : "reads"; }

static void draw(struct problem *q, uint64_t *seed)
{
    bool fault = quiz_pick(seed, 3) == 0;
    for (unsigned i = 0; i < TRIES; i++) {
        bool large = quiz_pick(seed, 6) == 0;
        q->va = large ? REGION + (1u << 22) + (quiz_pick(seed, 1u << 20) << 2) : REGION + (quiz_pick(seed, RANDOM) << 12) + (quiz_pick(seed, 1024) << 2);
        q->access = quiz_pick(seed, 2) ? ACCESS_WRITE : ACCESS_READ;
        q->ring = quiz_pick(seed, 2) ? 3 : 0;
        machine_translate(q->m, gva(q->va), q->access | (q->ring == 3 ? ACCESS_USER : 0u), &q->x);
        if (q->x.guest_ok != fault) return;
    }
}

/* Four words in a row, among them the one at `at`. */
static void dump(const struct machine *m, uint32_t at, struct text *out)
{
    uint32_t first = at & ~(uint32_t)(WORDS * 4 - 1), word[WORDS] = { 0 };
    (void)machine_peek_gpa(m, gpa(first), word, sizeof word);
    text_add(out, "\n  %08X:", first);
    for (unsigned i = 0; i < WORDS; i++) text_add(out, " %08X", word[i]);
}

static void pose(struct problem *q, uint64_t *seed, struct text *out)
{
    struct machine_cpu guest;
    uint32_t table, other;
    machine_guest(q->m, &guest);
    text_add(out, "A guest has paging on, with 32-bit entries; CR0.WP and CR4.PSE are set. Its CR3 is %08X. Its memory holds, among other things, at physical addresses:",
             guest.cr3);
    dump(q->m, guest.cr3 + (q->va >> 22) * 4, out);
    if (machine_find_symbol(q->m, "quiz_table", &table)) {
        dump(q->m, table + (q->va >> 12 & 1023) * 4, out);
        other = table + 4096 * 4 * (1 + quiz_pick(seed, 3)); /* another process's: no way leads there */
        dump(q->m, other + (q->va >> 12 & 1023) * 4, out);
    }
    text_add(out, "\nCode in ring %u %s the doubleword at virtual address %08X, which is in no TLB.", q->ring, access_word(q->access), q->va);
}

static void tell_path(const struct problem *q, struct text *out)
{
    const struct xlat *x = &q->x.guest;
    for (unsigned i = 0; i < x->refs; i++) {
        char name[24], bits[32];
        walk_short(&x->ref[i], WALK_OWN, name, sizeof name);
        walk_bits(&x->ref[i], i + 1u == x->refs, bits, sizeof bits);
        text_add(out, "%s%s at %08X holds %08X (%s)", i ? ", then " : "", name, x->ref[i].at.v, x->ref[i].entry, bits);
    }
}

static void answer_outcome(struct quiz_problem *p, const struct problem *q)
{
    char words[80];
    if (q->x.guest_ok) snprintf(words, sizeof words, "physical address %08X", q->x.pa.v);
    else snprintf(words, sizeof words, "page fault, error code %X", q->x.guest_code);
    struct text *t = quiz_part(p, "Where does it lead: which physical address, or which page fault with which error code?", words);
    p->part[p->parts - 1].hex = true;
    tell_path(q, t);
    if (q->x.guest_ok) text_add(t, "; %s", q->x.guest.large ? "bit 7 of the first says a page of 4 MB, so its last 22 bits are the offset" : "the last 12 bits are the offset");
    else
        text_add(t, "; error code %X: %s, %s, %s", q->x.guest_code, q->x.guest_code & 1 ? "present but not allowed (1)" : "not present (0)",
                 q->x.guest_code & 2 ? "a write (2)" : "a read (0)", q->x.guest_code & 4 ? "by a user (4)" : "by the kernel (0)");
    text_add(t, ".");
}

static void answer_refs(struct quiz_problem *p, const struct problem *q)
{
    unsigned n = q->x.guest.refs, m = 4, both = n * (m + 1) + (q->x.guest_ok ? m : 0);
    char words[80];
    snprintf(words, sizeof words, "%u; %u; %u", n, q->x.guest.large ? 2 : n, both);
    struct text *t = quiz_part(p, "How many references to page tables does the hardware make: bare; on shadow tables of 4 KB pages; over a second level of 4 levels?", words);
    text_add(t, "bare: the %u entr%s above. Shadow: one set of tables, whose pages are small%s. Two levels: ", n, n == 1 ? "y" : "ies",
             q->x.guest.large ? ", the large one is splintered: 2" : "");
    if (q->x.guest_ok) text_add(t, "(n+1)(m+1)-1 with n = %u and m = %u: each of the guest's entries, and at last the address itself, is looked for in %u tables first.", n, m, m);
    else text_add(t, "n(m+1) with n = %u and m = %u: each of the guest's entries is looked for in %u tables first; the last one refuses, so no address is.", n, m, m);
}

static void answer_fault(struct quiz_problem *p, const struct problem *q)
{
    const char *what = !q->x.guest_ok ? "a true fault" : q->x.real_ok ? "no fault" : "a hidden fault";
    struct text *t = quiz_part(p, "The hypervisor keeps shadow tables. Is there a page fault, and is it true or hidden? (What was used, and how, the accessed and dirty bits tell.)", what);
    if (!q->x.guest_ok) text_add(t, "the guest's own tables refuse, so its kernel must see it.");
    else if (q->x.real_ok) text_add(t, "the shadow has an entry that allows this: the page was used before, in this way.");
    else {
        uint32_t leaf = q->x.guest.ref[q->x.guest.refs - 1].entry;
        text_add(t, "the guest's tables allow it, but %s.", !(leaf & 0x20) ? "the page was never accessed (A is clear), so there is no shadow entry yet: it would have set A"
                 : (q->access & ACCESS_WRITE) && !(leaf & 0x40) ? "the page is not dirty (D is clear), so the shadow entry is read-only: else nobody would set D"
                                                                : "nothing has filled this shadow entry yet: the accessed bit of a large page says only that some part was used");
    }
}

bool quiz_walk(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e)
{
    struct machine_cfg cfg = o->machine;
    struct problem q = { 0 };
    if (!config_option(&cfg, "cpu", "vtx", e) || !config_option(&cfg, "mmu", "shadow", e)) return false;
    struct machine *m = quiz_machine(&cfg, &(struct quiz_numbers){ 4, 1, 1 + (uint32_t)(seed % 1000000007u) }, e);
    if (!m) return false;
    q.m = m;
    draw(&q, &seed);
    pose(&q, &seed, &p->question);
    answer_outcome(p, &q);
    answer_refs(p, &q);
    answer_fault(p, &q);
    machine_free(m);
    return true;
}
