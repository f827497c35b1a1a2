#include <stdio.h>
#include <time.h>

#include "server/api/limiter.h"
#include "server/api/run.h"

/* Runs in the threads of the connections: reads of run only what does not change. */

bool guard_may_connect(void *of, const struct address *from)
{
	const struct api_run *run = of;

	return acl_allows(&run->config.acl, from);
}

/* ---- pages in browsers -------------------------------------------------------------------------- */

bool guard_lists_origin(const struct api_config *config, struct slice origin)
{
	for (const char *at = config->origins; *(at += strspn(at, " ,")) != '\0';) {
		size_t len = strcspn(at, " ,");

		if (slice_is(slice_of(at, len), origin))
			return true;
		at += len;
	}
	return false;
}

/* "http://HOST" of the very Host that was asked for. */
static bool is_same_origin(const struct http_request *r, struct slice origin)
{
	const struct slice *host = http_field(r, "Host");
	char text[300];

	if (host == NULL || host->len > 255)
		return false;
	snprintf(text, sizeof text, "http://%.*s", (int)host->len, (const char *)host->at);
	if (slice_is_word(origin, text))
		return true;
	snprintf(text, sizeof text, "https://%.*s", (int)host->len, (const char *)host->at);
	return slice_is_word(origin, text);
}

static bool changes_something(const struct http_request *r)
{
	return r->method != HTTP_METHOD_GET && r->method != HTTP_METHOD_HEAD &&
	       r->method != HTTP_METHOD_OPTIONS;
}

/* What a page of somebody else's can make a browser send without being asked whether it may: a form. */
static bool could_be_a_form(const struct http_request *r)
{
	const struct slice *type = http_field(r, "Content-Type");
	static const char json[] = "application/json";

	if (http_field_count(r, "X-Requested-With") > 0 || http_field_count(r, "Authorization") > 0)
		return false;
	if (type == NULL || type->len < sizeof json - 1 ||
		!slice_is_word(slice_of(type->at, sizeof json - 1), json))
		return true;
	return type->len > sizeof json - 1 && type->at[sizeof json - 1] != ';' &&
	       type->at[sizeof json - 1] != ' ';
}

/* Row K08. A browser says so (Origin, or Sec-Fetch-Site): then a call that changes something must come
 * from a page of ours or of one that is listed, and be such that no form can send it. Other programs say
 * neither, and are not held to it. */
static bool is_forged(const struct api_config *config, const struct http_request *r)
{
	const struct slice *origin = http_field(r, "Origin");
	bool cross = http_field_has(r, "Sec-Fetch-Site", "cross-site") ||
		     http_field_has(r, "Sec-Fetch-Site", "same-site");

	if (!changes_something(r))
		return false;
	if (http_field_count(r, "Origin") == 0)
		return cross;
	if (origin == NULL || (!is_same_origin(r, *origin) && !guard_lists_origin(config, *origin)))
		return true;
	return could_be_a_form(r);
}

/* ---- before the body ---------------------------------------------------------------------------- */

static bool is_preflight(const struct http_request *r)
{
	return r->method == HTTP_METHOD_OPTIONS && http_field(r, "Origin") != NULL &&
	       http_field(r, "Access-Control-Request-Method") != NULL;
}

static void answer_preflight(
	struct http_answer *a, const struct answering *of, const struct http_asked *asked)
{
	const struct slice *origin = http_field(of->request, "Origin");

	http_answer_open(a, asked, 204, time(NULL));
	answer_headers(a, (void *)(uintptr_t)of);
	if (guard_lists_origin(&of->run->config, *origin)) {
		http_answer_field(a, "Access-Control-Allow-Methods",
			slice_text("GET, HEAD, POST, PUT, PATCH, DELETE"));
		http_answer_field(a, "Access-Control-Allow-Headers",
			slice_text("Authorization, Content-Type, X-Requested-With"));
		http_answer_field(a, "Access-Control-Max-Age", slice_text("600"));
	}
	http_answer_body(a, NULL, slice_text(""));
}

bool guard_may_ask(void *of_run, const struct address *from, const struct http_request *r,
	const struct http_asked *asked, struct http_answer *a)
{
	struct api_run *run = of_run;
	const struct answering of = {run, r};
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (!http_host_is_listed(r, run->config.hosts)) {
		answer_error_to(a, &of, asked, 421);
		return false;
	}
	if (run->config.requests_per_s > 0 && !limiter_take(run->limiter, from, now_ms)) {
		answer_error_to(a, &of, asked, 429);
		return false;
	}
	if (is_preflight(r)) {
		answer_preflight(a, &of, asked);
		return false;
	}
	if (is_forged(&run->config, r)) {
		answer_error_to(a, &of, asked, 403);
		return false;
	}
	return true;
}

/* ---- tokens, in the game's thread --------------------------------------------------------------- */

/* "Bearer TEXT": the text; empty for anything else. */
static struct slice shown_token(const struct http_request *r)
{
	static const char word[] = "Bearer ";
	const struct slice *field = http_field(r, "Authorization");

	if (field == NULL || field->len < sizeof word ||
		!slice_is_word(slice_of(field->at, sizeof word - 1), word))
		return slice_of(NULL, 0);
	return slice_from(*field, sizeof word - 1);
}

bool guard_token(struct api_run *run, struct http_exchange *x, char who[static TOKEN_NAME_MAX + 1])
{
	struct slice shown = shown_token(x->request);
	enum token_scope scope = TOKEN_NONE;
	bool needed = run->config.tokens && !address_is_local(&x->from);

	who[0] = '\0';
	if (http_field_count(x->request, "Authorization") == 0 && !needed)
		return true;
	if (shown.len > 0)
		scope = tokens_check(run->api->game->store, shown, who);
	if (scope == TOKEN_NONE) {
		answer_error(run, x, 401);
		return false;
	}
	if (scope == TOKEN_READ && changes_something(x->request)) {
		answer_error(run, x, 403);
		return false;
	}
	return true;
}
