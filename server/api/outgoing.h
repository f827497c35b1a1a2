/* create_api_request: what scripts ask other HTTP servers, and the answers they get in a later frame. */
#ifndef SERVER_API_OUTGOING_H
#define SERVER_API_OUTGOING_H

#include <lua.h>

#include "common/defs.h"

struct script;
struct outgoing; /* of one script: made when it first asks */

/* Adds the function to the table on top of the stack. */
void script_open_outgoing(lua_State *L);

/* Whether there are answers that the script was not told. */
bool outgoing_is_due(const struct script *s);

/* Tells it those that have come by now, each in a coroutine of its own; for script_frame. May raise when
 * memory is out: what was not told is told in the next frame. */
void outgoing_tell(lua_State *L);

/* What is under way is cancelled, what was not told is forgotten. Before s->L is closed. */
void outgoing_close(struct script *s);

#endif
