/* What a lab is given out as, and how it is tried before: `ringside lab`. */
#ifndef SIM_LAB_KIT_H
#define SIM_LAB_KIT_H

#include "sim/grade.h"

/* Copies a file, or a folder's plain files (not its sub-folders'); nothing that is there is overwritten. */
bool lab_copy(const char *from, const char *to, struct err *e);
bool lab_copy_folder(const char *from, const char *to, struct err *e);
/* Makes the folder `to` with all that a student gets. */
bool lab_start(const struct grading_lab *lab, const char *to, struct err *e);

/* Writes a ZIP for that platform ("gradescope", ...). EXIT_USAGE with the words there are. */
bool lab_pack(const struct grading_lab *lab, const char *target, const char *path, struct err *e);

/* The solution must have all points, the starter none, each bug less than all. What was found, a line each, goes to `out`; false: something
 * is not so. `e` is set if it could not be tried. */
bool lab_selftest(const char *name, unsigned jobs, struct text *out, struct err *e);

#endif
