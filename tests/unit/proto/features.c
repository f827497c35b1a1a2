#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/features.h"
#include "proto/message.h"

static void words_become_bits_and_strange_ones_are_passed_over(void **state UNUSED)
{
	assert_int_equal(features_parse(slice_text("pause lists")), FEATURE_LISTS | FEATURE_PAUSE);
	assert_int_equal(features_parse(slice_text("  pause   teleport ")), FEATURE_PAUSE);
	assert_int_equal(features_parse(slice_text("PAUSE pauses paus none")), 0);
	assert_int_equal(features_parse(slice_text("")), 0);
}

static void bits_become_words_that_read_back(void **state UNUSED)
{
	char text[FEATURES_TEXT_MAX];

	for (unsigned bits = 0; bits < 1u << FEATURES_COUNT; bits++) {
		features_text(bits, text);
		assert_true(strlen(text) > 0); /* a text of the wire is never empty */
		assert_int_equal(features_parse(slice_text(text)), bits);
	}
}

static void every_extension_but_hellos_and_a_refusal_needs_a_feature(void **state UNUSED)
{
	for (unsigned id = 0; id < 256; id++) {
		bool extension = msg_name(id) != NULL && id >= 66 && id != MSG_LINK_REFUSED;

		if (extension != (features_of_message(id) != 0))
			fail_msg("id %u", id);
	}
	assert_int_equal(features_of_message(MSG_PAUSED), FEATURE_PAUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_bits_and_strange_ones_are_passed_over),
		cmocka_unit_test(bits_become_words_that_read_back),
		cmocka_unit_test(every_extension_but_hellos_and_a_refusal_needs_a_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
