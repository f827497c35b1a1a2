#include "common/http.h"

const struct http_deadlines http_usual_deadlines = {
	.head_ms = 10000, .body_ms = 10000, .idle_ms = 15000};

void http_open(struct http *h, const struct http_ops *ops, const struct http_limits *limits,
	const struct http_deadlines *deadlines, uint64_t now_ms)
{
	memset(h, 0, sizeof *h);
	h->ops = ops;
	h->deadlines = deadlines;
	h->deadline_ms = now_ms + deadlines->head_ms;
	http_parser_init(&h->parser, limits);
}

void http_free(struct http *h)
{
	http_parser_free(&h->parser);
	buf_free(&h->ahead);
}

static void finish(struct http *h, enum http_fault fault)
{
	if (h->over)
		return;
	h->over = true;
	h->deadline_ms = 0;
	h->ops->on_over(h, fault);
}

/* The request is at fault, and with it all that would follow. */
static void refuse_fault(struct http *h, enum http_fault fault)
{
	struct http_answer a;

	/* A request line that was read says whether a body may follow the lines; a method that was
	 * not read cannot be HEAD for us. */
	h->asked = http_asked_by(&h->parser.request);
	h->asked.keep = h->asked.is_10 = false;
	http_answer_open(&a, &h->asked, http_fault_status(fault), h->ops->wall_clock(h));
	http_answer_text(&a, http_fault_text(fault));
	if (!a.no_memory)
		h->ops->on_output(h, &a.out);
	http_answer_free(&a);
	finish(h, fault);
}

/* The request was answered. */
static void next_request(struct http *h, uint64_t now_ms)
{
	h->requests++;
	h->answering = false;
	if (!h->asked.keep) {
		finish(h, HTTP_FAULT_NONE);
		return;
	}
	http_next(&h->parser);
	h->deadline_ms = now_ms + h->deadlines->idle_ms;
}

static void give(struct http *h, uint64_t now_ms)
{
	h->answering = true;
	h->answered = false;
	h->deadline_ms = 0;
	h->ops->on_request(h, &h->parser.request);
	if (h->answered && !h->taken)
		next_request(h, now_ms);
}

static void say_continue(struct http *h)
{
	struct buf out = {0};

	if (buf_add(&out, slice_text("HTTP/1.1 100 Continue\r\n\r\n")))
		h->ops->on_output(h, &out);
	else
		finish(h, HTTP_FAULT_NO_MEMORY);
	buf_free(&out);
}

static void on_head(struct http *h, uint64_t now_ms)
{
	const struct http_request *r = &h->parser.request;

	h->asked = http_asked_by(r);
	if (!r->has_body)
		return;
	h->deadline_ms = now_ms + h->deadlines->body_ms;
	if (h->ops->on_head != NULL) {
		h->answering = true;
		h->answered = false;
		h->asked.keep = false; /* of an answer that comes before the body */
		h->ops->on_head(h, r);
		if (h->answered) {
			next_request(h, now_ms);
			return;
		}
		h->answering = false;
		h->asked = http_asked_by(r);
	}
	if (r->expects_100)
		say_continue(h);
}

/* Takes from *bytes what can be taken now. */
static void run(struct http *h, struct slice *bytes, uint64_t now_ms)
{
	bool more = true;

	h->running = true;
	while (more && http_wants_bytes(h)) {
		if (bytes->len > 0 && h->requests > 0 && http_is_between(&h->parser))
			h->deadline_ms = now_ms + h->deadlines->head_ms;
		switch (http_feed(&h->parser, bytes)) {
		case HTTP_MORE:
			more = false;
			break;
		case HTTP_HEAD_IN:
			on_head(h, now_ms);
			break;
		case HTTP_WHOLE:
			give(h, now_ms);
			more = bytes->len > 0;
			break;
		case HTTP_BAD:
			refuse_fault(h, h->parser.fault);
			break;
		}
	}
	h->running = false;
}

bool http_wants_bytes(const struct http *h)
{
	return !h->over && !h->taken && !h->answering && !(h->held && http_is_between(&h->parser));
}

bool http_is_idle(const struct http *h)
{
	return h->requests > 0 && !h->answering && http_is_between(&h->parser);
}

void http_bytes(struct http *h, struct slice bytes, uint64_t now_ms)
{
	if (h->over)
		return;
	if (h->ahead.len == 0)
		run(h, &bytes, now_ms);
	if (!h->over && !buf_add(&h->ahead, bytes))
		finish(h, HTTP_FAULT_NO_MEMORY);
}

/* Goes on with what was kept. */
static void go_on(struct http *h, uint64_t now_ms)
{
	struct slice bytes = buf_bytes(&h->ahead);

	if (h->running || bytes.len == 0)
		return;
	run(h, &bytes, now_ms);
	buf_eat(&h->ahead, h->ahead.len - bytes.len);
}

static void end_if_ended(struct http *h)
{
	if (h->ended && !h->running && !h->answering && !h->over && !h->taken)
		finish(h, http_feed_end(&h->parser) ? HTTP_FAULT_NONE : HTTP_FAULT_CUT);
}

void http_end(struct http *h, uint64_t now_ms)
{
	h->ended = true;
	go_on(h, now_ms);
	end_if_ended(h);
}

void http_tick(struct http *h, uint64_t now_ms)
{
	if (h->over || h->taken || h->deadline_ms == 0 || now_ms < h->deadline_ms)
		return;
	if (http_is_between(&h->parser))
		finish(h, HTTP_FAULT_NONE);
	else
		refuse_fault(h,
			http_is_in_body(&h->parser) ? HTTP_FAULT_SLOW_BODY : HTTP_FAULT_SLOW_HEAD);
}

void http_hold(struct http *h, bool held, uint64_t now_ms)
{
	h->held = held;
	if (!held)
		go_on(h, now_ms);
	end_if_ended(h);
}

void http_send(struct http *h, struct http_answer *a, bool whole, uint64_t now_ms)
{
	if (!h->answering || h->over) {
		http_answer_free(a);
		return;
	}
	if (!a->asked.keep)
		h->asked.keep = false;
	if (a->no_memory) {
		finish(h, HTTP_FAULT_NO_MEMORY);
	} else if (a->out.len > 0) {
		h->ops->on_output(h, &a->out);
		buf_eat(&a->out, a->out.len);
	}
	if (!whole)
		return;
	http_answer_free(a);
	if (h->running) {
		h->answered = true;
		return;
	}
	next_request(h, now_ms);
	go_on(h, now_ms);
	end_if_ended(h);
}

void http_refuse(struct http *h, unsigned status, const char *text, bool close, uint64_t now_ms)
{
	struct http_answer a;

	if (close)
		h->asked.keep = false;
	http_answer_open(&a, &h->asked, status, h->ops->wall_clock(h));
	http_answer_text(&a, text);
	http_send(h, &a, true, now_ms);
}

void http_take_over(struct http *h)
{
	h->taken = true;
	h->deadline_ms = 0;
}

struct slice http_rest(const struct http *h)
{
	return buf_bytes(&h->ahead);
}
