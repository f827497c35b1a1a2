/* An HTTP connection that is fed all of an input, in pieces, and keeps what it answers. */
#ifndef TESTS_FUZZ_HTTP_RIG_H
#define TESTS_FUZZ_HTTP_RIG_H

#include "common/http.h"
#include "tests/fuzz/fuzz.h"

struct rig {
	struct http http;
	struct buf out, seen; /* seen: what the target notes of it, and the fault it ended with */
	unsigned answers, overs;
};

static inline struct rig *rig_of(struct http *h)
{
	return container_of(h, struct rig, http);
}

/* For the ops of a target. */
static inline time_t rig_wall_clock(struct http *h UNUSED)
{
	return 0;
}

static inline void rig_on_output(struct http *h, struct buf *out)
{
	must(buf_add(&rig_of(h)->out, buf_bytes(out)));
}

static inline void rig_on_over(struct http *h, enum http_fault fault)
{
	must(buf_addf(&rig_of(h)->seen, "!%d", fault) && rig_of(h)->overs++ == 0);
}

static inline void rig_run(
	struct rig *r, const struct http_ops *ops, struct slice bytes, size_t piece)
{
	*r = (struct rig){0};
	http_open(&r->http, ops, &http_usual_limits, &http_usual_deadlines, 0);
	while (bytes.len > 0) {
		size_t n = size_min(piece, bytes.len);

		http_bytes(&r->http, slice_of(bytes.at, n), 0);
		bytes = slice_from(bytes, n);
	}
	http_end(&r->http, 0);
	must(r->overs == 1);
}

static inline void rig_free(struct rig *r)
{
	http_free(&r->http);
	buf_free(&r->out);
	buf_free(&r->seen);
}

/* data: a byte that says where to cut, then what is sent. However it is cut, the same is seen, and as
 * much is answered as many times (what is answered may have the time of day in it). */
static inline void rig_both(const struct http_ops *ops, const uint8_t *data, size_t size)
{
	struct rig whole, cut;

	if (size < 1)
		return;
	struct slice bytes = slice_of(data + 1, size - 1);

	rig_run(&whole, ops, bytes, bytes.len);
	rig_run(&cut, ops, bytes, 1 + data[0] % 61u);
	must(whole.answers == cut.answers);
	must(slice_is(buf_bytes(&whole.seen), buf_bytes(&cut.seen)));
	must(whole.out.len == cut.out.len);
	rig_free(&whole);
	rig_free(&cut);
}

#endif
