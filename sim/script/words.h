/* What scripts may call, as lists of names: for the definition file that editors read (scenarios/labs/ringside.d.lua), which a test holds equal
 * to this, and for completion. Each list comes from the table that the binding itself looks names up in. */
#ifndef SCRIPT_WORDS_H
#define SCRIPT_WORDS_H

enum { SCRIPT_WORDS_MOST = 160 };
struct script_class {
    const char *name;                              /* as the definition file calls it */
    unsigned  (*words)(const char **words);        /* at most SCRIPT_WORDS_MOST; how many */
};
extern const struct script_class script_classes[]; /* ends with name NULL */

unsigned till_words(const char **words);
unsigned expect_words(const char **words);
unsigned vm_words(const char **words);
unsigned vm_flag_words(const char **words);
unsigned vm_guest_words(const char **words);
unsigned t_words(const char **words);
unsigned isa_words(const char **words);
unsigned vmm_vm_words(const char **words);
unsigned vmm_guest_words(const char **words);
unsigned bt_emit_words(const char **words);
unsigned ring_words(const char **words);

#endif
