// domain [list | pause N | unpause N | destroy N | create N | migrate N]: the other domains of this hypervisor, for the one that may control them.
//
// Idea: a hypercall of the service domain's kernel; any other's is refused. Who is created is one that ended: it begins again from its image.
// Not here: domains that never were; migration: tables of ported kernels name this machine's frames.
#include "mini/user/user.h"

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

int main(int argc, char **argv)
{
    static const struct { const char *word; int operation; } words[] = {
        { "create", DOMAIN_CREATE }, { "destroy", DOMAIN_DESTROY }, { "pause", DOMAIN_PAUSE }, { "unpause", DOMAIN_UNPAUSE },
    };
    if (argc < 3) return list();
    if (text_equal(argv[1], "migrate")) {
        eprintf("domain: a ported kernel's page tables name this machine's frames: it cannot go to another\n");
        return 1;
    }
    for (uint32_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!text_equal(argv[1], words[i].word)) continue;
        int error = domain(words[i].operation, text_number(argv[2]), NULL);
        if (error) eprintf("domain: %s %s: %s\n", argv[1], argv[2], error == E_SRCH ? "no such domain" : error == E_EXIST ? "it has not ended" : error_text(error));
        else if (words[i].operation == DOMAIN_DESTROY) wait_end(text_number(argv[2]));
        return error != 0;
    }
    eprintf("domain: %s: no such word\n", argv[1]);
    return 1;
}
