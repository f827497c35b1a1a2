#include "multiplexer/visit.h"

#include <stdlib.h>

#include "multiplexer/web.h"

static const struct http_limits limits = {
	.line = 8192, .head = 8192, .fields = HTTP_FIELDS_ROOM, .body = 4096};

/* A browser asks again within moments, or not at all; and its connections are counted. */
static const struct http_deadlines deadlines = {
	.head_ms = VISIT_HANDSHAKE_MS, .body_ms = 10000, .idle_ms = 5000};

static struct visit *visit_of(struct http *h)
{
	return container_of(h, struct visit, http);
}

static time_t on_wall_clock(struct http *h UNUSED)
{
	return time(NULL);
}

static void on_output(struct http *h, struct buf *out)
{
	visit_of(h)->ops->on_output(visit_of(h)->owner, buf_bytes(out));
}

static void on_over(struct http *h, enum http_fault fault)
{
	struct visit *v = visit_of(h);

	v->state = VISIT_OVER;
	if (fault != HTTP_FAULT_NONE)
		v->why = http_fault_text(fault);
}

static void send_page(struct visit *v, const struct http_request *r)
{
	struct http_answer a;

	web_answer(&a, &v->http.asked, r, time(NULL));
	http_send(&v->http, &a, true, v->now_ms);
}

/* A request that wanted to be a handshake, and is none. */
static void refuse(struct visit *v, const struct handshake *hs)
{
	struct http_answer a;

	v->why = hs->text;
	v->http.asked.keep = false;
	http_answer_open(&a, &v->http.asked, hs->status, time(NULL));
	if (hs->status == 426) {
		http_answer_field(&a, "Upgrade", slice_text("websocket"));
		http_answer_field(&a, "Sec-WebSocket-Version", slice_text("13"));
	}
	http_answer_text(&a, hs->text);
	http_send(&v->http, &a, true, v->now_ms);
}

static void accept_it(struct visit *v, const struct http_request *r, const struct handshake *hs)
{
	struct http_answer a;

	http_answer_open(&a, &v->http.asked, 101, time(NULL));
	handshake_accept(&a, r, hs);
	http_take_over(&v->http);
	v->state = a.no_memory ? VISIT_NO_MEMORY : VISIT_WEBSOCKET;
	v->subprotocol = hs->subprotocol;
	if (!a.no_memory)
		on_output(&v->http, &a.out);
	http_answer_free(&a);
}

static void on_request(struct http *h, const struct http_request *r)
{
	struct visit *v = visit_of(h);
	struct handshake hs;

	if (!handshake_is_meant(r)) {
		send_page(v, r);
		return;
	}
	hs = handshake_check(r, v->door->origins, v->door->loopback);
	if (hs.status == 101)
		accept_it(v, r, &hs);
	else
		refuse(v, &hs);
}

/* Nothing here is asked for with a body; who announces one is told so before it comes. */
static void on_head(struct http *h, const struct http_request *r)
{
	struct visit *v = visit_of(h);

	if (handshake_is_meant(r)) {
		struct handshake hs = handshake_check(r, v->door->origins, v->door->loopback);

		refuse(v, &hs);
	} else {
		send_page(v, r);
	}
}

static const struct http_ops http_ops = {
	.on_head = on_head,
	.on_request = on_request,
	.on_output = on_output,
	.on_over = on_over,
	.wall_clock = on_wall_clock,
};

struct visit *visit_open(
	const struct layers_door *door, const struct visit_ops *ops, void *owner, uint64_t since_ms)
{
	struct visit *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	v->door = door;
	v->ops = ops;
	v->owner = owner;
	v->since_ms = v->now_ms = since_ms;
	http_open(&v->http, &http_ops, &limits, &deadlines, since_ms);
	return v;
}

void visit_free(struct visit *v)
{
	if (v != NULL)
		http_free(&v->http);
	free(v);
}

void visit_bytes(struct visit *v, struct slice bytes, uint64_t now_ms)
{
	v->now_ms = now_ms;
	http_bytes(&v->http, bytes, now_ms);
}

void visit_tick(struct visit *v, uint64_t now_ms)
{
	v->now_ms = now_ms;
	http_tick(&v->http, now_ms);
	if (now_ms - v->since_ms >= VISIT_MAX_MS && v->state == VISIT_GOES_ON)
		v->state = VISIT_OVER;
}

bool visit_is_idle(const struct visit *v)
{
	return v->state == VISIT_GOES_ON && http_is_idle(&v->http);
}

struct slice visit_rest(const struct visit *v)
{
	return http_rest(&v->http);
}

void visit_answer_early(struct slice words, unsigned status, struct http_answer *a, time_t now)
{
	const struct http_asked asked = {0};

	http_answer_open(a, &asked, status, now);
	http_answer_body(a, "text/plain; charset=utf-8", words);
}
