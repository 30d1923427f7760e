// What the parts of the service domain (service.c, store_server.c, blkback.c) offer each other.
#ifndef MINI_SERVICE_H
#define MINI_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

enum { GUESTS = 4, SERVICE_DOMAIN = 0 }; // domains 1 to GUESTS

void service_signal(void); // an event handler: there is work

// store_server.c
bool store_introduce(uint16_t domain); // false: no such domain
bool store_serve(uint16_t domain);     // true: it had asked something
void store_set(const char *value, const char *path, ...); // by the service domain itself
const char *store_get(const char *path, ...);             // NULL: nothing there
uint32_t store_get_number(const char *path, ...);

void store_forget(uint16_t domain);    // it is no more
void store_set_path(uint16_t domain, const char *type, const char *device); // tells the front end where its back end is

// service.c
bool service_dies(const char *who); // for the test of whether guests survive it: a chance for a back end to die, or for the whole domain

struct domctl;
int service_change(struct domctl *op); // a domain that is over is to become another one; called by another process

// control.c
int control(struct domctl *op); // the hypercall

// blkback.c
void block_offer(uint16_t domain);                         // a drive, if there is one for it
void block_forget(uint16_t domain);
void block_told(uint16_t domain);                          // something of the front end's in the store
bool block_serve(uint16_t domain); // one request, if there is any

// consback.c: if the service domain is to have the guests' consoles
void console_offer(uint16_t domain);
void console_forget(uint16_t domain);
void console_begin(void); // a process of its own, if there is one to be served

// netback.c: a process of its own
void net_begin(void);                // if there is a card
void net_offer(uint16_t domain);
void net_forget(uint16_t domain);
void net_told(uint16_t domain);      // something of the front end's in the store
extern struct bridge_counts { // forwarded == gone + waiting + dropped
    uint32_t received, forwarded, gone, waiting, dropped;
} bridge_counts;

#endif
