/* Requests come from the threads of the connections, wait here, and are given to the script:
 *
 *   on_request --> waiting --begin--> its script runs --> done: answered
 *      |                                 | it waits          ^
 *      +-> 404, 405, one of ours         +--> pending -------+--(sv_api_timeout)--> 504, forgotten
 *
 * With sv_api_rate 0 begin runs as requests come, if there is time before the next frame; else behind
 * each frame, so many at most. Whatever waits at the map's end is answered 500. */
#include "server/api/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "server/api/limiter.h"
#include "server/api/run.h"
#include "server/api/script_api.h"

static const struct http_limits limits = {
	.line = 8192, .head = 8192, .fields = HTTP_FIELDS_ROOM, .body = 65536};

/* ---- calls -------------------------------------------------------------------------------------- */

/* Few of them are in use at a time, and many one after the other: those that ended are kept for the next. */
enum { SPARE_CALLS = 64 };

/* NULL: there are too many. */
static struct api_call *call_new(struct api_run *run, struct http_exchange *x, const char *who)
{
	struct api_call *call = NULL;

	if (run->calls >= API_CALLS_MAX)
		return NULL;
	if (list_is_empty(&run->spare)) {
		call = malloc(sizeof *call);
	} else {
		call = container_of(run->spare.next, struct api_call, node);
		list_remove(&call->node);
		run->spare_count--;
	}
	if (call == NULL)
		return NULL;
	*call = (struct api_call){
		.run = run, .x = x, .since_ms = loop_now_ms(run->api->game->loop)};
	memcpy(call->who, who, strlen(who) + 1);
	list_init(&call->node);
	list_init(&call->script.node);
	run->calls++;
	x->data = call;
	return call;
}

static void api_call_free(struct api_call *call)
{
	struct api_run *run = call->run;

	list_remove(&call->node);
	list_remove(&call->script.node);
	run->calls--;
	if (run->spare_count >= SPARE_CALLS) {
		free(call);
		return;
	}
	list_add_last(&run->spare, &call->node);
	run->spare_count++;
}

static void free_spare_calls(struct api_run *run)
{
	LIST_EACH(at, &run->spare)
	{
		free(container_of(at, struct api_call, node));
	}
}

/* Every call that may change something leaves a line. */
static void audit(const struct api_call *call, unsigned status)
{
	const struct http_exchange *x = call->x;
	const struct http_request *r = x->request;
	char ip[ADDRESS_IP_MAX];

	if (r->method == HTTP_METHOD_GET || r->method == HTTP_METHOD_HEAD ||
		r->method == HTTP_METHOD_OPTIONS)
		return;
	address_ip(&x->from, ip);
	log_info("api: %s %.*s by %s%s%s: %u", http_method_name(r->method), (int)r->path.len,
		(const char *)r->path.at, ip, call->who[0] != '\0' ? ", token " : "", call->who,
		status);
}

static void end_with_error(struct api_call *call, unsigned status)
{
	struct http_exchange *x = call->x;

	audit(call, status);
	call->x = NULL;
	answer_error(call->run, x, status);
}

static void report(struct api_run *run, const char *why)
{
	char text[1000];

	run->api->game->metrics.api_errors++;
	snprintf(text, sizeof text, "HTTP Server API request error: %s", why);
	script_fault(run->script, text);
}

/* A script has ended; it may have been answered for already. */
static void on_done(struct script_call *script, lua_State *L, int results, const char *error)
{
	struct api_call *call = container_of(script, struct api_call, script);
	struct api_run *run = call->run;
	struct http_answer a;
	struct value_fault why;

	if (error != NULL) {
		report(run, error);
	} else if (call->x != NULL) {
		struct answering of = {run, call->x->request};

		if (script_api_answer(L, results, call->x, answer_headers, &of, &a, &why)) {
			struct http_exchange *x = call->x;

			audit(call, a.status);
			call->x = NULL;
			http_exchange_end(x, &a);
		} else {
			report(run, why.text);
		}
	}
	if (call->x != NULL)
		end_with_error(call, 500);
	api_call_free(call);
}

/* What the route says. */
static void begin(struct api_call *call, const struct route_match *m)
{
	struct api_run *run = call->run;

	list_add_last(&run->pending, &call->node);
	run->started++;
	run->api->game->metrics.api_calls++;
	call->script.done = on_done;
	script_api_call(run->script, &call->script, call->x, m);
}

/* One that has waited: meanwhile a script may have changed the routes. */
static void begin_late(struct api_call *call)
{
	struct api_run *run = call->run;
	struct http_exchange *x = call->x;
	struct route_match m;

	list_remove(&call->node);
	if (routes_find(&run->script->api->routes, x->request->path, x->request->method, &m)) {
		begin(call, &m);
		return;
	}
	api_call_free(call);
	if (m.methods != 0)
		answer_allow(run, x, m.methods);
	else
		answer_error(run, x, 404);
}

/* ---- when --------------------------------------------------------------------------------------- */

/* Whether the next frame is so near that nothing is begun before it. */
static bool is_near(const struct api_run *run, uint64_t now_ns)
{
	const struct frames *frames = &run->api->game->frames;

	return frames->fd >= 0 && now_ns + run->config.margin_us * 1000 > frames_next_ns(frames);
}

/* As many as may be begun now. */
static void serve(struct api_run *run)
{
	uint64_t since = uv_hrtime(), now = since;

	/* A script that is called may end the API. */
	while (run->script != NULL && !list_is_empty(&run->waiting)) {
		if (run->config.rate > 0 && run->started >= run->config.rate)
			return;
		if (run->config.rate == 0 && is_near(run, now))
			return; /* behind the frame */
		if (now - since > API_BATCH_NS) {
			loop_at_next_turn(run->api->game->loop, &run->go_on);
			return;
		}
		begin_late(container_of(run->waiting.next, struct api_call, node));
		now = uv_hrtime();
	}
}

static void on_go_on(struct loop_task *task)
{
	serve(container_of(task, struct api_run, go_on));
}

/* ---- requests ----------------------------------------------------------------------------------- */

/* At once, if it may; m: its route. */
static void take(
	struct api_run *run, struct http_exchange *x, const char *who, const struct route_match *m)
{
	struct api_call *call = call_new(run, x, who);

	if (call == NULL) {
		answer_error(run, x, 503);
	} else if (run->config.rate == 0 && list_is_empty(&run->waiting) &&
		   !is_near(run, uv_hrtime())) {
		begin(call, m);
	} else {
		list_add_last(&run->waiting, &call->node);
		if (run->config.rate == 0)
			serve(run);
	}
}

static void on_request(void *owner, struct http_exchange *x)
{
	struct api_run *run = owner;
	struct game *game = run->api->game;
	struct route_match m;
	char who[TOKEN_NAME_MAX + 1];

	game->metrics.api_requests++;
	if (game->stop_event_sent || run->script == NULL) {
		answer_error(run, x, 503);
		return;
	}
	if (!guard_token(run, x, who))
		return;
	bool found =
		routes_find(&run->script->api->routes, x->request->path, x->request->method, &m);
	if (x->request->method == HTTP_METHOD_OPTIONS && m.methods != 0)
		answer_allow(run, x, m.methods);
	else if (m.methods == 0 && builtin_answer(run, x))
		return;
	else if (found || !list_is_empty(&run->waiting)) /* one of those may make it a route */
		take(run, x, who, &m);
	else if (m.methods != 0)
		answer_allow(run, x, m.methods);
	else
		answer_error(run, x, 404);
}

static void on_gone(void *owner, struct http_exchange *x)
{
	struct api_call *call = x->data;
	struct http_answer a = {0};

	if (!list_is_empty(&x->node)) {
		events_gone(owner, x);
		return;
	}
	if (call != NULL) {
		bool begun = call->script.co != NULL;

		call->x = NULL;
		list_remove(&call->node);
		if (begun)
			list_add_last(&call->run->forgotten, &call->node);
		else
			api_call_free(call);
	}
	http_exchange_end(x, &a);
}

static void before_answers(void *owner)
{
	struct api_run *run = owner;

	game_commit_store(run->api->game);
}

/* ---- events ------------------------------------------------------------------------------------- */

void api_tell(struct api *api, const char *event, const struct player *p)
{
	char key[PLAYER_KEY_TEXT_MAX];

	if (api == NULL || api->run == NULL || api->run->listener_count == 0)
		return;
	json_t *json = json_pack("{s:s, s:s?}", "player", player_key_text(p, key), "name", p->name);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	if (text != NULL)
		events_tell(api->run, slice_text(event), slice_text(text));
	free(text);
	json_decref(json);
}

json_t *api_status(const struct api *api)
{
	struct http_server_counts counts;

	if (api == NULL || api->run == NULL) {
		const char *why = api != NULL ? script_api_fault(api->game->script) : NULL;

		return why != NULL ? json_sprintf("not started: %s", why) : json_string("off");
	}
	http_server_counts(api->run->server, &counts);
	return json_pack("{s:s, s:I, s:i, s:i, s:i}", "ports", api->run->config.ports_text,
		"connections", (json_int_t)counts.now, "routes",
		(int)api->run->script->api->routes.count, "running", (int)api->run->calls,
		"listeners", (int)api->run->listener_count);
}

/* ---- the clock ---------------------------------------------------------------------------------- */

static void end_late(struct api_run *run)
{
	uint64_t now = loop_now_ms(run->api->game->loop);

	while (!list_is_empty(&run->pending)) {
		struct api_call *call = container_of(run->pending.next, struct api_call, node);

		if (now - call->since_ms < run->config.timeout_ms)
			break;
		list_remove(&call->node);
		list_add_last(&run->forgotten, &call->node);
		run->api->game->metrics.api_timeouts++;
		end_with_error(call, 504);
	}
	while (!list_is_empty(&run->waiting)) {
		struct api_call *call = container_of(run->waiting.next, struct api_call, node);

		if (now - call->since_ms < API_QUEUE_MS)
			break;
		end_with_error(call, 503);
		api_call_free(call);
	}
}

static void tell_counts(struct api_run *run)
{
	struct http_server_counts now, *told = &run->told;
	char ip[ADDRESS_IP_MAX];

	http_server_counts(run->server, &now);
	run->api->game->metrics.api_connections = now.now;
	address_ip(&now.last_denied, ip);
	if (now.denied > told->denied)
		log_info("api: %" PRIu64 " connections refused by sv_api_acl, the last from %s",
			now.denied - told->denied, ip);
	if (now.full > told->full)
		log_warn("api: %" PRIu64 " connections refused: sv_api_clients, or "
			 "sv_api_clients_per_address of one address, are there",
			now.full - told->full);
	address_ip(&now.last_malformed, ip);
	if (now.malformed + now.late > told->malformed + told->late)
		log_info("api: %" PRIu64 " connections ended by what was sent, the last from %s: "
			 "%s",
			now.malformed + now.late - told->malformed - told->late, ip,
			http_fault_text(now.last_fault));
	*told = now;
}

void api_frame(struct api *api)
{
	struct api_run *run = api->run;

	if (run == NULL)
		return;
	uint64_t now = loop_now_ms(api->game->loop);
	run->started = 0;
	end_late(run);
	events_beat(run);
	serve(run);
	if (api->run == run && now - run->told_ms >= 1000) {
		run->told_ms = now;
		tell_counts(run);
	}
}

/* ---- life --------------------------------------------------------------------------------------- */

static void run_free(struct api_run *run)
{
	run->api->runs--;
	limiter_free(run->limiter);
	free_spare_calls(run);
	api_config_free(&run->config);
	free(run);
}

static void on_closed(void *owner)
{
	run_free(owner);
}

static const struct http_server_ops ops = {
	.may_connect = guard_may_connect,
	.may_ask = guard_may_ask,
	.on_request = on_request,
	.on_gone = on_gone,
	.before_answers = before_answers,
	.on_closed = on_closed,
};

static struct api_run *run_new(struct api *api, struct script *s)
{
	struct api_run *run = calloc(1, sizeof *run);

	if (run == NULL)
		return NULL;
	run->api = api;
	run->script = s;
	run->config = s->api->config;
	s->api->config = (struct api_config){0};
	list_init(&run->spare);
	list_init(&run->waiting);
	list_init(&run->pending);
	list_init(&run->forgotten);
	list_init(&run->listeners);
	loop_task_init(&run->go_on, on_go_on);
	run->limiter = limiter_new(run->config.requests_per_s);
	api->runs++;
	return run;
}

static bool start_server(struct api_run *run, const char **why)
{
	int sockets[PORTS_MAX];
	const struct http_server_config config = {
		.ops = &ops,
		.owner = run,
		.limits = &limits,
		.deadlines = &http_usual_deadlines,
		.threads = run->config.threads,
		.clients = run->config.clients,
		.per_address = run->config.per_address,
		.queue_ms = API_QUEUE_MS,
		.write_ms = 60000,
	};

	*why = "not enough memory";
	if (run->limiter == NULL || !ports_listen(&run->config.ports, sockets, why))
		return false;
	for (unsigned i = 0; i < run->config.ports.count; i++) {
		struct address at;
		char text[ADDRESS_TEXT_MAX] = "?";

		if (address_of_socket(sockets[i], &at))
			address_text(&at, text);
		log_info("HTTP Server API: listens at %s", text);
	}
	run->server = http_server_open(
		run->api->game->loop, &config, sockets, run->config.ports.count, why);
	return run->server != NULL;
}

static void on_event(void *owner, struct slice name, struct slice json)
{
	events_tell(owner, name, json);
}

static void on_map_begin(struct map_hook *hook, struct script *s)
{
	struct api *api = container_of(hook, struct api, hook);
	const char *why = "not enough memory";

	if (!s->api->on)
		return;
	struct api_run *run = run_new(api, s);
	if (run != NULL && start_server(run, &why)) {
		api->run = run;
		s->api->on_event = on_event;
		s->api->owner = run;
		return;
	}
	snprintf(s->api->why, sizeof s->api->why, "sv_api_ports: %s", why);
	log_error("HTTP Server API: not started: %s", s->api->why);
	if (run != NULL)
		run_free(run);
	s->api->on = false;
	routes_close(&s->api->routes);
}

static void end_all(struct list *calls)
{
	LIST_EACH(at, calls)
	{
		struct api_call *call = container_of(at, struct api_call, node);

		if (call->x != NULL)
			end_with_error(call, 500);
		api_call_free(call);
	}
}

void api_stop(struct api *api)
{
	struct api_run *run = api != NULL ? api->run : NULL;

	if (run == NULL)
		return;
	api->run = NULL;
	end_all(&run->waiting);
	end_all(&run->pending);
	end_all(&run->forgotten);
	events_close(run);
	run->script->api->on_event = NULL;
	run->script->api->on = false;
	run->script = NULL;
	loop_task_cancel(&run->go_on);
	http_server_close(run->server);
}

static void on_map_end(struct map_hook *hook, struct script *s)
{
	struct api *api = container_of(hook, struct api, hook);

	if (api->run != NULL && api->run->script == s)
		api_stop(api);
}

struct api *api_open(struct game *game)
{
	struct api *api = calloc(1, sizeof *api);

	if (api == NULL)
		return NULL;
	api->game = game;
	api->hook = (struct map_hook){.owner = api, .begin = on_map_begin, .end = on_map_end};
	map_hook_add(game, &api->hook);
	return api;
}

void api_close(struct api *api)
{
	if (api != NULL)
		list_remove(&api->hook.node);
	api_stop(api);
}

void api_free(struct api *api)
{
	free(api);
}
