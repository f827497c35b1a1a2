/* Whatever is sent to an HTTP connection, however it is cut: the same requests are found, the same is
 * answered, and nothing is read once a request was at fault. The first byte says where to cut. */
#include "common/http_target.h"
#include "tests/fuzz/http_rig.h"

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
	struct rig *r = rig_of(h);
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

static void on_output(struct http *h, struct buf *out)
{
	rig_on_output(h, out);
	must(buf_add(&rig_of(h)->seen, buf_bytes(out)));
}

static const struct http_ops ops = {
	.on_request = on_request,
	.on_output = on_output,
	.on_over = rig_on_over,
	.wall_clock = rig_wall_clock,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rig_both(&ops, data, size);
	return 0;
}
