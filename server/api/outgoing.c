#include "server/api/outgoing.h"

#include <stdlib.h>

#include "server/api/named.h"
#include "server/api/wrapped.h"
#include "server/fetch.h"
#include "server/fetch_url.h"
#include "server/script_state.h"

/* What the function returns; NightFall's numbers. */
enum { QUEUED, INVALID, NOT_RUNNING, FAILED };

enum { MINUTE_MS = 60 * 1000 };

struct outgoing {
	struct script *script; /* borrowed: outlives us */
	struct fetcher *fetcher;
	struct list asked, answered, told; /* struct request */
	uint64_t free_ms; /* when as many as are allowed in a minute could be asked again */
};

struct request {
	struct list node;
	struct outgoing *outgoing;
	struct fetch *fetch;        /* NULL: answered */
	int function_ref, data_ref; /* in the registry */
	int code;                   /* of HTTP; -1: it failed */
	struct buf text;            /* the answer, or why there is none */
};

/* ---- answers ------------------------------------------------------------------------------------ */

static void request_free(struct request *r)
{
	list_remove(&r->node);
	buf_free(&r->text);
	free(r);
}

static void on_answer(void *owner, const struct fetch_answer *answer)
{
	struct request *r = owner;
	struct outgoing *o = r->outgoing;

	r->fetch = NULL;
	r->code = answer->status;
	if (answer->status > 0 && answer->status < 400 && buf_add(&r->text, answer->body)) {
		/* it is as the script wants it */
	} else {
		r->code = -1;
		if (answer->status >= 400)
			buf_addf(&r->text, "the server answered %d", answer->status);
		else
			buf_addf(&r->text, "%s",
				answer->why != NULL ? answer->why : "not enough memory");
		o->script->game->metrics.requests_failed++;
	}
	list_remove(&r->node);
	list_add_last(&o->answered, &r->node);
}

bool outgoing_is_due(const struct script *s)
{
	return s->outgoing != NULL && !list_is_empty(&s->outgoing->answered);
}

static int named_is_done(lua_State *L UNUSED, int status UNUSED, lua_KContext context UNUSED)
{
	return 0;
}

/* What was named is looked for in the coroutine that calls it: it may be missing, and it may wait. */
static int l_call_named(lua_State *L)
{
	int args = lua_gettop(L);

	named_push(L, lua_tostring(L, lua_upvalueindex(1)));
	lua_insert(L, 1);
	lua_callk(L, args, 0, 0, named_is_done);
	return 0;
}

/* Those that were told go first: what runs may have raised when they were. */
static void forget_told(lua_State *L, struct outgoing *o)
{
	LIST_EACH(node, &o->told)
	{
		struct request *r = container_of(node, struct request, node);

		luaL_unref(L, LUA_REGISTRYINDEX, r->function_ref);
		luaL_unref(L, LUA_REGISTRYINDEX, r->data_ref);
		request_free(r);
	}
}

void outgoing_tell(lua_State *L)
{
	struct outgoing *o = script_of(L)->outgoing;

	if (o == NULL)
		return;
	forget_told(L, o);
	while (!list_is_empty(&o->answered)) {
		struct request *r = container_of(o->answered.next, struct request, node);

		list_remove(&r->node);
		list_add_last(&o->told, &r->node);
		struct slice text = buf_bytes(&r->text);
		if (lua_rawgeti(L, LUA_REGISTRYINDEX, r->function_ref) == LUA_TSTRING)
			lua_pushcclosure(L, l_call_named, 1);
		lua_pushinteger(L, r->code);
		lua_pushlstring(L, text.len > 0 ? (const char *)text.at : "", text.len);
		lua_rawgeti(L, LUA_REGISTRYINDEX, r->data_ref);
		script_run(L, 3);
	}
	forget_told(L, o);
}

/* ---- questions ---------------------------------------------------------------------------------- */

static struct outgoing *outgoing_of(struct script *s)
{
	struct outgoing *o = s->outgoing;

	if (o != NULL || (o = calloc(1, sizeof *o)) == NULL)
		return o;
	o->script = s;
	o->fetcher = fetcher_open(s->game->loop);
	if (o->fetcher == NULL) {
		free(o);
		return NULL;
	}
	list_init(&o->asked);
	list_init(&o->answered);
	list_init(&o->told);
	s->outgoing = o;
	return o;
}

/* So many in a minute: at once, if they were saved up, else as time allows (row M09). */
static bool may_ask_now(struct outgoing *o)
{
	uint64_t now_ms = loop_now_ms(o->script->game->loop);
	uint32_t rate = o->script->game->cvars.set.sv_api_client_rate;

	if (rate == 0)
		return true;
	if (o->free_ms < now_ms)
		o->free_ms = now_ms;
	if (o->free_ms - now_ms + MINUTE_MS / rate > MINUTE_MS)
		return false;
	o->free_ms += MINUTE_MS / rate;
	return true;
}

static const char *find_method(const char *word)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"};

	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (word != NULL && strcasecmp(word, methods[i]) == 0)
			return methods[i];
	return NULL;
}

static bool has_body(const char *method)
{
	return method[0] == 'P';
}

static int answer(lua_State *L, int code, const char *why)
{
	lua_pushinteger(L, code);
	lua_pushstring(L, why);
	return 2;
}

/* Raises nothing from here on: the references are the request's. */
static const char *begin(
	struct outgoing *o, const struct fetch_request *what, int function_ref, int data_ref)
{
	struct request *r = calloc(1, sizeof *r);
	const char *why = "not enough memory";

	if (r == NULL)
		return why;
	r->outgoing = o;
	r->function_ref = function_ref;
	r->data_ref = data_ref;
	list_init(&r->node);
	r->fetch = fetch_begin(o->fetcher, what, on_answer, r, &why);
	if (r->fetch == NULL) {
		request_free(r);
		return why;
	}
	list_add_last(&o->asked, &r->node);
	return NULL;
}

/* Arguments are as they should be, and fetching is allowed. */
static int ask(lua_State *L, struct outgoing *o, const char *url, const char *method)
{
	struct game *game = script_of(L)->game;
	struct buf body = {0};
	struct value_fault fault;

	if (!may_ask_now(o)) {
		game->metrics.requests_refused++;
		return answer(
			L, FAILED, "more requests than sv_api_client_rate allows in a minute");
	}
	lua_pushvalue(L, 4);
	int data_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_pushvalue(L, 3);
	int function_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	const char *why = NULL;
	if (has_body(method) && !wrapped_add(&body, L, 4, &fault))
		why = fault.text;
	if (why == NULL)
		why = begin(o,
			&(struct fetch_request){.method = method,
				.url = url,
				.content_type = has_body(method) ? "application/json" : NULL,
				.body = buf_bytes(&body),
				.public_only = !game->cvars.set.sv_api_client_private,
				.follow = true},
			function_ref, data_ref);
	buf_free(&body);
	if (why == NULL) {
		game->metrics.requests++;
		lua_pushinteger(L, QUEUED);
		return 1;
	}
	game->metrics.requests_refused++;
	luaL_unref(L, LUA_REGISTRYINDEX, function_ref);
	luaL_unref(L, LUA_REGISTRYINDEX, data_ref);
	return answer(L, FAILED, why);
}

/* (url, method, function or "file.lua::function" [, userdata]): 0, or one of the numbers above and why. */
static int l_create_api_request(lua_State *L)
{
	struct script *s = script_of(L);
	const char *why;

	lua_settop(L, 4);
	if (!s->game->cvars.set.sv_api_client)
		return answer(L, NOT_RUNNING, "sv_api_client is 0");
	if (lua_type(L, 1) != LUA_TSTRING)
		return answer(L, INVALID, "the first argument is the URL, a text");
	const char *url = lua_tostring(L, 1);
	if (strlen(url) != lua_rawlen(L, 1))
		return answer(L, INVALID, "the URL has a NUL in it");
	if (!fetch_url_check(url, &why))
		return answer(L, INVALID, why);
	const char *method = lua_type(L, 2) == LUA_TSTRING ? find_method(lua_tostring(L, 2)) : NULL;
	if (method == NULL)
		return answer(L, INVALID, "the method is get, post, put, patch, delete or head");
	if (lua_type(L, 3) != LUA_TFUNCTION &&
		(lua_type(L, 3) != LUA_TSTRING || !named_is_good(lua_tostring(L, 3))))
		return answer(L, INVALID,
			"the third argument is the function that gets the answer, or "
			"\"file.lua::function\"");
	struct outgoing *o = outgoing_of(s);
	if (o == NULL)
		return answer(L, FAILED, "not enough memory");
	return ask(L, o, url, method);
}

void script_open_outgoing(lua_State *L)
{
	lua_pushcfunction(L, l_create_api_request);
	lua_setfield(L, -2, "create_api_request");
}

/* Lua forgets the references by itself. */
void outgoing_close(struct script *s)
{
	struct outgoing *o = s->outgoing;

	if (o == NULL)
		return;
	fetcher_close(o->fetcher);
	LIST_EACH(node, &o->asked)
	request_free(container_of(node, struct request, node));
	LIST_EACH(node, &o->answered)
	request_free(container_of(node, struct request, node));
	LIST_EACH(node, &o->told)
	request_free(container_of(node, struct request, node));
	free(o);
	s->outgoing = NULL;
}
