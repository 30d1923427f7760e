// What the parts of the paravirtual side (arch_pv.c, console_pv.c and those named below) offer each other.
#ifndef MINI_PV_H
#define MINI_PV_H

#include "mini/ring.h"
#include "mini/xen.h"

extern struct shared_info shared_info;
void map_machine(void *page, uint32_t mfn); // shows a machine frame at a page of the kernel's
void event_install(uint32_t channel, void (*handler)(void)); // called with events masked
void console_init(const struct start_info *start);
void console_take(void (*taker)(char c)); // who gets what is typed from now on, and what was kept; NULL: it is kept
uint32_t milliseconds(void); // of system time, whether ticks come or not
uint32_t event_virtual(uint32_t virq);       // the channel of a virtual interrupt, bound now
void map_own(void *page);                    // and its own frame again
uint32_t machine_frame(uint32_t physical); // of one of the domain's own frames

uint32_t page_of_frame(uint32_t mfn);      // which page of ours it is
const uint32_t *machine_frames(void);      // the list of all

// Leaving the machine (suspend.c). Channels and grants are gone when it goes on elsewhere.
void suspend_init(const struct start_info *start, const uint32_t *frames, uint32_t count);
bool suspend_wanted(void);
void suspend(void);                          // with events masked, and nobody's hands full of machine frames
void arch_leaves(void);                      // the hypervisor's own memory is no longer shown
void arch_arrives(const struct start_info *start, bool stayed); // it is again; the timer
void console_arrives(const struct start_info *start);
void store_arrives(const struct start_info *start);
void grant_leaves(void);
void grant_arrives(bool stayed);
void disk_arrives(void);
void net_arrives(void);

// Event channels to other domains (arch_pv.c). 0: there is none.
uint32_t event_listen(uint16_t domain);                // a new one, which that domain may bind
uint32_t event_bind(uint16_t domain, uint32_t remote); // to one that it opened for us
void event_send(uint32_t channel);
void event_close(uint32_t channel);

// Grants (grant.c).
uint32_t grant_new(uint16_t domain, const void *page, bool readonly); // a reference; 0: none is left
void grant_end(uint32_t ref);
// Another domain's, mapped for its bus masters, and at `page` if that is not NULL. False: it was not granted.
struct mapping {
    uint32_t handle, bus;
    void *page;
};
bool grant_map(uint16_t domain, uint32_t ref, bool readonly, void *page, struct mapping *out);
void grant_unmap(const struct mapping *mapping);
// Between another domain's page and one of ours, by the hypervisor; over no page's end. False: it was not granted.
bool grant_read(uint16_t domain, uint32_t ref, uint32_t offset, void *to, uint32_t size);
bool grant_write(uint16_t domain, uint32_t ref, uint32_t offset, const void *from, uint32_t size);

// The store, from a guest's side (store_client.c). Paths without / at their beginning are the domain's own.
void store_init(const struct start_info *start);
bool store_is_there(void);
bool store_read(const char *path, char *value, uint32_t room);
uint32_t store_read_number(const char *path); // 0: there is none
bool store_write(const char *path, const char *value);
void store_write_number(const char *path, uint32_t value);
void store_watch(const char *path); // from now on, changes below wake who waits
void store_wait(void);              // until something that is watched may have changed
void store_look(void);              // who waits shall look

// The front ends look whether their other ends are new ones (disk_pv.c, net_pv.c); the process that does this is front.c's.
void disk_changed(void);
void net_changed(void);

// The rings' pages, for who wants to spoil them (mad.c): with mad=SEED that is what a guest does.
extern struct ring_page disk_pages[], net_tx_page, net_rx_page;
void mad_run(void); // the body of a process

// The service domain (service.c): never returns.
void service_run(void) __attribute__((noreturn));

#endif
