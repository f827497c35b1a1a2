/* Whatever a browser sends to a listener of kind websocket, however it is cut: the game gets the same
 * text and the same events, and the connection ends for the same reason. The first byte picks what is
 * spoken (or that the handshake is the fuzzer's too), the second where to cut. */
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/line.h"
#include "multiplexer/handshake.h"
#include "multiplexer/listener.h"
#include "multiplexer/session.h"
#include "tests/fuzz/fuzz.h"

struct rig {
	struct layers layers;
	struct layers_house house;
	struct sessions sessions;
	struct buf up, told;
	unsigned ready, overs;
};

static struct rig *rig_of(struct layers *ls)
{
	return container_of(ls, struct rig, layers);
}

static void on_input(struct layers *ls, struct slice bytes)
{
	must(rig_of(ls)->ready == 1 && bytes.len > 0);
	must(buf_add(&rig_of(ls)->up, bytes));
}

static void on_output(struct layers *ls UNUSED, struct shared *b)
{
	must(b->len > 0);
}

static void on_nomem(struct layers *ls UNUSED)
{
	abort();
}

static void on_tell(struct layers *ls, struct slice channel, uint32_t flags, struct slice data)
{
	struct buf *told = &rig_of(ls)->told;

	must(rig_of(ls)->ready == 1);
	must(buf_addf(told, "%u ", flags) && buf_add(told, channel) && buf_add(told, data));
}

static void on_ready(struct layers *ls)
{
	must(rig_of(ls)->ready++ == 0);
	layers_start(ls);
}

static void on_over(struct layers *ls, enum layers_over over, const char *why)
{
	must(rig_of(ls)->overs++ == 0);
	must(buf_addf(&rig_of(ls)->told, "!%d %s", over, why != NULL ? why : ""));
}

static const struct layers_ops ops = {
	.on_input = on_input,
	.on_output = on_output,
	.on_nomem = on_nomem,
	.on_tell = on_tell,
	.on_ready = on_ready,
	.on_over = on_over,
};

static const struct layers_door door = {.origins = "same none", .loopback = true};

static void run(struct rig *r, const char *before, struct slice bytes, size_t piece)
{
	json_t *caps;

	*r = (struct rig){0};
	must(layers_open(&r->layers, listener_kind_find("websocket")->layers, &ops));
	r->sessions = (struct sessions){.keep = 150, .pool = 4096, .ttl_ms = 1000};
	r->house.sessions = &r->sessions;
	r->layers.door = &door;
	r->layers.house = &r->house;
	r->layers.now_ms = 1000;
	layers_tick(&r->layers);
	layers_up(&r->layers, slice_text(before));
	while (bytes.len > 0) {
		size_t n = size_min(piece, bytes.len);

		layers_up(&r->layers, slice_of(bytes.at, n));
		bytes = slice_from(bytes, n);
	}
	if (r->ready > 0) {
		caps = layers_caps(&r->layers);
		must(caps != NULL);
		json_decref(caps);
	}
	layers_finish(&r->layers);
}

static void rig_free(struct rig *r)
{
	layers_close(&r->layers);
	must(r->sessions.bytes == 0 && r->sessions.count == 0 && r->sessions.keys == NULL);
	buf_free(&r->up);
	buf_free(&r->told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig whole, cut;
	char before[512] = "";
	unsigned spoken;

	if (size < 2)
		return 0;
	spoken = data[0] % (SUBPROTOCOLS + 1);
	if (spoken < SUBPROTOCOLS)
		snprintf(before, sizeof before,
			"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
			"Sec-WebSocket-Protocol: %s\r\n\r\n",
			spoken > 0 ? subprotocol_name((enum subprotocol)spoken) : "other");
	run(&whole, before, slice_of(data + 2, size - 2), size);
	run(&cut, before, slice_of(data + 2, size - 2), 1 + data[1] % 61u);
	must(slice_is(buf_bytes(&whole.up), buf_bytes(&cut.up)));
	must(slice_is(buf_bytes(&whole.told), buf_bytes(&cut.told)));
	must(whole.ready == cut.ready && whole.overs == cut.overs);
	rig_free(&whole);
	rig_free(&cut);
	return 0;
}
