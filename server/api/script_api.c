#include "server/api/script_api.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/http_target.h"
#include "common/log.h"
#include "server/api/named.h"
#include "server/api/wrapped.h"
#include "server/script_state.h"
#include "server/value.h"

#define REPLY_TYPE "api.reply"

enum { REPLY_HEADERS_MAX = 32 };

/* ---- routes ------------------------------------------------------------------------------------- */

static struct script_api *api_of(lua_State *L)
{
	return script_of(L)->api;
}

/* The text at index; empty if it is none. */
static struct slice text_at(lua_State *L, int index)
{
	size_t len = 0;
	const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &len) : "";

	return slice_of(text, len);
}

static const char *word_at(lua_State *L, int index)
{
	return lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
}

/* (uri, method, function or "file.lua::function"): a number, see enum route_code. */
static int l_register(lua_State *L)
{
	struct script_api *api = api_of(L);
	struct route_script script = {.function = ROUTE_NO_FUNCTION};
	enum route_code code = ROUTE_NO_API;

	lua_settop(L, 3);
	if (api->on) {
		if (lua_isfunction(L, 3)) {
			lua_pushvalue(L, 3);
			script.function = luaL_ref(L, LUA_REGISTRYINDEX);
		} else if (text_at(L, 3).len > 0) {
			script.text = strdup(word_at(L, 3));
		}
		code = routes_add(&api->routes, text_at(L, 1), word_at(L, 2), &script);
		if (code != ROUTE_DONE) {
			luaL_unref(L, LUA_REGISTRYINDEX, script.function);
			free(script.text);
		}
	}
	lua_pushinteger(L, code);
	return 1;
}

/* (uri, method): a number. */
static int l_unregister(lua_State *L)
{
	struct script_api *api = api_of(L);
	int function = ROUTE_NO_FUNCTION;
	enum route_code code = ROUTE_NO_API;

	lua_settop(L, 2);
	if (api->on)
		code = routes_remove(&api->routes, text_at(L, 1), word_at(L, 2), &function);
	luaL_unref(L, LUA_REGISTRYINDEX, function);
	lua_pushinteger(L, code);
	return 1;
}

/* ---- api.reply ---------------------------------------------------------------------------------- */

/* A full userdata. User values: the body, and a table of names and values, one after the other. */
struct reply {
	unsigned status;
	int headers; /* in the table: twice as many strings */
};

/* What would say how long the answer is, or what becomes of the connection, is not the script's. */
static bool is_reserved(const char *name)
{
	static const char *const names[] = {"Connection", "Content-Length", "Date", "Keep-Alive",
		"Trailer", "Transfer-Encoding", "Upgrade"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Nothing that anybody said can end a line of the header (row K07). */
static bool may_stand(const char *name, struct slice value)
{
	struct http_answer a = {0};
	bool good = http_answer_field(&a, name, value) && !a.no_memory;

	http_answer_free(&a);
	return good;
}

/* Adds the header whose name and value are on top of the stack to the list at index. */
static void add_header(lua_State *L, struct reply *reply, int list)
{
	size_t len;

	if (lua_type(L, -2) != LUA_TSTRING ||
		(lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER))
		luaL_error(L, "api.reply: a header is a text, and so is its value");
	const char *name = lua_tostring(L, -2);
	lua_pushvalue(L, -1);
	const char *value = lua_tolstring(L, -1, &len);
	if (strlen(name) != lua_rawlen(L, -3) || is_reserved(name) ||
		!may_stand(name, slice_of(value, len)))
		luaL_error(L, "api.reply: the header '%s' may not be set so", name);
	if (reply->headers == REPLY_HEADERS_MAX)
		luaL_error(L, "api.reply: more than %d headers", REPLY_HEADERS_MAX);
	lua_pushvalue(L, -3);
	lua_rawseti(L, list, reply->headers * 2 + 1);
	lua_rawseti(L, list, reply->headers * 2 + 2);
	reply->headers++;
}

/* (status, [body, [headers]]): what a handler can return instead of a value. */
static int l_reply(lua_State *L)
{
	lua_Integer status = luaL_checkinteger(L, 1);

	luaL_argcheck(L, status >= 200 && status <= 599, 1, "a status is 200 to 599");
	luaL_optstring(L, 2, "");
	luaL_argcheck(L, lua_rawlen(L, 2) <= WRAPPED_MAX, 2, "over 1 MiB");
	if (!lua_isnoneornil(L, 3))
		luaL_checktype(L, 3, LUA_TTABLE);
	lua_settop(L, 3);
	struct reply *reply = lua_newuserdatauv(L, sizeof *reply, 2);
	*reply = (struct reply){.status = (unsigned)status};
	lua_pushvalue(L, 2);
	if (lua_isnil(L, -1)) {
		lua_pushliteral(L, "");
		lua_replace(L, -2);
	}
	lua_tostring(L, -1); /* a number becomes its text */
	lua_setiuservalue(L, 4, 1);
	lua_newtable(L);
	if (lua_istable(L, 3)) {
		lua_pushnil(L);
		while (lua_next(L, 3) != 0) {
			add_header(L, reply, 5);
			lua_pop(L, 1);
		}
	}
	lua_setiuservalue(L, 4, 2);
	luaL_setmetatable(L, REPLY_TYPE);
	return 1;
}

/* ---- what a call is given ----------------------------------------------------------------------- */

static void push_slice(lua_State *L, struct slice s)
{
	lua_pushlstring(L, s.len > 0 ? (const char *)s.at : "", s.len);
}

/* {{key=..., value=...}, ...}. What libraries allocate is freed when Lua raises: see script_json.c. */

static int l_push_query(lua_State *L)
{
	struct http_query *query = lua_touserdata(L, 1);
	struct slice key, value;
	lua_Integer count = 0;

	lua_newtable(L);
	while (http_query_next(query, &key, &value)) {
		lua_createtable(L, 0, 2);
		push_slice(L, key);
		lua_setfield(L, -2, "key");
		push_slice(L, value);
		lua_setfield(L, -2, "value");
		lua_rawseti(L, -2, ++count);
	}
	return 1;
}

static void push_query(lua_State *L, struct slice text)
{
	struct http_query query;
	int status = LUA_ERRMEM;

	lua_pushcfunction(L, l_push_query);
	lua_pushlightuserdata(L, &query);
	if (http_query_open(&query, text))
		status = lua_pcall(L, 1, 1, 0);
	http_query_close(&query);
	if (status != LUA_OK)
		luaL_error(L, "not enough memory");
}

static int l_push_json(lua_State *L)
{
	value_push(L, lua_touserdata(L, 1));
	return 1;
}

/* nil if it is none. */
static void push_body(lua_State *L, struct slice body)
{
	struct value_fault why;
	json_t *json = body.len > 0 ? value_parse(body, &why) : NULL;

	if (json == NULL) {
		lua_pushnil(L);
		return;
	}
	lua_pushcfunction(L, l_push_json);
	lua_pushlightuserdata(L, json);
	int status = lua_pcall(L, 1, 1, 0);
	json_decref(json);
	if (status != LUA_OK)
		lua_error(L);
}

/* By names in lower case; values of the same name are joined by commas. */
static void push_headers(lua_State *L, const struct http_request *r)
{
	lua_createtable(L, 0, (int)r->field_count);
	for (unsigned i = 0; i < r->field_count; i++) {
		luaL_Buffer name;

		luaL_buffinit(L, &name);
		for (size_t k = 0; k < r->fields[i].name.len; k++) {
			uint8_t c = r->fields[i].name.at[k];

			luaL_addchar(&name, (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c));
		}
		luaL_pushresult(&name);
		lua_pushvalue(L, -1);
		if (lua_rawget(L, -3) == LUA_TSTRING) {
			lua_pushliteral(L, ", ");
			push_slice(L, r->fields[i].value);
			lua_concat(L, 3);
		} else {
			lua_pop(L, 1);
			push_slice(L, r->fields[i].value);
		}
		lua_rawset(L, -3);
	}
}

static void push_request(lua_State *L, const struct http_exchange *x, const struct route_match *m)
{
	const struct http_request *r = x->request;
	char ip[ADDRESS_IP_MAX];

	lua_createtable(L, 0, 7);
	lua_pushstring(L, http_method_name(r->method));
	lua_setfield(L, -2, "method");
	push_slice(L, r->path);
	lua_setfield(L, -2, "path");
	if (r->method != HTTP_METHOD_GET && r->method != HTTP_METHOD_HEAD) {
		push_query(L, r->query);
		lua_setfield(L, -2, "query");
	}
	lua_createtable(L, 0, (int)m->part_count);
	for (unsigned i = 0; i < m->part_count; i++) {
		push_slice(L, m->parts[i].name);
		push_slice(L, m->parts[i].value);
		lua_rawset(L, -3);
	}
	lua_setfield(L, -2, "parts");
	push_headers(L, r);
	lua_setfield(L, -2, "headers");
	address_ip(&x->from, ip);
	lua_pushstring(L, ip);
	lua_setfield(L, -2, "address");
	push_slice(L, r->body);
	lua_setfield(L, -2, "body");
}

/* ---- the call ----------------------------------------------------------------------------------- */

/* How many arguments the function on top of the stack looks at. */
static int wanted(lua_State *L)
{
	lua_Debug about;

	lua_pushvalue(L, -1);
	lua_getinfo(L, ">u", &about);
	return about.isvararg != 0 ? 2 : about.nparams;
}

struct start {
	struct script_call *call;
	const struct http_exchange *x;
	const struct route_match *m;
};

/* (start) */
static int l_start(lua_State *L)
{
	const struct start *start = lua_touserdata(L, 1);
	const struct http_request *r = start->x->request;
	const struct route_script *script = start->m->script;
	bool has_query = r->method == HTTP_METHOD_GET || r->method == HTTP_METHOD_HEAD;

	luaL_checkstack(L, 12, NULL);
	if (script->function >= 0)
		lua_rawgeti(L, LUA_REGISTRYINDEX, script->function);
	else
		named_push(L, script->text);
	int args = wanted(L); /* what nobody looks at is not made */
	if (args > 0 && has_query)
		push_query(L, r->query);
	else if (args > 0)
		push_body(L, r->body);
	if (args > 1) {
		push_request(L, start->x, start->m);
		if (has_query) { /* the same table */
			lua_pushvalue(L, -2);
			lua_setfield(L, -2, "query");
		}
	}
	/* Nothing is raised once the call has begun. */
	script_run_call(L, args < 2 ? args : 2, start->call);
	return 0;
}

void script_api_call(struct script *s, struct script_call *call, const struct http_exchange *x,
	const struct route_match *m)
{
	struct start start = {call, x, m};
	lua_State *L = s->running != NULL ? s->running : s->L;
	char text[900] = "not enough memory";

	list_init(&call->node);
	if (lua_checkstack(L, 4)) {
		lua_pushcfunction(L, l_start);
		lua_pushlightuserdata(L, &start);
		lua_State *before = script_enter(s, L);
		int status = lua_pcall(L, 1, 0, 0);
		script_return(s, before);
		if (status == LUA_OK)
			return;
		script_describe(L, text, sizeof text);
		lua_pop(L, 1);
	}
	call->done(call, L, 0, text);
}

/* ---- what a call returns ------------------------------------------------------------------------ */

static void answer_reply(lua_State *L, int index, struct http_exchange *x,
	void (*headers)(struct http_answer *a, void *of), void *of, struct http_answer *a)
{
	const struct reply *reply = lua_touserdata(L, index);
	struct slice type = slice_text("text/plain; charset=utf-8"), body;
	char type_text[200];

	http_answer_open_in(a, &x->room, x->asked, reply->status, time(NULL));
	headers(a, of);
	lua_getiuservalue(L, index, 2);
	for (int i = 0; i < reply->headers; i++) {
		lua_rawgeti(L, -1, i * 2 + 1);
		lua_rawgeti(L, -2, i * 2 + 2);
		if (strcasecmp(lua_tostring(L, -2), "Content-Type") == 0)
			type = text_at(L, -1);
		else
			http_answer_field(a, lua_tostring(L, -2), text_at(L, -1));
		lua_pop(L, 2);
	}
	snprintf(type_text, sizeof type_text, "%.*s", (int)size_min(type.len, 199),
		(const char *)type.at);
	lua_getiuservalue(L, index, 1);
	body = text_at(L, -1);
	http_answer_body(a, type_text, body);
	lua_pop(L, 2);
}

static bool no_memory(struct value_fault *why)
{
	snprintf(why->text, sizeof why->text, "not enough memory");
	return false;
}

bool script_api_answer(lua_State *L, int results, struct http_exchange *x,
	void (*headers)(struct http_answer *a, void *of), void *of, struct http_answer *a,
	struct value_fault *why)
{
	struct buf *body = &api_of(L)->body;

	if (!lua_checkstack(L, 12))
		return no_memory(why);
	int top = lua_gettop(L);
	if (results > 0 && luaL_testudata(L, top - results + 1, REPLY_TYPE) != NULL) {
		answer_reply(L, top - results + 1, x, headers, of, a);
		return true;
	}
	if (results == 0)
		lua_pushnil(L);
	bool good = (buf_add(body, slice_text("{\"message\":")) || no_memory(why)) &&
		    wrapped_add(body, L, results > 0 ? top - results + 1 : -1, why) &&
		    (buf_add(body, slice_text(",\"status\":\"success\"}")) || no_memory(why));
	lua_settop(L, top);
	if (good) {
		http_answer_open_in(a, &x->room, x->asked, 200, time(NULL));
		headers(a, of);
		http_answer_body(a, "application/json", buf_bytes(body));
	}
	buf_eat(body, body->len);
	return good;
}

/* ---- api.event ---------------------------------------------------------------------------------- */

static bool is_event_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] <= ' ' || name.at[i] >= 0x7f)
			return false;
	return name.len > 0 && name.len <= 64;
}

/* (name, value): to all who listen to GET /events. True if the API runs. */
static int l_event(lua_State *L)
{
	struct script_api *api = api_of(L);
	struct slice name = slice_text(luaL_checkstring(L, 1));
	struct value_fault why;

	luaL_argcheck(L, is_event_name(name), 1, "a name is up to 64 letters without blanks");
	lua_settop(L, 2);
	if (api->on_event == NULL) {
		lua_pushboolean(L, 0);
		return 1;
	}
	json_t *json = value_json(L, 2, &why);
	if (lua_isnil(L, 2))
		json = json_null();
	if (json == NULL)
		return luaL_error(L, "api.event: %s", why.text);
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	if (text == NULL)
		return luaL_error(L, "api.event: not enough memory");
	api->on_event(api->owner, name, slice_text(text));
	free(text);
	lua_pushboolean(L, 1);
	return 1;
}

/* ---- life --------------------------------------------------------------------------------------- */

static void open_state(struct script *s)
{
	const char *why;

	s->api = calloc(1, sizeof *s->api);
	if (s->api == NULL)
		return;
	routes_open(&s->api->routes);
	bool good = api_config_read(&s->game->cvars.set, &s->api->config, &why);
	s->api->on = good && s->api->config.on;
	if (!good && s->game->cvars.set.sv_api) {
		snprintf(s->api->why, sizeof s->api->why, "%s", why);
		log_error("HTTP Server API: not started: %s", why);
	}
}

const char *script_api_fault(const struct script *s)
{
	return s != NULL && s->api != NULL && s->api->why[0] != '\0' ? s->api->why : NULL;
}

void script_api_close(struct script *s)
{
	if (s->api == NULL)
		return;
	routes_close(&s->api->routes);
	api_config_free(&s->api->config);
	buf_free(&s->api->body);
	free(s->api);
	s->api = NULL;
}

void script_open_api(lua_State *L)
{
	static const luaL_Reg functions[] = {{"register_api_route", l_register},
		{"unregister_api_route", l_unregister}, {NULL, NULL}};
	static const luaL_Reg of_api[] = {{"reply", l_reply}, {"event", l_event}, {NULL, NULL}};
	struct script *s = script_of(L);

	open_state(s);
	if (s->api == NULL)
		luaL_error(L, "not enough memory");
	luaL_newmetatable(L, REPLY_TYPE);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	luaL_setfuncs(L, functions, 0);
	luaL_newlib(L, of_api);
	lua_setfield(L, -2, "api");
}
