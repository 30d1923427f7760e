/* See merge.h. */
#include "sim/merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item { const char *at; size_t len; char group[160], name[160]; uint32_t order; bool number; uint64_t value; const char *file; };
struct part { const char *head, *tail; size_t head_len, tail_len; unsigned shard, shards; };
struct joined { struct item *item; unsigned n, room; };

static bool add(struct joined *j, struct item i)
{
    if (j->n == j->room) {
        struct item *more = realloc(j->item, (j->room = j->room ? 2 * j->room : 256) * sizeof *more);
        if (!more) return false;
        j->item = more;
    }
    j->item[j->n++] = i;
    return true;
}

static const char *line_end(const char *s) { return s + strcspn(s, "\n") + (strchr(s, '\n') != NULL); }

/* A field of a CSV row, unquoted; returns where the next begins. */
static const char *field(const char *s, const char *end, char *to, size_t room)
{
    size_t n = 0;
    bool quoted = s < end && *s == '"';
    for (s += quoted; s < end; s++) {
        if (quoted && *s == '"' && s + 1 < end && s[1] == '"') s++;
        else if (quoted ? *s == '"' : *s == ',' || *s == '\n') break;
        if (n + 1 < room) to[n++] = *s;
    }
    to[n] = 0;
    s += quoted && s < end;
    return s < end && *s == ',' ? s + 1 : s;
}

/* The text behind `"key": "`, as it stands there. */
static void json_text(const char *s, const char *end, const char *key, char *to, size_t room)
{
    const char *at = s;
    size_t n = strlen(key), k = 0;
    while (at + n < end && strncmp(at, key, n)) at++;
    for (at += n; at < end && *at != '"' && k + 1 < room; at++) {
        if (*at == '\\' && at + 1 < end) to[k++] = *at++;
        to[k++] = *at;
    }
    to[k] = 0;
}

static uint64_t json_number(const char *s, const char *end, const char *key, bool *there)
{
    size_t n = strlen(key);
    while (s + n < end && strncmp(s, key, n)) s++;
    *there = s + n < end && s[n] >= '0' && s[n] <= '9';
    return *there ? strtoull(s + n, NULL, 10) : 0;
}

/* --- the forms ---------------------------------------------------------------------------------------------------- */

static bool rows(const struct merge_file *f, struct part *p, struct joined *j, bool sweep)
{
    const char *s = text_str(&f->text);
    p->head = s;
    s = line_end(s);
    p->head_len = (size_t)(s - p->head);
    p->tail = "", p->tail_len = 0;
    for (const char *end; *s; s = end) {
        struct item i = { .at = s, .file = f->name, .number = sweep };
        char value[40];
        end = line_end(s);
        i.len = (size_t)(end - s);
        if (sweep) {
            char load[76], machine[76], key[80];
            const char *next = field(field(s, end, load, sizeof load), end, machine, sizeof machine);
            field(field(next, end, key, sizeof key), end, value, sizeof value);
            snprintf(i.group, sizeof i.group, "%s,%s", load, machine);
            i.value = strtoull(value, NULL, 10);
        } else field(s, end, i.name, sizeof i.name);
        if (!add(j, i)) return false;
    }
    return true;
}

/* Items begin with the line `begin` (perhaps behind "["), and end before ",\n" or `last`. */
static bool grade_json(const struct merge_file *f, struct part *p, struct joined *j)
{
    const char *s = text_str(&f->text);
    p->head = "", p->head_len = 0, p->tail = "", p->tail_len = 0;
    if (!strncmp(s, "[]", 2)) return true; /* more shards than students */
    for (s += *s == '['; *s;) {
        const char *end = strstr(s, ",\n{\"ringside\": ");
        struct item i = { .at = s, .file = f->name };
        if (!end) {
            end = s + strlen(s);
            while (end > s && (end[-1] == '\n' || end[-1] == ' ')) end--;
            if (text_str(&f->text)[0] == '[' && end > s && end[-1] == ']') end--;
            i.len = (size_t)(end - s);
            json_text(s, end, "\"student\": \"", i.name, sizeof i.name);
            return add(j, i);
        }
        i.len = (size_t)(end - s);
        json_text(s, end, "\"student\": \"", i.name, sizeof i.name);
        if (!add(j, i)) return false;
        s = end + 2;
    }
    return true;
}

static bool junit(const struct merge_file *f, struct part *p, struct joined *j)
{
    static const char open[] = "  <testsuite ", close[] = "  </testsuite>\n";
    const char *s = text_str(&f->text), *at = strstr(s, open);
    p->head = s;
    p->head_len = at ? (size_t)(at - s) : strlen(s);
    p->tail = "", p->tail_len = 0;
    for (; at; at = strncmp(at, open, sizeof open - 1) ? NULL : at) {
        const char *end = strstr(at, close);
        struct item i = { .at = at, .file = f->name };
        if (!end) break;
        end += sizeof close - 1;
        i.len = (size_t)(end - at);
        json_text(at, end, "name=\"", i.name, sizeof i.name);
        if (!add(j, i)) return false;
        p->tail = at = end;
        p->tail_len = strlen(end);
    }
    return true;
}

/* A head, of which of how many shards this is, and a list with an object in each line. */
static bool shard_json(const struct merge_file *f, struct part *p, struct joined *j, bool sweep)
{
    const char *list = sweep ? "\"points\": [" : "\"pictures\": [";
    const char *s = text_str(&f->text), *at = strstr(s, list), *shard = strstr(s, "  \"shard\": ");
    p->head = s;
    p->head_len = shard ? (size_t)(shard - s) : 0;
    p->tail = "\n  ]\n}\n", p->tail_len = strlen(p->tail);
    if (!at || !shard || sscanf(shard, "  \"shard\": %u, \"shards\": %u", &p->shard, &p->shards) != 2) return true;
    for (s = at + strlen(list); (s = strstr(s, "\n    {")) != NULL;) {
        struct item i = { .at = s + 1, .file = f->name };
        char load[76], machine[76];
        const char *end = strchr(s + 1, '\n');
        if (!end) break;
        i.len = (size_t)(end - s - 1) - (end[-1] == ',');
        if (sweep) {
            json_text(s, end, "\"workload\": \"", load, sizeof load);
            json_text(s, end, "\"machine\": \"", machine, sizeof machine);
            snprintf(i.group, sizeof i.group, "%s,%s", load, machine);
        } else snprintf(i.name, sizeof i.name, "a picture");
        i.value = json_number(s, end, sweep ? "\"value\": " : "\"number\": ", &i.number);
        i.number = true;
        if (!add(j, i)) return false;
        s = end;
    }
    return true;
}

enum form { GRADE_CSV, GRADE_JSON, GRADE_JUNIT, SWEEP_CSV, SWEEP_JSON, DRAW_JSON, FORMS };
static const char *const form_words[FORMS] = { "grade's CSV", "grade's JSON", "JUnit", "a sweep's CSV", "a sweep's JSON", "draw's JSON" };

static int form_of(const char *s)
{
    if (!strncmp(s, "student,score,", 14)) return GRADE_CSV;
    if (!strncmp(s, "[]", 2) || !strncmp(s, "[{\"ringside\": ", 14) || !strncmp(s, "{\"ringside\": ", 13)) return GRADE_JSON;
    if (!strncmp(s, "<?xml ", 6) && strstr(s, "<testsuites>")) return GRADE_JUNIT;
    if (!strncmp(s, "{\n  \"benchmark\": \"sweep\"", 24)) return SWEEP_JSON;
    if (!strncmp(s, "{\n  \"diagrams\": ", 16)) return DRAW_JSON;
    if (!strncmp(s, "workload,machine,", 17)) return SWEEP_CSV;
    return -1;
}

/* --- joining ------------------------------------------------------------------------------------------------------ */

/* Groups keep the order in which they first come up. */
static void number_groups(struct joined *j)
{
    for (unsigned i = 0; i < j->n; i++) {
        j->item[i].order = i;
        for (unsigned k = 0; k < i; k++)
            if (!strcmp(j->item[k].group, j->item[i].group)) {
                j->item[i].order = j->item[k].order;
                break;
            }
        if (!j->item[i].group[0]) j->item[i].order = 0;
    }
}

static int compare(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    if (x->number) return (x->value > y->value) - (x->value < y->value);
    return strcmp(x->name, y->name);
}

static bool one_each(const struct joined *j, struct err *e)
{
    for (unsigned i = 1; i < j->n; i++)
        if (!compare(&j->item[i - 1], &j->item[i])) {
            const struct item *x = &j->item[i - 1];
            return err_set(e, EXIT_INPUT, "%s%s is in %s and in %s; each shard once", x->name[0] ? x->name : x->group, x->number ? ", one value," : "", x->file, j->item[i].file);
        }
    return true;
}

static bool all_shards(const struct merge_file *file, const struct part *p, unsigned files, struct err *e)
{
    for (unsigned i = 0; i < files; i++) {
        if (!p[i].shards || p[i].shards != p[0].shards) return err_set(e, EXIT_INPUT, "%s: not one of as many shards as %s is", file[i].name, file[0].name);
        for (unsigned k = 0; k < i; k++)
            if (p[k].shard == p[i].shard) return err_set(e, EXIT_INPUT, "%s and %s are the same shard, %u of %u", file[k].name, file[i].name, p[i].shard, p[i].shards);
    }
    return files == p[0].shards || err_set(e, EXIT_INPUT, "%u of %u shards are here; give all of them", files, p[0].shards);
}

static bool read_parts(const struct merge_file *file, unsigned files, enum form form, struct part *p, struct joined *j, struct err *e)
{
    for (unsigned i = 0; i < files; i++) {
        const char *s = text_str(&file[i].text);
        bool ok = form == GRADE_JSON ? grade_json(&file[i], &p[i], j) : form == GRADE_JUNIT ? junit(&file[i], &p[i], j) :
                  form == SWEEP_JSON || form == DRAW_JSON ? shard_json(&file[i], &p[i], j, form == SWEEP_JSON) : rows(&file[i], &p[i], j, form == SWEEP_CSV);
        if (!ok) return err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs");
        if (form_of(s) != (int)form) return err_set(e, EXIT_INPUT, "%s: not %s, as %s is", file[i].name, form_words[form], file[0].name);
        if (p[i].head_len != p[0].head_len || memcmp(p[i].head, p[0].head, p[0].head_len))
            return err_set(e, EXIT_INPUT, "%s: it begins otherwise than %s; are both of one lab, or one sweep?", file[i].name, file[0].name);
    }
    return (form != SWEEP_JSON && form != DRAW_JSON) || all_shards(file, p, files, e);
}

static void write_joined(const struct joined *j, enum form form, const struct part *p, struct text *out)
{
    bool list = form == GRADE_JSON && j->n != 1;
    text_bytes(out, p->head, p->head_len);
    if (form == SWEEP_JSON || form == DRAW_JSON) text_add(out, "  \"shard\": 1, \"shards\": 1,\n  \"%s\": [\n", form == SWEEP_JSON ? "points" : "pictures");
    if (list) text_add(out, "[");
    for (unsigned i = 0; i < j->n; i++) {
        if (i && (form == GRADE_JSON || form == SWEEP_JSON || form == DRAW_JSON)) text_add(out, ",\n");
        text_bytes(out, j->item[i].at, j->item[i].len);
    }
    if (form == GRADE_JSON) text_add(out, list ? "]\n" : "\n");
    text_bytes(out, p->tail, p->tail_len);
}

bool merge_reports(const struct merge_file *file, unsigned files, struct text *out, struct err *e)
{
    struct joined j = { 0 };
    int form = form_of(text_str(&file[0].text));
    if (form < 0)
        return err_set(e, EXIT_INPUT, "%s: not a report that can be joined: grade's csv, json or junit, bench sweep's --csv or --json, draw's --json", file[0].name);
    struct part *p = calloc(files, sizeof *p);
    bool ok = p ? read_parts(file, files, (enum form)form, p, &j, e) : err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs");
    if (ok) {
        number_groups(&j);
        if (j.n) qsort(j.item, j.n, sizeof *j.item, compare);
        ok = one_each(&j, e);
    }
    if (ok) write_joined(&j, (enum form)form, p, out);
    free(j.item);
    free(p);
    return ok;
}
