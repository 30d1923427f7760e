/* See vector.h. */
#include "sim/trace/vector.h"

static const struct {
    const char *name;
    bool        has_code;
} table[] = {
    [0]  = { "#DE", false }, [1]  = { "#DB", false }, [2]  = { "NMI", false }, [3]  = { "#BP", false },
    [4]  = { "#OF", false }, [5]  = { "#BR", false }, [6]  = { "#UD", false }, [7]  = { "#NM", false },
    [8]  = { "#DF", true },  [10] = { "#TS", true },  [11] = { "#NP", true },  [12] = { "#SS", true },
    [13] = { "#GP", true },  [14] = { "#PF", true },  [16] = { "#MF", false }, [17] = { "#AC", true },
    [18] = { "#MC", false },
};
enum { TABLE = sizeof table / sizeof table[0] };

const char *vector_name(uint8_t vector) { return vector < TABLE && table[vector].name ? table[vector].name : ""; }
bool vector_has_code(uint8_t vector) { return vector < TABLE && table[vector].has_code; }

void vector_text(uint8_t vector, uint32_t code, struct text *out)
{
    const char *name = vector_name(vector);
    if (vector == VECTOR_NONE) text_add(out, "no vector");
    else if (!*name) text_add(out, "int %02Xh", vector);
    else if (vector_has_code(vector)) text_add(out, "%s(%X)", name, code);
    else text_add(out, "%s", name);
}
