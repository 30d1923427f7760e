/* How much of a long test the build with sanitizers does. Everything takes it four to ten times as long, and what it looks for, wrong
 * uses of memory and undefined operations, shows itself in a part of the cases. What the cases themselves claim is proved by the other
 * builds, which do all of them. */
#ifndef TESTS_SUPPORT_SANITIZED_H
#define TESTS_SUPPORT_SANITIZED_H

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* The step of a loop over cases: one in `n` with sanitizers, each without. */
#define ONE_IN(n) (SANITIZED ? (n) : 1)

#endif
