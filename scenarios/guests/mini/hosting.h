// Between the files of mini as a host of virtual machines.
#ifndef MINI_HOSTING_H
#define MINI_HOSTING_H

#include "mini/run.h"

enum { HOSTING_VMS = 16 };

// Machine memory of a virtual machine, as the module has laid it out.
struct hosting_place {
    uint32_t window, memory, bytes, cr4; // the last: what of it the module needs
};
extern struct hosting_place hosting_place[HOSTING_VMS];
extern uint32_t hosting_vms;

void hosting_dies(void);                        // hosting.c: for tests, a chance for the calling process to be killed
int hosting_disk(uint32_t vm, uint32_t record); // hosting_disk.c
void lines_init(uint32_t lines);                // hosting_line.c
int lines_write(uint32_t line, uint32_t record);
void lines_send(uint32_t line); // some of what waits, if it is time
bool lines_news(uint32_t line); // something was typed for it, and nobody has said so yet
int lines_read(uint32_t line);  // the next character; -1: there is none
void lines_drain(void);

#endif
