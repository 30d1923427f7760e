// A boot loader of a ported domain, as others write one: its first word to the store is which disks there are; it opens one, reads, and closes it
// again, so that the kernel it would start can open it anew, and makes and removes names of its own. What it is told it says.
//
// Idea: nothing of mini's front ends is used but the layouts; it waits by asking again, knows no watches, and takes the first message that comes
// for its answer.
// Manual: Xen public headers, io/xs_wire.h, io/blkif.h; docs/misc/xenstore.txt.
#include "mini/blkif.h"
#include "mini/ring.h"
#include "mini/store.h"
#include "pvtest/pv.h"

__asm__(".section .note.Xen, \"a\", @note\n"
        ".long 4, 8, 5\n.asciz \"Xen\"\n.asciz \"xen-3.0\"\n"
        ".long 4, 8, 8\n.asciz \"Xen\"\n.asciz \"generic\"\n"
        ".long 4, 4, 3\n.asciz \"Xen\"\n.long 0xC0000000\n"
        ".long 4, 4, 4\n.asciz \"Xen\"\n.long 0\n"
        ".long 4, 4, 1\n.asciz \"Xen\"\n.long _start\n"
        ".long 4, 4, 2\n.asciz \"Xen\"\n.long hypercall_page\n"
        ".section .hypercall_page, \"ax\"\n.balign 4096\n.global hypercall_page\nhypercall_page: .skip 4096\n"
        ".text\n.global _start\n_start: cld\npush esi\ncall begin\nud2\n");

enum { PAGE_BYTES = 4096, BASE = 0xC0000000, SETUP_TABLE = 2, ALLOC_UNBOUND = 6, SEND = 4, YIELD = 0, SHUTDOWN = 2, WRITE_CONSOLE = 0, RING_REF = 8, DATA_REF = 9 };

static uint8_t pages[5][PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
const struct start_info *info;
static struct store_ring *store;
static char answer[STORE_PAYLOAD + 1];
static uint32_t answered; // bytes of it

static uint32_t length(const char *s)
{
    uint32_t n = 0;
    while (s[n]) n++;
    return n;
}

static void say(const char *text, uint32_t size) { hypercall(CALL_CONSOLE_IO, WRITE_CONSOLE, size, (uint32_t)text, 0); }
static void says(const char *text) { say(text, length(text)); }
static void yield(void) { hypercall(CALL_SCHED_OP, YIELD, 0, 0, 0); }
uint32_t mfn_of(const void *page) { return ((const uint32_t *)info->mfn_list)[((uint32_t)page - BASE) / PAGE_BYTES]; }

static void show(void *at, uint32_t mfn) { hypercall(CALL_UPDATE_VA_MAPPING, (uint32_t)at, mfn << 12 | PTE_P | PTE_W, UVMF_INVLPG, 0); }

// "WHAT path value" and what comes back, with its zeros as bars.
static bool ask(uint32_t type, const char *path, const char *value)
{
    char payload[STORE_PAYLOAD];
    uint32_t n = length(path) + 1, port = info->store_evtchn;
    struct store_message m = { type, 77, 0, n + (value ? length(value) : 0) };
    for (uint32_t i = 0; i < n; i++) payload[i] = path[i];
    for (uint32_t i = n; i < m.size; i++) payload[i] = value[i - n];
    store_put(store->request, &store->request_read, &store->request_written, &m, payload);
    hypercall(CALL_EVENT_CHANNEL_OP, SEND, (uint32_t)&port, 0, 0);
    while (store_take(store->response, &store->response_read, &store->response_written, &m, answer) <= 0) yield();
    answered = m.size;
    return m.type == type && m.id == 77;
}

static void tell(const char *what, uint32_t type, const char *path, const char *value)
{
    bool fine = ask(type, path, value);
    for (uint32_t i = 0; i < answered; i++)
        if (!answer[i]) answer[i] = '|';
    says(what), says(fine ? ": " : ": no, "), say(answer, answered), says("\n");
}

static bool is(const char *path, char value) { return ask(STORE_READ, path, 0) && answered == 1 && answer[0] == value; }

static void number(char *to, uint32_t n)
{
    char digits[12];
    uint32_t i = 0;
    do digits[i++] = (char)('0' + n % 10);
    while (n /= 10);
    while (i) *to++ = digits[--i];
    *to = 0;
}

// Page 1 is the ring, page 2 what is read, page 3 the table of grants.
static void connect(uint32_t *port)
{
    struct { uint16_t domain; uint32_t frames; int16_t status; uint32_t *list; } setup = { DOM_SELF, 1, 0, (uint32_t[1]){ 0 } };
    struct { uint16_t domain, remote; uint32_t port; } listen = { DOM_SELF, 0, 0 };
    struct { uint16_t flags, domain; uint32_t mfn; } *grants = (void *)pages[3];
    char text[12];
    hypercall(CALL_GRANT_TABLE_OP, SETUP_TABLE, (uint32_t)&setup, 1, 0);
    show(pages[3], *setup.list);
    grants[RING_REF].mfn = mfn_of(pages[1]), grants[DATA_REF].mfn = mfn_of(pages[2]);
    grants[RING_REF].flags = grants[DATA_REF].flags = 1;
    hypercall(CALL_EVENT_CHANNEL_OP, ALLOC_UNBOUND, (uint32_t)&listen, 0, 0);
    *port = listen.port;
    number(text, RING_REF), ask(STORE_WRITE, "device/vbd/768/ring-ref", text);
    number(text, listen.port), ask(STORE_WRITE, "device/vbd/768/event-channel", text);
    tell("initialised", STORE_WRITE, "device/vbd/768/state", "3");
}

static void read_sector(uint32_t port)
{
    struct ring r;
    struct blkif_request request = { .operation = BLKIF_READ, .segments = 1, .device = 768, .sector = 2, .segment = { { DATA_REF, 0, 0, 0 } } };
    struct blkif_response response;
    ring_join(&r, (struct ring_page *)pages[1], sizeof request);
    ring_request(&r, &request, BLKIF_REQUEST_WORDS);
    if (ring_push_requests(&r)) hypercall(CALL_EVENT_CHANNEL_OP, SEND, (uint32_t)&port, 0, 0);
    while (!ring_has_response(&r)) yield();
    ring_take_response(&r, &response, BLKIF_RESPONSE_WORDS);
    says(response.status == BLKIF_OKAY ? "read: " : "not read: "), say((const char *)pages[2], 4), says("\n");
}

__attribute__((used)) void begin(const struct start_info *start)
{
    static const char back[] = "/local/domain/0/backend/vbd/1/768/state";
    uint32_t port, poweroff = 0;
    info = start;
    store = (struct store_ring *)pages[0];
    show(store, info->store_mfn);
    ring_clear((struct ring_page *)pages[1]);
    tell("disks", STORE_DIRECTORY, "device/vbd", 0);
    tell("of one", STORE_DIRECTORY, "device/vbd/768", 0);
    tell("its other end", STORE_DIRECTORY, "/local/domain/0/backend/vbd/1/768", 0);
    tell("cards", STORE_DIRECTORY, "device/vif", 0);
    tell("another's", STORE_DIRECTORY, "/local/domain/2/device", 0);
    tell("its name", STORE_READ, "/local/domain/0/backend/vbd/1/768/dev", 0);
    tell("my path", STORE_DOMAIN_PATH, "1", 0);
    tell("transaction", STORE_BEGIN, "", 0);
    tell("a directory", STORE_MAKE, "data/mine", 0);
    tell("in it", STORE_WRITE, "data/mine/note", "kept");
    tell("committed", STORE_COMMIT, "T", 0);
    tell("data", STORE_DIRECTORY, "data/mine", 0);
    tell("removed", STORE_REMOVE, "data", 0);
    tell("read", STORE_READ, "data/mine/note", 0);
    tell("not mine", STORE_REMOVE, "/local/domain/0/backend/vbd/1/768", 0);
    connect(&port);
    while (!is(back, '4')) yield();
    read_sector(port);
    tell("closed", STORE_WRITE, "device/vbd/768/state", "6");
    while (!is(back, '6')) yield();
    tell("again", STORE_WRITE, "device/vbd/768/state", "1");
    while (!is(back, '2')) yield();
    says("the next one can come\n");
    hypercall(CALL_SCHED_OP, SHUTDOWN, (uint32_t)&poweroff, 0, 0);
}
