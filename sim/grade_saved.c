/* See grade_saved.h. */
#include "sim/grade_saved.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "sim/core/text.h"

enum { MOST = 64 << 20 };

static const char *word(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static bool take_test(struct grade_saved *s, const json_t *t)
{
    const char *status = word(t, "status");
    const json_t *max = json_object_get(t, "max_points"); /* PrairieLearn has points alone */
    if (!*word(t, "name") || (!*status && !max)) return false;
    if (!strcmp(status, "not run") || s->tests == GRADING_TESTS) return true;
    bool passed = max ? json_number_value(json_object_get(t, "points")) >= json_number_value(max) : !strcmp(status, "passed");
    snprintf(s->test[s->tests].name, sizeof s->test->name, "%s", word(t, "name"));
    s->test[s->tests++].failed = !passed;
    return true;
}

static bool take(struct grade_saved *s, const json_t *report, const char *path, struct err *e)
{
    size_t i;
    json_t *t;
    const json_t *tests = json_object_get(report, "tests"), *extra = json_object_get(report, "extra_data");
    if (!json_is_array(tests)) return err_set(e, EXIT_INPUT, "%s: not a report of grade; --format json, gradescope or prairielearn writes one", path);
    snprintf(s->student, sizeof s->student, "%s", word(report, "student"));
    snprintf(s->run, sizeof s->run, "%s", word(extra ? extra : report, "run"));
    json_array_foreach(tests, i, t)
        if (!take_test(s, t)) return err_set(e, EXIT_INPUT, "%s: test %zu has no name or no result; is it a report of grade?", path, i + 1);
    return true;
}

static const json_t *about(const json_t *root, const char *student)
{
    size_t i;
    json_t *one;
    if (!json_is_array(root)) return root;
    json_array_foreach(root, i, one)
        if (!strcmp(word(one, "student"), student)) return one;
    return NULL;
}

bool grade_saved_read(struct grade_saved *s, const char *path, const char *student, struct err *e)
{
    struct text t = { 0 };
    json_error_t wrong;
    *s = (struct grade_saved){ .tests = 0 };
    if (!text_read(&t, path, MOST, e)) return false;
    json_t *root = json_loadb(text_str(&t), t.len, 0, &wrong);
    text_free(&t);
    if (!root) return err_set(e, EXIT_INPUT, "%s:%d: no JSON: %.100s; --at reads what --format json, gradescope or prairielearn wrote", path, wrong.line, wrong.text);
    const json_t *report = about(root, student);
    bool ok = report ? take(s, report, path, e) : err_set(e, EXIT_INPUT, "%s: no report about %s in it; --student names one", path, student);
    json_decref(root);
    return ok;
}
