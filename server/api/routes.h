/* The routes of the API: which function of the map's script answers which path and method. */
#ifndef SERVER_API_ROUTES_H
#define SERVER_API_ROUTES_H

#include "common/hash.h"
#include "common/http_request.h"
#include "common/list.h"

enum { ROUTES_MAX = 1000, ROUTE_URI_MAX = 1024, ROUTE_PARTS_MAX = 8 };

/* What register_api_route and unregister_api_route return, as NightFall numbers it. */
enum route_code {
	ROUTE_DONE,
	ROUTE_EXISTS = 1,  /* or does not, for unregister */
	ROUTE_INVALID = 2, /* uri, method or script */
	ROUTE_NO_API = 3,
	ROUTE_FAULT = 4
};

struct route {
	struct list node;
	UT_hash_handle hh;
	char *uri; /* owned */
	struct route_script {
		int function; /* of the registry of Lua; ROUTE_NO_FUNCTION: there is none */
		char *text;   /* owned: "file.lua::function"; or NULL */
	} scripts[HTTP_METHODS];
	unsigned methods; /* bits: 1 << method */
	bool has_parts;   /* {name} in its uri */
};

enum { ROUTE_NO_FUNCTION = -2 }; /* LUA_NOREF */

/* All zero but for routes_open. */
struct routes {
	struct list list;     /* struct route, in the order in which they were registered */
	struct route *by_uri; /* uthash head: the same */
	unsigned count;
};

void routes_open(struct routes *r);
void routes_close(struct routes *r); /* forgets functions without telling Lua: it ends, too */

/* get, post, put, patch, delete, in any case. */
bool routes_method(const char *word, enum http_method *out);

/* In this order: uri or method bad 2, already there 1, script missing (neither function nor text) 2, no
 * room 4, then 0: script is taken, else it stays the caller's. */
enum route_code routes_add(
	struct routes *r, struct slice uri, const char *method, const struct route_script *script);

/* 2, 1 or 0; then *function is what the caller has to give back to Lua. */
enum route_code routes_remove(
	struct routes *r, struct slice uri, const char *method, int *function);

struct route_match {
	const struct route_script *script; /* borrowed from the route */
	const struct route *route;         /* borrowed */
	struct {
		struct slice name, value; /* of the uri, of the path */
	} parts[ROUTE_PARTS_MAX];
	unsigned part_count;
	unsigned methods; /* bits: what the path takes, HEAD where it takes GET */
};

/* A route without parts goes before one with; HEAD is answered by what answers GET. False: none has this
 * method; m->methods is 0 then when none has the path either. */
bool routes_find(
	const struct routes *r, struct slice path, enum http_method method, struct route_match *m);

/* "GET, HEAD, POST", as Allow has them. Returns out. */
char *routes_allow(unsigned methods, char out[static 64]);

#endif
