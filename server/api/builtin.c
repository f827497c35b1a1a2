/* What the API answers without a script. A route of the map's goes before it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/api/run.h"
#include "server/api/script_api.h"
#include "server/health.h"

static void answer_json(struct api_run *run, struct http_exchange *x, json_t *json)
{
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (text == NULL)
		answer_error(run, x, 503);
	else
		answer_body(run, x, "application/json", slice_text(text));
	free(text);
}

static void get_status(struct api_run *run, struct http_exchange *x)
{
	const struct game *game = run->api->game;

	answer_json(run, x,
		json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s}", "name",
			game->cvars.set.sv_name, "version", HOLDFAST_VERSION, "map", game->map.name,
			"players", (json_int_t)game->metrics.players_now, "uptime_s",
			(json_int_t)((loop_now_ms(game->loop) - game->started_ms) / 1000), "fps",
			(json_int_t)game->cvars.set.sv_fps, "frame", (json_int_t)game->frame,
			"frames_late", (json_int_t)game->metrics.frames_late, "accept",
			game_accept_word(game)));
}

static void get_metrics(struct api_run *run, struct http_exchange *x)
{
	struct game *game = run->api->game;
	struct http_server_counts counts;
	struct buf text = {0};

	http_server_counts(run->server, &counts);
	game->metrics.api_connections = counts.now;
	health_measure(game);
	bool ok = metrics_text(&text, "holdfast_server", game_metric_table, game_metric_rows,
			  &game->metrics) &&
		  buf_addf(&text,
			  "# HELP holdfast_server_uptime_seconds since this program began\n"
			  "# TYPE holdfast_server_uptime_seconds gauge\n"
			  "holdfast_server_uptime_seconds %" PRIu64 "\n"
			  "# HELP holdfast_server_info what runs\n"
			  "# TYPE holdfast_server_info gauge\n"
			  "holdfast_server_info{version=\"%s\",map=\"%s\"} 1\n",
			  (loop_now_ms(game->loop) - game->started_ms) / 1000, HOLDFAST_VERSION,
			  game->map.name);
	if (ok)
		answer_body(run, x, "text/plain; version=0.0.4; charset=utf-8", buf_bytes(&text));
	else
		answer_error(run, x, 503);
	buf_free(&text);
}

static void get_events(struct api_run *run, struct http_exchange *x)
{
	events_listen(run, x);
}

static void get_openapi(struct api_run *run, struct http_exchange *x);

static const struct {
	const char *path, *help;
	void (*get)(struct api_run *run, struct http_exchange *x);
} builtins[] = {
	{"/status", "how the game is", get_status},
	{"/metrics", "its counters, for Prometheus", get_metrics},
	{"/events", "who comes and leaves, and what scripts tell, as it happens (SSE)", get_events},
	{"/openapi.json", "this description", get_openapi},
};

/* ---- openapi.json ------------------------------------------------------------------------------- */

static json_t *parameters_of(const char *uri)
{
	json_t *all = json_array();

	for (const char *at = uri; (at = strchr(at, '{')) != NULL; at++) {
		size_t len = strcspn(at + 1, "}/");

		if (at[-1] == '/' && len > 0 && at[1 + len] == '}')
			json_array_append_new(all,
				json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", at + 1, len, "in",
					"path", "required", 1, "schema", "type", "string"));
	}
	return all;
}

static json_t *operation(const char *uri, const char *summary)
{
	return json_pack("{s:s*, s:o, s:{s:{s:s}}}", "summary", summary, "parameters",
		parameters_of(uri), "responses", "default", "description",
		summary != NULL ? summary : "what the map answers");
}

static void add_operation(
	json_t *paths, const char *uri, enum http_method method, const char *summary)
{
	static const char *const names[HTTP_METHODS] = {
		"get", "head", "post", "put", "patch", "delete", "options"};
	json_t *path = json_object_get(paths, uri);

	if (path == NULL) {
		json_object_set_new(paths, uri, json_object());
		path = json_object_get(paths, uri);
	}
	if (json_object_get(path, names[method]) == NULL)
		json_object_set_new(path, names[method], operation(uri, summary));
}

static void get_openapi(struct api_run *run, struct http_exchange *x)
{
	json_t *paths = json_object();

	LIST_EACH(at, &run->script->api->routes.list)
	{
		const struct route *route = container_of(at, struct route, node);

		for (unsigned m = 0; m < HTTP_METHODS; m++)
			if ((route->methods & 1u << m) != 0)
				add_operation(paths, route->uri, (enum http_method)m, NULL);
	}
	for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
		add_operation(paths, builtins[i].path, HTTP_METHOD_GET, builtins[i].help);
	answer_json(run, x,
		json_pack("{s:s, s:{s:s, s:s}, s:{s:{s:{s:s, s:s}}}, s:o}", "openapi", "3.0.3",
			"info", "title", run->api->game->cvars.set.sv_name, "version",
			HOLDFAST_VERSION, "components", "securitySchemes", "token", "type", "http",
			"scheme", "bearer", "paths", paths));
}

bool builtin_answer(struct api_run *run, struct http_exchange *x)
{
	const unsigned methods = 1u << HTTP_METHOD_GET | 1u << HTTP_METHOD_HEAD;
	const struct http_request *r = x->request;

	for (size_t i = 0; i < ARRAY_LEN(builtins); i++) {
		if (!slice_is(r->path, slice_text(builtins[i].path)))
			continue;
		if ((methods & 1u << r->method) != 0)
			builtins[i].get(run, x);
		else
			answer_allow(run, x, methods);
		return true;
	}
	return false;
}
