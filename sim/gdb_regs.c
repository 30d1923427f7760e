/* Registers for GDB: one table makes the target description, the order of the g packet, reading and writing.
 *
 * Idea: a row says where the value lies in a view of the machine (struct view), which is collected once per packet. The first
 * 32 rows are what GDB calls org.gnu.gdb.i386.core: with one of them missing it rejects all. Ours follow. */
#include <string.h>
#include "sim/gdb.h"

enum { CR0_PE = 1, FLAG_VM = 1 << 17, AR_DB = 0x4000 };

struct view {
    struct machine_cpu c;
    struct machine_fpu f;
    uint32_t fctrl, fstat, ftag, fiseg, fioff, foseg, fooff, fop;
    uint32_t sel[6], base[6], gdt_limit, idt_limit, ldtr, tr, cpl, mode, linear_pc;
    uint64_t cycles, insns;
};

static const struct row {
    const char *name, *type, *group;
    uint16_t offset;
    uint8_t  bytes;
    const char *set; /* for machine_set_reg; NULL: read-only; "": ignored, for GDB writes all back after a call */
} rows[] = {
#define ROW(name, field, type, group, set) \
    { name, type, group, offsetof(struct view, field), sizeof ((struct view *)0)->field, set },
    ROW("eax", c.reg[0], "int32", 0, "eax")
    ROW("ecx", c.reg[1], "int32", 0, "ecx")
    ROW("edx", c.reg[2], "int32", 0, "edx")
    ROW("ebx", c.reg[3], "int32", 0, "ebx")
    ROW("esp", c.reg[4], "data_ptr", 0, "esp")
    ROW("ebp", c.reg[5], "data_ptr", 0, "ebp")
    ROW("esi", c.reg[6], "int32", 0, "esi")
    ROW("edi", c.reg[7], "int32", 0, "edi")
    ROW("eip", c.eip, "code_ptr", 0, "eip")
    ROW("eflags", c.eflags, "eflags", 0, "eflags")
    ROW("cs", sel[1], "int32", 0, NULL)
    ROW("ss", sel[2], "int32", 0, NULL)
    ROW("ds", sel[3], "int32", 0, NULL)
    ROW("es", sel[0], "int32", 0, NULL)
    ROW("fs", sel[4], "int32", 0, NULL)
    ROW("gs", sel[5], "int32", 0, NULL)
    ROW("st0", f.st[0], "i387_ext", 0, NULL)
    ROW("st1", f.st[1], "i387_ext", 0, NULL)
    ROW("st2", f.st[2], "i387_ext", 0, NULL)
    ROW("st3", f.st[3], "i387_ext", 0, NULL)
    ROW("st4", f.st[4], "i387_ext", 0, NULL)
    ROW("st5", f.st[5], "i387_ext", 0, NULL)
    ROW("st6", f.st[6], "i387_ext", 0, NULL)
    ROW("st7", f.st[7], "i387_ext", 0, NULL)
    ROW("fctrl", fctrl, "int", "float", NULL)
    ROW("fstat", fstat, "int", "float", NULL)
    ROW("ftag", ftag, "int", "float", NULL)
    ROW("fiseg", fiseg, "int", "float", NULL)
    ROW("fioff", fioff, "int", "float", NULL)
    ROW("foseg", foseg, "int", "float", NULL)
    ROW("fooff", fooff, "int", "float", NULL)
    ROW("fop", fop, "int", "float", NULL)
    ROW("cr0", c.cr0, "cr0", "system", "cr0")
    ROW("cr2", c.cr2, "data_ptr", "system", "cr2")
    ROW("cr3", c.cr3, "uint32", "system", "cr3")
    ROW("cr4", c.cr4, "cr4", "system", "cr4")
    ROW("cpl", cpl, "uint32", "system", NULL)
    ROW("mode", mode, "mode", "system", NULL)
    ROW("cycles", cycles, "uint64", "system", "")
    ROW("insns", insns, "uint64", "system", "")
    ROW("linear_pc", linear_pc, "code_ptr", "system", "")
    ROW("cs_base", base[1], "uint32", "system", NULL)
    ROW("ss_base", base[2], "uint32", "system", NULL)
    ROW("ds_base", base[3], "uint32", "system", NULL)
    ROW("es_base", base[0], "uint32", "system", NULL)
    ROW("fs_base", base[4], "uint32", "system", NULL)
    ROW("gs_base", base[5], "uint32", "system", NULL)
    ROW("gdt_base", c.gdt_base, "data_ptr", "system", NULL)
    ROW("gdt_limit", gdt_limit, "uint32", "system", NULL)
    ROW("idt_base", c.idt_base, "data_ptr", "system", NULL)
    ROW("idt_limit", idt_limit, "uint32", "system", NULL)
    ROW("ldtr", ldtr, "uint32", "system", NULL)
    ROW("tr", tr, "uint32", "system", NULL)
    ROW("dr0", c.dr[0], "data_ptr", "system", NULL)
    ROW("dr1", c.dr[1], "data_ptr", "system", NULL)
    ROW("dr2", c.dr[2], "data_ptr", "system", NULL)
    ROW("dr3", c.dr[3], "data_ptr", "system", NULL)
    ROW("dr6", c.dr[6], "uint32", "system", NULL)
    ROW("dr7", c.dr[7], "uint32", "system", NULL)
    ROW("sysenter_cs", c.sysenter_cs, "uint32", "system", NULL)
    ROW("sysenter_esp", c.sysenter_esp, "uint32", "system", NULL)
    ROW("sysenter_eip", c.sysenter_eip, "uint32", "system", NULL)
#undef ROW
};
enum { ROWS = sizeof rows / sizeof rows[0], CORE = 32, FIRST_ST = 16, FIRST_CONTROL = 24 };

/* --- the description --- */

struct bit { const char *name; uint8_t from, to; };
static const struct bit eflags_bits[] = {
    { "CF", 0, 0 }, { "", 1, 1 }, { "PF", 2, 2 }, { "AF", 4, 4 }, { "ZF", 6, 6 }, { "SF", 7, 7 }, { "TF", 8, 8 },
    { "IF", 9, 9 }, { "DF", 10, 10 }, { "OF", 11, 11 }, { "IOPL", 12, 13 }, { "NT", 14, 14 }, { "RF", 16, 16 },
    { "VM", 17, 17 }, { "AC", 18, 18 }, { "VIF", 19, 19 }, { "VIP", 20, 20 }, { "ID", 21, 21 }, { NULL, 0, 0 }
};
static const struct bit cr0_bits[] = {
    { "PE", 0, 0 }, { "MP", 1, 1 }, { "EM", 2, 2 }, { "TS", 3, 3 }, { "ET", 4, 4 }, { "NE", 5, 5 }, { "WP", 16, 16 },
    { "AM", 18, 18 }, { "NW", 29, 29 }, { "CD", 30, 30 }, { "PG", 31, 31 }, { NULL, 0, 0 }
};
static const struct bit cr4_bits[] = {
    { "VME", 0, 0 }, { "PVI", 1, 1 }, { "TSD", 2, 2 }, { "DE", 3, 3 }, { "PSE", 4, 4 }, { "PAE", 5, 5 }, { "MCE", 6, 6 },
    { "PGE", 7, 7 }, { "PCE", 8, 8 }, { "OSFXSR", 9, 9 }, { NULL, 0, 0 }
};
static const char *const modes[] = { "real", "protected16", "protected32", "virtual8086" };
enum { MODES = sizeof modes / sizeof modes[0] };

static void add_flags(struct text *out, const char *id, const struct bit *b)
{
    text_add(out, "<flags id=\"%s\" size=\"4\">\n", id);
    for (; b->name; b++) text_add(out, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>\n", b->name, b->from, b->to);
    text_add(out, "</flags>\n");
}

static void add_rows(struct text *out, unsigned from, unsigned to)
{
    for (unsigned n = from; n < to; n++) {
        const struct row *r = &rows[n];
        text_add(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"", r->name, r->bytes * 8u, r->type, n);
        if (r->group) text_add(out, " group=\"%s\"", r->group);
        text_add(out, "/>\n");
    }
}

void gdb_target_xml(struct text *out)
{
    text_add(out, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n"
                  "<architecture>i386</architecture>\n<feature name=\"org.gnu.gdb.i386.core\">\n");
    add_flags(out, "eflags", eflags_bits);
    add_rows(out, 0, CORE);
    text_add(out, "</feature>\n<feature name=\"org.ringside.system\">\n");
    add_flags(out, "cr0", cr0_bits);
    add_flags(out, "cr4", cr4_bits);
    text_add(out, "<enum id=\"mode\" size=\"4\">\n");
    for (unsigned i = 0; i < MODES; i++) text_add(out, "<evalue name=\"%s\" value=\"%u\"/>\n", modes[i], i);
    text_add(out, "</enum>\n");
    add_rows(out, CORE, ROWS);
    text_add(out, "</feature>\n</target>\n");
}

/* --- values --- */

static unsigned mode_of(const struct machine_cpu *c)
{
    if (!(c->cr0 & CR0_PE)) return 0;
    if (c->eflags & FLAG_VM) return 3;
    return c->seg[1].ar & AR_DB ? 2 : 1;
}

const char *gdb_mode(const struct machine_cpu *c) { return modes[mode_of(c)]; }

static void look(const struct machine *m, struct view *v)
{
    memset(v, 0, sizeof *v);
    machine_guest(m, &v->c);
    machine_fpu(m, &v->f);
    v->fctrl = v->f.control, v->fstat = v->f.status, v->ftag = v->f.tag, v->fop = v->f.op;
    v->fiseg = v->f.cs, v->fioff = v->f.ip, v->foseg = v->f.ds, v->fooff = v->f.dp;
    for (unsigned s = 0; s < 6; s++) v->sel[s] = v->c.seg[s].sel, v->base[s] = v->c.seg[s].base;
    v->gdt_limit = v->c.gdt_limit, v->idt_limit = v->c.idt_limit;
    v->ldtr = v->c.ldtr, v->tr = v->c.tr, v->cpl = v->c.cpl;
    v->mode = mode_of(&v->c);
    v->linear_pc = v->c.seg[1].base + v->c.eip;
    v->cycles = machine_cycles(m);
    v->insns = machine_insns(m);
}

unsigned gdb_registers(void) { return ROWS; }
unsigned gdb_register_bytes(unsigned n) { return n < ROWS ? rows[n].bytes : 0; }

static const uint8_t *value(const struct view *v, unsigned n) { return (const uint8_t *)v + rows[n].offset; }

void gdb_add_registers(const struct gdb *g, struct text *out)
{
    struct view v;
    look(g->m, &v);
    for (unsigned n = 0; n < ROWS; n++) gdb_add_hex(out, value(&v, n), rows[n].bytes);
}

bool gdb_add_register(const struct gdb *g, unsigned n, struct text *out)
{
    struct view v;
    if (n >= ROWS) return false;
    look(g->m, &v);
    gdb_add_hex(out, value(&v, n), rows[n].bytes);
    return true;
}

static bool set_fpu(struct gdb *g, unsigned n, const uint8_t *bytes, struct view *v)
{
    if (n < FIRST_CONTROL) memcpy(v->f.st[n - FIRST_ST], bytes, sizeof v->f.st[0]);
    else if (n == FIRST_CONTROL) memcpy(&v->f.control, bytes, 2);
    else if (n == FIRST_CONTROL + 1) memcpy(&v->f.status, bytes, 2);
    else if (n == FIRST_CONTROL + 2) memcpy(&v->f.tag, bytes, 2);
    else return false;
    return machine_set_fpu(g->m, &v->f);
}

/* What is there already may always be written: G writes every register. */
bool gdb_set_register(struct gdb *g, unsigned n, const uint8_t *bytes)
{
    struct view v;
    uint32_t word;
    if (n >= ROWS) return false;
    look(g->m, &v);
    if (!memcmp(value(&v, n), bytes, rows[n].bytes)) return true;
    if (n >= FIRST_ST && n < CORE) return set_fpu(g, n, bytes, &v);
    if (!rows[n].set) return false;
    if (!*rows[n].set) return true;
    memcpy(&word, bytes, sizeof word);
    return machine_set_reg(g->m, rows[n].set, word);
}
