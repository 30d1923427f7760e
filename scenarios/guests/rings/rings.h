// What the kernel and the ring-3 program of guest `rings` agree on: the system calls.
//
// Idea: EAX holds the number, EBX and ECX the arguments, EAX the result; INT 80h goes in, IRET comes back.
#ifndef RINGS_H
#define RINGS_H

enum {
    CALL_WRITE = 0,  // EBX: address of the text, ECX: its length. Result: 0, or 1 if the address is not the caller's
    CALL_TICKED = 1, // result: 1 if the timer has interrupted somebody yet, else 0
    CALL_EXIT = 2,   // does not return
};

#endif
