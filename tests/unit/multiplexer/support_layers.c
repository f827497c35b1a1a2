#include "tests/unit/multiplexer/support_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/listener.h"

static void on_input(struct layers *ls, struct slice bytes)
{
	assert_true(buf_add(&container_of(ls, struct rig, layers)->up, bytes));
}

static void on_output(struct layers *ls, struct shared *b)
{
	struct rig *r = container_of(ls, struct rig, layers);

	r->shared_as_is += b == r->sent;
	assert_true(buf_add(&r->down, slice_of(b->bytes, b->len)));
}

static void on_nomem(struct layers *ls)
{
	(void)ls;
	fail_msg("memory is out");
}

static void on_tell(struct layers *ls, struct slice channel, uint32_t flags, struct slice data)
{
	assert_true(buf_addf(&container_of(ls, struct rig, layers)->told, "%.*s %u %.*s\n",
		(int)channel.len, (const char *)channel.at, flags, (int)data.len,
		(const char *)data.at));
}

static void on_event(struct layers *ls, enum layer_event event)
{
	assert_true(buf_addf(&container_of(ls, struct rig, layers)->told, "event %d\n", event));
}

static const struct layers_ops ops = {.on_input = on_input,
	.on_output = on_output,
	.on_tell = on_tell,
	.on_event = on_event,
	.on_nomem = on_nomem};

void rig_open(struct rig *r, const char *kind)
{
	memset(r, 0, sizeof *r);
	assert_true(layers_open(&r->layers, listener_kind_find(kind)->layers, &ops));
}

void rig_open_telnet(struct rig *r, const char *kind, enum negotiate negotiate)
{
	rig_open(r, kind);
	r->layers.house = &r->house;
	r->layers.negotiate = (uint8_t)negotiate;
	r->house.compressed_max = 10;
	layers_start(&r->layers);
}

void rig_close(struct rig *r)
{
	layers_close(&r->layers);
	assert_int_equal(r->house.compressed, 0);
	buf_free(&r->told);
	buf_free(&r->up);
	buf_free(&r->down);
}

void rig_type(struct rig *r, struct slice bytes)
{
	layers_up(&r->layers, bytes);
}

void rig_send(struct rig *r, struct slice bytes)
{
	r->sent = shared_new(bytes);
	layers_down(&r->layers, r->sent);
	shared_unref(r->sent);
	r->sent = NULL;
}

bool rig_tell(struct rig *r, const char *channel, uint32_t flags, const char *data)
{
	struct tell tell = {slice_text(channel), flags, slice_text(data), NULL};
	bool shown = layers_tell(&r->layers, &tell);

	shared_unref(tell.wire);
	return shown;
}

void assert_told(struct rig *r, const char *expected)
{
	assert_true(buf_add_byte(&r->told, '\0'));
	assert_string_equal((const char *)buf_bytes(&r->told).at, expected);
	buf_eat(&r->told, r->told.len);
}

void assert_caps(struct rig *r, const char *json)
{
	json_t *wanted = json_loads(json, 0, NULL), *caps = layers_caps(&r->layers);
	char *text = json_dumps(caps, JSON_COMPACT);

	assert_non_null(wanted);
	if (!json_equal(wanted, caps))
		print_error("caps: wanted %s, got %s\n", json, text);
	assert_true(json_equal(wanted, caps));
	free(text);
	json_decref(wanted);
	json_decref(caps);
}

static void assert_bytes(struct buf *b, struct slice expected, const char *what)
{
	struct slice got = buf_bytes(b);

	if (!slice_is(got, expected))
		print_error("%s: got %zu bytes: \"%.*s\"\n", what, got.len, (int)got.len,
			(const char *)got.at);
	assert_int_equal(got.len, expected.len);
	if (expected.len > 0)
		assert_memory_equal(got.at, expected.at, expected.len);
	buf_eat(b, b->len);
}

void assert_up(struct rig *r, struct slice expected)
{
	assert_bytes(&r->up, expected, "up");
}

void assert_down(struct rig *r, struct slice expected)
{
	assert_bytes(&r->down, expected, "down");
}
