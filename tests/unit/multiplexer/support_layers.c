#include "tests/unit/multiplexer/support_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

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

static const struct layers_ops ops = {
	.on_input = on_input, .on_output = on_output, .on_nomem = on_nomem};

void rig_open(struct rig *r, const char *kind)
{
	memset(r, 0, sizeof *r);
	assert_true(layers_open(&r->layers, listener_kind_find(kind)->layers, &ops));
}

void rig_close(struct rig *r)
{
	layers_close(&r->layers);
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
