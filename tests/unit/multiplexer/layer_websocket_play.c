/* What the play page speaks: two connections of one session, and the layers of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/buf.h"
#include "multiplexer/listener.h"
#include "multiplexer/mssp.h"
#include "multiplexer/session.h"

#define BYTES(text) slice_of(text, sizeof(text) - 1)

struct rig {
	struct layers layers;
	struct layers_door door;
	struct buf up, down, told;
	unsigned ready, claims, overs;
	enum layers_over over;
};

static struct sessions all;
static struct layers_house house = {.sessions = &all};

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
	assert_false(ls->detached);
	assert_true(buf_add(&rig_of(ls)->down, slice_of(b->bytes, b->len)));
}

static void on_tell(
	struct layers *ls, struct slice channel, uint32_t flags UNUSED, struct slice data)
{
	assert_true(buf_addf(&rig_of(ls)->told, "%.*s:%.*s|", (int)channel.len,
		(const char *)channel.at, (int)data.len, (const char *)data.at));
}

static void on_nomem(struct layers *ls UNUSED)
{
	fail_msg("memory is out");
}

static void on_ready(struct layers *ls)
{
	rig_of(ls)->ready++;
}

static void on_claim(struct layers *ls)
{
	rig_of(ls)->claims++;
}

static void on_over(struct layers *ls, enum layers_over over, const char *why UNUSED)
{
	rig_of(ls)->overs++;
	rig_of(ls)->over = over;
}

static const struct layers_ops ops = {
	.on_input = on_input,
	.on_output = on_output,
	.on_nomem = on_nomem,
	.on_tell = on_tell,
	.on_ready = on_ready,
	.on_claim = on_claim,
	.on_over = on_over,
};

#define HANDSHAKE                                                                                 \
	"GET / HTTP/1.1\r\nHost: localhost:4080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"            \
	"Sec-WebSocket-Protocol: play.holdfast\r\n\r\n"
#define CLIENT \
	"{\"client\":\"page\",\"w\":80,\"h\":24,\"utf8\":true,\"colors\":256,\"reader\":false}"

static int open_all(void **state UNUSED)
{
	all = (struct sessions){.keep = 4096, .pool = 1 << 20, .ttl_ms = 120000};
	return 0;
}

static int close_all(void **state UNUSED)
{
	return all.count != 0 || all.bytes != 0 || all.keys != NULL;
}

static void rig_open(struct rig *r)
{
	memset(r, 0, sizeof *r);
	r->door = (struct layers_door){.origins = "none", .loopback = true};
	assert_true(layers_open(&r->layers, listener_kind_find("websocket")->layers, &ops));
	r->layers.door = &r->door;
	r->layers.house = &house;
	r->layers.now_ms = 1000;
	layers_tick(&r->layers);
	layers_up(&r->layers, BYTES(HANDSHAKE));
	assert_int_equal(r->ready + r->overs, 0);
	buf_eat(&r->down, r->down.len);
}

static void rig_close(struct rig *r)
{
	layers_close(&r->layers);
	buf_free(&r->up);
	buf_free(&r->down);
	buf_free(&r->told);
}

/* A frame with a mask of zeros. */
static void add_frame(struct buf *out, uint8_t opcode, const char *payload)
{
	size_t len = strlen(payload);

	assert_true(buf_add_byte(out, 0x80 | opcode));
	if (len < 126)
		assert_true(buf_add_byte(out, (uint8_t)(0x80 | len)));
	else
		assert_true(buf_add_byte(out, 0xfe) && buf_add_byte(out, (uint8_t)(len >> 8)) &&
			    buf_add_byte(out, (uint8_t)len));
	assert_true(buf_add(out, BYTES("\0\0\0\0")) && buf_add(out, slice_text(payload)));
}

static void type(struct rig *r, uint8_t opcode, const char *payload)
{
	struct buf bytes = {0};

	add_frame(&bytes, opcode, payload);
	layers_up(&r->layers, buf_bytes(&bytes));
	buf_free(&bytes);
}

static void say(struct rig *r, const char *text)
{
	struct shared *b = shared_new(slice_text(text));

	layers_down(&r->layers, b);
	shared_unref(b);
}

static void tell(struct rig *r, const char *channel, const char *data)
{
	struct tell t = {.channel = slice_text(channel), .data = slice_text(data)};

	assert_true(layers_tell(&r->layers, &t));
	shared_unref(t.wire);
}

/* The frames that went down, as "t..." and "b..." each ended by |; the token of a Mux.Session is taken
 * out of it. */
static void assert_down(struct rig *r, const char *expected, char token[SESSION_TOKEN_LEN + 1])
{
	struct slice rest = buf_bytes(&r->down);
	struct buf text = {0};

	while (rest.len > 0) {
		size_t len = rest.at[1], head = 2;

		if (len == 126) {
			len = (size_t)rest.at[2] << 8 | rest.at[3];
			head = 4;
		}
		const char *payload = (const char *)rest.at + head;
		const char *shown = len > 22 ? memmem(payload, len, "\"token\":\"", 9) : NULL;
		char opcode = "?tb?????c"[rest.at[0] & 15];

		if (shown != NULL) {
			size_t before = (size_t)(shown + 9 - payload);

			memcpy(token, shown + 9, SESSION_TOKEN_LEN);
			token[SESSION_TOKEN_LEN] = '\0';
			assert_true(buf_addf(&text, "%c%.*sT%.*s|", opcode, (int)before, payload,
				(int)(len - before - SESSION_TOKEN_LEN),
				payload + before + SESSION_TOKEN_LEN));
		} else {
			assert_true(buf_addf(&text, "%c%.*s|", opcode, (int)len, payload));
		}
		rest = slice_from(rest, head + len);
	}
	assert_true(buf_add_byte(&text, '\0'));
	assert_string_equal((const char *)buf_bytes(&text).at, expected);
	buf_free(&text);
	buf_eat(&r->down, r->down.len);
}

static void assert_up(struct rig *r, const char *expected)
{
	assert_true(slice_is(buf_bytes(&r->up), slice_text(expected)));
	buf_eat(&r->up, r->up.len);
}

static void enter(struct rig *r, char token[SESSION_TOKEN_LEN + 1])
{
	rig_open(r);
	type(r, 1, "Mux.Client " CLIENT);
	assert_int_equal(r->ready, 1);
	assert_down(r,
		"tMux.Session {\"token\":\"T\",\"seq\":0,\"upto\":0,\"ttl\":120,\"received\":0,"
		"\"resumed\":false,\"lost\":0}|",
		token);
	type(r, 1, "Mux.Seen {}");
	assert_down(r, "tMux.Seen {\"received\":0}|", token);
}

static void his_page_is_told_what_the_game_is_called(void **state UNUSED)
{
	static const char known[] =
		"tMux.Session {\"token\":\"T\",\"seq\":0,\"upto\":0,\"ttl\":120,\"received\":0,"
		"\"resumed\":false,\"lost\":0,\"name\":\"B\u00e4r & \\\"Co\\\"\"}|";
	struct rig r;
	struct mssp mssp = {0};
	char token[SESSION_TOKEN_LEN + 1], table[160];
	const char *why;

	house.mssp = &mssp;
	assert_int_equal(mssp_name(&mssp).len, 0);
	assert_true(mssp_set(&mssp,
		slice_text("{\"CONTACT\":\"a\",\"NAME\":\"B\u00e4r & \\\"Co\\\"\",\"PORT\":[1,2]}"),
		&why));
	rig_open(&r);
	type(&r, 1, "Mux.Client " CLIENT);
	assert_down(&r, known, token);
	rig_close(&r);
	/* too long for a heading: as if it had none, which enter() expects */
	snprintf(table, sizeof table, "{\"NAME\":\"%0101d\"}", 7);
	assert_true(mssp_set(&mssp, slice_text(table), &why));
	enter(&r, token);
	rig_close(&r);
	house.mssp = NULL;
	mssp_free(&mssp);
}

static void resume(struct rig *r, const char *token, unsigned seq, const char *client)
{
	char text[400];

	snprintf(text, sizeof text, "Mux.Resume {\"token\":\"%s\",\"seq\":%u,\"client\":%s}", token,
		seq, client);
	type(r, 1, text);
}

static void he_is_a_user_when_he_has_said_who_he_is(void **state UNUSED)
{
	char token[SESSION_TOKEN_LEN + 1];
	struct rig r;

	enter(&r, token);
	assert_int_equal(strlen(token), SESSION_TOKEN_LEN);
	type(&r, 2, "look");
	assert_up(&r, "look\n");
	assert_int_equal(r.told.len, 0); /* what he can is part of his arrival */
	assert_false(r.layers.caps_changed);
	type(&r, 1, "Mux.Seen {}");
	assert_down(&r, "tMux.Seen {\"received\":1}|", token);
	rig_close(&r);

	rig_open(&r);
	type(&r, 2, "look");
	assert_int_equal(r.ready, 0);
	assert_int_equal(r.over, LAYERS_HANDSHAKE);
	rig_close(&r);

	rig_open(&r);
	r.layers.now_ms += 11000;
	layers_tick(&r.layers);
	assert_int_equal(r.over, LAYERS_HANDSHAKE);
	rig_close(&r);
}

static void another_connection_goes_on_at_the_byte_where_the_last_broke_off(void **state UNUSED)
{
	char token[SESSION_TOKEN_LEN + 1], next[SESSION_TOKEN_LEN + 1];
	struct rig old, new;
	struct buf later = {0};

	enter(&old, token);
	say(&old, "hello\n");
	tell(&old, "gmcp", "Room.Info {}");
	assert_down(&old, "bhello\n|tRoom.Info {}|", next);
	type(&old, 2, "one");
	layers_up(
		&old.layers, BYTES("\x82\x83\0\0\0\0t")); /* the rest of two is never sent there */
	old.layers.detached = true;
	say(&old, "while he is away\n");
	layers_tick(&old.layers);
	assert_down(&old, "", next);

	rig_open(&new);
	resume(&new, token, 6, CLIENT);
	assert_int_equal(new.claims, 1);
	add_frame(&later, 2, "two");
	layers_up(&new.layers, buf_bytes(&later)); /* behind the claim */
	assert_ptr_equal(websocket_claim(&new.layers), old.layers.session);
	websocket_take_over(&old.layers, &new.layers);
	assert_int_equal(new.ready, 0);
	assert_down(&old,
		"tMux.Session {\"token\":\"T\",\"seq\":6,\"upto\":35,\"ttl\":120,\"received\":1,"
		"\"resumed\":true,\"lost\":0}|tRoom.Info {}|bwhile he is away\n|",
		next);
	assert_string_not_equal(token, next);
	assert_up(&old, "one\ntwo\n");
	assert_int_equal(old.told.len, 0);
	assert_false(old.layers.caps_changed); /* the game has nothing to hear */
	say(&old, "again\n");
	assert_down(&old, "bagain\n|", next);
	/* what is left of the comer says goodbye on the old connection */
	new.layers.close_code = 4001;
	layers_finish(&new.layers);
	assert_memory_equal(buf_bytes(&new.down).at, "\x88\x02\x0f\xa1", 4);
	buf_free(&later);
	rig_close(&new);
	rig_close(&old);
}

static void a_window_of_another_size_is_told(void **state UNUSED)
{
	char token[SESSION_TOKEN_LEN + 1];
	struct rig old, new;

	enter(&old, token);
	old.layers.detached = true;
	rig_open(&new);
	resume(&new, token, 0,
		"{\"client\":\"page\",\"w\":40,\"h\":30,\"utf8\":true,\"colors\":256}");
	assert_non_null(websocket_claim(&new.layers));
	websocket_take_over(&old.layers, &new.layers);
	assert_true(old.layers.caps_changed);
	assert_true(slice_is(buf_bytes(&old.told), BYTES("naws:{\"w\":40,\"h\":30}|")));
	rig_close(&new);
	rig_close(&old);
}

static void who_shows_a_wrong_token_is_a_new_user(void **state UNUSED)
{
	static const char *const tokens[] = {"", "short", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
	char token[SESSION_TOKEN_LEN + 1];

	for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
		struct rig r;
		struct buf later = {0};

		rig_open(&r);
		resume(&r, tokens[i], 12, CLIENT);
		add_frame(&later, 2, "hi");
		layers_up(&r.layers, buf_bytes(&later));
		assert_null(websocket_claim(&r.layers));
		websocket_refuse(&r.layers);
		assert_int_equal(r.ready, 1);
		assert_down(&r,
			"tMux.Session {\"token\":\"T\",\"seq\":0,\"upto\":0,\"ttl\":120,"
			"\"received\":0,\"resumed\":false,\"lost\":0}|",
			token);
		assert_up(&r, "hi\n");
		assert_true(r.layers.prompts);
		buf_free(&later);
		rig_close(&r);
	}
}

static void a_claim_that_is_none_is_refused(void **state UNUSED)
{
	static const char *const bad[] = {"Mux.Resume", "Mux.Resume {", "Mux.Resume []",
		"Mux.Resume {\"token\":1,\"seq\":0}", "Mux.Resume {\"token\":\"a\"}",
		"Mux.Resume {\"token\":\"a\",\"seq\":-1}",
		"Mux.Resume {\"token\":\"a\",\"seq\":1.5}", "Mux.Session {}", "look", ""};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct rig r;

		rig_open(&r);
		type(&r, 1, bad[i]);
		assert_int_equal(r.overs, 1);
		assert_int_equal(r.over, LAYERS_HANDSHAKE);
		assert_int_equal(r.ready + r.claims, 0);
		rig_close(&r);
	}
}

static void who_has_lost_output_is_told_how_things_are(void **state UNUSED)
{
	char token[SESSION_TOKEN_LEN + 1];
	struct rig old, new;

	all.keep = 60;
	enter(&old, token);
	tell(&old, "echo", "off");
	tell(&old, "gmcp", "Char.Vitals {\"hp\":1}");
	tell(&old, "prompt", "HP> ");
	tell(&old, "gmcp", "Comm.Channel.Text {\"text\":\"once\"}");
	say(&old, "a line that takes the place of all that was before it\n");
	old.layers.detached = true;
	rig_open(&new);
	resume(&new, token, 0, CLIENT);
	assert_non_null(websocket_claim(&new.layers));
	buf_eat(&old.down, old.down.len);
	websocket_take_over(&old.layers, &new.layers);
	assert_down(&old,
		"tMux.Session {\"token\":\"T\",\"seq\":100,\"upto\":154,\"ttl\":120,\"received\":0,"
		"\"resumed\":true,\"lost\":100}|"
		"ba line that takes the place of all that was before it\n|"
		"tMux.Echo {\"on\":false}|tChar.Vitals {\"hp\":1}|tMux.Prompt {\"text\":\"HP> \"}|",
		token);
	assert_int_equal(all.gaps, 1);
	rig_close(&new);

	/* a prompt is over when it was answered */
	type(&old, 2, "secret");
	old.layers.detached = true;
	rig_open(&new);
	resume(&new, token, 0, CLIENT);
	assert_non_null(websocket_claim(&new.layers));
	websocket_take_over(&old.layers, &new.layers);
	struct slice end = BYTES("Char.Vitals {\"hp\":1}\x81\x16"
				 "Mux.Prompt {\"text\":\"\"}");
	buf_eat(&old.down, old.down.len - end.len);
	assert_true(slice_is(buf_bytes(&old.down), end));
	rig_close(&new);
	rig_close(&old);
}

static void only_1000_says_that_he_leaves(void **state UNUSED)
{
	static const struct {
		const char *payload;
		enum layers_over over;
	} cases[] = {{"\x03\xe8", LAYERS_LEFT}, {"\x03\xe9", LAYERS_AWAY},
		{"\x0f\xa0", LAYERS_AWAY}, {"", LAYERS_AWAY}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char token[SESSION_TOKEN_LEN + 1];
		struct rig r;

		enter(&r, token);
		type(&r, 8, cases[i].payload);
		assert_int_equal(r.overs, 1);
		assert_int_equal(r.over, cases[i].over);
		rig_close(&r);
	}
}

static void one_who_is_silent_may_be_back(void **state UNUSED)
{
	char token[SESSION_TOKEN_LEN + 1];
	struct rig r;

	enter(&r, token);
	r.layers.now_ms += 30000;
	layers_tick(&r.layers);
	assert_true(slice_is(buf_bytes(&r.down), BYTES("\x89\0")));
	buf_eat(&r.down, r.down.len);
	r.layers.now_ms += 30000;
	layers_tick(&r.layers);
	assert_int_equal(r.over, LAYERS_SILENT);
	assert_down(&r, "", token); /* no goodbye: it is for the owner to decide */
	r.layers.close_code = 1000;
	layers_finish(&r.layers);
	assert_memory_equal(buf_bytes(&r.down).at, "\x88\x02\x03\xe8", 4);
	rig_close(&r);
}

static void without_sessions_there_is_no_token(void **state UNUSED)
{
	struct rig r;

	all.ttl_ms = 0;
	rig_open(&r);
	type(&r, 1, "Mux.Client " CLIENT);
	assert_down(&r, "tMux.Session {\"resumed\":false}|", NULL);
	assert_null(r.layers.session);
	type(&r, 8, "\x03\xe9");
	assert_int_equal(r.over, LAYERS_LEFT);
	rig_close(&r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
	const struct CMUnitTest tests[] = {
		TEST(his_page_is_told_what_the_game_is_called),
		TEST(he_is_a_user_when_he_has_said_who_he_is),
		TEST(another_connection_goes_on_at_the_byte_where_the_last_broke_off),
		TEST(a_window_of_another_size_is_told),
		TEST(who_shows_a_wrong_token_is_a_new_user),
		TEST(a_claim_that_is_none_is_refused),
		TEST(who_has_lost_output_is_told_how_things_are),
		TEST(only_1000_says_that_he_leaves),
		TEST(one_who_is_silent_may_be_back),
		TEST(without_sessions_there_is_no_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
