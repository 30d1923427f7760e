/* Golden files: what a program printed once, was reviewed, and must print again.
 *
 * Paths are relative to the current directory, the root of the repository. With GOLDEN_UPDATE=1 in the environment
 * the file is rewritten instead of compared; review it as a diff. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

/* Fails the running cmocka test, showing the first line that differs, unless `file` holds exactly `actual`. */
void golden_check(const char *file, const char *actual);

#endif
