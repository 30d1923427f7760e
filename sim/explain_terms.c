/* Words of the subject (term.def) and the reasons of VM exits (vmx_reason.def), as tables for explain.c. See explain.h. */
#include "sim/explain.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct { const char *word, *others, *text; } terms[] = {
#define TERM(word, others, text) { word, others, text },
#include "sim/term.def"
#undef TERM
};
enum { TERMS = sizeof terms / sizeof terms[0] };

static const struct { unsigned number; const char *word, *about; } reasons[] = {
#define VMX_REASON(number, NAME, control, word, about) { number, word, about },
#include "sim/cpu/vmx_reason.def"
#undef VMX_REASON
};
enum { REASONS = sizeof reasons / sizeof reasons[0] };

/* Capitals do not matter, and a blank or a line below is a hyphen; the plural of a word is the word. */
static bool same(const char *asked, const char *word, size_t n)
{
    size_t i = 0;
    for (; i < n && asked[i]; i++) {
        int a = asked[i] == ' ' || asked[i] == '_' ? '-' : tolower((unsigned char)asked[i]);
        if (a != tolower((unsigned char)word[i])) return false;
    }
    return i == n && (!asked[i] || (n > 3 && !strcasecmp(asked + i, "s")));
}

const char *explain_term_word(unsigned i) { return i < TERMS ? terms[i].word : NULL; }

bool explain_term_is(unsigned i, const char *asked)
{
    if (same(asked, terms[i].word, strlen(terms[i].word))) return true;
    for (const char *at = terms[i].others; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (same(asked, at, n)) return true;
        at += n;
    }
    return false;
}

void explain_term_page(unsigned i, const struct model *model, struct say *out)
{
    (void)model;
    say_wrap(out, "  ", 2, terms[i].text);
    if (*terms[i].others) say_wrap(out, "  also: ", 8, terms[i].others);
}

const char *explain_reason_word(unsigned i) { return i < REASONS ? reasons[i].word : NULL; }

void explain_reason_page(unsigned i, const struct model *model, struct say *out)
{
    (void)model;
    say_wrap(out, "  ", 2, reasons[i].about);
    say_add(out, "  basic exit reason %u in the VMCS\n", reasons[i].number);
}
