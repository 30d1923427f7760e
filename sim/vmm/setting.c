/* See setting.h. */
#include "sim/vmm/setting.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
bool vmm_checks_itself = true;
#else
bool vmm_checks_itself = false;
#endif

static const struct setting_row rows[SETTINGS] = {
#define SETTING(e, key, value, least, most, about) { key, about, value, least, most },
#include "sim/vmm/setting.def"
#undef SETTING
};

void setting_defaults(uint32_t to[SETTINGS])
{
    for (unsigned i = 0; i < SETTINGS; i++) to[i] = rows[i].value;
}

static unsigned row_of(const char *key)
{
    unsigned i = 0;
    while (i < SETTINGS && strcmp(rows[i].key, key)) i++;
    return i;
}

bool setting_row(unsigned i, struct setting_row *row)
{
    if (i >= SETTINGS) return false;
    *row = rows[i];
    return true;
}

bool setting_known(const char *key) { return row_of(key) < SETTINGS; }

bool setting_set(uint32_t to[SETTINGS], const char *key, const char *value, struct err *e)
{
    unsigned i = row_of(key);
    char *end;
    unsigned long n = strtoul(value, &end, 0);
    if (i == SETTINGS) return err_set(e, EXIT_USAGE, "--set %s: no such setting", key);
    if (end == value || *end || *value == '-' || n < rows[i].least || n > rows[i].most)
        return err_set(e, EXIT_USAGE, "--set %s=%s: %s; a number from %u to %u", key, value, rows[i].about, rows[i].least, rows[i].most);
    to[i] = (uint32_t)n;
    return true;
}
