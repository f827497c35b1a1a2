#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/buf.h"
#include "multiplexer/listener.h"

#define BYTES(text) slice_of(text, sizeof(text) - 1)

struct rig {
	struct layers layers;
	struct layers_door door;
	struct buf up, down, told;
	unsigned ready, overs;
	enum layers_over over;
	char why[100];
};

static struct rig *rig_of(struct layers *ls)
{
	return container_of(ls, struct rig, layers);
}

static void on_input(struct layers *ls, struct slice bytes)
{
	assert_int_equal(rig_of(ls)->ready, 1);
	assert_true(buf_add(&rig_of(ls)->up, bytes));
}

static void on_output(struct layers *ls, struct shared *b)
{
	assert_true(buf_add(&rig_of(ls)->down, slice_of(b->bytes, b->len)));
}

static void on_tell(struct layers *ls, struct slice channel, uint32_t flags, struct slice data)
{
	struct buf *told = &rig_of(ls)->told;

	(void)flags;
	assert_true(buf_add(told, channel) && buf_add_byte(told, ':') && buf_add(told, data) &&
		    buf_add_byte(told, '|'));
}

static void on_nomem(struct layers *ls)
{
	(void)ls;
	fail_msg("memory is out");
}

static void on_ready(struct layers *ls)
{
	rig_of(ls)->ready++;
}

static void on_over(struct layers *ls, enum layers_over over, const char *why)
{
	struct rig *r = rig_of(ls);

	r->overs++;
	r->over = over;
	snprintf(r->why, sizeof r->why, "%s", why != NULL ? why : "");
}

static const struct layers_ops ops = {
	.on_input = on_input,
	.on_output = on_output,
	.on_nomem = on_nomem,
	.on_tell = on_tell,
	.on_ready = on_ready,
	.on_over = on_over,
};

static void rig_open(struct rig *r)
{
	memset(r, 0, sizeof *r);
	r->door = (struct layers_door){.origins = "same none", .loopback = true};
	assert_true(layers_open(&r->layers, listener_kind_find("websocket")->layers, &ops));
	r->layers.door = &r->door;
	r->layers.now_ms = 1000;
	layers_tick(&r->layers);
}

static void rig_close(struct rig *r)
{
	layers_close(&r->layers);
	buf_free(&r->up);
	buf_free(&r->down);
	buf_free(&r->told);
}

#define HANDSHAKE(more)                                                                           \
	"GET / HTTP/1.1\r\nHost: localhost:4080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" more "\r\n"

static void rig_enter(struct rig *r, const char *subprotocol)
{
	char text[512];

	rig_open(r);
	snprintf(text, sizeof text, HANDSHAKE("%s%s%s"),
		subprotocol != NULL ? "Sec-WebSocket-Protocol: " : "",
		subprotocol != NULL ? subprotocol : "", subprotocol != NULL ? "\r\n" : "");
	layers_up(&r->layers, slice_text(text));
	assert_int_equal(r->ready, 1);
	assert_int_equal(r->overs, 0);
	buf_eat(&r->down, r->down.len);
}

/* A frame with a mask of zeros. */
static void type(struct rig *r, uint8_t flags, struct slice payload)
{
	uint8_t head[6] = {flags, (uint8_t)(0x80 | payload.len), 0, 0, 0, 0};

	assert_true(payload.len < 126);
	layers_up(&r->layers, slice_of(head, 6));
	layers_up(&r->layers, payload);
}

static void assert_bytes(struct buf *b, struct slice expected)
{
	struct slice got = buf_bytes(b);

	if (!slice_is(got, expected))
		print_error("got %zu bytes: \"%.*s\"\n", got.len, (int)got.len,
			got.len > 0 ? (const char *)got.at : "");
	assert_true(slice_is(got, expected));
	buf_eat(b, b->len);
}

static void say(struct rig *r, struct slice bytes)
{
	struct shared *b = shared_new(bytes);

	layers_down(&r->layers, b);
	shared_unref(b);
}

static bool starts(struct buf *b, const char *text)
{
	return b->len >= strlen(text) && memcmp(buf_bytes(b).at, text, strlen(text)) == 0;
}

static void a_visitor_becomes_a_user_wherever_his_bytes_are_cut(void **state)
{
	static const char text[] =
		"GET /style.css HTTP/1.1\r\nHost: localhost:4080\r\n\r\n" HANDSHAKE(
			"") "\x81\x82\0\0\0\0hi";
	struct slice all = BYTES(text);

	(void)state;
	for (size_t cut = 0; cut <= all.len; cut++) {
		struct rig r;

		rig_open(&r);
		layers_up(&r.layers, slice_of(all.at, cut));
		layers_up(&r.layers, slice_from(all, cut));
		assert_int_equal(r.ready, 1);
		assert_int_equal(r.overs, 0);
		assert_bytes(&r.up, BYTES("hi\n"));
		assert_true(starts(&r.down, "HTTP/1.1 200 OK\r\n"));
		assert_non_null(memmem(r.down.mem, r.down.len, "HTTP/1.1 101 ", 13));
		rig_close(&r);
	}
}

static void a_message_is_a_line(void **state)
{
	static const char *const spoken[] = {NULL, "terminal.mudstandards.org",
		"gmcp.mudstandards.org", "json.mudstandards.org"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spoken); i++) {
		struct rig r;

		rig_enter(&r, spoken[i]);
		type(&r, 0x82, BYTES("look"));
		assert_bytes(&r.up, BYTES("look\n"));
		type(&r, 0x82, BYTES("look\n"));
		assert_bytes(&r.up, BYTES("look\n"));
		type(&r, 0x82, BYTES("look\r\n"));
		assert_bytes(&r.up, BYTES("look\n"));
		type(&r, 0x82, BYTES(""));
		assert_bytes(&r.up, BYTES("\n"));
		type(&r, 0x82, BYTES("one\ntwo"));
		assert_bytes(&r.up, BYTES("one\ntwo\n"));
		type(&r, 0x02, BYTES("lo"));
		type(&r, 0x80, BYTES("ok"));
		assert_bytes(&r.up, BYTES("look\n"));
		type(&r, 0x82, BYTES("\xff\xfd\x01x")); /* no telnet here */
		assert_int_equal(r.up.len, 5 - 1);
		assert_memory_equal(r.up.mem, "\xff\xfd", 2);
		assert_bytes(&r.down, BYTES(""));
		rig_close(&r);
	}
}

static void inside_the_subprotocol_telnet_it_is_telnet(void **state)
{
	static const char *const spoken[] = {"telnet.mudstandards.org", "binary"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spoken); i++) {
		struct rig r;

		rig_enter(&r, spoken[i]);
		type(&r, 0x82, BYTES("lo"));
		assert_bytes(&r.up, BYTES(""));
		type(&r, 0x82, BYTES("ok\r\0n"));
		assert_bytes(&r.up, BYTES("look\n"));
		type(&r, 0x82, BYTES("\xff"));
		type(&r, 0x82, BYTES("\xfd\x06"));
		assert_bytes(&r.down, BYTES("\x82\x03\xff\xfb\x06"));
		say(&r, BYTES("a\xff"
			      "b\n"));
		assert_bytes(&r.down, BYTES("\x82\x06"
					    "a\xff\xff"
					    "b\r\n"));
		rig_close(&r);
	}
}

static void assert_caps(struct rig *r, const char *expected)
{
	json_t *caps = layers_caps(&r->layers);
	char *text = json_dumps(caps, JSON_COMPACT | JSON_SORT_KEYS);

	assert_string_equal(text, expected);
	free(text);
	json_decref(caps);
}

static bool tell(struct rig *r, const char *channel, const char *data)
{
	struct tell t = {.channel = slice_text(channel), .data = slice_text(data)};
	bool shown = layers_tell(&r->layers, &t);

	shared_unref(t.wire);
	return shown;
}

static void gmcp_goes_as_text_beside_the_text(void **state)
{
	struct rig r;

	(void)state;
	rig_enter(&r, "gmcp.mudstandards.org");
	type(&r, 0x81, BYTES("Char.Items.Inv"));
	type(&r, 0x81, BYTES("Room.Go {\"to\":\"north\"}"));
	assert_bytes(&r.told, BYTES("gmcp:Char.Items.Inv|gmcp:Room.Go {\"to\":\"north\"}|"));
	type(&r, 0x81, BYTES("Core.Ping 12"));
	assert_bytes(&r.down, BYTES("\x81\x09"
				    "Core.Ping"));
	type(&r, 0x81, BYTES("Core.KeepAlive"));
	type(&r, 0x81, BYTES("Mux.Unheard {}"));
	assert_bytes(&r.told, BYTES(""));
	type(&r, 0x81, BYTES("say hello.")); /* this is no name of a package */
	assert_bytes(&r.up, BYTES("say hello.\n"));
	assert_true(tell(&r, "gmcp", "Char.Vitals {\"hp\":1}"));
	assert_bytes(&r.down, BYTES("\x81\x14"
				    "Char.Vitals {\"hp\":1}"));
	assert_true(tell(&r, "echo", "off"));
	assert_bytes(&r.down, BYTES("\x81\x15"
				    "Mux.Echo {\"on\":false}"));
	assert_true(r.layers.hidden);
	assert_true(tell(&r, "echo", "on"));
	assert_bytes(&r.down, BYTES("\x81\x14"
				    "Mux.Echo {\"on\":true}"));
	assert_false(tell(&r, "prompt", "> "));
	assert_false(tell(&r, "msdp", "x"));
	assert_false(tell(&r, "gmcp", "Bad.Utf8 \xff"));
	assert_bytes(&r.down, BYTES(""));
	rig_close(&r);
}

static void a_page_says_what_it_can_show(void **state)
{
	struct rig r;

	(void)state;
	rig_enter(&r, "gmcp.mudstandards.org");
	assert_caps(&r, "{\"gmcp\":{},\"subprotocol\":\"gmcp.mudstandards.org\",\"utf8\":true,"
			"\"websocket\":true}");
	type(&r, 0x81, BYTES("Core.Supports.Set [\"Char 1\",\"Room 2\"]"));
	assert_true(r.layers.caps_changed);
	assert_false(r.layers.prompts);
	type(&r, 0x81,
		BYTES("Mux.Client {\"client\":\"page\",\"w\":80,\"h\":24,\"utf8\":true,"
		      "\"colors\":99999999,\"reader\":true}"));
	assert_true(r.layers.prompts);
	assert_bytes(&r.told, BYTES("naws:{\"w\":80,\"h\":24}|"));
	assert_caps(&r, "{\"client\":\"page\",\"colors\":16777216,\"gmcp\":{\"Char\":1,\"Room\":2},"
			"\"h\":24,\"reader\":true,\"subprotocol\":\"gmcp.mudstandards.org\","
			"\"utf8\":true,\"w\":80,\"websocket\":true}");
	type(&r, 0x81, BYTES("Mux.Client {\"w\":80,\"h\":24}"));
	assert_bytes(&r.told, BYTES(""));
	type(&r, 0x81, BYTES("Mux.Client {\"w\":-1,\"h\":99999}"));
	type(&r, 0x81, BYTES("Mux.Client [1"));
	assert_bytes(&r.told, BYTES(""));
	assert_true(tell(&r, "prompt", "HP> "));
	assert_bytes(&r.down, BYTES("\x81\x1a"
				    "Mux.Prompt {\"text\":\"HP> \"}"));
	rig_close(&r);
}

static void json_is_an_envelope_for_gmcp_and_lines(void **state)
{
	struct rig r;

	(void)state;
	rig_enter(&r, "json.mudstandards.org");
	type(&r, 0x81, BYTES("{\"proto\":\"text\",\"id\":\"\",\"data\":\"look\"}"));
	assert_bytes(&r.up, BYTES("look\n"));
	type(&r, 0x81, BYTES("{\"proto\":\"gmcp\",\"id\":\"Room.Go\",\"data\":\"{}\"}"));
	type(&r, 0x81, BYTES("{\"proto\":\"gmcp\",\"id\":\"Room.Look\"}"));
	type(&r, 0x81, BYTES("{\"proto\":\"smoke\",\"id\":\"\",\"data\":\"signal\"}"));
	assert_bytes(&r.told, BYTES("gmcp:Room.Go {}|gmcp:Room.Look|"));
	assert_true(tell(&r, "gmcp", "Char.Name {\"name\":\"A\"}"));
	assert_bytes(&r.down, BYTES("\x81\x3b"
				    "{\"proto\":\"gmcp\",\"id\":\"Char.Name\",\"data\":"
				    "\"{\\\"name\\\":\\\"A\\\"}\"}"));
	assert_bytes(&r.up, BYTES(""));
	type(&r, 0x81, BYTES("look"));
	assert_int_equal(r.over, LAYERS_BROKEN);
	assert_string_equal(r.why, "a message is not of the form that was agreed");
	rig_close(&r);
}

static void output_is_binary_but_for_who_has_agreed_on_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_enter(&r, "terminal.mudstandards.org");
	say(&r, BYTES("\xff!\r\n"));
	assert_bytes(&r.down, BYTES("\x82\x04\xff!\r\n"));
	rig_close(&r);

	rig_enter(&r, NULL);
	say(&r, BYTES("hello\r\n"));
	assert_bytes(&r.down, BYTES("\x81\x07hello\r\n"));
	say(&r, BYTES("\xff!"));
	assert_bytes(&r.down, BYTES("\x81\x04\xef\xbf\xbd!"));
	say(&r, BYTES("a\xe2\x82")); /* half a character waits for its end */
	assert_bytes(&r.down, BYTES("\x81\x01"
				    "a"));
	say(&r, BYTES("\xac"
		      "b"));
	assert_bytes(&r.down, BYTES("\x81\x04\xe2\x82\xac"
				    "b"));
	say(&r, BYTES("\xf0\x9f"));
	assert_bytes(&r.down, BYTES(""));
	say(&r, BYTES("\x98"));
	say(&r, BYTES("x")); /* and is given up when another comes */
	assert_bytes(&r.down, BYTES("\x81\x04\xef\xbf\xbdx"));
	say(&r, BYTES("\xe2\x28\xf0\x9f\x98\x80"));
	assert_bytes(&r.down, BYTES("\x81\x08\xef\xbf\xbd(\xf0\x9f\x98\x80"));
	rig_close(&r);
}

static void a_fault_is_told_in_a_close_frame(void **state)
{
	struct rig r;

	(void)state;
	rig_enter(&r, NULL);
	layers_up(&r.layers, BYTES("\x81\x02hi\x81\x82\0\0\0\0hi"));
	assert_int_equal(r.overs, 1);
	assert_int_equal(r.over, LAYERS_BROKEN);
	assert_string_equal(r.why, "a frame is not masked");
	assert_bytes(&r.down, BYTES("\x88\x17\x03\xea"
				    "a frame is not masked"));
	assert_bytes(&r.up, BYTES(""));
	say(&r, BYTES("too late"));
	layers_finish(&r.layers);
	type(&r, 0x81, BYTES("too late"));
	assert_bytes(&r.down, BYTES(""));
	assert_bytes(&r.up, BYTES(""));
	assert_int_equal(r.overs, 1);
	rig_close(&r);
}

static void goodbyes_are_answered_once(void **state)
{
	struct rig r;

	(void)state;
	rig_enter(&r, NULL);
	type(&r, 0x88,
		BYTES("\x03\xe8"
		      "bye"));
	assert_bytes(&r.down, BYTES("\x88\x02\x03\xe8"));
	assert_int_equal(r.overs, 1);
	assert_int_equal(r.over, LAYERS_LEFT);
	layers_finish(&r.layers);
	assert_bytes(&r.down, BYTES(""));
	rig_close(&r);

	rig_enter(&r, NULL);
	type(&r, 0x88, BYTES(""));
	assert_bytes(&r.down, BYTES("\x88\x00"));
	rig_close(&r);

	rig_enter(&r, NULL);
	r.layers.close_code = 1001;
	layers_finish(&r.layers);
	assert_bytes(&r.down, BYTES("\x88\x02\x03\xe9"));
	assert_int_equal(r.overs, 0);
	rig_close(&r);
}

static void ten_pings_a_second_are_answered(void **state)
{
	struct rig r;

	(void)state;
	rig_enter(&r, NULL);
	for (int i = 0; i < 50; i++)
		type(&r, 0x89, BYTES("x"));
	assert_int_equal(r.down.len, 10 * 3);
	assert_int_equal(r.layers.dropped_replies, 40);
	buf_eat(&r.down, r.down.len);
	r.layers.now_ms += 1000;
	type(&r, 0x89, BYTES("y"));
	assert_bytes(&r.down, BYTES("\x8a\x01y"));
	rig_close(&r);
}

static void who_says_nothing_is_pinged_and_then_given_up(void **state)
{
	struct rig r;

	(void)state;
	rig_enter(&r, NULL);
	r.layers.now_ms = 1000 + 29999;
	layers_tick(&r.layers);
	assert_bytes(&r.down, BYTES(""));
	r.layers.now_ms = 1000 + 30000;
	layers_tick(&r.layers);
	assert_bytes(&r.down, BYTES("\x89\x00"));
	r.layers.now_ms += 29000;
	layers_tick(&r.layers);
	assert_int_equal(r.overs, 0);
	type(&r, 0x8a, BYTES("")); /* his Pong */
	r.layers.now_ms += 29999;
	layers_tick(&r.layers);
	assert_bytes(&r.down, BYTES(""));
	r.layers.now_ms++;
	layers_tick(&r.layers);
	assert_bytes(&r.down, BYTES("\x89\x00"));
	r.layers.now_ms += 30000;
	layers_tick(&r.layers);
	assert_bytes(&r.down, BYTES("\x88\x0e\x03\xf3no Pong came"));
	assert_int_equal(r.over, LAYERS_SILENT);
	rig_close(&r);
}

static void a_handshake_has_ten_seconds_in_all(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r); /* silent */
	r.layers.now_ms = 10999;
	layers_tick(&r.layers);
	assert_int_equal(r.overs, 0);
	r.layers.now_ms = 11000;
	layers_tick(&r.layers);
	assert_int_equal(r.overs, 1);
	assert_int_equal(r.over, LAYERS_HANDSHAKE);
	assert_bytes(&r.down, BYTES(""));
	rig_close(&r);

	rig_open(&r); /* a byte a second */
	for (int i = 0; i < 10; i++) {
		assert_int_equal(r.overs, 0);
		layers_up(&r.layers, slice_of(&HANDSHAKE("")[i], 1));
		r.layers.now_ms += 1000;
		layers_tick(&r.layers);
	}
	assert_int_equal(r.over, LAYERS_HANDSHAKE);
	assert_true(starts(&r.down, "HTTP/1.1 408 "));
	rig_close(&r);

	rig_open(&r); /* pages for ever */
	while (r.overs == 0) {
		layers_up(&r.layers, BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
		r.layers.now_ms += 1000;
		layers_tick(&r.layers);
	}
	assert_int_equal(r.over, LAYERS_VISIT);
	assert_int_equal(r.layers.now_ms, 61000);
	rig_close(&r);
}

static void who_may_not_in_is_told_in_http(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	say(&r, BYTES("Server is full.\r\n"));
	assert_true(starts(&r.down, "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_non_null(memmem(r.down.mem, r.down.len, "\r\n\r\nServer is full.\r\n", 21));
	layers_up(&r.layers, BYTES(HANDSHAKE("")));
	assert_int_equal(r.ready, 0);
	rig_close(&r);

	rig_open(&r);
	layers_up(&r.layers, BYTES(HANDSHAKE("Origin: http://evil.example\r\n")));
	assert_true(starts(&r.down, "HTTP/1.1 403 Forbidden\r\n"));
	assert_int_equal(r.ready, 0);
	assert_int_equal(r.overs, 1);
	rig_close(&r);

	rig_open(&r);
	layers_up(&r.layers, BYTES("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
				   "Connection: upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n"));
	assert_true(starts(&r.down, "HTTP/1.1 426 Upgrade Required\r\n"));
	assert_non_null(memmem(r.down.mem, r.down.len, "\r\nSec-WebSocket-Version: 13\r\n", 28));
	rig_close(&r);

	rig_open(&r);
	layers_up(&r.layers, BYTES("GET / HTTP/1.1\nHost: a\r\n\r\n"));
	assert_true(starts(&r.down, "HTTP/1.1 400 Bad Request\r\n"));
	assert_int_equal(r.over, LAYERS_HANDSHAKE);
	assert_string_equal(r.why, "a line of the head ends with LF alone");
	rig_close(&r);
}

static void pages_have_their_rules_and_are_sent_once(void **state)
{
	struct rig r;
	char tag[64], request[256];

	(void)state;
	rig_open(&r);
	layers_up(&r.layers, BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_non_null(memmem(
		r.down.mem, r.down.len, "\r\nContent-Type: text/html; charset=utf-8\r\n", 42));
	assert_non_null(
		memmem(r.down.mem, r.down.len, "Content-Security-Policy: default-src 'self';", 44));
	assert_non_null(memmem(r.down.mem, r.down.len, "X-Content-Type-Options: nosniff", 31));
	const char *etag = memmem(r.down.mem, r.down.len, "ETag: ", 6);
	assert_non_null(etag);
	snprintf(tag, sizeof tag, "%.18s", etag + 6);
	snprintf(request, sizeof request,
		"GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\", W/%s\r\n\r\n", tag);
	buf_eat(&r.down, r.down.len);
	layers_up(&r.layers, slice_text(request));
	assert_true(starts(&r.down, "HTTP/1.1 304 Not Modified\r\n"));
	buf_eat(&r.down, r.down.len);
	layers_up(
		&r.layers, BYTES("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br, gzip\r\n\r\n"));
	assert_non_null(memmem(r.down.mem, r.down.len, "\r\nContent-Encoding: gzip\r\n", 26));
	buf_eat(&r.down, r.down.len);
	layers_up(&r.layers, BYTES("GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_true(starts(&r.down, "HTTP/1.1 400 "));
	rig_close(&r);

	static const struct {
		const char *request, *status;
	} rows[] = {
		{"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 "},
		{"GET /index.html/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 "},
		{"GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "},
		{"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 405 "},
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "},
		{"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		rig_open(&r);
		layers_up(&r.layers, slice_text(rows[i].request));
		if (!starts(&r.down, rows[i].status))
			print_error("%s", rows[i].request);
		assert_true(starts(&r.down, rows[i].status));
		assert_int_equal(r.ready, 0);
		rig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_visitor_becomes_a_user_wherever_his_bytes_are_cut),
		cmocka_unit_test(a_message_is_a_line),
		cmocka_unit_test(inside_the_subprotocol_telnet_it_is_telnet),
		cmocka_unit_test(gmcp_goes_as_text_beside_the_text),
		cmocka_unit_test(a_page_says_what_it_can_show),
		cmocka_unit_test(json_is_an_envelope_for_gmcp_and_lines),
		cmocka_unit_test(output_is_binary_but_for_who_has_agreed_on_nothing),
		cmocka_unit_test(a_fault_is_told_in_a_close_frame),
		cmocka_unit_test(goodbyes_are_answered_once),
		cmocka_unit_test(ten_pings_a_second_are_answered),
		cmocka_unit_test(who_says_nothing_is_pinged_and_then_given_up),
		cmocka_unit_test(a_handshake_has_ten_seconds_in_all),
		cmocka_unit_test(who_may_not_in_is_told_in_http),
		cmocka_unit_test(pages_have_their_rules_and_are_sent_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
