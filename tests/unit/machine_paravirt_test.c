/* Paravirtualization from the hypervisor's side: what each hypercall answers to good and bad arguments, and frame types. Hostile guests:
 * machine_hostile_test.c. */
#include "tests/support/pv_world.h"

static void a_frame_has_one_type(void **state)
{
    (void)state;
    struct world w = world();
    uint32_t l1 = w.first + 1, page = w.first + 2, zero[1024] = { 0 };
    holds(&w, "at first");
    assert_int_equal(frame(&w, l1)->type, FRAME_WRITABLE);
    assert_int_equal(frame(&w, l1)->uses, 1);
    assert_int_equal(extended(&w, XEN_PIN_L1, mfn(&w, l1), 0), -XEN_EINVAL);
    put(&w, va(&w, l1), zero, sizeof zero);
    uint32_t entry = mfn(&w, page) << PAGE_SHIFT | PTE_P | PTE_W;
    put(&w, va(&w, l1), &entry, 4);
    assert_int_equal(map(&w, va(&w, l1), mfn(&w, l1) << PAGE_SHIFT | PTE_P), 0);
    assert_int_equal(frame(&w, l1)->uses, 0);
    assert_int_equal(extended(&w, XEN_PIN_L1, mfn(&w, l1), 0), 0);
    assert_int_equal(frame(&w, l1)->type, FRAME_L1);
    assert_int_equal(frame(&w, page)->uses, 2); /* writable here, and there */
    holds(&w, "a table is pinned");
    assert_int_equal(map(&w, va(&w, l1), mfn(&w, l1) << PAGE_SHIFT | PTE_P | PTE_W), -XEN_EINVAL);
    assert_int_equal(update(&w, w.root << PAGE_SHIFT, mfn(&w, l1) << PAGE_SHIFT | PTE_P | PTE_W), 0);
    assert_int_equal(frame(&w, l1)->uses, 2);
    assert_int_equal(extended(&w, XEN_UNPIN, mfn(&w, l1), 0), 0);
    assert_int_equal(frame(&w, l1)->type, FRAME_L1); /* the directory holds it */
    holds(&w, "it hangs in the directory");
    assert_int_equal(update(&w, w.root << PAGE_SHIFT, 0), 0);
    assert_int_equal(frame(&w, l1)->uses, 0);
    assert_int_equal(frame(&w, page)->uses, 1); /* what it named was let go */
    assert_int_equal(map(&w, va(&w, l1), mfn(&w, l1) << PAGE_SHIFT | PTE_P | PTE_W), 0);
    holds(&w, "it is a page again");
    machine_free(w.m);
}

/* A table that is bad in one entry is not taken, and what its other entries named is as before. */
static void a_bad_table_leaves_nothing(void **state)
{
    (void)state;
    struct world w = world();
    uint32_t l1 = w.first + 1, page = w.first + 2, entries[1024] = { 0 };
    const uint32_t bad[] = { PTE_P | 1u << PAGE_SHIFT, PTE_P | w.root << PAGE_SHIFT | PTE_W, PTE_P | 0xFFFFF000u,
                             PTE_P | PTE_G | mfn(&w, page) << PAGE_SHIFT, PTE_P | PTE_PS | mfn(&w, page) << PAGE_SHIFT,
                             PTE_P | PTE_W | mfn(&w, l1) << PAGE_SHIFT /* itself */, PTE_P | w.p->m2p << PAGE_SHIFT };
    const uint8_t rules[] = { DIRECT_FOREIGN, DIRECT_TYPE, DIRECT_FOREIGN, DIRECT_BITS, DIRECT_BITS, DIRECT_TYPE, DIRECT_FOREIGN };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (unsigned n = 0; n < 1023; n++) entries[n] = mfn(&w, page) << PAGE_SHIFT | PTE_P | (n & 1 ? PTE_W : 0u);
        entries[1023] = bad[i];
        assert_int_equal(map(&w, va(&w, l1), mfn(&w, l1) << PAGE_SHIFT | PTE_P | PTE_W), 0);
        put(&w, va(&w, l1), entries, sizeof entries);
        assert_int_equal(map(&w, va(&w, l1), mfn(&w, l1) << PAGE_SHIFT | PTE_P), 0);
        uint32_t refs = frame(&w, page)->refs, refused = w.p->mmu->refused[rules[i]];
        assert_int_equal(extended(&w, XEN_PIN_L1, mfn(&w, l1), 0), -XEN_EINVAL);
        assert_int_equal(w.p->mmu->refused[rules[i]], refused + 1);
        assert_int_equal(frame(&w, page)->refs, refs);
        holds(&w, "a bad table");
    }
    machine_free(w.m);
}

/* One hypercall for 1 to 2048 entries, 8 MB of address space: it says how many were done, stops at the first that may not be, and a long
 * one costs less for each entry. */
static void updates_come_in_batches(void **state)
{
    (void)state;
    enum { MOST = 2048, LIST_PAGES = MOST * (int)sizeof(struct xen_mmu_update) / PAGE_SIZE };
    static const uint32_t sizes[] = { 1, 2, 3, 64, 511, 1024, MOST };
    struct world w = world();
    struct clock *clock = &w.m->b->clock;
    uint32_t table = w.first + LIST_PAGES + 1, page = table + 2, zero[1024] = { 0 }, done, where = va(&w, page + 1);
    uint64_t each = UINT64_MAX;
    for (uint32_t t = 0; t < 2; t++) {
        put(&w, va(&w, table + t), zero, sizeof zero);
        assert_int_equal(map(&w, va(&w, table + t), mfn(&w, table + t) << PAGE_SHIFT | PTE_P), 0);
        assert_int_equal(extended(&w, XEN_PIN_L1, mfn(&w, table + t), 0), 0);
    }
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint32_t n = 0; n < sizes[i]; n++) {
            struct xen_mmu_update u = { mfn(&w, table + n / 1024) << PAGE_SHIFT | n % 1024 << 2, 0, mfn(&w, page) << PAGE_SHIFT | PTE_P | (i & 1 ? PTE_W : 0u), 0 };
            put(&w, va(&w, w.first) + n * (uint32_t)sizeof u, &u, sizeof u);
        }
        uint64_t before = clock->now;
        assert_int_equal(call(&w, 1, va(&w, w.first), sizes[i], where, XEN_DOM_SELF), 0);
        uint64_t took = (clock->now - before) / sizes[i];
        assert_true(took <= each);
        each = took;
        assert_true(pv_read(w.p, where, &done, 4));
        assert_int_equal(done, sizes[i]);
        assert_int_equal(frame(&w, page)->refs, 2 + sizes[i]);
        holds(&w, "a batch");
    }
    /* Entry 700 names a foreign frame: those before it are done, those behind not. */
    struct xen_mmu_update bad = { mfn(&w, table) << PAGE_SHIFT | 700 << 2, 0, 1u << PAGE_SHIFT | PTE_P, 0 };
    put(&w, va(&w, w.first) + 700 * (uint32_t)sizeof bad, &bad, sizeof bad);
    assert_int_equal(call(&w, 1, va(&w, w.first), MOST, where, XEN_DOM_SELF), -XEN_EINVAL);
    assert_true(pv_read(w.p, where, &done, 4));
    assert_int_equal(done, 700);
    holds(&w, "a batch with a bad entry");
    machine_free(w.m);
}

/* The TLB may know a page as writable that no entry maps so any more: when it becomes a table, that is over. */
static void no_stale_translation_survives(void **state)
{
    (void)state;
    struct world w = world();
    uint32_t l1 = w.first + 1, zero[1024] = { 0 };
    struct cpu *real = &w.m->b->cpu;
    struct xlat x;
    struct fault f;
    put(&w, va(&w, l1), zero, sizeof zero); /* now it is in the TLB */
    assert_int_equal(call(&w, 14, va(&w, l1), mfn(&w, l1) << PAGE_SHIFT | PTE_P, 0, 0), 0); /* and nobody flushes */
    assert_true(real->env.translate(real->env.mmu, gva(va(&w, l1)), ACCESS_WRITE, &x, &f)); /* stale, as on hardware */
    uint64_t flushes = real->dtlb.flushes;
    assert_int_equal(extended(&w, XEN_PIN_L1, mfn(&w, l1), 0), 0);
    assert_true(real->dtlb.flushes > flushes);
    assert_false(real->env.translate(real->env.mmu, gva(va(&w, l1)), ACCESS_WRITE, &x, &f));
    machine_free(w.m);
}

static void memory_is_given_back_and_taken(void **state)
{
    (void)state;
    struct world w = world();
    uint32_t pfn = w.first + 3, gone = mfn(&w, pfn), list = va(&w, w.first + 1), arg = va(&w, w.first);
    struct xen_reservation r = { list, 1, 0, 0, XEN_DOM_SELF, 0 };
    int32_t before = frames(&w);
    put(&w, list, &gone, 4);
    put(&w, arg, &r, sizeof r);
    assert_int_equal(call(&w, 12, XEN_MEM_DECREASE, arg, 0, 0), 1);
    assert_int_equal(frames(&w), before); /* still mapped: it goes with the last reference */
    holds(&w, "given back while mapped");
    assert_int_equal(map(&w, va(&w, pfn), 0), 0);
    assert_int_equal(frames(&w), before - 1);
    assert_int_equal(map(&w, va(&w, pfn), gone << PAGE_SHIFT | PTE_P), -XEN_EINVAL);
    assert_int_equal(call(&w, 12, XEN_MEM_DECREASE, arg, 0, 0), 0); /* not twice */
    holds(&w, "given back");
    put(&w, list, &pfn, 4);
    assert_int_equal(call(&w, 12, XEN_MEM_POPULATE, arg, 0, 0), 1);
    assert_int_equal(frames(&w), before);
    assert_int_equal(map(&w, va(&w, pfn), gone << PAGE_SHIFT | PTE_P | PTE_W), 0); /* the only free one was the same */
    assert_int_equal(call(&w, 12, XEN_MEM_POPULATE, arg, 0, 0), 0); /* no more there */
    holds(&w, "taken again");
    machine_free(w.m);
}

/* One call whose structure has these words at its beginning; what it returns, as Xen 3's sources have it. */
struct answer { uint32_t number, op, w[4]; int32_t result; };
enum { CHANNEL = 32, SCHEDULE = 29, VCPU = 24, GRANT = 20, ASSIST = 21, MEMORY = 12, PHYSICAL = 33, VERSION = 17 };
static const struct answer answers[] = {
    { 63, 0, { 0 }, -XEN_ENOSYS }, { 1000, 0, { 0 }, -XEN_ENOSYS }, { 7, 0, { 0 }, -XEN_EPERM }, { 35, 0, { 0 }, -XEN_EPERM }, { 36, 0, { 0 }, -XEN_EPERM },
    { 22, 0, { 0 }, -XEN_EPERM }, { 37, 0, { 0 }, -XEN_EPERM },
    { CHANNEL, 11, { 0 }, -XEN_ENOSYS },
    { CHANNEL, XEN_EVTCHN_BIND_VIRQ, { XEN_VIRQS, 0 }, -XEN_EINVAL }, { CHANNEL, XEN_EVTCHN_BIND_VIRQ, { XEN_VIRQ_CONSOLE, 1 }, -XEN_EINVAL },
    { CHANNEL, XEN_EVTCHN_BIND_VIRQ, { XEN_VIRQ_DEBUG, 1 }, -XEN_ENOENT }, { CHANNEL, XEN_EVTCHN_BIND_VIRQ, { XEN_VIRQ_TIMER, 0 }, -XEN_EEXIST },
    { CHANNEL, XEN_EVTCHN_BIND_PIRQ, { 14, 0 }, -XEN_EPERM }, { CHANNEL, XEN_EVTCHN_BIND_PIRQ, { 1000, 0 }, -XEN_EINVAL },
    { CHANNEL, XEN_EVTCHN_BIND_IPI, { 1 }, -XEN_ENOENT }, { CHANNEL, XEN_EVTCHN_CLOSE, { 0 }, -XEN_EINVAL }, { CHANNEL, XEN_EVTCHN_CLOSE, { 1024 }, -XEN_EINVAL },
    { CHANNEL, XEN_EVTCHN_SEND, { 500 }, -XEN_EINVAL }, { CHANNEL, XEN_EVTCHN_STATUS, { 9, 1 }, -XEN_EPERM },
    { CHANNEL, XEN_EVTCHN_STATUS, { XEN_DOM_SELF, 1024 }, -XEN_EINVAL }, { CHANNEL, XEN_EVTCHN_ALLOC_UNBOUND, { 9 }, -XEN_EPERM },
    { CHANNEL, XEN_EVTCHN_BIND_INTERDOMAIN, { 9, 1 }, -XEN_ESRCH }, { CHANNEL, XEN_EVTCHN_BIND_INTERDOMAIN, { XEN_DOM_SELF, 700 }, -XEN_EINVAL },
    { CHANNEL, XEN_EVTCHN_UNMASK, { 1024 }, -XEN_EINVAL }, { CHANNEL, XEN_EVTCHN_RESET, { 9 }, -XEN_EPERM },
    { SCHEDULE, 9, { 0 }, -XEN_ENOSYS }, { SCHEDULE, XEN_SCHED_POLL, { 0, 1000 }, -XEN_EINVAL }, { SCHEDULE, XEN_SCHED_REMOTE_SHUTDOWN, { 0, 0 }, -XEN_EPERM },
    { VCPU, 99, { 0 }, -XEN_ENOSYS }, { ASSIST, 2, { 0 }, -XEN_EINVAL }, { GRANT, 99, { 0 }, -XEN_ENOSYS }, { MEMORY, 13, { 0 }, -XEN_ENOSYS },
    { MEMORY, XEN_MEM_CURRENT, { 9 }, -XEN_EPERM }, { PHYSICAL, 6, { 4 }, -XEN_EINVAL }, { VERSION, 99, { 0 }, -XEN_ENOSYS },
};

static void refusals_have_the_numbers_of_the_interface(void **state)
{
    (void)state;
    struct world w = world();
    uint32_t at = va(&w, w.first);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct answer *a = &answers[i];
        put(&w, at, a->w, sizeof a->w);
        uint32_t b = a->number == VCPU ? 0 : a->number == ASSIST ? 99 : at, c = a->number == GRANT ? 1 : a->number == VCPU ? at : 0;
        int32_t got = call(&w, a->number, a->op, b, c, 0);
        if (got != a->result) fail_msg("call %u, operation %u, words %X %X: %d, not %d", a->number, a->op, a->w[0], a->w[1], got, a->result);
        if (a->number >= 60 || a->number == 7 || a->number == 35 || a->number == 36 || a->result != -XEN_EINVAL) continue;
        if (a->number == CHANNEL || a->number == SCHEDULE || a->number == PHYSICAL)
            assert_int_equal(call(&w, a->number, a->op, 0xFD000000, 0, 0), -XEN_EFAULT); /* its structure is nowhere */
    }
    /* Whose memory a list is about, and where it lies, is judged before anything of it is done. */
    struct xen_mmu_update u = { mfn(&w, w.first) << PAGE_SHIFT, 0, 0, 0 };
    put(&w, at, &u, sizeof u);
    assert_int_equal(call(&w, 1, at, 1, 0, 9), -XEN_ESRCH);
    assert_int_equal(call(&w, 1, at, 1, 0, pv_id(w.p)), -XEN_ESRCH); /* oneself is not foreign */
    assert_int_equal(call(&w, 1, at, 1, 0, XEN_DOM_XEN), -XEN_ESRCH);
    assert_int_equal(call(&w, 26, at, 1, 0, 9), -XEN_ESRCH);
    assert_int_equal(call(&w, 1, 0xFFFFF000, 1, 0, XEN_DOM_SELF), -XEN_EFAULT);
    assert_int_equal(call(&w, 1, at, 0x40000000, 0, XEN_DOM_SELF), -XEN_EFAULT);
    assert_int_equal(call(&w, 1, 0x10000, 1, 0, XEN_DOM_SELF), -XEN_EFAULT); /* not mapped */
    u.ptr |= 3;
    put(&w, at, &u, sizeof u);
    assert_int_equal(call(&w, 1, at, 1, 0, XEN_DOM_SELF), -XEN_ENOSYS);
    assert_int_equal(extended(&w, XEN_PIN_L3, w.root, 0), 0); /* there are no such tables: nothing to do */
    assert_int_equal(extended(&w, XEN_FLUSH_CACHE, 0, 0), -XEN_EINVAL);
    assert_int_equal(extended(&w, XEN_FLUSH_MULTI, 0, 0xFD000000), -XEN_EINVAL);
    assert_int_equal(extended(&w, 14, 0, 0), -XEN_ENOSYS);
    holds(&w, "refused");
    machine_free(w.m);
}

/* Only what may be stored to is filled, and only from one's own. */
static void frames_are_cleared_and_copied(void **state)
{
    (void)state;
    struct world w = world();
    uint32_t from = mfn(&w, w.first + 4), to = mfn(&w, w.first + 5), none = w.p->area, seen = 1;
    uint32_t refused = w.p->mmu->refused[DIRECT_FOREIGN];
    put(&w, va(&w, w.first + 4) + 0x800, &(uint32_t){ 0x12345678 }, 4);
    assert_int_equal(extended(&w, XEN_COPY_PAGE, to, from), 0);
    assert_true(pv_read(w.p, va(&w, w.first + 5) + 0x800, &seen, 4));
    assert_int_equal(seen, 0x12345678);
    assert_int_equal(extended(&w, XEN_CLEAR_PAGE, to, 0), 0);
    assert_true(pv_read(w.p, va(&w, w.first + 5) + 0x800, &seen, 4));
    assert_int_equal(seen, 0);
    uint32_t base = pv_frame_read(w.p, w.root, 768 * 4, 4);
    assert_int_equal(extended(&w, XEN_CLEAR_PAGE, w.root, 0), -XEN_EINVAL); /* tables are not */
    assert_int_equal(extended(&w, XEN_COPY_PAGE, base >> PAGE_SHIFT, from), -XEN_EINVAL);
    assert_int_equal(pv_frame_read(w.p, w.root, 768 * 4, 4), base);
    assert_int_equal(extended(&w, XEN_CLEAR_PAGE, none, 0), -XEN_EINVAL);
    assert_int_equal(extended(&w, XEN_COPY_PAGE, to, none), -XEN_EINVAL);
    assert_int_equal(extended(&w, XEN_COPY_PAGE, to, 0xFFFFF), -XEN_EINVAL);
    assert_int_equal(w.p->mmu->refused[DIRECT_FOREIGN], refused + 3);
    holds(&w, "cleared and copied");
    machine_free(w.m);
}

static void grants_map_copy_and_end(void **state)
{
    (void)state;
    struct world w = world();
    uint32_t from = w.first + 4, to = w.first + 5, ref = 9, arg = va(&w, w.first), text = 0x74786574;
    struct { uint16_t flags, domain; uint32_t frame; } grant = { 1 | 4, XEN_DOM_ME, mfn(&w, from) };
    struct { uint32_t host, high, flags, ref; uint16_t domain; int16_t status; uint32_t handle, bus, bus_high; } m =
        { va(&w, to), 0, 2 | 4, ref, XEN_DOM_ME, 1, 99, 0, 0 };
    put(&w, va(&w, from), &text, 4);
    pv_frame_write(w.p, w.p->grant, ref * 8, 4, grant.flags | (uint32_t)grant.domain << 16);
    pv_frame_write(w.p, w.p->grant, ref * 8 + 4, 4, grant.frame);
    put(&w, arg, &m, sizeof m);
    assert_int_equal(call(&w, 20, 0, arg, 1, 0), 0);
    assert_true(pv_read(w.p, arg, &m, sizeof m));
    assert_int_equal(m.status, 0);
    uint32_t seen = 0;
    assert_true(pv_read(w.p, va(&w, to), &seen, 4));
    assert_int_equal(seen, text);
    assert_int_equal(pv_frame_read(w.p, w.p->grant, ref * 8, 2), 1 | 4 | 8); /* in use for reading */
    holds(&w, "a grant is mapped");
    m.flags = 2, m.handle = 99; /* for writing: it was not granted */
    put(&w, arg, &m, sizeof m);
    call(&w, 20, 0, arg, 1, 0);
    assert_true(pv_read(w.p, arg, &m, sizeof m));
    assert_int_equal(m.status, -1);
    struct { uint32_t host, high, bus, bus_high, handle; int16_t status; uint16_t unused; } u = { va(&w, to), 0, 0, 0, 0, 1, 0 };
    put(&w, arg, &u, sizeof u);
    assert_int_equal(call(&w, 20, 1, arg, 1, 0), 0);
    assert_true(pv_read(w.p, arg, &u, sizeof u));
    assert_int_equal(u.status, 0);
    assert_int_equal(pv_frame_read(w.p, w.p->grant, ref * 8, 2), 1 | 4);
    put(&w, arg, &u, sizeof u);
    call(&w, 20, 1, arg, 1, 0);
    assert_true(pv_read(w.p, arg, &u, sizeof u));
    assert_int_equal(u.status, -4); /* the handle is no more */
    holds(&w, "a grant is unmapped");
    struct { uint32_t what; uint16_t domain, offset; uint32_t to; uint16_t to_domain, to_offset, length, flags; int16_t status; uint16_t z; }
        c = { ref, XEN_DOM_ME, 0, mfn(&w, w.first + 6), XEN_DOM_SELF, 100, 4, 1, 1, 0 };
    put(&w, arg, &c, sizeof c);
    assert_int_equal(call(&w, 20, 5, arg, 1, 0), 0);
    assert_true(pv_read(w.p, arg, &c, sizeof c) && pv_read(w.p, va(&w, w.first + 6) + 100, &seen, 4));
    assert_int_equal(c.status, 0);
    assert_int_equal(seen, text);
    c.to = w.root; /* nobody copies into a page table */
    put(&w, arg, &c, sizeof c);
    call(&w, 20, 5, arg, 1, 0);
    assert_true(pv_read(w.p, arg, &c, sizeof c));
    assert_int_equal(c.status, -1);
    holds(&w, "a grant was copied");
    machine_free(w.m);
}

/* Descriptors: what goes in, what comes out; DPL 0 becomes 1, segments end below the hole's secret part. */
static void descriptors_are_judged(void **state)
{
    (void)state;
    static const struct { uint32_t in[2]; bool ok; uint32_t out[2]; } rows[] = {
        { { 0x0000FFFF, 0x00CF9B00 }, true, { 0x0000C3FF, 0x00CFBB00 } },  /* flat code, DPL 0 */
        { { 0x0000FFFF, 0x00CFF300 }, true, { 0x0000C3FF, 0x00CFF300 } },  /* flat data, DPL 3 */
        { { 0x12345678, 0x00007F00 }, true, { 0x12345678, 0x00007F00 } },  /* not present: anything */
        { { 0x00000000, 0x00008000 }, true, { 0x00000000, 0x0000A000 } },  /* type 0 */
        { { 0x00000067, 0x00008900 }, false, { 0, 0 } },                   /* TSS */
        { { 0x00000067, 0x00008200 }, false, { 0, 0 } },                   /* LDT */
        { { 0x00080000, 0x00008E00 }, false, { 0, 0 } },                   /* interrupt gate */
        { { 0xE0190000, 0xC000EC00 }, true, { 0xE0190000, 0xC000EC00 } },  /* call gate to the flat code of ring 1 */
        { { 0xFFC80000, 0xC000EC00 }, false, { 0, 0 } },                   /* call gate to the hypervisor's code */
        { { 0x00080000, 0xC000EC20 }, true, { 0x00080000, 0xC000EC20 } },
        { { 0x0000FFFF, 0xFFCF9300 }, false, { 0, 0 } },                   /* base in the hole */
        { { 0x0000FFFF, 0xFC4F933F }, false, { 0, 0 } },                   /* byte-granular and too long */
        { { 0x0000FFFF, 0xFB0F9300 | 1 << 23 }, true, { 0x000013FF, 0xFB80B300 } }, /* cut by pages */
        { { 0x00000000, 0x00CF9700 }, true, { 0x0000C3FF, 0x00CFB700 } },  /* expand-down from the bottom: see below */
    };
    struct direct without_pae = { 0 };
    const struct paravirt p = { .mmu = &without_pae };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0] - 1; i++) {
        uint32_t d[2] = { rows[i].in[0], rows[i].in[1] };
        bool gate_count = rows[i].in[1] == 0xC000EC20; /* a parameter count is reserved bits to us */
        assert_int_equal(pv_judge_descriptor(&p, d), rows[i].ok && !gate_count);
        if (!rows[i].ok || gate_count) continue;
        assert_int_equal(d[0], rows[i].out[0]);
        assert_int_equal(d[1], rows[i].out[1]);
    }
}

/* INT 82h in the guest's place, made again as often as the registers say; how often that was. */
static unsigned made(struct world *w, uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    struct cpu *v = &w->p->v->virt;
    const uint32_t after = va(w, w->first);
    unsigned times = 0;
    v->reg[EAX] = number, v->reg[EBX] = a, v->reg[ECX] = b, v->reg[EDX] = c, v->reg[ESI] = d;
    do {
        v->eip = after;
        pv_hypercall(w->p);
        times++;
        assert_true(v->eip == after || v->eip == after - 2);
        if (v->eip != after) assert_int_equal(v->reg[EAX], number);
        holds(w, "part of a call");
    } while (v->eip != after && times < 10000);
    return times;
}

/* A long call lets others have the processor between two of its parts; then it goes on where it was, alone or in a multicall. */
static void long_calls_are_interrupted(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    struct world w = world();
    struct cpu *v = &w.p->v->virt;
    uint32_t desk = va(&w, w.first + PAGES), list = va(&w, w.first + 4), l1 = w.first + 1, told = 0, zero[1024] = { 0 };
    const char text[] = "one word after the other\n";
    enum { SENT = sizeof text - 3 /* the last two are still in the UART */ };
    size_t sent;
    put(&w, va(&w, l1), zero, sizeof zero);
    assert_int_equal(map(&w, va(&w, l1), mfn(&w, l1) << PAGE_SHIFT | PTE_P), 0);
    assert_int_equal(extended(&w, XEN_PIN_L1, mfn(&w, l1), 0), 0);
    struct xen_mmu_update u[COUNT];
    for (uint32_t n = 0; n < COUNT; n++) u[n] = (struct xen_mmu_update){ (mfn(&w, l1) << PAGE_SHIFT) + 4 * n, 0, mfn(&w, w.first + 2) << PAGE_SHIFT | PTE_P, 0 };
    put(&w, list, u, sizeof u);

    assert_int_equal(made(&w, 1, list, COUNT, desk, XEN_DOM_SELF), 1); /* a list as long as they are does not take long */
    w.m->b->clock.hz = 100000;                                         /* 10 ms are 1000 cycles now */
    unsigned times = made(&w, 1, list, COUNT, desk, XEN_DOM_SELF);
    assert_in_range(times, 2, COUNT);
    assert_int_equal(v->reg[EAX], 0);
    assert_true(pv_read(w.p, desk, &told, 4));
    assert_int_equal(told, COUNT);

    u[COUNT - 1].val = 1u << PAGE_SHIFT | PTE_P; /* the last is bad: so many are told, and why */
    put(&w, list, u, sizeof u);
    assert_in_range(made(&w, 1, list, COUNT, desk, XEN_DOM_SELF), 2, COUNT);
    assert_int_equal((int32_t)v->reg[EAX], -XEN_EINVAL);
    assert_true(pv_read(w.p, desk, &told, 4));
    assert_int_equal(told, COUNT - 1);

    struct xen_multicall_entry m[3] = { { 17, 99, { 0 } }, { 1, 99, { list, COUNT - 1, desk, XEN_DOM_SELF } }, { 18, 99, { 0, sizeof text - 1, desk + 64 } } };
    put(&w, desk + 64, text, sizeof text);
    put(&w, desk + 256, m, sizeof m);
    assert_in_range(made(&w, 13, desk + 256, 3, 0, 0), 4, 2 * COUNT);
    assert_int_equal(v->reg[EAX], 0);
    assert_true(pv_read(w.p, desk + 256, m, sizeof m));
    assert_int_equal(m[0].result, XEN_MAJOR << 16 | XEN_MINOR);
    assert_int_equal(m[1].result, 0);
    assert_int_equal(m[2].result, 0);
    assert_true(pv_read(w.p, desk, &told, 4));
    assert_int_equal(told, COUNT - 1);
    const char *said = machine_serial(w.m, &sent);
    assert_memory_equal(said + sent - SENT, text, SENT);

    uint32_t r[5] = { desk + 1024, 64, 0, 0, XEN_DOM_SELF }, extents[64]; /* frames given back, and asked for again */
    for (uint32_t n = 0; n < 64; n++) extents[n] = mfn(&w, w.first + PAGES + DESK + n);
    for (uint32_t n = 0; n < 64; n++) assert_int_equal(map(&w, va(&w, w.first + PAGES + DESK + n), 0), 0);
    put(&w, desk + 1024, extents, sizeof extents);
    put(&w, desk + 512, r, sizeof r);
    w.m->b->clock.hz = 10000;
    assert_in_range(made(&w, 12, XEN_MEM_DECREASE, desk + 512, 0, 0), 2, 64);
    assert_int_equal(v->reg[EAX], 64);
    assert_in_range(made(&w, 12, XEN_MEM_INCREASE, desk + 512, 0, 0), 2, 64);
    assert_int_equal(v->reg[EAX], 64);
    machine_free(w.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_calls_are_interrupted),
        cmocka_unit_test(a_frame_has_one_type),
        cmocka_unit_test(a_bad_table_leaves_nothing),
        cmocka_unit_test(updates_come_in_batches),
        cmocka_unit_test(no_stale_translation_survives),
        cmocka_unit_test(memory_is_given_back_and_taken), cmocka_unit_test(refusals_have_the_numbers_of_the_interface),
        cmocka_unit_test(frames_are_cleared_and_copied), cmocka_unit_test(grants_map_copy_and_end),
        cmocka_unit_test(descriptors_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
