// The store, in the service domain: names with values, and whoever wants to know when one changes.
//
// Idea: a guest may write below its own part only, and read that and what describes its devices; names without / at their beginning are
// below its own part. A question is taken out of the ring when its answer is in, so a store that begins anew answers what the one before
// did not. It knows nothing then, and says so, by an event of the path @restart. A directory is what names have in common at their beginning.
// Manual: Xen public headers, io/xs_wire.h; docs/misc/xenstore.txt.
// Not here: transactions that can fail or be taken back (each question is served at once), permissions that can be set, more nodes than there
// is room for.
#include "mini/kernel.h"
#include "mini/pv.h"
#include "mini/service.h"
#include "mini/store.h"

enum { NODES = 256, QUOTA = 40 /* of them, for each guest */, WATCHES = 8, PATH = 64, VALUE = 64, STORE_PORT = 2 /* of every domain: the builder opens the console's first */ };

static struct node {
    char path[PATH], value[VALUE];
    uint16_t domain; // who made it
} nodes[NODES];

static struct guest {
    struct store_ring *ring;
    struct mapping mapping;
    uint32_t channel;
    char watch[WATCHES][PATH]; // below which it wants to know
} guests[GUESTS + 1];

static uint8_t pages[GUESTS + 1][PAGE] __attribute__((aligned(PAGE)));
_Static_assert(sizeof(struct store_ring) <= PAGE, "a page");

// ---- Nodes ---------------------------------------------------------------------------------------------------------------

struct room {
    char *to;
    uint32_t left;
};

static void put_char(void *room, char c)
{
    struct room *r = room;
    if (r->left > 1) *r->to++ = c, r->left--;
}

static void make_path(char path[PATH], const char *format, va_list arguments)
{
    struct room r = { path, PATH };
    text_format(put_char, &r, format, arguments);
    *r.to = 0;
}

static void format(char *to, uint32_t room, const char *what, ...)
{
    va_list arguments;
    va_start(arguments, what);
    struct room r = { to, room };
    text_format(put_char, &r, what, arguments);
    *r.to = 0;
    va_end(arguments);
}

static struct node *find(const char *path)
{
    for (struct node *n = nodes; n < nodes + NODES; n++)
        if (n->path[0] && text_equal(n->path, path)) return n;
    return NULL;
}

// A guest gets no more than its share, so there is always room for the others' and for what describes devices.
static struct node *find_or_make(uint16_t domain, const char *path)
{
    struct node *n = find(path), *free = NULL;
    uint32_t has = 0;
    if (n) return n;
    for (struct node *m = nodes; m < nodes + NODES; m++) {
        if (!m->path[0] && !free) free = m;
        has += m->path[0] && m->domain == domain;
    }
    if (!free || (domain != SERVICE_DOMAIN && has >= QUOTA)) return NULL;
    text_copy(free->path, path, PATH);
    free->domain = domain;
    return free;
}

// An event is lost if there is no room for it: who lets his ring fill does not hear.
static void tell(struct guest *g, const char *path)
{
    char text[STORE_PAYLOAD];
    uint32_t n = text_length(path) + 1;
    text_copy(text, path, sizeof text - 2);
    text[n] = '0', text[n + 1] = 0;
    struct store_message m = { STORE_WATCH_EVENT, 0, 0, n + 2 };
    if (store_put(g->ring->response, &g->ring->response_read, &g->ring->response_written, &m, text)) event_send(g->channel);
}

static bool watches(const struct guest *g, const char *path)
{
    for (int i = 0; g->ring && i < WATCHES; i++)
        if (g->watch[i][0] && text_begins(path, g->watch[i])) return true;
    return false;
}

static bool watch(struct guest *g, const char *path)
{
    for (int i = 0; i < WATCHES; i++) {
        if (g->watch[i][0] && !text_equal(g->watch[i], path)) continue;
        text_copy(g->watch[i], path, PATH);
        return true;
    }
    return false;
}

static bool unwatch(struct guest *g, const char *path)
{
    bool any = false;
    for (int i = 0; i < WATCHES; i++)
        if (g->watch[i][0] && text_equal(g->watch[i], path)) g->watch[i][0] = 0, any = true;
    return any;
}

static bool set(uint16_t domain, const char *path, const char *value)
{
    struct node *n = find_or_make(domain, path);
    if (!n) return false;
    text_copy(n->value, value, VALUE);
    for (struct guest *g = guests; g <= guests + GUESTS; g++)
        if (watches(g, path)) tell(g, path);
    return true;
}

void store_set(const char *value, const char *path, ...)
{
    char whole[PATH];
    va_list arguments;
    va_start(arguments, path);
    make_path(whole, path, arguments);
    va_end(arguments);
    if (!set(SERVICE_DOMAIN, whole, value)) panic("the store is full");
}

void store_set_path(uint16_t domain, const char *type, const char *device)
{
    char path[PATH];
    format(path, PATH, "/local/domain/0/backend/%s/%u/%s", type, domain, device);
    store_set(path, "/local/domain/%u/device/%s/%s/backend", domain, type, device);
    store_set("0", "/local/domain/%u/device/%s/%s/backend-id", domain, type, device);
}

static const char *get(const char *path, va_list arguments)
{
    char whole[PATH];
    make_path(whole, path, arguments);
    struct node *n = find(whole);
    return n ? n->value : NULL;
}

const char *store_get(const char *path, ...)
{
    va_list arguments;
    va_start(arguments, path);
    const char *value = get(path, arguments);
    va_end(arguments);
    return value;
}

uint32_t store_get_number(const char *path, ...)
{
    va_list arguments;
    va_start(arguments, path);
    const char *value = get(path, arguments);
    va_end(arguments);
    return value ? (uint32_t)text_number(value) : 0;
}

// ---- Guests --------------------------------------------------------------------------------------------------------------

bool store_introduce(uint16_t domain)
{
    struct guest *g = &guests[domain];
    struct store_ring *page = (struct store_ring *)pages[domain];
    if (!grant_map(domain, GRANT_STORE, false, page, &g->mapping)) return false;
    g->ring = page;
    g->channel = event_bind(domain, STORE_PORT);
    if (!g->channel) panic("domain %u has a store page and no channel", domain);
    event_install(g->channel, service_signal);
    if (page->response_written) tell(g, "@restart"); // else nobody ever heard anything: GRUB would take it for its first answer
    return true;
}

// Does it describe a back end of this domain's?
static bool describes(uint16_t domain, const char *path)
{
    static const char backends[] = "/local/domain/0/backend/";
    char own[12];
    if (!text_begins(path, backends)) return false;
    for (path += sizeof backends - 1; *path && *path != '/'; path++) {} // whatever kind of device it is
    format(own, sizeof own, "/%u/", domain);
    return text_begins(path, own);
}

void store_forget(uint16_t domain)
{
    struct guest *g = &guests[domain];
    char own[PATH];
    format(own, PATH, "/local/domain/%u/", domain);
    for (struct node *n = nodes; n < nodes + NODES; n++)
        if (text_begins(n->path, own) || describes(domain, n->path)) n->path[0] = 0;
    if (!g->ring) return;
    grant_unmap(&g->mapping);
    event_close(g->channel);
    *g = (struct guest){ .ring = NULL };
}

static void answer_bytes(struct guest *g, const struct store_message *question, uint32_t type, const char *bytes, uint32_t size)
{
    struct store_message m = { type, question->id, question->transaction, size };
    // Nobody waits for a guest that does not take its answers.
    if (store_put(g->ring->response, &g->ring->response_read, &g->ring->response_written, &m, bytes)) event_send(g->channel);
}

static void answer(struct guest *g, const struct store_message *question, const char *error, const char *text)
{
    uint32_t end = error || question->type != STORE_READ; // values have no end of their own
    answer_bytes(g, question, error ? STORE_ERROR : question->type, error ? error : text, text_length(error ? error : text) + end);
}

// What is below a name, if anything is: the path goes on behind a /.
static const char *below(const char *path, const char *name)
{
    uint32_t n = text_length(name);
    return text_begins(path, name) && path[n] == '/' ? path + n + 1 : NULL;
}

static bool listed(const char *names, uint32_t size, const char *name)
{
    for (const char *at = names; at < names + size; at += text_length(at) + 1)
        if (text_equal(at, name)) return true;
    return false;
}

// The names below one, each once, each with a 0 behind it.
static void list(struct guest *g, const struct store_message *m, const char *path)
{
    char names[STORE_PAYLOAD], name[PATH];
    uint32_t size = 0;
    bool there = find(path);
    for (const struct node *n = nodes; n < nodes + NODES; n++) {
        const char *rest = n->path[0] ? below(n->path, path) : NULL;
        if (!rest) continue;
        there = true;
        text_copy(name, rest, PATH);
        for (char *c = name; *c; c++)
            if (*c == '/') *c = 0;
        uint32_t length = text_length(name) + 1;
        if (listed(names, size, name)) continue;
        if (size + length > sizeof names) return answer(g, m, "E2BIG", NULL);
        text_copy(names + size, name, length);
        size += length;
    }
    if (there) answer_bytes(g, m, STORE_DIRECTORY, names, size);
    else answer(g, m, "ENOENT", NULL);
}

static bool remove(const char *path)
{
    bool any = false;
    for (struct node *n = nodes; n < nodes + NODES; n++)
        if (n->path[0] && (text_equal(n->path, path) || below(n->path, path))) n->path[0] = 0, any = true;
    return any;
}

// Its own path, as the store knows it; false: it has no business there.
static bool resolve(uint16_t domain, const char *path, char whole[PATH], bool write)
{
    char own[PATH];
    format(own, PATH, "/local/domain/%u/", domain);
    if (path[0] == '/') text_copy(whole, path, PATH);
    else format(whole, PATH, "/local/domain/%u/%s", domain, path);
    return text_begins(whole, own) || (!write && describes(domain, whole));
}

// Questions that name no path of the store's.
static bool serve_other(struct guest *g, const struct store_message *m, const char *payload)
{
    char path[PATH];
    if (m->type == STORE_BEGIN) answer(g, m, NULL, "1");
    else if (m->type == STORE_COMMIT) answer(g, m, NULL, "OK");
    else if (m->type == STORE_DOMAIN_PATH) format(path, PATH, "/local/domain/%u", (uint32_t)text_number(payload)), answer(g, m, NULL, path);
    else return false;
    return true;
}

static void serve(uint16_t domain, const struct store_message *m, char *payload)
{
    struct guest *g = &guests[domain];
    char path[PATH];
    uint32_t n = text_length(payload) + 1;
    const char *value = n <= m->size ? payload + n : "";
    if (serve_other(g, m, payload)) return;
    bool allowed = resolve(domain, payload, path, m->type == STORE_WRITE || m->type == STORE_MAKE || m->type == STORE_REMOVE);
    struct node *node = find(path);
    if (!allowed) answer(g, m, "EACCES", NULL);
    else if (m->type == STORE_READ && node) answer(g, m, NULL, node->value);
    else if (m->type == STORE_READ) answer(g, m, "ENOENT", NULL);
    else if (m->type == STORE_DIRECTORY) list(g, m, path);
    else if (m->type == STORE_WATCH) answer(g, m, watch(g, path) ? NULL : "ENOSPC", "OK");
    else if (m->type == STORE_UNWATCH) answer(g, m, unwatch(g, path) ? NULL : "ENOENT", "OK");
    else if (m->type == STORE_REMOVE) answer(g, m, remove(path) ? NULL : "ENOENT", "OK");
    else if (m->type == STORE_MAKE && node) answer(g, m, NULL, "OK");
    else if (m->type != STORE_WRITE && m->type != STORE_MAKE) answer(g, m, "ENOSYS", NULL);
    else if (!set(domain, path, value)) answer(g, m, "ENOSPC", NULL);
    else answer(g, m, NULL, "OK"), block_told(domain), net_told(domain);
}

bool store_serve(uint16_t domain)
{
    struct guest *g = &guests[domain];
    struct store_message m;
    char payload[STORE_PAYLOAD + 1];
    uint32_t read = g->ring->request_read; // shown to the guest only when its answer is there
    if (store_take(g->ring->request, &read, &g->ring->request_written, &m, payload) <= 0) return false;
    serve(domain, &m, payload);
    g->ring->request_read = read;
    event_send(g->channel);
    return true;
}
