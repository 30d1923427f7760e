/* Ops for what ends its block and says itself where to go on: gates, far and fast calls and returns, MOV to CR; and INVLPG.
 * MOV to CR3, of which a context switch consists, has a way of its own.
 *
 * Idea: their handlers do the work, as in op_slow; but where the run loop would find time left, a translation of the new EIP in
 * the code TLB (or simply to be had) and a block that was run before, we go on with that block at once. All that ops keep of
 * ring, segments and mode is worked out anew. See op.h; run.c (run_some, look) is the truth. */
#include "sim/cpu/op.h"

#include "sim/cpu/exec.h"

/* Way 0 of the code TLB for the new EIP, or NULL. A walk must not make anything due: the run loop would still run the next
 * instruction first, a block here would not begin. */
static inline const struct tlb_entry *code_entry(struct cpu *c, uint32_t lin, unsigned user)
{
    const struct tlb_entry *e = tlb_code0(&c->itlb, lin);
    enum { REFS = 2 };
    if (e->tag[user] == (lin & PAGE_MASK)) return e;
    bool time = c->clock->now + (uint64_t)REFS * c->model->cost[COST_WALK_REF] < c->break_at;
    return time && c->env.fill && c->env.fill(c->env.mmu, gva(lin), ACCESS_EXEC | user) ? e : NULL;
}

/* The head of the block at CS:EIP, if it was run before and lies where ops may run; NULL: the run loop has to look. */
static inline struct op *next_head(struct cpu *c, unsigned user)
{
    const struct seg_reg *cs = &c->seg[SEG_CS];
    uint32_t lin = cs->base + c->eip, first = c->eip - (lin & (PAGE_SIZE - 1));
    if (cs->limit < PAGE_SIZE - 1 || first > cs->limit - (PAGE_SIZE - 1)) return NULL;
    const struct tlb_entry *e = code_entry(c, lin, user);
    if (!e) return NULL;
    uint32_t at = e->frame | (lin & (PAGE_SIZE - 1));
    c->whole = cs->limit - (PAGE_SIZE - 1);
    c->quick = c->blocks->quick[!!(cs->ar & AR_DB)];
    struct op *head = c->quick[block_quick(at)];
    return head->more == at ? head : NULL;
}

struct op *op_away(OP_ARGS)
{
    const struct block *b = (o - o->k)->block;
    const struct insn *i = &b->insn[op_number(b, o)];
    c->clock->now -= o->rest;
    c->insns -= o->left;
    c->res = res;
    c->aux = aux;
    c->eip += op_offset(b);
    enum step s = i->fn(c, i);
    if (s != STEP_JUMP) {
        op_unref(c, b, op_number(b, o) + (s != STEP_FAULT));
        c->blocks->stop = (struct block_stop){ BLOCK_STOP_STEP, s, i, b };
        return NULL;
    }
    c->insns++;
    if (c->clock->now >= c->break_at || c->insns >= c->limit) return NULL;
    unsigned user = c->cpl == 3 ? ACCESS_USER : 0;
    struct op *head = next_head(c, user);
    if (!head) return NULL;
    c->eip -= op_offset(head->block);
    res = c->res;
    aux = c->aux;
    tags = op_own_tags(c);
    if (c->timed) TAIL head->fn(c, head, res, aux, tags);
    ENTER(head);
}

/* In ring 0, without PAE and hypervisor: CR3 takes the value, the TLBs are emptied, and the code is looked for anew. It is the last of
 * its block. exec_system.c is the truth. */
struct op *op_cr3(OP_ARGS)
{
    if (unlikely(c->cpl) || unlikely(c->vmx.nonroot) || unlikely(c->cr4 & CR4_PAE) || unlikely(!c->env.root))
        TAIL op_away(c, o, res, aux, tags);
    const struct block *b = (o - o->k)->block;
    const struct insn *i = &b->insn[b->n - 1u];
    c->insns--;
    c->cr3 = c->reg[i->rm] & ~CR3_RESERVED;
    c->env.root(c->env.mmu, c->cr3);
    c->eip += op_offset(b) + i->at;
    exec_cr3_seen(c, c->eip);
    c->eip += i->len;
    c->insns++;
    if (c->clock->now >= c->break_at || c->insns >= c->limit) LEAVE;
    struct op *head = next_head(c, 0);
    if (!head) LEAVE;
    c->eip -= head->more & (PAGE_SIZE - 1);
    if (c->timed) TAIL head->fn(c, head, res, aux, tags);
    ENTER(head);
}

/* The run loop finds the way on: the block is left behind this instruction. */
static struct op *leave_behind(OP_ARGS)
{
    (void)tags;
    const struct block *b = (o - o->k)->block;
    c->clock->now -= o->rest;
    c->insns -= o->left;
    c->insns++;
    op_unref(c, b, op_number(b, o) + 1);
    c->eip = op_offset(b) + insn_next(c, &b->insn[op_number(b, o)]);
    LEAVE;
}

/* Which page the block lies in is known to the code TLB, from the fetch of its first instruction on; unless it is just that. */
struct op *op_invlpg(OP_ARGS)
{
    if (unlikely(c->cpl) || unlikely(c->vmx.nonroot)) SLOW;
    c->env.invlpg(c->env.mmu, gva(op_segment(c, o->seg)->base + OP_AT1));
    uint32_t here = c->seg[SEG_CS].base + c->eip;
    if (unlikely(tlb_code0(&c->itlb, here)->tag[ACCESS_READ] != (here & PAGE_MASK))) TAIL leave_behind(c, o, res, aux, tags);
    NEXT;
}
