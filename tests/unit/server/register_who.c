#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "server/register/who.h"
#include "tests/unit/support_ip.h"

/* Sections 2 and 3: what whoami answers make of a server, row by row. */

#define V4 "198.51.100.4"
#define V6 "2001:db8::4"

static struct who_probe probe(const char *seen, const char *local)
{
	struct who_probe p = {.asked = true, .seen = ip(seen), .local = ip(local)};

	if (seen == NULL)
		snprintf(p.why, sizeof p.why, "nobody answers");
	return p;
}

static struct who decide(
	const struct who_settings *settings, const char *v4, const char *v6, const char *dual)
{
	struct who_probes probes = {
		.v4 = probe(v4, v4), .v6 = probe(v6, v6), .dual = probe(dual, dual)};
	struct who w;

	who_decide(settings, &probes, &w);
	return w;
}

static void an_answer_is_json_or_a_bare_address(void **state)
{
	static const struct {
		const char *answer, *ip;
	} rows[] = {
		{"{\"yourIP\":\"198.51.100.4\"}", V4},
		{"{\"yourIP\":\"2001:db8::4\"}", V6},
		{"{\"yourIP\":\"2001:DB8:0:0::4\", \"more\": [1]}", V6},
		{"{\"yourIP\":\"::ffff:198.51.100.4\"}", V4},
		{"198.51.100.4", V4},
		{" 198.51.100.4\r\n", V4},
		{"2001:db8::4\n", V6},
		{"", NULL},
		{"\n", NULL},
		{"<html>198.51.100.4</html>", NULL},
		{"198.51.100.4:80", NULL},
		{"[2001:db8::4]", NULL},
		{"198.51.100.4 198.51.100.5", NULL},
		{"198.51.100", NULL},
		{"3325256708", NULL},
		{"*", NULL},
		{"localhost", NULL},
		{"unix", NULL},
		{"{\"yourIP\":\"unix\"}", NULL},
		{"null", NULL},
		{"{\"yourIP\":null}", NULL},
		{"{\"yourIP\":4}", NULL},
		{"{\"yourIP\":\"\"}", NULL},
		{"{\"yourIP\":\"*\"}", NULL},
		{"{\"yourIP\":\"[::1]\"}", NULL},
		{"{\"yourIP\":\"198.51.100.4\\u0000\"}", NULL},
		{"{\"yourIP\":\"198.51.100.4\",\"yourIP\":\"198.51.100.5\"}", NULL},
		{"{\"yourip\":\"198.51.100.4\"}", NULL},
		{"[\"198.51.100.4\"]", NULL},
		{"{\"yourIP\":\"198.51.100.4\"", NULL},
	};
	struct address out;
	const char *why;
	char text[ADDRESS_IP_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool ok = who_read(slice_text(rows[i].answer), &out, &why);

		if (ok != (rows[i].ip != NULL))
			fail_msg("%s: %s", rows[i].answer, ok ? "was taken" : why);
		if (ok) {
			address_ip(&out, text);
			assert_string_equal(text, rows[i].ip);
		}
	}
}

static void an_answer_over_a_kibibyte_is_none(void **state)
{
	char text[1100];
	struct address out;
	const char *why;

	(void)state;
	memset(text, ' ', sizeof text);
	memcpy(text, V4, strlen(V4));
	assert_true(who_read(slice_of(text, 1024), &out, &why));
	assert_false(who_read(slice_of(text, 1025), &out, &why));
	assert_string_equal(why, "the answer is too long");
}

static void an_answer_of_the_wrong_family_makes_that_family_unusable(void **state)
{
	struct who_probe p = {.asked = true};

	(void)state;
	who_judge(&p, FAMILY_V4, slice_text(V6));
	assert_true(p.bad);
	assert_int_equal(p.seen.len, 0);
	assert_string_equal(p.why, "asked over IPv4, it answered an address of IPv6");
	who_judge(&p, FAMILY_V6, slice_text(V4));
	assert_true(p.bad);
	who_judge(&p, FAMILY_V6, slice_text("hello"));
	assert_true(p.bad);
	who_judge(&p, FAMILY_NONE, slice_text(V4));
	assert_false(p.bad);
	assert_true(p.seen.len > 0);
}

/* The table of section 3, and what it leaves open. */
static void the_one_family_rule_row_by_row(void **state)
{
	static const struct {
		bool v4, v6, sv_ip, sv_ipv6, enable;
		const char *result; /* "4", "6", "46", "off", "none" */
	} rows[] = {
		{true, true, false, false, true, "46"},
		{true, true, true, true, true, "46"},
		{true, true, true, false, true, "off"},
		{true, true, false, true, true, "off"},
		{true, true, true, false, false, "4"},
		{true, false, false, false, true, "4"},
		{true, false, true, false, true, "4"},
		{false, true, false, false, true, "6"},
		{false, true, false, true, true, "6"},
		/* not in the table */
		{true, true, false, false, false, "4"},
		{true, true, false, true, false, "4"},
		{true, true, true, true, false, "4"},
		{true, false, false, true, true, "4"},
		{true, false, true, true, true, "4"},
		{false, true, true, false, true, "6"},
		{false, true, true, true, true, "6"},
		{false, true, false, false, false, "none"},
		{false, false, false, false, true, "none"},
		{false, false, true, false, true, "none"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct who_settings settings = {.enable_ipv6 = rows[i].enable};
		char result[8] = "";

		if (rows[i].sv_ip)
			settings.ip = ip(V4);
		if (rows[i].sv_ipv6)
			settings.ipv6 = ip(V6);
		struct who w = decide(&settings, rows[i].v4 ? V4 : NULL, rows[i].v6 ? V6 : NULL,
			rows[i].v6 ? V6 : NULL);
		if (w.forced[0] != '\0')
			strcpy(result, "off");
		else if (w.first == FAMILY_NONE)
			strcpy(result, "none");
		else
			snprintf(result, sizeof result, "%s%s", w.v4.usable ? "4" : "",
				w.v6.usable ? "6" : "");
		if (strcmp(result, rows[i].result) != 0)
			fail_msg("row %zu: %s, not %s", i + 1, result, rows[i].result);
	}
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no '%s' in '%s'", part, text);
}

static void who_is_forced_off_is_told_what_is_missing_what_was_found_and_both_ways_out(void **state)
{
	struct who_settings settings = {.enable_ipv6 = true, .ip = ip(V4)};
	struct who w = decide(&settings, V4, V6, V6);

	(void)state;
	has(w.forced, "sv_ip is set and sv_ipv6 is not");
	has(w.forced, "over IPv6 as 2001:db8::4");
	has(w.forced, "Set sv_ipv6");
	has(w.forced, "sv_enableipv6 0");
	settings = (struct who_settings){.enable_ipv6 = true, .ipv6 = ip(V6)};
	w = decide(&settings, V4, V6, V6);
	has(w.forced, "sv_ipv6 is set and sv_ip is not");
	has(w.forced, "over IPv4 as 198.51.100.4");
	has(w.forced, "Set sv_ip ");
	has(w.forced, "sv_enableipv6 0");
	assert_true(strlen(w.forced) < sizeof w.forced - 1);
}

static void calls_go_by_the_family_of_the_dual_answer_else_by_ipv6_if_usable(void **state)
{
	struct who_settings settings = {.enable_ipv6 = true};

	(void)state;
	assert_int_equal(decide(&settings, V4, V6, V4).first, FAMILY_V4);
	assert_int_equal(decide(&settings, V4, V6, V6).first, FAMILY_V6);
	assert_int_equal(decide(&settings, V4, V6, NULL).first, FAMILY_V6);
	assert_int_equal(decide(&settings, V4, NULL, NULL).first, FAMILY_V4);
	assert_int_equal(decide(&settings, V4, NULL, V6).first, FAMILY_V4);
	assert_int_equal(decide(&settings, NULL, V6, V4).first, FAMILY_V6);
	settings.enable_ipv6 = false;
	assert_int_equal(decide(&settings, V4, V6, V6).first, FAMILY_V4);
}

static void a_different_local_address_is_nat_and_is_remembered(void **state)
{
	struct who_probes probes = {.v4 = probe(V4, "10.0.0.7"), .v6 = probe(V6, V6)};
	struct who_settings settings = {.enable_ipv6 = true};
	struct address external = ip(V4), other = ip("198.51.100.5");
	struct who w;

	(void)state;
	who_decide(&settings, &probes, &w);
	assert_true(who_has_nat(&w.v4));
	assert_false(who_has_nat(&w.v6));
	const struct who_end *end = who_find(&w, &external);
	assert_ptr_equal(end, &w.v4);
	external = ip("10.0.0.7");
	assert_true(who_same_host(&end->local, &external));
	assert_null(who_find(&w, &external)); /* nobody outside sees that one */
	assert_null(who_find(&w, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_json_or_a_bare_address),
		cmocka_unit_test(an_answer_over_a_kibibyte_is_none),
		cmocka_unit_test(an_answer_of_the_wrong_family_makes_that_family_unusable),
		cmocka_unit_test(the_one_family_rule_row_by_row),
		cmocka_unit_test(
			who_is_forced_off_is_told_what_is_missing_what_was_found_and_both_ways_out),
		cmocka_unit_test(calls_go_by_the_family_of_the_dual_answer_else_by_ipv6_if_usable),
		cmocka_unit_test(a_different_local_address_is_nat_and_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
