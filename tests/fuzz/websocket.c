/* Whatever a WebSocket client sends, however it is cut: the same messages come of it and the same
 * fault; texts are UTF-8, nothing is longer than the limits. The first byte says where to cut. */
#include "common/buf.h"
#include "multiplexer/websocket.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct websocket *w)
{
	switch (w->opcode) {
	case WEBSOCKET_TEXT:
		must(utf8_is_valid(w->payload));
		must(w->payload.len <= WEBSOCKET_MESSAGE_MAX);
		break;
	case WEBSOCKET_BINARY:
		must(w->payload.len <= WEBSOCKET_MESSAGE_MAX);
		break;
	case WEBSOCKET_CLOSE:
		must(w->close_code == 1005 || websocket_code_may_be_sent(w->close_code));
		must(utf8_is_valid(w->payload));
		break;
	default:
		must(w->payload.len <= WEBSOCKET_CONTROL_MAX);
	}
}

static void run(struct slice bytes, size_t piece, struct buf *got)
{
	struct websocket w = {0};
	enum websocket_step step = WEBSOCKET_GIVE_MORE;

	while (bytes.len > 0 && step != WEBSOCKET_BAD) {
		struct slice some = slice_of(bytes.at, size_min(piece, bytes.len));

		bytes = slice_from(bytes, some.len);
		while ((step = websocket_feed(&w, &some)) == WEBSOCKET_GOT) {
			check(&w);
			must(buf_addf(got, "%d %u %zu ", w.opcode, w.close_code, w.payload.len));
			must(buf_add(got, w.payload));
			if (w.opcode == WEBSOCKET_CLOSE) {
				websocket_free(&w);
				return;
			}
		}
	}
	must(buf_addf(got, "!%s", websocket_fault_name(w.fault)));
	websocket_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = {0}, cut = {0};

	if (size < 2)
		return 0;
	run(slice_of(data + 1, size - 1), size, &whole);
	run(slice_of(data + 1, size - 1), 1 + data[0] % 61u, &cut);
	must(slice_is(buf_bytes(&whole), buf_bytes(&cut)));
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
