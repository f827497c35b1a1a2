/* Telnet options under any client, while the game tells him things too: however the network cuts it, the
 * game hears the same and the client is told the same; what he is sent is proper telnet, inflates when
 * it is compressed, and is none before he has shown any.
 *
 * The first byte: bit 0 the kind of listener, bits 1-2 when it negotiates. The second: where to cut. Then
 * chunks: a byte of length, and bytes of the client; a length of 240 to 255 is the game's instead. */
#include <stdlib.h>
#include <zlib.h>

#include "common/buf.h"
#include "common/line.h"
#include "multiplexer/listener.h"
#include "multiplexer/mssp.h"
#include "proto/features.h"
#include "tests/fuzz/fuzz.h"

struct rig {
	struct layers layers;
	struct layers_house house;
	struct buf up, down, told;
	z_stream z;
	bool inflating;
	size_t checked; /* bytes of down that were looked at */
	bool nomem;
};

static void on_input(struct layers *ls, struct slice bytes)
{
	must(bytes.len > 0);
	must(buf_add(&container_of(ls, struct rig, layers)->up, bytes));
}

/* What he is sent, in plain. */
static void on_output(struct layers *ls, struct shared *b)
{
	struct rig *r = container_of(ls, struct rig, layers);
	uint8_t out[4096];

	if (!r->inflating) {
		must(buf_add(&r->down, slice_of(b->bytes, b->len)));
		/* The start of MCCP2 is a block of its own: what follows is zlib's. */
		if (b->len == 5 && memcmp(b->bytes, "\xff\xfa\x56\xff\xf0", 5) == 0) {
			r->z = (z_stream){0};
			must(inflateInit(&r->z) == Z_OK);
			r->inflating = true;
		}
		return;
	}
	r->z.next_in = b->bytes;
	r->z.avail_in = b->len;
	int status = Z_OK;
	do {
		r->z.next_out = out;
		r->z.avail_out = sizeof out;
		status = inflate(&r->z, Z_SYNC_FLUSH);
		must(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR);
		must(buf_add(&r->down, slice_of(out, sizeof out - r->z.avail_out)));
	} while (r->z.avail_out == 0 && status == Z_OK);
	must(r->z.avail_in == 0);
	if (status == Z_STREAM_END) {
		inflateEnd(&r->z);
		r->inflating = false;
	}
}

static void on_tell(struct layers *ls, struct slice channel, uint32_t flags, struct slice data)
{
	struct rig *r = container_of(ls, struct rig, layers);

	must(data.len > 0 && data.len <= 4000 && channel.len > 0);
	if ((flags & EVENT_IS_JSON) != 0) {
		json_t *json = json_loadb((const char *)data.at, data.len, 0, NULL);

		must(json != NULL);
		json_decref(json);
	}
	must(buf_addf(&r->told, "%.*s %u ", (int)channel.len, (const char *)channel.at, flags) &&
		buf_add(&r->told, data));
}

static void on_event(struct layers *ls, enum layer_event event)
{
	must(buf_addf(&container_of(ls, struct rig, layers)->told, "event %d ", event));
}

static void on_nomem(struct layers *ls)
{
	(void)ls;
	abort();
}

static const struct layers_ops ops = {.on_input = on_input,
	.on_output = on_output,
	.on_tell = on_tell,
	.on_event = on_event,
	.on_nomem = on_nomem};

static struct mssp mssp = {.facts = {7, 1700000000, "4000", "fuzz", NULL}};

static void rig_open(struct rig *r, uint8_t how)
{
	const char *kind = (how & 1) != 0 ? "telnet-char" : "telnet-line";

	*r = (struct rig){0};
	must(layers_open(&r->layers, listener_kind_find(kind)->layers, &ops));
	r->house.mssp = &mssp;
	r->house.compressed_max = 1;
	r->layers.house = &r->house;
	r->layers.negotiate = (uint8_t)((how >> 1) % 3);
	r->layers.now_ms = 1000;
	layers_start(&r->layers);
}

/* What the game tells: which, and the bytes of the input that go with it. */
static void tell(struct rig *r, unsigned what, struct slice data)
{
	static const char *const channels[] = {
		"prompt", "echo", "echo", "gmcp", "msdp", "msdp", "mxp", "mxp", "nonsense"};
	struct tell t = {.data = data};

	if (what >= ARRAY_LEN(channels)) {
		struct shared *b = shared_new(data);

		must(b != NULL);
		layers_down(&r->layers, b);
		shared_unref(b);
		return;
	}
	t.channel = slice_text(channels[what]);
	t.flags = what == 5 ? EVENT_IS_JSON : 0;
	if (what == 1 || what == 2)
		t.data = slice_text(what == 1 ? "off" : "on");
	if (what == 6 || what == 7)
		t.data = slice_text(what == 6 ? "on" : "off");
	layers_tell(&r->layers, &t);
	shared_unref(t.wire);
}

/* piece: how many of the client's bytes come at once; 0: a whole chunk. */
static void play(struct rig *r, struct slice in, size_t piece)
{
	while (in.len > 0) {
		unsigned head = in.at[0];
		struct slice rest = slice_from(in, 1);
		size_t len = size_min(head >= 240 ? 12 : head, rest.len);
		struct slice chunk = slice_of(rest.at, len);

		in = slice_from(rest, len);
		if (head >= 240)
			tell(r, head - 240, chunk);
		while (head < 240 && chunk.len > 0) {
			size_t n = piece > 0 ? size_min(piece, chunk.len) : chunk.len;

			layers_up(&r->layers, slice_of(chunk.at, n));
			chunk = slice_from(chunk, n);
		}
		layers_flush(&r->layers, false);
	}
	layers_flush(&r->layers, true);
	must(!r->inflating);
}

/* Every 255 that he was sent begins something whole. */
static void check_wire(const struct rig *r)
{
	struct slice s = buf_bytes(&r->down);

	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] != 255)
			continue;
		must(++i < s.len);
		if (s.at[i] >= 251 && s.at[i] <= 254) {
			must(++i < s.len);
		} else if (s.at[i] == 250) {
			for (i++;; i++) {
				must(i + 1 < s.len);
				if (s.at[i] != 255)
					continue;
				i++;
				must(s.at[i] == 255 || s.at[i] == 240);
				if (s.at[i] == 240)
					break;
			}
		} else {
			must(s.at[i] == 255 || s.at[i] == 249 || s.at[i] == 239);
		}
	}
}

static void rig_close(struct rig *r)
{
	layers_close(&r->layers);
	must(r->house.compressed == 0);
	buf_free(&r->up);
	buf_free(&r->down);
	buf_free(&r->told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig whole, cut;

	if (size < 2 || size > 20000)
		return 0;
	struct slice in = slice_of(data + 2, size - 2);

	rig_open(&whole, data[0]);
	rig_open(&cut, data[0]);
	play(&whole, in, 0);
	play(&cut, in, 1 + data[1] % 19u);
	must(slice_is(buf_bytes(&whole.told), buf_bytes(&cut.told)));
	must(whole.layers.spoke_telnet == cut.layers.spoke_telnet);
	json_t *a = layers_caps(&whole.layers), *b = layers_caps(&cut.layers);
	must(a != NULL && json_equal(a, b));
	char caps[4044];
	must(json_dumpb(a, caps, sizeof caps, JSON_COMPACT) <= sizeof caps);
	json_decref(a);
	json_decref(b);
	check_wire(&whole);
	check_wire(&cut);
	if (!whole.layers.spoke_telnet && (data[0] >> 1) % 3 != NEGOTIATE_ALWAYS)
		for (size_t i = 0; i + 1 < whole.down.len;
			i++) /* a doubled 255 is text of the game */
			if (buf_bytes(&whole.down).at[i] == 255)
				must(buf_bytes(&whole.down).at[++i] == 255);
	rig_close(&whole);
	rig_close(&cut);
	return 0;
}
