#include "multiplexer/tls/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void assert_same(const struct tls_message *a, const struct tls_message *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->id, b->id);
	assert_true(a->number == b->number);
	for (size_t i = 0; i < TLS_MESSAGE_TEXTS; i++)
		assert_true(slice_is(a->text[i], b->text[i]));
}

static void what_is_written_is_read_back_and_nothing_shorter_or_longer_is(void **state UNUSED)
{
	const struct tls_message all[] = {
		{.type = TLS_HELLO, .number = UINT64_MAX},
		{.type = TLS_UP, .kind = 255, .id = UINT32_MAX, .text = {slice_text("TLSv1.3")}},
		{.type = TLS_CERTIFICATE,
			.text = {slice_text("a"), slice_text(""), slice_text("c")}},
		{.type = TLS_CERTIFICATE,
			.text = {slice_text("a"), slice_text("bb"), slice_text("ccc")}},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct buf b = {0};
		struct tls_message m;
		size_t texts = 0, whole = 0, read = 0;

		assert_true(tls_message_add(&all[i], &b));
		assert_true(tls_message_read(buf_bytes(&b), &m));
		assert_same(&m, &all[i]);
		/* Shorter ones are right only where a text ends. */
		for (size_t k = 0; k < TLS_MESSAGE_TEXTS; k++)
			texts += m.text[k].len > 0 || (k == 1 && m.text[2].len > 0);
		for (size_t len = 0; len < b.len; len++)
			read += tls_message_read(slice_of(buf_bytes(&b).at, len), &m);
		whole = texts;
		assert_int_equal(read, whole);
		assert_true(buf_add_byte(&b, 0));
		assert_false(tls_message_read(buf_bytes(&b), &m));
		buf_free(&b);
	}
}

static void no_message_is_longer_than_the_room_for_it(void **state UNUSED)
{
	static uint8_t much[TLS_MESSAGE_MAX];
	struct tls_message m = {.type = TLS_CONNECTION}, back;
	struct buf b = {0};

	m.text[0] = slice_of(much, TLS_MESSAGE_MAX - TLS_MESSAGE_HEAD - 2);
	assert_true(tls_message_add(&m, &b));
	assert_int_equal(b.len, TLS_MESSAGE_MAX);
	assert_true(tls_message_read(buf_bytes(&b), &back));
	buf_free(&b);
	m.text[0].len++;
	assert_false(tls_message_add(&m, &b));
	buf_free(&b);
}

static void every_fault_has_its_words(void **state UNUSED)
{
	for (int i = 0; i < TLS_FAULTS; i++)
		assert_true(tls_fault_text((enum tls_fault)i)[0] != '\0');
	assert_string_equal(tls_fault_text(TLS_FAULTS), tls_fault_text(TLS_FAULT_OTHER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back_and_nothing_shorter_or_longer_is),
		cmocka_unit_test(no_message_is_longer_than_the_room_for_it),
		cmocka_unit_test(every_fault_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
