/* Events as Lua tables, generated from event_desc: fields by name, enumerations as their words. */
#ifndef SCRIPT_EVENT_H
#define SCRIPT_EVENT_H

#include <lua.h>
#include <stdbool.h>
#include "sim/trace/trace.h"

/* Registers the metatable that gives events .insn, .trap, .symbol and .text on demand. */
void event_open(lua_State *L);
void event_push(lua_State *L, const struct event *e);
/* Does `e` have what the filter table at `idx` asks for? `kind` and any field; a Lua error for a field no event has.
 * Nil: yes. */
bool event_matches(lua_State *L, int idx, const struct event *e);
/* Kind by its word; a Lua error with a suggestion if there is none. */
unsigned event_check_kind(lua_State *L, const char *word);
/* The field of that kind by name ("virtual" finds virtual_), or NULL. */
const struct event_field *event_find_field(unsigned kind, const char *name);
/* Value of an enumerator's word, -1 if the type has no such word. */
int event_enum(const char *type, const char *word);
/* Words of a type, for suggestions; at most `room`. */
unsigned event_words(const char *type, const char **words, unsigned room);
/* Pushes {mnemonic, text, len, privilege, sensitivity, rule} of the instruction at a guest address; nil if unreadable.
 */
void event_push_insn(lua_State *L, uint32_t at);

#endif
