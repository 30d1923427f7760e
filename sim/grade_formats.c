/* The formats in which graders and editors take results. See grade.h; the documented shapes are in docs/grading.md.
 *
 * Nothing here depends on the host: no times, no dates; scores are of simulated cycles. */
#include "sim/grade.h"

#include <stdio.h>
#include <string.h>
#include "sim/machine.h"

static const struct grading_test *test_of(const struct grade_report *r, unsigned i) { return r->of->test[i].is; }
static const char *word(const struct grade_report *r, unsigned i) { return r->done[i] ? grading_status_word[r->out[i].status] : "not run"; }
static bool passed(const struct grade_report *r, unsigned i) { return r->done[i] && r->out[i].status == GRADING_PASSED; }

static void add_number(struct text *out, uint32_t hundredths)
{
    char buf[24];
    text_add(out, "%s", grade_number(hundredths, buf, sizeof buf));
}

/* a / b with four decimals, in whole numbers. */
static void add_fraction(struct text *out, uint64_t a, uint64_t b)
{
    uint64_t x = b ? a * 10000 / b : 0;
    text_add(out, "%u.%04u", (unsigned)(x / 10000), (unsigned)(x % 10000));
}

/* Message and what was printed: what a person reads of a test. */
static void add_output(struct text *out, const struct grade_report *r, unsigned i, bool staff)
{
    text_add(out, "%s", grade_message(r, i, staff));
    if (r->done[i] && r->out[i].printed[0] && (staff || !test_of(r, i)->hidden)) text_add(out, "%sprinted:\n%s", out->len ? "\n" : "", r->out[i].printed);
}

static void json_output(struct text *out, const struct grade_report *r, unsigned i, bool staff)
{
    struct text t = { 0 };
    add_output(&t, r, i, staff);
    text_json(out, text_str(&t));
    text_free(&t);
}

/* Indents each line of what `t` holds. */
static void add_indented(struct text *out, const char *lines, const char *indent)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        text_add(out, "%s%.*s\n", indent, (int)n, lines);
        lines += n + (lines[n] == '\n');
    }
}

/* --- text, as `make grade` of xv6 and JOS -------------------------------------------------------------------------- */

static void make_text(const struct grade_report *r, unsigned reports, bool staff, struct text *out)
{
    char a[24], b[24];
    for (unsigned n = 0; n < reports; n++, r++) {
        uint32_t all = 0;
        if (reports > 1) text_add(out, "%s==== %s\n", n ? "\n" : "", r->student);
        for (unsigned i = 0; i < r->of->tests; i++) {
            if (!r->done[i]) continue;
            const struct grading_test *t = test_of(r, i);
            struct text o = { 0 };
            all += t->points * 100;
            text_add(out, "== Test %s%s == %s: ", t->name, t->hidden ? " (hidden)" : "", t->name);
            if (passed(r, i)) text_add(out, "OK");
            else if (r->out[i].status == GRADING_FAILED) text_add(out, "FAIL");
            else text_add(out, "FAIL (%s)", word(r, i));
            text_add(out, "  %s/%s\n", grade_number(grade_points(r, i), a, sizeof a), grade_number(t->points * 100, b, sizeof b));
            if (!passed(r, i) && r->out[i].variant && (staff || !t->hidden)) text_add(&o, "variant %u of %u:\n", r->out[i].variant, t->variants);
            if (!passed(r, i) || staff) add_output(&o, r, i, staff);
            add_indented(out, text_str(&o), "    ");
            text_free(&o);
        }
        if (grade_ungradable(r)) text_add(out, "Ungradable: the tests are broken; this is no score\n");
        text_add(out, "Score: %s/%s\n", grade_number(grade_score(r), a, sizeof a), grade_number(all, b, sizeof b));
    }
}

/* --- our own JSON --------------------------------------------------------------------------------------------------- */

static void json_boards(const struct grade_report *r, struct text *out, bool gradescope)
{
    const struct grading_board *list;
    bool first = true;
    text_add(out, "[");
    for (unsigned i = 0; i < r->of->tests; i++) {
        unsigned n = grading_boards(r->of->test[i].file, &list);
        for (unsigned k = 0; k < n && r->done[i]; k++) {
            if (!(r->out[i].boards >> k & 1) || !passed(r, i)) continue;
            text_add(out, "%s{\"name\": ", first ? "" : ", ");
            text_json(out, list[k].name);
            text_add(out, ", \"value\": %lld", (long long)r->out[i].board[k]);
            if (!gradescope || list[k].ascending) text_add(out, ", \"order\": \"%s\"", list[k].ascending ? "asc" : "desc");
            text_add(out, "}");
            first = false;
        }
    }
    text_add(out, "]");
}

static void json_one(const struct grade_report *r, bool staff, struct text *out)
{
    text_add(out, "{\"ringside\": \"%s\", \"lab\": ", RINGSIDE_VERSION);
    text_json(out, r->of->lab.name);
    text_add(out, ", \"student\": ");
    text_json(out, r->student);
    text_add(out, ", \"run\": \"%s\", \"score\": ", r->id);
    add_number(out, grade_score(r));
    text_add(out, ", \"max_score\": ");
    add_number(out, grade_full(r->of));
    text_add(out, ", \"gradable\": %s, \"leaderboard\": ", grade_ungradable(r) ? "false" : "true");
    json_boards(r, out, false);
    text_add(out, ",\n \"tests\": [");
    for (unsigned i = 0; i < r->of->tests; i++) {
        const struct grading_test *t = test_of(r, i);
        const struct grading_outcome *o = &r->out[i];
        text_add(out, "%s\n  {\"number\": %u, \"name\": ", i ? "," : "", i + 1);
        text_json(out, t->name);
        text_add(out, ", \"status\": \"%s\", \"score\": ", word(r, i));
        add_number(out, grade_points(r, i));
        text_add(out, ", \"max_score\": %u, \"hidden\": %s, \"cycles\": %llu, \"instructions\": %llu, \"lua\": %llu, \"output\": ", t->points,
                 t->hidden ? "true" : "false", (unsigned long long)o->cycles, (unsigned long long)o->insns, (unsigned long long)o->lua);
        json_output(out, r, i, staff);
        text_add(out, "}");
    }
    text_add(out, "]}");
}

static void make_json(const struct grade_report *r, unsigned reports, bool staff, struct text *out)
{
    if (reports != 1) text_add(out, "[");
    for (unsigned n = 0; n < reports; n++) {
        if (n) text_add(out, ",\n");
        json_one(&r[n], staff, out);
    }
    text_add(out, reports != 1 ? "]\n" : "\n");
}

/* --- Gradescope ----------------------------------------------------------------------------------------------------- */

static void make_gradescope(const struct grade_report *r, unsigned reports, bool staff, struct text *out)
{
    (void)reports, (void)staff; /* students see it by the visibility of each test */
    text_add(out, "{\"score\": ");
    add_number(out, grade_score(r));
    text_add(out, ", \"output_format\": \"text\", \"test_output_format\": \"text\", \"stdout_visibility\": \"hidden\", \"output\": ");
    text_json(out, grade_ungradable(r) ? "The tests are broken; this is no score. Tell the course staff." : "");
    text_add(out, ", \"leaderboard\": ");
    json_boards(r, out, true);
    text_add(out, ", \"extra_data\": {\"run\": \"%s\"},\n \"tests\": [", r->id);
    for (unsigned i = 0; i < r->of->tests; i++) {
        const struct grading_test *t = test_of(r, i);
        text_add(out, "%s\n  {\"number\": \"%u\", \"name\": ", i ? "," : "", i + 1);
        text_json(out, t->name);
        text_add(out, ", \"status\": \"%s\", \"score\": ", passed(r, i) ? "passed" : "failed");
        add_number(out, grade_points(r, i));
        text_add(out, ", \"max_score\": %u, \"visibility\": \"%s\", \"output\": ", t->points, t->visibility);
        json_output(out, r, i, t->hidden);
        text_add(out, "}");
    }
    text_add(out, "]}\n");
}

/* --- PrairieLearn ---------------------------------------------------------------------------------------------------- */

static void make_prairielearn(const struct grade_report *r, unsigned reports, bool staff, struct text *out)
{
    (void)reports;
    bool good = !grade_ungradable(r);
    text_add(out, "{\"gradable\": %s, \"score\": ", good ? "true" : "false");
    add_fraction(out, grade_score(r), grade_full(r->of));
    if (!good) text_add(out, ", \"format_errors\": [\"the tests are broken; tell the course staff\"]");
    text_add(out, ", \"message\": \"run %s\",\n \"tests\": [", r->id);
    for (unsigned i = 0; i < r->of->tests; i++) {
        text_add(out, "%s\n  {\"name\": ", i ? "," : "");
        text_json(out, test_of(r, i)->name);
        text_add(out, ", \"points\": ");
        add_number(out, grade_points(r, i));
        text_add(out, ", \"max_points\": %u, \"message\": \"%s\", \"output\": ", test_of(r, i)->points, word(r, i));
        json_output(out, r, i, staff);
        text_add(out, "}");
    }
    text_add(out, "]}\n");
}

/* --- GitHub Classroom: base64 of JSON ---------------------------------------------------------------------------------- */

static void add_base64(struct text *out, const char *s, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t x = (uint32_t)(unsigned char)s[i] << 16 | (i + 1 < n ? (uint32_t)(unsigned char)s[i + 1] << 8 : 0) | (i + 2 < n ? (unsigned char)s[i + 2] : 0);
        for (unsigned k = 0; k < 4; k++) text_char(out, i + k > n ? '=' : digits[x >> (18 - 6 * k) & 63]);
    }
}

static void make_classroom(const struct grade_report *r, unsigned reports, bool staff, struct text *out)
{
    struct text t = { 0 };
    (void)reports;
    bool full = grade_score(r) == grade_full(r->of);
    text_add(&t, "{\"version\": 1, \"status\": \"%s\", \"max_score\": ", grade_ungradable(r) ? "error" : full ? "pass" : "fail");
    add_number(&t, grade_full(r->of));
    text_add(&t, ", \"tests\": [");
    for (unsigned i = 0; i < r->of->tests; i++) {
        text_add(&t, "%s{\"name\": ", i ? ", " : "");
        text_json(&t, test_of(r, i)->name);
        text_add(&t, ", \"status\": \"%s\", \"score\": ", passed(r, i) ? "pass" : r->done[i] && r->out[i].status == GRADING_UNGRADABLE ? "error" : "fail");
        add_number(&t, grade_points(r, i));
        text_add(&t, ", \"message\": ");
        json_output(&t, r, i, staff);
        text_add(&t, ", \"test_code\": \"\", \"filename\": \"\", \"line_no\": 0, \"execution_time\": 0}");
    }
    text_add(&t, "]}");
    add_base64(out, t.s, t.len);
    text_add(out, "\n");
    text_free(&t);
}

/* --- CodeRunner: a combinator template grader --------------------------------------------------------------------------- */

static void make_coderunner(const struct grade_report *r, unsigned reports, bool staff, struct text *out)
{
    (void)reports;
    text_add(out, "{\"fraction\": ");
    add_fraction(out, grade_score(r), grade_full(r->of));
    text_add(out, ", \"testresults\": [[\"iscorrect\", \"ishidden\", \"Test\", \"Points\", \"Message\"]");
    for (unsigned i = 0; i < r->of->tests; i++) {
        char a[24];
        text_add(out, ",\n  [%s, false, ", passed(r, i) ? "true" : "false");
        text_json(out, test_of(r, i)->name);
        text_add(out, ", \"%s/%u\", ", grade_number(grade_points(r, i), a, sizeof a), test_of(r, i)->points);
        json_output(out, r, i, staff);
        text_add(out, "]");
    }
    text_add(out, "]}\n");
}

/* --- JUnit, TAP, CSV ---------------------------------------------------------------------------------------------------- */

static void junit_printed(const struct grade_report *r, unsigned i, bool staff, struct text *out)
{
    if (!r->done[i] || !r->out[i].printed[0] || (test_of(r, i)->hidden && !staff)) return;
    text_add(out, "      <system-out>");
    text_xml(out, r->out[i].printed);
    text_add(out, "</system-out>\n");
}

static void junit_suite(const struct grade_report *r, bool staff, struct text *out)
{
    unsigned failures = 0, errors = 0, skipped = 0;
    for (unsigned i = 0; i < r->of->tests; i++) {
        bool error = r->done[i] && r->out[i].status >= GRADING_CRASHED;
        errors += error, skipped += !r->done[i], failures += r->done[i] && !error && !passed(r, i);
    }
    text_add(out, "  <testsuite name=\"");
    text_xml(out, r->student);
    text_add(out, "\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"0\">\n", r->of->tests, failures, errors, skipped);
    for (unsigned i = 0; i < r->of->tests; i++) {
        text_add(out, "    <testcase classname=\"");
        text_xml(out, r->of->lab.name);
        text_add(out, "\" name=\"");
        text_xml(out, test_of(r, i)->name);
        text_add(out, "\" time=\"0\"");
        if (passed(r, i)) {
            text_add(out, "/>\n");
            continue;
        }
        const char *tag = !r->done[i] ? "skipped" : r->out[i].status >= GRADING_CRASHED ? "error" : "failure";
        const char *words = grade_message(r, i, staff);
        struct text first = { 0 };
        text_bytes(&first, words, strcspn(words, "\n")); /* an attribute has no lines: readers make blanks of them */
        text_add(out, ">\n      <%s message=\"", tag);
        text_xml(out, text_str(&first));
        text_free(&first);
        if (!r->done[i]) text_add(out, "\"/>\n");
        else {
            text_add(out, "\" type=\"%s\">", word(r, i));
            text_xml(out, words);
            text_add(out, "</%s>\n", tag);
        }
        junit_printed(r, i, staff, out);
        text_add(out, "    </testcase>\n");
    }
    text_add(out, "  </testsuite>\n");
}

static void make_junit(const struct grade_report *r, unsigned reports, bool staff, struct text *out)
{
    text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (unsigned n = 0; n < reports; n++) junit_suite(&r[n], staff, out);
    text_add(out, "</testsuites>\n");
}

static void make_tap(const struct grade_report *r, unsigned reports, bool staff, struct text *out)
{
    (void)reports;
    text_add(out, "TAP version 14\n1..%u\n", r->of->tests);
    for (unsigned i = 0; i < r->of->tests; i++) {
        struct text name = { 0 }, o = { 0 };
        for (const char *p = test_of(r, i)->name; *p; p++) text_add(&name, *p == '#' || *p == '\\' ? "\\%c" : "%c", *p);
        text_add(out, "%sok %u - %s%s\n", passed(r, i) || !r->done[i] ? "" : "not ", i + 1, text_str(&name), r->done[i] ? "" : " # SKIP not run");
        if (r->done[i] && !passed(r, i)) {
            add_output(&o, r, i, staff);
            text_add(out, "  ---\n  status: %s\n  points: ", word(r, i));
            add_number(out, grade_points(r, i));
            text_add(out, "\n  message: |2\n"); /* 2: lines may begin with blanks of their own */
            add_indented(out, text_str(&o), "    ");
            text_add(out, "  ...\n");
        }
        text_free(&name);
        text_free(&o);
    }
}

static void csv_word(struct text *out, const char *s)
{
    if (!strpbrk(s, ",\"\r\n") && !strchr("=+-@", *s)) {
        text_add(out, "%s", s);
        return;
    }
    text_char(out, '"');
    if (*s && strchr("=+-@", *s)) text_char(out, '\''); /* no formula for a spreadsheet */
    for (; *s; s++) text_add(out, *s == '"' ? "\"\"" : "%c", *s);
    text_char(out, '"');
}

static void make_csv(const struct grade_report *r, unsigned reports, bool staff, struct text *out)
{
    (void)staff;
    text_add(out, "student,score,max_score,run");
    for (unsigned i = 0; i < r->of->tests; i++) text_char(out, ','), csv_word(out, test_of(r, i)->name);
    text_char(out, '\n');
    for (unsigned n = 0; n < reports; n++, r++) {
        csv_word(out, r->student);
        text_char(out, ',');
        if (!grade_ungradable(r)) add_number(out, grade_score(r));
        else text_add(out, "ungradable");
        text_char(out, ',');
        add_number(out, grade_full(r->of));
        text_add(out, ",%s", r->id);
        for (unsigned i = 0; i < r->of->tests; i++) text_char(out, ','), add_number(out, grade_points(r, i));
        text_char(out, '\n');
    }
}

const struct grade_format grade_formats[] = {
    { "text", "as `make grade` of xv6 and JOS", true, make_text },
    { "json", "Ringside's own, which --verify reads", true, make_json },
    { "gradescope", "results.json of a Gradescope autograder", false, make_gradescope },
    { "prairielearn", "results.json of an external grader", false, make_prairielearn },
    { "classroom", "GitHub Classroom: the result of a grading step, base64", false, make_classroom },
    { "coderunner", "Moodle CodeRunner: combinator template grader", false, make_coderunner },
    { "junit", "JUnit XML", true, make_junit },
    { "tap", "TAP version 14", false, make_tap },
    { "csv", "a row for each student", true, make_csv },
    { NULL, NULL, false, NULL },
};

const struct grade_format *grade_format(const char *name, struct err *e)
{
    const char *words[16];
    unsigned n = 0;
    for (const struct grade_format *f = grade_formats; f->word; f++) {
        if (!strcmp(f->word, name)) return f;
        words[n++] = f->word;
    }
    const char *near = config_suggest(name, words, n);
    if (near) err_set(e, EXIT_USAGE, "--format %s: no such format; did you mean %s?", name, near);
    else err_set(e, EXIT_USAGE, "--format %s: no such format; text, json, gradescope, prairielearn, classroom, coderunner, junit, tap, csv", name);
    return NULL;
}
