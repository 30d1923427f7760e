// The store as a guest sees it: questions by message, one at a time, and news of what is watched.
//
// Idea: names and small values that domains leave for each other; by it a front end and a back end find out about each other's ring and
// channel. Who asks sleeps until the answer is there. The first event that comes before any answer, with the path @restart, says
// that the store is a new one, which knows nothing of who watched what.
// Manual: Xen public headers, io/xs_wire.h.
// Not here: transactions, permissions, directories.
#include "mini/kernel.h"
#include "mini/pv.h"
#include "mini/store.h"

extern struct store_ring store_page;
static uint32_t channel, last_id;
static volatile bool heard; // the channel was signalled
static bool changed;        // something that is watched
static char payload[STORE_PAYLOAD + 1];
enum { WATCHES = 8 };
static const char *watched[WATCHES];

static void on_store(void)
{
    heard = true;
    sched_wake((const void *)&heard);
}

void store_init(const struct start_info *start)
{
    if (!start->store_channel) return;
    channel = start->store_channel;
    map_machine(&store_page, start->store_mfn);
    event_install(channel, on_store);
}

// The store is another one, as after @restart: its page is empty, and nobody has an answer to what was asked.
void store_arrives(const struct start_info *start)
{
    if (!channel || !start->store_channel) return;
    channel = start->store_channel;
    event_install(channel, on_store);
    disk_arrives(), net_arrives();
}

bool store_is_there(void) { return channel != 0; }

// Before there are processes, nobody else can run meanwhile.
static void wait(void)
{
    irq_state saved = irq_save();
    while (!heard) {
        if (current != &processes[0]) sched_sleep((const void *)&heard);
        else irq_wait(), irq_disable();
    }
    heard = false;
    irq_restore(saved);
}

static void send(uint32_t type, const char *text, uint32_t size)
{
    struct store_message m = { type, ++last_id, 0, size };
    while (!store_put(store_page.request, &store_page.request_read, &store_page.request_written, &m, text)) wait();
    event_send(channel);
}

static void watch_again(void)
{
    char text[STORE_PAYLOAD];
    for (int i = 0; i < WATCHES && watched[i]; i++) {
        uint32_t n = text_length(watched[i]) + 1;
        text_copy(text, watched[i], sizeof text - 2);
        text[n] = '0', text[n + 1] = 0;
        send(STORE_WATCH, text, n + 2);
    }
}

// One message, if there is any: the answer to question `id`?
static bool take(uint32_t id, struct store_message *m, bool *any)
{
    *any = store_take(store_page.response, &store_page.response_read, &store_page.response_written, m, payload) > 0;
    if (!*any) return false;
    if (m->type != STORE_WATCH_EVENT) return m->id == id;
    changed = true;
    if (text_equal(payload, "@restart")) watch_again();
    return false;
}

static bool ask(uint32_t type, const char *text, uint32_t size)
{
    struct store_message m;
    bool any;
    send(type, text, size);
    for (uint32_t id = last_id; !take(id, &m, &any);)
        if (!any) wait();
    return m.type != STORE_ERROR;
}

bool store_read(const char *path, char *value, uint32_t room)
{
    if (!ask(STORE_READ, path, text_length(path) + 1)) return false;
    text_copy(value, payload, room);
    return true;
}

uint32_t store_read_number(const char *path)
{
    char value[16];
    return store_read(path, value, sizeof value) ? (uint32_t)text_number(value) : 0;
}

bool store_write(const char *path, const char *value)
{
    char text[STORE_PAYLOAD];
    uint32_t n = text_length(path) + 1;
    text_copy(text, path, sizeof text);
    text_copy(text + n, value, sizeof text - n);
    return ask(STORE_WRITE, text, n + text_length(value));
}

static void put_char(void *to, char c) { *(*(char **)to)++ = c; }

static void number_text(char *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_format(put_char, &to, format, arguments);
    va_end(arguments);
    *to = 0;
}

void store_write_number(const char *path, uint32_t value)
{
    char text[16];
    number_text(text, "%u", value);
    store_write(path, text);
}

void store_watch(const char *path)
{
    char text[STORE_PAYLOAD];
    uint32_t n = text_length(path) + 1;
    for (int i = 0; i < WATCHES; i++)
        if (!watched[i]) {
            watched[i] = path;
            break;
        }
    text_copy(text, path, sizeof text - 2);
    text[n] = '0', text[n + 1] = 0; // a token, which events bring back
    ask(STORE_WATCH, text, n + 2);
}

void store_look(void)
{
    irq_state saved = critical_enter();
    changed = true;
    on_store();
    critical_leave(saved);
}

void store_wait(void)
{
    struct store_message m;
    bool any = true;
    while (!changed) {
        take(0, &m, &any);
        if (!any && !changed) wait();
    }
    changed = false;
}
