/* Whatever a client sends, however the network cuts it: the game gets the same text and the client
 * the same answers as if it had come in one piece, no line is longer than the limit, and a client
 * that sent no IAC is sent none. The first byte picks the kind of listener, the second where to cut. */
#include <stdlib.h>

#include "common/buf.h"
#include "common/line.h"
#include "multiplexer/listener.h"
#include "tests/fuzz/fuzz.h"

struct rig {
	struct layers layers;
	struct buf up, down;
};

static void on_input(struct layers *ls, struct slice bytes)
{
	must(bytes.len > 0);
	must(buf_add(&container_of(ls, struct rig, layers)->up, bytes));
}

static void on_output(struct layers *ls, struct shared *b)
{
	must(buf_add(&container_of(ls, struct rig, layers)->down, slice_of(b->bytes, b->len)));
}

static void on_nomem(struct layers *ls UNUSED)
{
	abort();
}

static const struct layers_ops ops = {
	.on_input = on_input, .on_output = on_output, .on_nomem = on_nomem};
static const char *const kinds[] = {"telnet-line", "telnet-char", "raw"};

static void type(struct rig *r, const char *kind, struct slice bytes, size_t piece)
{
	*r = (struct rig){0};
	must(layers_open(&r->layers, listener_kind_find(kind)->layers, &ops));
	r->layers.now_ms = 1000;
	while (bytes.len > 0) {
		size_t n = size_min(piece, bytes.len);

		layers_up(&r->layers, slice_of(bytes.at, n));
		bytes = slice_from(bytes, n);
	}
}

static void check(const struct rig *r, const char *kind)
{
	struct slice up = buf_bytes(&r->up), down = buf_bytes(&r->down);
	size_t line = 0;

	for (size_t i = 0; strcmp(kind, "telnet-line") == 0 && i < up.len; i++) {
		line = up.at[i] == '\n' ? 0 : line + 1;
		must(line <= LINE_MAX_BYTES);
	}
	for (size_t i = 0; !r->layers.spoke_telnet && i < down.len; i++)
		must(down.at[i] != 255);
}

static void rig_free(struct rig *r)
{
	layers_close(&r->layers);
	buf_free(&r->up);
	buf_free(&r->down);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig whole, cut;

	if (size < 2)
		return 0;
	const char *kind = kinds[data[0] % ARRAY_LEN(kinds)];
	struct slice bytes = slice_of(data + 2, size - 2);

	type(&whole, kind, bytes, bytes.len);
	type(&cut, kind, bytes, 1 + data[1] % 61u);
	check(&whole, kind);
	must(slice_is(buf_bytes(&whole.up), buf_bytes(&cut.up)));
	must(whole.layers.spoke_telnet == cut.layers.spoke_telnet);
	/* Notices stand once a read, so only telnet's own answers can be compared byte by byte. */
	if (strcmp(kind, "telnet-line") != 0)
		must(slice_is(buf_bytes(&whole.down), buf_bytes(&cut.down)));
	rig_free(&whole);
	rig_free(&cut);
	return 0;
}
