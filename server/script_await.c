#include "server/script_await.h"

#include "common/log.h"
#include "server/script_state.h"

void script_await_check(lua_State *L, const char *function)
{
	if (L != script_of(L)->handler)
		luaL_error(L,
			"%s: only a handler, or what spawn, after and every run, can wait: not a "
			"file while it is loaded, nor a coroutine of your own",
			function);
	if (!lua_isyieldable(L))
		luaL_error(L,
			"%s: not in a function that a library calls, such as sort's or gsub's",
			function);
}

/* (await) */
static int l_anchor(lua_State *L)
{
	struct script_await *a = lua_touserdata(L, 1);

	lua_pushthread(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, a);
	return 0;
}

bool script_await_begin(lua_State *L, struct script_await *a)
{
	struct script *s = script_of(L);

	lua_pushcfunction(L, l_anchor);
	lua_pushlightuserdata(L, a);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
		lua_pop(L, 1);
		return false;
	}
	a->script = s;
	list_add_last(&s->awaits, &a->node);
	return true;
}

int script_await(lua_State *L)
{
	script_of(L)->parked = L;
	return lua_yield(L, 0);
}

struct answer {
	struct script_await *await;
	int (*push)(lua_State *L, const void *data);
	const void *data;
};

/* (answer) */
static int l_answer(lua_State *L)
{
	const struct answer *answer = lua_touserdata(L, 1);
	int count;

	lua_rawgetp(L, LUA_REGISTRYINDEX, answer->await);
	lua_State *co = lua_tothread(L, -1);
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, answer->await);
	count = answer->push(L, answer->data);
	if (!lua_checkstack(co, count))
		return luaL_error(L, "not enough memory");
	lua_xmove(L, co, count);
	script_go_on(L, co, count);
	return 0;
}

void script_answer(
	struct script_await *a, int (*push)(lua_State *L, const void *data), const void *data)
{
	struct script *s = a->script;
	struct answer answer = {a, push, data};

	if (s == NULL)
		return;
	a->script = NULL;
	list_remove(&a->node);
	if (s->game->stop_event_sent)
		return;
	lua_pushcfunction(s->L, l_answer);
	lua_pushlightuserdata(s->L, &answer);
	if (lua_pcall(s->L, 1, 0, 0) != LUA_OK) {
		script_report(s, s->L);
		lua_pop(s->L, 1);
	}
}

void script_await_end_all(struct script *s)
{
	LIST_EACH(node, &s->awaits)
	{
		container_of(node, struct script_await, node)->script = NULL;
		list_remove(node);
	}
}
