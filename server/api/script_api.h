/* What a map's script and the HTTP API have of each other: routes, calls, what calls return. */
#ifndef SERVER_API_SCRIPT_API_H
#define SERVER_API_SCRIPT_API_H

#include "common/http_server.h"
#include "server/api/config.h"
#include "server/api/routes.h"
#include "server/value.h"

struct script;
struct script_call;

/* Made with the script, and its alone until it begins: what it registers while its files run. */
struct script_api {
	struct routes routes;
	struct api_config config; /* owned: as the cvars were when the script was loaded */
	bool on;                  /* the API runs, or will when the script begins */
	char why[500];            /* sv_api is 1 and it runs not, since ...; "" = it is not so */
	void (*on_event)(
		void *owner, struct slice name, struct slice json); /* NULL: nobody hears */
	void *owner;                                                /* of on_event */
	struct buf body; /* what an answer is made in, empty between them */
};

void script_api_close(struct script *s);

/* Why it does not run, though sv_api was 1 when s was loaded; NULL: it is not so, or not known yet. Valid as
 * long as s. */
const char *script_api_fault(const struct script *s);

/* Calls what the route names, in a coroutine of its own: with the query's parts (GET, HEAD) or the body's
 * JSON, and with the request. call->done is told the end, at once or later. */
void script_api_call(struct script *s, struct script_call *call, const struct http_exchange *x,
	const struct route_match *m);

/* Writes what a call returned, the results values on top of L's stack, as the answer to x; what goes into
 * every answer is written by headers. False with *why, and nothing in *a, if it cannot be. */
bool script_api_answer(lua_State *L, int results, struct http_exchange *x,
	void (*headers)(struct http_answer *a, void *of), void *of, struct http_answer *a,
	struct value_fault *why);

#endif
