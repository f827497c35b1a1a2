/* MCCP2: the output as a zlib stream (RFC 1950), below everything else. One flush a turn of the loop:
 * by the line it would compress four times worse. */
#include <stdlib.h>
#include <zlib.h>

#include "multiplexer/layers.h"

enum {
	LEVEL = 1,
	WINDOW_BITS = 13, /* with this memory level 46 KB a user; the client's inflate takes any */
	MEMORY_LEVEL = 4,
	CHUNK = 4096, /* bytes of compressed output that go down at once */
	MARKS = 8
};

/* How much of the plain output ends at which byte of the compressed: so it is known how much has not
 * left yet, for limits count what the game has said and not how well it was compressed. */
struct mark {
	uint64_t end; /* of compressed bytes, since the layers were opened */
	size_t plain;
};

struct compressor {
	z_stream z;
	size_t unmarked; /* plain bytes since the last flush */
	unsigned marks;
	struct mark mark[MARKS]; /* oldest first */
};

struct compress_state {
	struct compressor *on; /* owned: NULL = the output goes as it is */
	uint64_t sent;         /* bytes given down so far */
};

static unsigned position_of(const struct layers *ls)
{
	unsigned i = 0;

	while (i < ls->count && ls->list[i] != &layer_compress)
		i++;
	return i;
}

static struct compress_state *state_of(const struct layers *ls)
{
	unsigned i = position_of(ls);

	return i < ls->count ? ls->state[i] : NULL;
}

bool compress_is_on(const struct layers *ls)
{
	const struct compress_state *s = state_of(ls);

	return s != NULL && s->on != NULL;
}

bool compress_may_start(const struct layers *ls)
{
	const struct compress_state *s = state_of(ls);

	return s != NULL && s->on == NULL && ls->house != NULL &&
	       ls->house->compressed < ls->house->compressed_max;
}

static void pass_down(
	struct layers *ls, unsigned position, struct compress_state *s, struct slice bytes)
{
	struct shared *b = shared_new(bytes);

	if (b == NULL) {
		ls->ops->on_nomem(ls);
		return;
	}
	s->sent += b->len;
	ls->house->compressed_bytes += b->len;
	layers_down_from(ls, position, b);
	shared_unref(b);
}

/* Runs zlib over what is at z.next_in; how: Z_NO_FLUSH, Z_SYNC_FLUSH or Z_FINISH. */
static void run(struct layers *ls, unsigned position, struct compress_state *s, int how)
{
	uint8_t out[CHUNK];
	z_stream *z = &s->on->z;

	do {
		z->next_out = out;
		z->avail_out = sizeof out;
		int status = deflate(z, how);
		if (status == Z_STREAM_ERROR)
			return; /* cannot be: the state is ours alone */
		size_t len = sizeof out - z->avail_out;
		if (len > 0)
			pass_down(ls, position, s, slice_of(out, len));
	} while (z->avail_out == 0);
}

/* What was flushed now ends here; when there are too many marks the youngest two become one. */
static void mark(struct compress_state *s)
{
	struct compressor *c = s->on;

	if (c->unmarked == 0)
		return;
	if (c->marks < MARKS)
		c->mark[c->marks++] = (struct mark){0};
	c->mark[c->marks - 1].end = s->sent;
	c->mark[c->marks - 1].plain += c->unmarked;
	c->unmarked = 0;
}

size_t compress_waits(struct layers *ls, uint64_t gone)
{
	struct compress_state *s = state_of(ls);
	struct compressor *c = s != NULL ? s->on : NULL;
	unsigned past = 0;

	if (c == NULL)
		return 0;
	while (past < c->marks && c->mark[past].end <= gone)
		past++;
	c->marks -= past;
	memmove(c->mark, c->mark + past, c->marks * sizeof c->mark[0]);
	size_t waits = c->unmarked;
	for (unsigned i = 0; i < c->marks; i++)
		waits += c->mark[i].plain;
	return waits;
}

static void compress_down(struct layers *ls, unsigned position, void *state, struct shared *b)
{
	struct compress_state *s = state;

	if (s->on == NULL) {
		s->sent += b->len;
		layers_down_from(ls, position, b);
		return;
	}
	s->on->z.next_in = b->bytes;
	s->on->z.avail_in = b->len;
	s->on->unmarked += b->len;
	ls->house->plain_bytes += b->len;
	run(ls, position, s, Z_NO_FLUSH);
	layers_want_flush(ls);
}

static void stop(struct layers *ls, struct compress_state *s)
{
	deflateEnd(&s->on->z);
	free(s->on);
	s->on = NULL;
	ls->house->compressed--;
}

static void compress_flush(struct layers *ls, unsigned position, void *state, bool last)
{
	struct compress_state *s = state;

	if (s->on == NULL)
		return;
	s->on->z.next_in = NULL;
	s->on->z.avail_in = 0;
	if (last || s->on->unmarked > 0)
		run(ls, position, s, last ? Z_FINISH : Z_SYNC_FLUSH);
	mark(s);
	if (last)
		stop(ls, s);
}

static void compress_close(struct layers *ls, void *state)
{
	struct compress_state *s = state;

	if (s->on != NULL)
		stop(ls, s);
}

bool compress_start(struct layers *ls)
{
	struct compress_state *s = state_of(ls);

	if (!compress_may_start(ls))
		return false;
	struct compressor *c = calloc(1, sizeof *c);
	if (c == NULL)
		return false;
	if (deflateInit2(&c->z, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
		Z_OK) {
		free(c);
		return false;
	}
	s->on = c;
	ls->house->compressed++;
	return true;
}

void compress_stop(struct layers *ls)
{
	unsigned i = position_of(ls);

	if (compress_is_on(ls))
		compress_flush(ls, i, ls->state[i], true);
}

const struct layer layer_compress = {
	.name = "compress",
	.memory = sizeof(struct compress_state),
	.up = NULL,
	.down = compress_down,
	.flush = compress_flush,
	.close = compress_close,
};
