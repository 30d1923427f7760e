/* vm:translate and vm:tlb: an address in all three address spaces, with every reference, and what the TLBs remember. */
#include "sim/script/vm.h"

#include <string.h>
#include "sim/walk_view.h"
#include "sim/script/sandbox.h"

static void set_number(lua_State *L, const char *name, uint64_t v)
{
    lua_pushinteger(L, (lua_Integer)v);
    lua_setfield(L, -2, name);
}

static void set_word(lua_State *L, const char *name, const char *word)
{
    lua_pushstring(L, word);
    lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool v)
{
    lua_pushboolean(L, v);
    lua_setfield(L, -2, name);
}

enum { KNOWN_MOST = 1024 };

/* Pushes a list of { where =, set =, way =, va =, ma =, write =, user =, dirty =, global =, large =, recent =, tag =, root =, hit =,
 * truth = }. */
static void push_known(lua_State *L, const struct machine *m, const gva_t *at, unsigned access)
{
    static struct known_page list[KNOWN_MOST];
    static const char *const truths[KNOWN_TRUTH_COUNT] = { "same", "gone", "moved", "generous", "narrower", "elsewhere" };
    unsigned n = machine_known(m, at, access, list, KNOWN_MOST);
    if (n > KNOWN_MOST) n = KNOWN_MOST;
    sandbox_charge(L, 20 * n);
    lua_createtable(L, (int)n, 0);
    for (unsigned i = 0; i < n; i++) {
        const struct known_page *k = &list[i];
        lua_createtable(L, 0, 15);
        set_word(L, "where", walk_tlb(k->where));
        set_number(L, "set", k->set);
        set_number(L, "way", k->way);
        set_number(L, "va", k->va);
        set_number(L, "ma", k->frame);
        set_flag(L, "write", k->rights & 2);
        set_flag(L, "user", k->rights & 4);
        set_flag(L, "dirty", k->rights & 0x40);
        set_flag(L, "large", k->rights & 0x80);
        set_flag(L, "global", k->rights & 0x100);
        set_flag(L, "recent", k->recent);
        set_number(L, "tag", k->vpid);
        if (k->second) set_number(L, "root", k->root);
        set_word(L, "truth", truths[k->truth]);
        if (at) set_flag(L, "hit", k->serves);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* What all TLBs remember. */
int vm_tlb(lua_State *L)
{
    push_known(L, vm_self(L), NULL, 0);
    return 1;
}

/* Pushes { { n =, table =, name =, index =, at =, ma =, entry =, level =, second =, shadow =, cached =, bits = }, ... }: the entries in the order they
 * are read. `at` is an address on the walker's bus; `ma` the machine address of the same bytes. */
static void push_path(lua_State *L, const struct machine *m, const struct xlat *x, enum walk_whose whose, bool guests)
{
    lua_createtable(L, x->refs, 0);
    for (unsigned i = 0; i < x->refs; i++) {
        const struct xlat_ref *r = &x->ref[i];
        char name[32];
        hpa_t ma = r->at;
        bool traced = false, there = !guests || machine_frame(m, gpa(r->at.v), &ma, &traced);
        lua_createtable(L, 0, 14);
        set_number(L, "n", i + 1);
        lua_pushstring(L, walk_table(r, whose));
        lua_setfield(L, -2, "table");
        walk_short(r, whose, name, sizeof name);
        lua_pushstring(L, name);
        lua_setfield(L, -2, "name");
        walk_bits(r, i + 1u == x->refs, name, sizeof name);
        lua_pushstring(L, name);
        lua_setfield(L, -2, "bits");
        set_number(L, "index", xlat_slot(r));
        set_number(L, "at", r->at.v);
        if (there) set_number(L, "ma", ma.v);
        set_number(L, "entry", r->entry);
        set_number(L, "level", r->level);
        set_flag(L, "second", r->dim);
        set_flag(L, "shadow", walk_is_shadow(r, whose));
        set_flag(L, "cached", r->cached);
        if (*walk_home(r)) set_word(L, "home", walk_home(r));
        if (guests) {
            lua_pushboolean(L, traced);
            lua_setfield(L, -2, "traced");
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* Pushes { path =, fault = code or nil } for one set of tables. */
static void push_walk(lua_State *L, const struct machine *m, const struct xlat *x, bool ok, uint32_t code, enum walk_whose whose,
                      bool guests)
{
    lua_createtable(L, 0, 2);
    push_path(L, m, x, whose, guests);
    lua_setfield(L, -2, "path");
    if (!ok) set_number(L, "fault", code);
}

enum { SET_MOST = 64 };

int vm_translate(lua_State *L)
{
    static const char *const words[] = { "read", "write", "exec", NULL };
    static const unsigned bits[] = { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };
    const struct machine *m = vm_self(L);
    uint32_t at = vm_address(L, 2);
    unsigned access = bits[luaL_checkoption(L, 3, "read", words)];
    if (luaL_optinteger(L, 4, 0) == 3) access |= ACCESS_USER;
    struct machine_xlat x;
    memset(&x, 0, sizeof x);
    machine_translate(m, gva(at), access, &x);
    lua_createtable(L, 0, 8);
    if (x.guest_ok) {
        set_number(L, "pa", x.pa.v);
        set_number(L, "ma", x.ma.v);
    } else {
        set_number(L, "fault", x.guest_code);
    }
    set_number(L, "refs", x.real.refs - walk_cached(&x.real));
    bool shadow = machine_has_vmm(m) && !strcmp(machine_config(m)->mmu, "shadow");
    bool machine_frames = !machine_has_vmm(m) || !strcmp(machine_config(m)->mmu, "direct"); /* in the guest's own tables */
    push_path(L, m, &x.guest, WALK_OWN, !machine_frames);
    lua_setfield(L, -2, "path");
    push_walk(L, m, &x.guest, x.guest_ok, x.guest_code, WALK_OWN, !machine_frames);
    lua_setfield(L, -2, "guest");
    push_walk(L, m, &x.real, x.real_ok, x.real_code, shadow ? WALK_SHADOW : WALK_OWN, false);
    lua_setfield(L, -2, "real");
    lua_pushstring(L, walk_verdict(m, &x));
    lua_setfield(L, -2, "verdict");
    const gva_t looked = gva(at);
    push_known(L, m, &looked, access);
    lua_setfield(L, -2, "tlb");
    struct known_page set[SET_MOST];
    unsigned n = machine_known(m, &looked, access, set, SET_MOST);
    const struct known_page *hit = walk_served(set, n < SET_MOST ? n : SET_MOST);
    if (hit) set_word(L, "hit", walk_tlb(hit->where));
    return 1;
}
