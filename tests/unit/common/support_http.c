#include "tests/unit/common/support_http.h"

static struct peer *peer_of(struct http *h)
{
	return container_of(h, struct peer, http);
}

static time_t wall_clock(struct http *h)
{
	(void)h;
	return 1795264800; /* Sat, 21 Nov 2026 12:40:00 GMT */
}

static void on_output(struct http *h, struct buf *out)
{
	assert_true(buf_add(&peer_of(h)->out, buf_bytes(out)));
}

static void on_over(struct http *h, enum http_fault fault)
{
	peer_of(h)->overs++;
	peer_of(h)->fault = fault;
}

static void on_head(struct http *h, const struct http_request *r)
{
	struct peer *p = peer_of(h);

	assert_true(r->has_body);
	p->heads++;
	if (p->refuse_head != 0)
		http_refuse(h, p->refuse_head, "not that", false, 0);
}

void peer_answer(struct peer *p, const char *body)
{
	struct http_answer a;

	http_answer_open(&a, &p->http.asked, 200, wall_clock(&p->http));
	http_answer_body(&a, "text/plain", slice_text(body));
	http_send(&p->http, &a, true, 0);
}

static void on_request(struct http *h, const struct http_request *r)
{
	struct peer *p = peer_of(h);

	assert_true(buf_addf(&p->seen, "%s %.*s?%.*s ", http_method_name(r->method),
		(int)r->path.len, (const char *)r->path.at, (int)r->query.len,
		r->query.len > 0 ? (const char *)r->query.at : ""));
	assert_true(buf_add(&p->seen, r->body) && buf_add_byte(&p->seen, '|'));
	if (p->take_over)
		http_take_over(h);
	else if (!p->later)
		peer_answer(p, "yes");
}

static const struct http_ops ops = {
	.on_head = on_head,
	.on_request = on_request,
	.on_output = on_output,
	.on_over = on_over,
	.wall_clock = wall_clock,
};

void peer_open(struct peer *p)
{
	memset(p, 0, sizeof *p);
	http_open(&p->http, &ops, &http_usual_limits, &http_usual_deadlines, 0);
}

void peer_close(struct peer *p)
{
	http_free(&p->http);
	buf_free(&p->out);
	buf_free(&p->seen);
}

void peer_run_cut(struct peer *p, struct slice bytes, size_t cut)
{
	cut = size_min(cut, bytes.len);
	peer_open(p);
	http_bytes(&p->http, slice_of(bytes.at, cut), 0);
	http_bytes(&p->http, slice_from(bytes, cut), 0);
	http_end(&p->http, 0);
	assert_int_equal(p->overs, 1);
}
