/* What hangs on the 8042's wires: a keyboard and a mouse, each a queue of bytes and a few commands. See kbc.h.
 *
 * Idea: a command is acknowledged (FA) and perhaps answered; one with an argument is two commands, each acknowledged.
 * IBM PS/2 hardware interface, keyboards (101- and 102-key) and auxiliary device. */
#ifndef IO_KBC_UNIT_H
#define IO_KBC_UNIT_H

#include "sim/io/kbc.h"

enum { KBC_RELEASE = 0xF0 }; /* set 2: the key of the code that follows went up */

void    kbc_keyboard_init(struct kbc_unit *u); /* power-on, scanning */
void    kbc_mouse_init(struct kbc_unit *u);
uint8_t kbc_unit_take(struct kbc_unit *u);     /* the next byte to send; the queue must not be empty */
void    kbc_keyboard_command(struct kbc_unit *u, uint8_t byte);
void    kbc_mouse_command(struct kbc_unit *u, uint8_t byte);
void    kbc_keyboard_key(struct kbc_unit *u, uint16_t key, bool down);
uint8_t kbc_translate(uint8_t set2);           /* the controller's table, set 2 to set 1 */

#endif
