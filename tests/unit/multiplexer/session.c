#include "multiplexer/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sessions all;

static uint32_t random_number(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static int open_all(void **state UNUSED)
{
	all = (struct sessions){.keep = 4096, .pool = 1 << 20, .ttl_ms = 1000};
	return 0;
}

static int close_all(void **state UNUSED)
{
	/* whatever was made is gone, and was counted right */
	return all.count != 0 || all.bytes != 0 || all.keys != NULL;
}

static struct session *claim(const char *token)
{
	struct session *s = sessions_find(&all, slice_text(token));

	if (s != NULL)
		session_use(s, slice_text(token));
	return s;
}

static void a_token_is_good_for_once(void **state UNUSED)
{
	struct session *s = session_new(&all, NULL), *other = session_new(&all, NULL);
	char first[SESSION_TOKEN_LEN + 1], second[SESSION_TOKEN_LEN + 1],
		theirs[SESSION_TOKEN_LEN + 1];

	assert_true(session_issue(s, first));
	assert_true(session_issue(other, theirs));
	assert_int_equal(strlen(first), SESSION_TOKEN_LEN);
	assert_string_not_equal(first, theirs);
	session_confirm(s);
	assert_ptr_equal(sessions_find(&all, slice_text(first)), s); /* asking is not using */
	session_confirm(s);
	assert_ptr_equal(claim(first), s);
	assert_true(session_issue(s, second));
	assert_string_not_equal(first, second);
	session_confirm(s);
	assert_null(claim(first));
	assert_ptr_equal(claim(theirs), other);
	assert_ptr_equal(claim(second), s);
	session_free(s);
	assert_null(claim(second));
	session_free(other);
}

static void who_never_got_the_next_token_may_show_the_last_one_again(void **state UNUSED)
{
	struct session *s = session_new(&all, NULL);
	char shown[SESSION_TOKEN_LEN + 1], lost[SESSION_TOKEN_LEN + 1], next[SESSION_TOKEN_LEN + 1];

	assert_true(session_issue(s, shown));
	assert_ptr_equal(claim(shown), s);
	assert_true(session_issue(s, lost)); /* the connection ends before it has come */
	assert_ptr_equal(claim(shown), s);
	assert_true(session_issue(s, next));
	assert_null(claim(lost));
	session_confirm(s);
	assert_null(claim(shown));
	assert_ptr_equal(claim(next), s);
	session_free(s);
}

static void what_is_no_token_names_nobody(void **state UNUSED)
{
	struct session *s = session_new(&all, NULL);
	char token[SESSION_TOKEN_LEN + 1], wrong[SESSION_TOKEN_LEN + 1];

	assert_null(claim(""));
	assert_true(session_issue(s, token));
	assert_null(claim(""));
	for (size_t i = 0; i < SESSION_TOKEN_LEN; i++) {
		memcpy(wrong, token, sizeof wrong);
		wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
		assert_null(claim(wrong));
	}
	assert_null(sessions_find(&all, slice_of(token, SESSION_TOKEN_LEN - 1)));
	assert_ptr_equal(claim(token), s);
	session_free(s);
}

/* All from seq on, each message behind t or b. */
static void assert_kept(const struct session *s, uint64_t seq, uint64_t from, const char *expected)
{
	struct session_place place = session_seek(s, seq);
	struct buf got = {0};
	struct shared *b;
	bool is_text;

	assert_int_equal(place.seq, from);
	while ((b = session_next(s, &place, &is_text)) != NULL) {
		assert_true(buf_addf(
			&got, "%c%.*s", is_text ? 't' : 'b', (int)b->len, (const char *)b->bytes));
		shared_unref(b);
	}
	assert_int_equal(place.seq, s->next);
	assert_true(buf_add_byte(&got, '\0'));
	assert_string_equal((const char *)buf_bytes(&got).at, expected);
	buf_free(&got);
}

static void output_is_kept_from_any_byte_on(void **state UNUSED)
{
	struct session *s = session_new(&all, NULL);

	assert_kept(s, 0, 0, "");
	session_record(s, false, slice_text("hello"));
	session_record(s, true, slice_text("Room.Info {}"));
	session_record(s, false, slice_of(NULL, 0));
	session_record(s, false, slice_text("you"));
	assert_int_equal(s->next, 20);
	assert_kept(s, 0, 0, "bhellotRoom.Info {}bbyou");
	assert_kept(s, 5, 5, "tRoom.Info {}bbyou");
	assert_kept(s, 17, 17, "byou");
	assert_kept(s, 20, 20, "");
	assert_kept(s, 1000, 20, "");               /* nobody can have that much */
	assert_kept(s, 7, 5, "tRoom.Info {}bbyou"); /* nor break off inside of a message */
	session_free(s);
}

static void when_there_is_no_room_the_oldest_goes(void **state UNUSED)
{
	struct session *s = session_new(&all, NULL);
	static char long_one[5000];

	all.keep = 40;
	session_record(s, false, slice_text("0123456789"));
	session_record(s, false, slice_text("abcdefghij"));
	assert_kept(s, 0, 0, "b0123456789babcdefghij");
	session_record(s, true, slice_text("ABCDEFGHIJ"));
	assert_kept(s, 0, 10, "babcdefghijtABCDEFGHIJ");
	assert_kept(s, 10, 10, "babcdefghijtABCDEFGHIJ");
	memset(long_one, 'x', sizeof long_one);
	session_record(s, false, slice_of(long_one, sizeof long_one));
	assert_kept(s, 10, 5030, "");
	session_record(s, false, slice_text("y"));
	assert_kept(s, 10, 5030, "by");
	session_free(s);
}

static void when_the_memory_of_all_is_used_up_each_keeps_less(void **state UNUSED)
{
	struct session *s[20];
	char line[100];

	memset(line, 'l', sizeof line);
	all.pool = 8 * 1024;
	for (size_t i = 0; i < ARRAY_LEN(s); i++) {
		s[i] = session_new(&all, NULL);
		for (int n = 0; n < 200; n++)
			session_record(s[i], false, slice_of(line, sizeof line));
		assert_int_equal(s[i]->next, 20000);
		assert_true(s[i]->next - s[i]->first >= 500);
		assert_true(all.bytes <= all.pool + (i + 1) * SESSION_ROOM_MIN);
	}
	for (size_t i = 0; i < ARRAY_LEN(s); i++)
		session_free(s[i]);
}

/* Against one that keeps everything. */
static void the_end_of_all_that_was_said_is_kept_whatever_its_pieces(void **state UNUSED)
{
	enum { STEPS = 20000 };
	static uint8_t said[STEPS * 100];
	struct session *s = session_new(&all, NULL);

	for (int step = 0; step < STEPS; step++) {
		size_t len = random_number() % (step % 50 == 0 ? 99 : 20);
		uint8_t *at = said + s->next;

		for (size_t i = 0; i < len; i++)
			at[i] = (uint8_t)random_number();
		if (step % 1000 == 0)
			all.keep = 64 + random_number() % 5000;
		session_record(s, (len & 1) != 0, slice_of(at, len));
		assert_true(s->used <= s->room && s->first <= s->next);
		if (step % 7 != 0)
			continue;
		uint64_t wanted = s->next - random_number() % (s->next - s->first + 1);
		struct session_place place = session_seek(s, wanted);
		struct shared *b;
		bool is_text;

		assert_true(place.seq <= wanted);
		for (uint64_t seq = place.seq; (b = session_next(s, &place, &is_text)) != NULL;
			seq = place.seq) {
			assert_int_equal(is_text, b->len & 1);
			assert_memory_equal(b->bytes, said + seq, b->len);
			shared_unref(b);
		}
		assert_int_equal(place.seq, s->next);
	}
	session_free(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
	const struct CMUnitTest tests[] = {
		TEST(a_token_is_good_for_once),
		TEST(who_never_got_the_next_token_may_show_the_last_one_again),
		TEST(what_is_no_token_names_nobody),
		TEST(output_is_kept_from_any_byte_on),
		TEST(when_there_is_no_room_the_oldest_goes),
		TEST(when_the_memory_of_all_is_used_up_each_keeps_less),
		TEST(the_end_of_all_that_was_said_is_kept_whatever_its_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
