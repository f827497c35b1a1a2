/* Functions that scripts name by text, as NightFall's do: "dir/file.lua::function". */
#ifndef SERVER_API_NAMED_H
#define SERVER_API_NAMED_H

#include <lua.h>

#include "common/defs.h"

/* Whether it is written so. What it names is looked for when it is called. */
bool named_is_good(const char *text);

/* Pushes the function: of what the file returns when it is required, or a global. Raises an error that
 * names what is missing. */
void named_push(lua_State *L, const char *text);

#endif
