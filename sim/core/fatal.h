/* The one way for sim/ to end the program: the host has no memory left, or an invariant of ours is broken. */
#ifndef CORE_FATAL_H
#define CORE_FATAL_H

/* Says "ringside: MESSAGE" on stderr and exits with `code` (enum err_code). */
_Noreturn void fatal(int code, const char *message);

#endif
