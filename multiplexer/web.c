#include "multiplexer/web.h"

#include <stdio.h>

static const struct web_file *find(struct slice path)
{
	struct slice name = path.len == 1 ? slice_text("index.html") : slice_from(path, 1);

	for (size_t i = 0; i < web_file_count; i++)
		if (slice_is(name, slice_text(web_files[i].name)))
			return &web_files[i];
	return NULL;
}

/* What a page may do: nothing but talk to whom it came from. */
static void say_rules(struct http_answer *a)
{
	static const char *const fields[][2] = {
		{"Content-Security-Policy",
			"default-src 'self'; connect-src 'self'; img-src 'self' data:; "
			"object-src 'none'; base-uri 'none'; form-action 'none'; "
			"frame-ancestors 'self'"},
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		http_answer_field(a, fields[i][0], slice_text(fields[i][1]));
}

/* True if the browser has it already, under any of the names it told. */
static bool has_it(const struct http_request *r, const char *tag)
{
	const struct slice *known = http_field(r, "if-none-match");
	struct slice list, element;

	if (known == NULL)
		return false;
	for (list = *known; http_list_next(&list, &element);) {
		if (element.len > 2 && memcmp(element.at, "W/", 2) == 0)
			element = slice_from(element, 2);
		if (slice_is(element, slice_text(tag)) || slice_is(element, slice_text("*")))
			return true;
	}
	return false;
}

/* "gzip;q=0" is rare enough to be taken for a no by its missing word. */
static bool takes_gzip(const struct http_request *r)
{
	return http_field_has(r, "accept-encoding", "gzip");
}

static void send_file(struct http_answer *a, const struct http_asked *asked,
	const struct http_request *r, const struct web_file *f, time_t now)
{
	bool zipped = takes_gzip(r) && f->zipped.len < f->bytes.len;
	char tag[40];
	bool known;

	snprintf(tag, sizeof tag, "\"%s%s\"", f->hash, zipped ? "-gz" : "");
	known = has_it(r, tag);
	http_answer_open(a, asked, known ? 304 : 200, now);
	http_answer_field(a, "ETag", slice_text(tag));
	http_answer_field(a, "Cache-Control", slice_text("no-cache"));
	http_answer_field(a, "Vary", slice_text("Accept-Encoding"));
	say_rules(a);
	if (zipped && !known)
		http_answer_field(a, "Content-Encoding", slice_text("gzip"));
	http_answer_body(a, f->type, zipped ? f->zipped : f->bytes);
}

void web_answer(struct http_answer *a, const struct http_asked *asked, const struct http_request *r,
	time_t now)
{
	const struct web_file *f = find(r->path);
	unsigned status = r->method == HTTP_METHOD_GET || r->method == HTTP_METHOD_HEAD
				  ? f != NULL ? 200 : 404
				  : 405;

	if (status == 200) {
		send_file(a, asked, r, f, now);
		return;
	}
	http_answer_open(a, asked, status, now);
	if (status == 405)
		http_answer_field(a, "Allow", slice_text("GET, HEAD"));
	say_rules(a);
	http_answer_text(a, status == 405 ? "only pages are given here" : "there is no such page");
}
