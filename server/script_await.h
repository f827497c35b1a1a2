/* A handler that waits for an answer from C: a password's hash, a reply from elsewhere. */
#ifndef SERVER_SCRIPT_AWAIT_H
#define SERVER_SCRIPT_AWAIT_H

#include <stdbool.h>

#include <lua.h>

#include "common/list.h"

struct script;

/* Lives inside whatever works on the answer, which its owner frees after script_answer. */
struct script_await {
	struct list node;      /* of script->awaits */
	struct script *script; /* NULL: its map has ended, and nobody waits any more */
	int coroutine;         /* in the registry */
};

/* In this order, in the C function that the script has called:
 *
 *   script_await_check(L, "password.hash");      raises where nothing can wait
 *   struct job *job = calloc(...);               whatever the work needs
 *   if (!script_await_begin(L, &job->await))     memory is out: nothing has begun; free the job
 *   ... the work begins ...                      its answer comes later, from the loop
 *   return script_await(L);                      yields: nothing may come after it */
void script_await_check(lua_State *L, const char *function);
bool script_await_begin(lua_State *L, struct script_await *a);
int script_await(lua_State *L);

/* The work is done: the coroutine goes on with what push leaves on the stack, and returns how many they
 * are. Call it from the loop, not from Lua. Nothing happens when the map has ended; or is about to, and
 * all is saved. In any case a waits no more. */
void script_answer(
	struct script_await *a, int (*push)(lua_State *L, const void *data), const void *data);

void script_await_end_all(struct script *s); /* the map ends */

#endif
