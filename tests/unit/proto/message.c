#include <stdio.h>

#include "tests/unit/proto/support_messages.h"

#define BYTES_OF(...) \
	slice_of(((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__}))

static struct slice args_of(const uint8_t *bytes, size_t len)
{
	return slice_of(bytes + MSG_HEADER, len - MSG_HEADER);
}

/* "SEND SUBCLIENT TEXT (25): " */
static const char *heading(const struct message *m)
{
	static char text[MSG_REFUSAL_MAX];
	int n = snprintf(text, sizeof text, "%s (%u): ", m->name, m->id);

	for (int i = 0; i < n; i++)
		if (text[i] == '_')
			text[i] = ' ';
	return text;
}

/* A copy of exactly these bytes, so that the sanitizer sees a look behind their end. */
static void expect_refused(
	const struct message *m, struct slice args, unsigned count, const char *reason)
{
	struct value values[MSG_ARGS_MAX];
	struct refusal why;
	char wanted[2 * MSG_REFUSAL_MAX];
	uint8_t *copy = malloc(args.len > 0 ? args.len : 1);

	assert_non_null(copy);
	if (args.len > 0)
		memcpy(copy, args.at, args.len);
	snprintf(wanted, sizeof wanted, "%s%s", heading(m), reason);
	memset(&why, 0x5a, sizeof why);
	assert_false(m->read(slice_of(copy, args.len), count, values, &why));
	assert_string_equal(why.text, wanted);
	free(copy);
}

static void every_message_comes_back_as_it_was_and_is_spelled_as_specified(void **state UNUSED)
{
	uint8_t *out = malloc(MSG_MAX); /* exactly */
	static uint8_t spelled[2 * MSG_MAX];

	assert_non_null(out);
	for (size_t i = 0; i < message_count; i++)
		for (unsigned how = 0; how < FILL_RANDOM + 50; how++) {
			const struct message *m = &messages[i];
			struct value values[MSG_ARGS_MAX], read[MSG_ARGS_MAX];
			struct refusal why;

			fill(m, how < FILL_RANDOM ? how : FILL_RANDOM, values);
			size_t len = m->write(values, out);
			assert_int_equal(len, spell(m, values, spelled));
			assert_memory_equal(out, spelled, len);
			assert_true(
				m->read(args_of(out, len), (unsigned)strlen(m->kinds), read, &why));
			assert_values(m, values, read);
		}
	free(out);
}

static void what_was_read_lies_in_the_bytes_that_were_given(void **state UNUSED)
{
	const struct message *m = message_of(MSG_GOT_SUBCLIENT);
	struct value values[MSG_ARGS_MAX], read[MSG_ARGS_MAX];
	struct refusal why;
	uint8_t out[MSG_MAX];

	fill(m, FILL_USUAL, values);
	size_t len = m->write(values, out);
	assert_true(m->read(args_of(out, len), 3, read, &why));
	assert_ptr_equal(read[1].bytes.at, out + 4 + 14 + 2);
	assert_ptr_equal(read[2].bytes.at, out + len - 12);
}

static void the_examples_of_the_specification_are_its_bytes(void **state UNUSED)
{
	static const uint8_t tick[] = {0x04, 0x00, 0x01, 0x00};
	static const uint8_t text[] = {0x18, 0x00, 0x19, 0x02, 0x0c, 0x00, 0x02, 0x00, 0x00, 0x00,
		0x05, 0x00, 0x00, 0x00, 0xc7, 0x00, 0x00, 0x00, 0x04, 0x00, 0x68, 0x69, 0x0d, 0x0a};
	static const uint8_t idle[] = {0x18, 0x00, 0x2a, 0x02, 0x0c, 0x00, 0x02, 0x00, 0x00, 0x00,
		0x05, 0x00, 0x00, 0x00, 0xc7, 0x00, 0x00, 0x00, 0x04, 0x00, 0x80, 0x51, 0x01, 0x00};
	struct msg_send_subclient_text m = {
		.who = clientkey_of(5, 199), .data = slice_text("hi\r\n")};
	struct msg_subclient_idletime_is i = {.who = clientkey_of(5, 199), .seconds = 86400};
	uint8_t out[MSG_MAX];
	struct refusal why;

	assert_int_equal(msg_tick_write(&(struct msg_tick){0}, out), sizeof tick);
	assert_memory_equal(out, tick, sizeof tick);
	assert_int_equal(msg_send_subclient_text_write(&m, out), sizeof text);
	assert_memory_equal(out, text, sizeof text);
	assert_int_equal(msg_subclient_idletime_is_write(&i, out), sizeof idle);
	assert_memory_equal(out, idle, sizeof idle);
	memset(&m, 0, sizeof m);
	assert_true(msg_send_subclient_text_read(args_of(text, sizeof text), 2, &m, &why));
	assert_int_equal(m.id, 25);
	assert_int_equal(m.who.number[0], 5);
	assert_int_equal(m.who.number[1], 199);
	assert_true(slice_is(m.data, slice_text("hi\r\n")));
}

static void a_message_that_ends_too_early_is_refused_wherever_it_ends(void **state UNUSED)
{
	static uint8_t out[MSG_MAX];

	for (size_t i = 0; i < message_count; i++) {
		const struct message *m = &messages[i];
		struct value values[MSG_ARGS_MAX];
		char reason[MSG_REFUSAL_MAX];
		unsigned count = (unsigned)strlen(m->kinds);

		fill(m, FILL_USUAL, values);
		size_t len = spell(m, values, out);
		struct slice args = args_of(out, len);
		size_t start = 0, field = 0; /* the argument that the cut goes through */
		for (size_t cut = 0; cut < args.len; cut++) {
			size_t size = args.at[start] + 256u * args.at[start + 1];
			if (cut == start + 2 + size) {
				start = cut;
				field++;
				size = args.at[start] + 256u * args.at[start + 1];
			}
			if (cut - start < 2)
				snprintf(reason, sizeof reason,
					"argument %zu (%s): its length lies past the end of the "
					"message",
					field + 1, m->fields[field]);
			else
				snprintf(reason, sizeof reason,
					"argument %zu (%s): %zu bytes announced, %zu are there",
					field + 1, m->fields[field], size, cut - start - 2);
			expect_refused(m, slice_of(args.at, cut), count, reason);
		}
	}
}

static void bytes_behind_the_last_argument_are_refused(void **state UNUSED)
{
	static uint8_t out[MSG_MAX + 8];
	char reason[MSG_REFUSAL_MAX];

	for (size_t i = 0; i < message_count; i++)
		for (size_t more = 1; more <= 8; more++) {
			struct value values[MSG_ARGS_MAX];

			memset(out, 0, sizeof out);
			fill(&messages[i], FILL_USUAL, values);
			size_t len = spell(&messages[i], values, out);
			snprintf(reason, sizeof reason,
				"%zu bytes are left over behind the last argument", more);
			expect_refused(&messages[i], args_of(out, len + more),
				(unsigned)strlen(messages[i].kinds), reason);
		}
}

static void another_count_than_the_rows_is_refused_before_anything_else(void **state UNUSED)
{
	static uint8_t out[MSG_MAX];
	char reason[MSG_REFUSAL_MAX];

	for (size_t i = 0; i < message_count; i++)
		for (unsigned count = 0; count < 256; count++) {
			const struct message *m = &messages[i];
			struct value values[MSG_ARGS_MAX];
			unsigned right = (unsigned)strlen(m->kinds);

			fill(m, FILL_USUAL, values);
			size_t len = spell(m, values, out);
			snprintf(reason, sizeof reason, "argument count: %u instead of %u", count,
				right);
			if (count != right)
				expect_refused(m, args_of(out, len), count, reason);
		}
}

/* The message with its arguments as they should be but for one, which is these bytes instead. */
static void expect_field_refused(
	const struct message *m, size_t field, struct slice instead, const char *what)
{
	static uint8_t out[2 * MSG_MAX];
	char reason[MSG_REFUSAL_MAX];
	struct value values[MSG_ARGS_MAX];
	size_t len = 0;

	fill(m, FILL_USUAL, values);
	for (size_t i = 0; m->kinds[i] != '\0'; i++) {
		uint8_t bytes[64];
		struct slice arg = values[i].bytes;

		if (i == field)
			arg = instead;
		else if (m->kinds[i] == 'K')
			arg = slice_of(
				bytes, spell_key(values[i].key.depth, values[i].key.number, bytes));
		else if (m->kinds[i] == 'U')
			arg = slice_text("four");
		len += spell_argument(arg, out + len);
	}
	snprintf(reason, sizeof reason, "argument %zu (%s): %s", field + 1, m->fields[field], what);
	expect_refused(m, slice_of(out, len), (unsigned)strlen(m->kinds), reason);
}

static void each_field_of_each_message_is_looked_at(void **state UNUSED)
{
	static const uint8_t zeros[MSG_PAYLOAD_MAX + 1];
	const uint32_t numbers[11] = {0};
	uint8_t key[64];

	for (size_t i = 0; i < message_count; i++)
		for (size_t f = 0; messages[i].kinds[f] != '\0'; f++) {
			const struct message *m = &messages[i];

			expect_field_refused(m, f, slice_of(NULL, 0), "length 0 is invalid");
			switch (m->kinds[f]) {
			case 'U':
				expect_field_refused(m, f, slice_of(zeros, 3),
					"an integer of 3 bytes instead of 4");
				expect_field_refused(m, f, slice_of(zeros, 5),
					"an integer of 5 bytes instead of 4");
				break;
			case 'K':
				expect_field_refused(
					m, f, slice_of(zeros, 3), "a key of less than 4 bytes");
				expect_field_refused(m, f, slice_of(zeros, 4), "a key of depth 0");
				expect_field_refused(m, f,
					slice_of(key, spell_key(11, numbers, key)),
					"a key of a depth over 10");
				expect_field_refused(m, f,
					slice_of(key, spell_key(2, numbers, key) - 1),
					"a key whose length does not fit its depth");
				expect_field_refused(m, f,
					slice_of(key, spell_key(2, numbers, key) + 4),
					"a key whose length does not fit its depth");
				break;
			default:
				expect_field_refused(m, f, slice_of(zeros, sizeof zeros),
					"4045 bytes, at most 4044 are allowed");
			}
		}
}

static void a_length_of_65535_reads_nothing_behind_the_message(void **state UNUSED)
{
	expect_refused(message_of(MSG_KILL_SUBCLIENT), BYTES_OF(0xff, 0xff, 2, 0, 0, 0), 1,
		"argument 1 (who): 65535 bytes announced, 4 are there");
}

static void a_refusal_reads_as_its_headers_say(void **state UNUSED)
{
	struct msg_send_subclient_text m;
	struct refusal why;
	struct slice args = BYTES_OF(12, 0, 2, 0, 0, 0, 5, 0, 0, 0, 199, 0, 0, 0, 0, 0);

	assert_false(msg_send_subclient_text_read(args, 2, &m, &why));
	assert_string_equal(
		why.text, "SEND SUBCLIENT TEXT (25): argument 2 (data): length 0 is invalid");
}

static void the_largest_payload_behind_the_deepest_key_fits_exactly(void **state UNUSED)
{
	static const uint8_t payload[MSG_PAYLOAD_MAX + 1];
	struct msg_save_subclient_info m = {
		.who = {.depth = CLIENTKEY_DEPTH_MAX}, .data = slice_of(payload, MSG_PAYLOAD_MAX)};
	uint8_t *out = malloc(MSG_MAX);

	assert_non_null(out);
	assert_int_equal(MSG_PAYLOAD_MAX, 4044);
	assert_int_equal(msg_save_subclient_info_write(&m, out), MSG_MAX);
	m.data.len++;
	assert_int_equal(msg_save_subclient_info_write(&m, out), 0);
	m.who.depth = 1; /* it would fit now, but no other key may make the limit another */
	assert_int_equal(msg_save_subclient_info_write(&m, out), 0);
	free(out);
}

static void what_cannot_be_said_is_not_written(void **state UNUSED)
{
	static const uint8_t zeros[MSG_PAYLOAD_MAX];
	uint8_t *out = malloc(MSG_MAX);
	struct msg_got_subclient got = {.who = {.depth = CLIENTKEY_DEPTH_MAX},
		.protocol = slice_text("r"),
		.ip = slice_of(zeros, 4041)};
	struct msg_kill_subclient kill = {.who = {.depth = 0}};
	struct msg_send_subclient_text text = {.who = clientkey_of(1, 1)};

	assert_non_null(out);
	assert_int_equal(msg_got_subclient_write(&got, out), MSG_MAX);
	got.ip.len++; /* each field is legal, all together are not */
	assert_int_equal(msg_got_subclient_write(&got, out), 0);
	assert_int_equal(msg_kill_subclient_write(&kill, out), 0);
	kill.who.depth = 11;
	assert_int_equal(msg_kill_subclient_write(&kill, out), 0);
	assert_int_equal(msg_send_subclient_text_write(&text, out), 0); /* no text */
	free(out);
}

static void ids_with_a_row_have_its_name_and_way_and_others_have_none(void **state UNUSED)
{
	for (unsigned id = 0; id <= 300; id++) {
		const struct message *m = NULL;

		for (size_t i = 0; i < message_count; i++)
			if (messages[i].id == id)
				m = &messages[i];
		assert_int_equal(msg_directions(id), m != NULL ? m->direction : 0);
		if (m == NULL) {
			assert_null(msg_name(id));
		} else {
			const char *name = msg_name(id);

			assert_int_equal(strlen(name), strlen(m->name));
			assert_memory_equal(heading(m), name, strlen(name));
			assert_ptr_equal(name, msg_name(id));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_back_as_it_was_and_is_spelled_as_specified),
		cmocka_unit_test(what_was_read_lies_in_the_bytes_that_were_given),
		cmocka_unit_test(the_examples_of_the_specification_are_its_bytes),
		cmocka_unit_test(a_message_that_ends_too_early_is_refused_wherever_it_ends),
		cmocka_unit_test(bytes_behind_the_last_argument_are_refused),
		cmocka_unit_test(another_count_than_the_rows_is_refused_before_anything_else),
		cmocka_unit_test(each_field_of_each_message_is_looked_at),
		cmocka_unit_test(a_length_of_65535_reads_nothing_behind_the_message),
		cmocka_unit_test(a_refusal_reads_as_its_headers_say),
		cmocka_unit_test(the_largest_payload_behind_the_deepest_key_fits_exactly),
		cmocka_unit_test(what_cannot_be_said_is_not_written),
		cmocka_unit_test(ids_with_a_row_have_its_name_and_way_and_others_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
