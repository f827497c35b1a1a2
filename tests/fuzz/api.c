/* Whatever is sent to the HTTP API, however it is cut: who may ask is judged, a route is found, and the
 * answer is one answer, whose lines nothing that was sent has broken. The first byte says where to cut. */
#include <stdlib.h>

#include "common/http.h"
#include "server/api/limiter.h"
#include "server/api/run.h"

struct rig {
	struct http http;
	struct buf out;
	unsigned answers;
	bool over;
};

static struct api_run run;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static time_t wall_clock(struct http *h UNUSED)
{
	return 0;
}

static void on_output(struct http *h, struct slice bytes)
{
	must(buf_add(&container_of(h, struct rig, http)->out, bytes));
}

static void on_over(struct http *h, enum http_fault fault UNUSED)
{
	struct rig *r = container_of(h, struct rig, http);

	must(!r->over);
	r->over = true;
}

/* One head, and as many bytes behind it as it says; lines of a name, a colon and printable bytes. */
static void check_answer(const struct http_answer *a, bool head)
{
	struct slice bytes = buf_bytes(&a->out);
	const uint8_t *end = memmem(bytes.at, bytes.len, "\r\n\r\n", 4);

	must(end != NULL);
	for (const uint8_t *at = bytes.at; at < end; at++)
		must((*at >= ' ' && *at < 0x7f) || (*at == '\r' && at[1] == '\n') ||
			(*at == '\n' && at[-1] == '\r'));
	must(!head || (size_t)(end - bytes.at) + 4 == bytes.len);
}

static bool may_ask(struct http *h, const struct http_request *r)
{
	static const struct address from = {
		.in.sin_family = AF_INET, .in.sin_addr.s_addr = 0x01020304, .len = sizeof from.in};
	struct http_answer a;

	if (guard_may_ask(&run, &from, r, &h->asked, &a))
		return true;
	check_answer(&a, h->asked.head);
	container_of(h, struct rig, http)->answers++;
	http_send(h, &a, true, 0);
	return false;
}

static void on_head(struct http *h, const struct http_request *r)
{
	may_ask(h, r);
}

static void on_request(struct http *h, const struct http_request *r)
{
	static const struct route_script script = {.function = 1};
	const struct answering of = {&run, r};
	struct route_match m;
	struct routes routes;
	struct http_answer a;
	unsigned status;

	if (!r->has_body && !may_ask(h, r))
		return;
	routes_open(&routes);
	routes_add(&routes, slice_text("/a"), "get", &script);
	routes_add(&routes, slice_text("/{x}/b/{y}"), "post", &script);
	routes_add(&routes, r->path, "put", &script); /* whatever it is */
	status = routes_find(&routes, r->path, r->method, &m) ? 500 : m.methods != 0 ? 405 : 404;
	for (unsigned i = 0; i < m.part_count; i++)
		must(m.parts[i].value.len > 0 &&
			memchr(m.parts[i].value.at, '/', m.parts[i].value.len) == NULL);
	routes_close(&routes);
	answer_error_to(&a, &of, &h->asked, status);
	check_answer(&a, h->asked.head);
	container_of(h, struct rig, http)->answers++;
	http_send(h, &a, true, 0);
}

static const struct http_ops ops = {
	.on_head = on_head,
	.on_request = on_request,
	.on_output = on_output,
	.on_over = on_over,
	.wall_clock = wall_clock,
};

static void feed(struct rig *r, struct slice bytes, size_t piece)
{
	*r = (struct rig){0};
	http_open(&r->http, &ops, &http_usual_limits, &http_usual_deadlines, 0);
	while (bytes.len > 0) {
		size_t n = size_min(piece, bytes.len);

		http_bytes(&r->http, slice_of(bytes.at, n), 0);
		bytes = slice_from(bytes, n);
	}
	http_end(&r->http, 0);
	must(r->over);
}

static void rig_free(struct rig *r)
{
	http_free(&r->http);
	buf_free(&r->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char hosts[] = "localhost ip", origins[] = "https://good.example";
	struct rig whole, cut;

	if (size < 1)
		return 0;
	run.config.hosts = hosts;
	run.config.origins = origins;
	struct slice bytes = slice_of(data + 1, size - 1);

	feed(&whole, bytes, bytes.len);
	feed(&cut, bytes, 1 + data[0] % 61u);
	must(whole.answers == cut.answers);
	rig_free(&whole);
	rig_free(&cut);
	return 0;
}
