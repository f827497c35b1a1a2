/* Whatever is sent to the HTTP API, however it is cut: who may ask is judged, a route is found, and the
 * answer is one answer, whose lines nothing that was sent has broken. The first byte says where to cut. */
#include "server/api/limiter.h"
#include "server/api/run.h"
#include "tests/fuzz/http_rig.h"

static struct api_run run;

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
	rig_of(h)->answers++;
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
	rig_of(h)->answers++;
	http_send(h, &a, true, 0);
}

static const struct http_ops ops = {
	.on_head = on_head,
	.on_request = on_request,
	.on_output = rig_on_output,
	.on_over = rig_on_over,
	.wall_clock = rig_wall_clock,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char hosts[] = "localhost ip", origins[] = "https://good.example";

	run.config.hosts = hosts;
	run.config.origins = origins;
	rig_both(&ops, data, size);
	return 0;
}
