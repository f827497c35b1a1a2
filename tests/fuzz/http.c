/* Whatever is sent to an HTTP connection, however it is cut: the same requests are found, the same is
 * answered, and nothing is read once a request was at fault. The first byte says where to cut. */
#include <stdlib.h>

#include "common/http.h"
#include "common/http_target.h"

struct rig {
	struct http http;
	struct buf out, seen;
	unsigned overs;
};

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

static void on_over(struct http *h, enum http_fault fault)
{
	struct rig *r = container_of(h, struct rig, http);

	must(buf_addf(&r->seen, "!%d", fault) && r->overs++ == 0);
}

/* All that is promised of a path. */
static void check_path(struct slice path)
{
	if (path.len == 1 && path.at[0] == '*')
		return;
	must(path.len > 0 && path.at[0] == '/');
	for (size_t i = 0; i < path.len; i++)
		must(path.at[i] >= 0x20 && path.at[i] != 0x7f && path.at[i] != '\\');
	must(memmem(path.at, path.len, "/../", 4) == NULL);
	must(memmem(path.at, path.len, "//", 2) == NULL);
}

static void on_request(struct http *h, const struct http_request *q)
{
	struct rig *r = container_of(h, struct rig, http);
	struct http_query query;
	struct slice key, value;
	struct http_answer a;

	must(r->overs == 0);
	check_path(q->path);
	must(q->body.len <= 65536 && q->field_count <= 64);
	must(buf_addf(&r->seen, "%s ", http_method_name(q->method)) && buf_add(&r->seen, q->path));
	for (unsigned i = 0; i < q->field_count; i++)
		must(buf_add(&r->seen, q->fields[i].name) && buf_add_byte(&r->seen, ':') &&
			buf_add(&r->seen, q->fields[i].value) && buf_add_byte(&r->seen, ';'));
	must(http_query_open(&query, q->query));
	while (http_query_next(&query, &key, &value))
		must(buf_add(&r->seen, key) && buf_add_byte(&r->seen, '=') &&
			buf_add(&r->seen, value));
	http_query_close(&query);
	must(buf_add(&r->seen, q->body) && buf_add_byte(&r->seen, '|'));
	http_answer_open(&a, &h->asked, 200, 0);
	http_answer_field(&a, "X-Path", q->path); /* may be refused, may not break the answer */
	http_answer_body(&a, "text/plain", q->path);
	http_send(h, &a, true, 0);
}

static const struct http_ops ops = {
	.on_request = on_request,
	.on_output = on_output,
	.on_over = on_over,
	.wall_clock = wall_clock,
};

static void run(struct rig *r, struct slice bytes, size_t piece)
{
	*r = (struct rig){0};
	http_open(&r->http, &ops, &http_usual_limits, &http_usual_deadlines, 0);
	while (bytes.len > 0) {
		size_t n = size_min(piece, bytes.len);

		http_bytes(&r->http, slice_of(bytes.at, n), 0);
		bytes = slice_from(bytes, n);
	}
	http_end(&r->http, 0);
	must(r->overs == 1);
}

static void rig_free(struct rig *r)
{
	http_free(&r->http);
	buf_free(&r->out);
	buf_free(&r->seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig whole, cut;

	if (size < 1)
		return 0;
	struct slice bytes = slice_of(data + 1, size - 1);

	run(&whole, bytes, bytes.len);
	run(&cut, bytes, 1 + data[0] % 61u);
	must(slice_is(buf_bytes(&whole.seen), buf_bytes(&cut.seen)));
	must(slice_is(buf_bytes(&whole.out), buf_bytes(&cut.out)));
	rig_free(&whole);
	rig_free(&cut);
	return 0;
}
