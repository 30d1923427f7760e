// domain [list | pause N | unpause N | destroy N | create N [FILE [WORD...]] | migrate N]: the other domains of this hypervisor, for the one that
// may control them.
//
// Idea: a hypercall of the service domain's kernel; any other's is refused. Who is created is one that is over: with a file it is what the
// file says, with the words as its command line, and without one it begins again from the image that the machine had for it.
// Not here: domains of a size that was not planned.
#include "mini/user/domain.h"

static const char *state(uint32_t flags)
{
    return flags & DOMAIN_SHUTDOWN ? "over" : flags & DOMAIN_PAUSED ? "paused" : flags & DOMAIN_BLOCKED ? "blocked" : "running";
}

static int list(void)
{
    struct domain_info d;
    int error = 0;
    for (int n = 0; !(error = domain(DOMAIN_INFO, n, &d)); n = d.domain + 1)
        printf("domain %d: %s, %d KB\n", d.domain, state(d.flags), (int)d.pages * 4);
    if (error == E_SRCH) return 0; // behind the last one
    eprintf("domain: %s\n", error_text(error));
    return 1;
}

// It ends when the processor comes to it.
static void wait_end(int number)
{
    struct domain_info d;
    for (int i = 0; i < 1000 && !domain(DOMAIN_INFO, number, &d) && d.domain == number && !(d.flags & DOMAIN_SHUTDOWN); i++) sleep(1);
}

// Asked for; it runs until it stands still, and then is there, or goes on here.
static int wait_gone(int number)
{
    int stage;
    while ((stage = domain(DOMAIN_MIGRATED, number, NULL)) >= 0 && stage < MIGRATE_DONE) sleep(1);
    if (stage == MIGRATE_DONE) printf("domain %d: on the other machine now\n", number);
    else eprintf("domain: migrate %d: it did not go, and runs on here\n", number);
    return stage != MIGRATE_DONE;
}

// The same number means one thing of one word and another of the next; what the domain is now tells them apart.
static const char *reason(bool migrates, int number, int error)
{
    struct domain_info d = { 0 };
    bool there = !domain(DOMAIN_INFO, number, &d) && d.domain == number;
    bool gone = domain(DOMAIN_MIGRATED, number, NULL) == MIGRATE_DONE;
    switch (error) {
    case E_SRCH: return gone ? "it has gone to the other machine" : there ? "it is over" : "no such domain";
    case E_EXIST: return gone ? "it has gone to the other machine" : "it has not ended";
    case E_NOENT: return migrates ? "it was made of a file, which no other machine has" : "the machine has no image for it; name a file";
    case E_BUSY:
        if (!migrates) break;
        return d.flags & DOMAIN_PAUSED ? "it is paused; unpause it first" : "one goes at most, and one has gone or will go";
    case E_NOTSUP: return "there is no other machine";
    default: break;
    }
    return error_text(error);
}

int domain_failed(const char *word, int number, int error)
{
    if (error) eprintf("domain: %s %d: %s\n", word, number, reason(text_equal(word, "migrate"), number, error));
    return error != 0;
}

// A kernel's command line: what the shell took as one word, such as 'run=ls; halt', is NAME="..." there.
static void join(char *to, char *end, int n, char **words)
{
    for (int i = 0; i < n; i++) {
        bool blank = false, open = false;
        for (const char *c = words[i]; *c; c++) blank |= *c == ' ';
        for (const char *c = words[i]; *c && to < end - 3; c++) {
            *to++ = *c;
            if (blank && !open && *c == '=') *to++ = '"', open = true;
        }
        if (open) *to++ = '"';
        if (to < end - 3) *to++ = ' ';
    }
    *to = 0;
}

int main(int argc, char **argv)
{
    static const struct { const char *word; int operation; } words[] = {
        { "create", DOMAIN_CREATE }, { "destroy", DOMAIN_DESTROY }, { "pause", DOMAIN_PAUSE }, { "unpause", DOMAIN_UNPAUSE },
        { "migrate", DOMAIN_MIGRATE },
    };
    char cmdline[DOMAIN_CMDLINE];
    if (argc < 3) return list();
    int number = text_number(argv[2]);
    if (argc > 3 && text_equal(argv[1], "create")) {
        join(cmdline, cmdline + sizeof cmdline, argc - 4, argv + 4);
        return domain_from_image(number, argv[3], cmdline);
    }
    for (uint32_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!text_equal(argv[1], words[i].word)) continue;
        int error = domain(words[i].operation, number, NULL);
        if (!error && words[i].operation == DOMAIN_DESTROY) wait_end(number);
        if (!error && words[i].operation == DOMAIN_MIGRATE) return wait_gone(number);
        return domain_failed(argv[1], number, error);
    }
    eprintf("domain: %s: no such word\n", argv[1]);
    return 1;
}
