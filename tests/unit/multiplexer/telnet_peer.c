/* A second opinion: Debian's libtelnet, as the client of our telnet, and beside it on the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <libtelnet.h>

#include "tests/unit/multiplexer/support_layers.h"

/* What libtelnet saw. */
struct peer {
	telnet_t *telnet;
	struct buf text;     /* data */
	struct buf commands; /* a byte each */
	struct buf bodies;   /* of GMCP, each behind a '|' */
	struct buf out;      /* what it wants to send */
	bool he_does[256];   /* WILL was agreed on */
	bool i_do[256];
	unsigned faults;
};

static void on_telnet(telnet_t *t, telnet_event_t *e, void *data)
{
	struct peer *p = data;

	(void)t;
	switch (e->type) {
	case TELNET_EV_DATA:
		buf_add(&p->text, slice_of(e->data.buffer, e->data.size));
		break;
	case TELNET_EV_SEND:
		buf_add(&p->out, slice_of(e->data.buffer, e->data.size));
		break;
	case TELNET_EV_IAC:
		buf_add_byte(&p->commands, e->iac.cmd);
		break;
	case TELNET_EV_WILL:
		p->he_does[e->neg.telopt] = true;
		break;
	case TELNET_EV_WONT:
		p->he_does[e->neg.telopt] = false;
		break;
	case TELNET_EV_DO:
		p->i_do[e->neg.telopt] = true;
		break;
	case TELNET_EV_DONT:
		p->i_do[e->neg.telopt] = false;
		break;
	case TELNET_EV_SUBNEGOTIATION:
		if (e->sub.telopt == 201) {
			buf_add_byte(&p->bodies, '|');
			buf_add(&p->bodies, slice_of(e->sub.buffer, e->sub.size));
		}
		break;
	case TELNET_EV_WARNING:
	case TELNET_EV_ERROR:
		print_error("libtelnet: %s\n", e->error.msg);
		p->faults++;
		break;
	default:
		break;
	}
}

static void peer_open(struct peer *p, const telnet_telopt_t *options)
{
	*p = (struct peer){0};
	p->telnet = telnet_init(options, on_telnet, 0, p);
	assert_non_null(p->telnet);
}

static void peer_close(struct peer *p)
{
	telnet_free(p->telnet);
	buf_free(&p->text);
	buf_free(&p->commands);
	buf_free(&p->bodies);
	buf_free(&p->out);
}

static void hear(struct peer *p, struct slice bytes)
{
	if (bytes.len > 0)
		telnet_recv(p->telnet, (const char *)bytes.at, bytes.len);
}

/* Until neither has anything to say. */
static void talk(struct rig *r, struct peer *p)
{
	for (int round = 0; r->down.len + p->out.len > 0; round++) {
		struct buf down = r->down, out = p->out;

		assert_true(round < 20);
		r->down = p->out = (struct buf){0};
		hear(p, buf_bytes(&down));
		if (out.len > 0)
			rig_type(r, buf_bytes(&out));
		buf_free(&down);
		buf_free(&out);
		layers_flush(&r->layers, false);
	}
	assert_int_equal(p->faults, 0);
}

static void libtelnet_as_a_client_agrees_on_every_option_and_is_compressed(void **state)
{
	static const telnet_telopt_t options[] = {
		{TELNET_TELOPT_TTYPE, TELNET_WILL, TELNET_DONT},
		{TELNET_TELOPT_NAWS, TELNET_WILL, TELNET_DONT},
		{TELNET_TELOPT_NEW_ENVIRON, TELNET_WILL, TELNET_DONT},
		{TELNET_TELOPT_EOR, TELNET_WONT, TELNET_DO},
		{TELNET_TELOPT_ECHO, TELNET_WONT, TELNET_DO},
		{TELNET_TELOPT_MSSP, TELNET_WONT, TELNET_DO},
		{TELNET_TELOPT_COMPRESS2, TELNET_WONT, TELNET_DO},
		{42, TELNET_WONT, TELNET_DO},
		{69, TELNET_WONT, TELNET_DO},
		{201, TELNET_WONT, TELNET_DO},
		{-1, 0, 0},
	};
	struct rig r;
	struct peer p;

	(void)state;
	rig_open_telnet(&r, "telnet-line", NEGOTIATE_ALWAYS);
	peer_open(&p, options);
	talk(&r, &p);
	assert_true(p.i_do[24] && p.i_do[31] && p.i_do[39]);
	assert_true(p.he_does[25] && p.he_does[42] && p.he_does[69] && p.he_does[201]);
	assert_true(p.he_does[70] && !p.he_does[1] && !p.he_does[86]);
	telnet_ttype_is(p.telnet, "LIBTELNET");
	talk(&r, &p);
	telnet_ttype_is(p.telnet, "LIBTELNET");
	talk(&r, &p);
	assert_true(p.he_does[86] && compress_is_on(&r.layers));
	rig_tell(&r, "echo", 0, "off");
	rig_send(&r, BYTES("Password: \xff"));
	layers_flush(&r.layers, false);
	talk(&r, &p);
	assert_true(p.he_does[1]);
	rig_tell(&r, "echo", 0, "on");
	rig_tell(&r, "prompt", 0, "");
	rig_tell(&r, "gmcp", 0, "Room.Info {\"a\":\"\xff\"}");
	layers_flush(&r.layers, false);
	talk(&r, &p);
	assert_false(p.he_does[1]);
	telnet_printf(p.telnet, "secret \xff\n");
	talk(&r, &p);
	assert_up(&r, BYTES("secret \xff\n"));
	assert_true(slice_is(buf_bytes(&p.text), BYTES("Password: \xff")));
	assert_true(slice_is(buf_bytes(&p.commands), BYTES("\xef")));
	assert_true(slice_is(buf_bytes(&p.bodies), BYTES("|Room.Info {\"a\":\"\xff\"}")));
	/* He ends compression; what follows is plain again. */
	telnet_negotiate(p.telnet, TELNET_DONT, 86);
	talk(&r, &p);
	rig_send(&r, BYTES(" and plain"));
	talk(&r, &p);
	assert_true(slice_is(buf_bytes(&p.text), BYTES("Password: \xff and plain")));
	peer_close(&p);
	rig_close(&r);
}

/* ---- the same bytes to both ---- */

static uint32_t number = 4711;

static uint32_t random_below(uint32_t n)
{
	number = number * 1664525 + 1013904223;
	return (number >> 8) % n;
}

/* A piece of a valid stream. */
static void add_piece(struct buf *out)
{
	static const char words[] = "look north say hello \xc3\xbc \x1b \x7f";
	static const uint8_t commands[] = {243, 244, 245, 247, 248};

	switch (random_below(6)) {
	case 0:
		buf_add(out, BYTES("\xff\xff"));
		break;
	case 1:
		buf_add_byte(out, 255);
		buf_add_byte(out, commands[random_below(sizeof commands)]);
		break;
	case 2: /* an option that neither knows */
		buf_add_byte(out, 255);
		buf_add_byte(out, (uint8_t)(251 + random_below(4)));
		buf_add_byte(out, (uint8_t)(100 + random_below(80)));
		break;
	case 3:
		buf_add(out, BYTES("\xff\xfa\xc9"
				   "Some.Package "));
		for (uint32_t n = random_below(40); n > 0; n--) {
			uint8_t byte = (uint8_t)random_below(256);

			buf_add_byte(out, byte);
			if (byte == 255)
				buf_add_byte(out, byte);
		}
		buf_add(out, BYTES("\xff\xf0"));
		break;
	default:
		buf_add(out, slice_of(words + random_below(20), 1 + random_below(8)));
		break;
	}
}

/* Our telnet alone, and what it heard, in the form of struct peer. */
struct ear {
	struct layers layers;
	struct buf text, commands, bodies;
};

static void on_input(struct layers *ls, struct slice bytes)
{
	buf_add(&container_of(ls, struct ear, layers)->text, bytes);
}

static void on_output(struct layers *ls, struct shared *b)
{
	(void)ls;
	(void)b;
}

static void on_event(struct layers *ls, enum layer_event event)
{
	static const uint8_t codes[] = {[LAYER_ERASE_CHAR] = 247,
		[LAYER_ERASE_LINE] = 248,
		[LAYER_INTERRUPT] = 244,
		[LAYER_BREAK] = 243,
		[LAYER_ABORT_OUTPUT] = 245};

	buf_add_byte(&container_of(ls, struct ear, layers)->commands, codes[event]);
}

static void on_tell(struct layers *ls, struct slice channel, uint32_t flags, struct slice data)
{
	struct ear *e = container_of(ls, struct ear, layers);

	(void)flags;
	assert_true(slice_is(channel, slice_text("gmcp")));
	buf_add_byte(&e->bodies, '|');
	buf_add(&e->bodies, data);
}

static void on_nomem(struct layers *ls)
{
	(void)ls;
	fail_msg("memory is out");
}

static const struct layers_ops ear_ops = {.on_input = on_input,
	.on_output = on_output,
	.on_event = on_event,
	.on_tell = on_tell,
	.on_nomem = on_nomem};

static void to_a_valid_stream_both_listen_alike(void **state)
{
	static const struct layer *const telnet_alone[] = {&layer_telnet, NULL};
	static const telnet_telopt_t options[] = {{201, TELNET_WILL, TELNET_DONT}, {-1, 0, 0}};

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct ear e = {0};
		struct peer p;
		struct buf in = {0};

		assert_true(layers_open(&e.layers, telnet_alone, &ear_ops));
		e.layers.negotiate = NEGOTIATE_ON_TELNET;
		peer_open(&p, options);
		buf_add(&in, BYTES("\xff\xfd\xc9"));
		for (uint32_t n = random_below(40); n > 0; n--)
			add_piece(&in);
		for (struct slice rest = buf_bytes(&in); rest.len > 0;) {
			size_t n = size_min(1 + random_below(20), rest.len);

			layers_up(&e.layers, slice_of(rest.at, n));
			hear(&p, slice_of(rest.at, n));
			rest = slice_from(rest, n);
		}
		assert_true(slice_is(buf_bytes(&e.text), buf_bytes(&p.text)));
		assert_true(slice_is(buf_bytes(&e.commands), buf_bytes(&p.commands)));
		assert_true(slice_is(buf_bytes(&e.bodies), buf_bytes(&p.bodies)));
		assert_int_equal(p.faults, 0);
		layers_close(&e.layers);
		buf_free(&e.text);
		buf_free(&e.commands);
		buf_free(&e.bodies);
		buf_free(&in);
		peer_close(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libtelnet_as_a_client_agrees_on_every_option_and_is_compressed),
		cmocka_unit_test(to_a_valid_stream_both_listen_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
