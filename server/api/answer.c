#include <stdio.h>
#include <time.h>

#include "server/api/run.h"

/* The blanks are NightFall's: its users compare the bytes. */
static const struct {
	unsigned status;
	const char *word, *message;
} errors[] = {
	{401, "unauthorized", "A token is missing, or not known here."},
	{403, "forbidden", "This may not be asked from there."},
	{404, "not_found", "Not found."},
	{405, "method_not_allowed", "Method not allowed."},
	{421, "misdirected", "This server is not called so: see sv_api_hosts."},
	{429, "too_many_requests", "Too many requests."},
	{500, "internal", "Internal server error."},
	{503, "unavailable", "Busy, or about to start again."},
	{504, "internal", "The script took too long."},
};

static void add_vary(struct http_answer *a, const struct answering *of)
{
	if (of->run->config.origins[0] == '\0')
		return;
	const struct slice *origin = http_field(of->request, "Origin");
	http_answer_field(a, "Vary", slice_text("Origin"));
	if (origin != NULL && guard_lists_origin(&of->run->config, *origin)) {
		http_answer_field(a, "Access-Control-Allow-Origin", *origin);
		http_answer_field(a, "Access-Control-Expose-Headers", slice_text("Retry-After"));
	}
}

void answer_headers(struct http_answer *a, void *of)
{
	http_answer_lines(a,
		"Cache-Control: no-cache, no-store, must-revalidate, private, max-age=0\r\n"
		"Pragma: no-cache\r\nExpires: 0\r\n"
		"X-Content-Type-Options: nosniff\r\n");
	add_vary(a, of);
}

void answer_error_to(struct http_answer *a, const struct answering *of,
	const struct http_asked *asked, unsigned status)
{
	char body[200];
	size_t i = 0;

	while (errors[i].status != status)
		i++;
	http_answer_open(a, asked, status, time(NULL));
	answer_headers(a, (void *)(uintptr_t)of);
	if (status == 401)
		http_answer_field(a, "WWW-Authenticate", slice_text("Bearer realm=\"holdfast\""));
	if (status == 429 || status == 503)
		http_answer_field(a, "Retry-After", slice_text(status == 429 ? "1" : "2"));
	snprintf(body, sizeof body, "{\"status\":\"error_%s\", \"message\" : \"%s\"}",
		errors[i].word, errors[i].message);
	http_answer_body(a, "application/json; charset=utf-8", slice_text(body));
}

void answer_error(struct api_run *run, struct http_exchange *x, unsigned status)
{
	const struct answering of = {run, x->request};
	struct http_asked asked = *x->asked;
	struct http_answer a;

	if (status == 503)
		asked.keep = false;
	answer_error_to(&a, &of, &asked, status);
	http_exchange_end(x, &a);
}

void answer_allow(struct api_run *run, struct http_exchange *x, unsigned methods)
{
	const struct answering of = {run, x->request};
	bool asked_for = x->request->method == HTTP_METHOD_OPTIONS;
	struct http_answer a;
	char allow[64];

	http_answer_open(&a, x->asked, asked_for ? 204 : 405, time(NULL));
	answer_headers(&a, (void *)(uintptr_t)&of);
	http_answer_field(
		&a, "Allow", slice_text(routes_allow(methods | 1u << HTTP_METHOD_OPTIONS, allow)));
	http_answer_body(&a, "application/json; charset=utf-8",
		slice_text(asked_for ? ""
				     : "{\"status\":\"error_method_not_allowed\", \"message\" : "
				       "\"Method not allowed.\"}"));
	http_exchange_end(x, &a);
}

void answer_body(struct api_run *run, struct http_exchange *x, const char *type, struct slice body)
{
	const struct answering of = {run, x->request};
	struct http_answer a;

	http_answer_open_in(&a, &x->room, x->asked, 200, time(NULL));
	answer_headers(&a, (void *)(uintptr_t)&of);
	http_answer_body(&a, type, body);
	http_exchange_end(x, &a);
}
