#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/register/memory.h"
#include "server/register/settings.h"
#include "tests/unit/support_ip.h"

static struct cvar_list cvars;
static struct settings settings;

static int set_up(void **state)
{
	(void)state;
	cvar_open(&cvars);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cvar_close(&cvars);
	return 0;
}

static void set(const char *name, const char *value)
{
	const char *why = "";

	if (!cvar_set(&cvars, name, value, true, &why))
		fail_msg("%s", why);
}

static void nothing_shipped_registers_anywhere(void **state)
{
	(void)state;
	settings_read(&cvars.set, &settings);
	assert_false(settings.core.wanted);
	assert_string_equal(settings.core.why_not,
		"sv_register_url is empty: there is no list to register with");
}

static void the_call_goes_to_game_address_and_port(void **state)
{
	struct address four = ip("::ffff:192.0.2.3"), six = ip("2001:DB8:0::3");
	char url[1000];

	(void)state;
	set("sv_register_url", "https://list.example.org/v1/");
	settings_read(&cvars.set, &settings);
	assert_true(settings.core.wanted);
	assert_string_equal(settings_url(&settings, &four, url, sizeof url),
		"https://list.example.org/v1/game/holdfast/default/server/192.0.2.3/4000/status");
	set("sv_external_port", "5000");
	set("sv_register_game", "me/my-game");
	settings_read(&cvars.set, &settings);
	assert_string_equal(settings_url(&settings, &six, url, sizeof url),
		"https://list.example.org/v1/game/me/my-game/server/2001:db8::3/5000/status");
	for (int i = 0; i < 3; i++)
		assert_string_equal(settings.whoami[i], "https://list.example.org/whoami");
}

/* The request line that the reference of King Arthur's Gold's API shows. */
static void with_the_preset_kag_it_is_the_documented_path(void **state)
{
	struct address four = ip("192.0.2.3");
	char url[1000];

	(void)state;
	set("sv_register_url", "https://list.example.org");
	set("sv_register_preset", "kag");
	set("sv_port", "50301");
	settings_read(&cvars.set, &settings);
	assert_string_equal(settings_url(&settings, &four, url, sizeof url),
		"https://list.example.org/game/thd/kag/server/192.0.2.3/50301/status");
	assert_true(settings.kag);
}

static void unset_empty_and_0_are_the_same_address(void **state)
{
	(void)state;
	set("sv_register_url", "http://list.example.org");
	set("sv_ip", "0");
	set("sv_ipv6", "0");
	settings_read(&cvars.set, &settings);
	assert_true(settings.core.wanted);
	assert_int_equal(settings.core.who.ip.len, 0);
	assert_int_equal(settings.core.who.ipv6.len, 0);
	set("sv_ip", "192.0.2.3");
	settings_read(&cvars.set, &settings);
	assert_true(settings.core.who.ip.len > 0);
}

static void what_is_wrong_is_said_by_the_name_of_the_setting(void **state)
{
	static const struct {
		const char *name, *value, *why;
	} rows[] = {
		{"sv_register", "0", "sv_register is 0"},
		{"sv_register_url", "list.example.org", "sv_register_url: that is no URL"},
		{"sv_register_url", "file:///etc", "sv_register_url: the URL must begin with"},
		{"sv_register_url", "http://me:secret@h/", "sv_register_url: the URL may hold no"},
		{"sv_register_url", "http://h/?x=1", "sv_register_url may have no ?"},
		{"sv_register_game", "", "sv_register_game is ''"},
		{"sv_register_game", "one", "sv_register_game is 'one'"},
		{"sv_register_game", "a/b/c", "sv_register_game is 'a/b/c'"},
		{"sv_register_game", "../..", "sv_register_game is '../..'"},
		{"sv_register_game", "a/b?c", "sv_register_game is 'a/b?c'"},
		{"sv_register_preset", "doom", "sv_register_preset is 'doom'"},
		{"sv_preferAF", "5", "sv_preferAF is 5"},
		{"sv_ip", "2001:db8::1", "sv_ip is '2001:db8::1', which is no IPv4 address"},
		{"sv_ip", "eth0", "sv_ip is 'eth0'"},
		{"sv_ip", "*", "sv_ip is '*'"},
		{"sv_ipv6", "192.0.2.1", "sv_ipv6 is '192.0.2.1', which is no IPv6 address"},
		{"sv_register_whoami", "http://a", "sv_register_whoami holds 1 URLs"},
		{"sv_register_whoami", "http://a http://b http://c http://d", "holds 4 URLs"},
		{"sv_register_whoami", "http://a http://b ftp://c", "sv_register_whoami: the URL"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		tear_down(state);
		set_up(state);
		set("sv_register_url", "http://list.example.org");
		set(rows[i].name, rows[i].value);
		settings_read(&cvars.set, &settings);
		assert_false(settings.core.wanted);
		if (strstr(settings.core.why_not, rows[i].why) == NULL)
			fail_msg("%s '%s': %s", rows[i].name, rows[i].value, settings.core.why_not);
	}
}

static void every_setting_that_counts_is_compared(void **state)
{
	static const struct {
		const char *name, *value;
	} rows[] = {{"sv_register", "0"}, {"sv_register_url", "http://other"},
		{"sv_register_game", "a/b"}, {"sv_register_preset", "kag"}, {"sv_port", "1"},
		{"sv_external_port", "1"}, {"sv_ip", "192.0.2.3"}, {"sv_ipv6", "2001:db8::3"},
		{"sv_enableipv6", "0"}, {"sv_register_whoami", "http://a http://b http://c"}};
	struct settings before;

	set("sv_register_url", "http://list.example.org");
	settings_read(&cvars.set, &before);
	settings_read(&cvars.set, &settings);
	assert_true(settings_same(&settings, &before));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		tear_down(state);
		set_up(state);
		set("sv_register_url", "http://list.example.org");
		set(rows[i].name, rows[i].value);
		settings_read(&cvars.set, &settings);
		if (settings_same(&settings, &before))
			fail_msg("%s does not count", rows[i].name);
	}
}

static void who_it_was_is_remembered_for_the_same_list_and_port(void **state)
{
	char path[] = "/tmp/holdfast-register-XXXXXX";
	struct core_memory kept = {.as = ip("2001:db8::3"),
				   .known4 = ip("192.0.2.3"),
				   .server_id = "17",
				   .who = {.first = FAMILY_V4,
					   .v4 = {.usable = true,
						   .external = ip("192.0.2.3"),
						   .local = ip("127.0.0.1")},
					   .v6 = {.usable = true,
						   .external = ip("2001:db8::3"),
						   .local = ip("2001:db8::77")}}},
			   got;
	const char *why;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_true(memory_write(path, "here", &kept, &why));
	assert_true(memory_read(path, "here", &got));
	assert_true(got.who.v4.usable);
	assert_false(got.who.v6.usable); /* no address of this machine */
	assert_int_equal(got.who.first, FAMILY_V4);
	assert_true(who_same_host(&got.as, &kept.as));
	assert_true(who_same_host(&got.known4, &kept.known4));
	assert_int_equal(got.known6.len, 0);
	assert_string_equal(got.server_id, "17");
	assert_false(memory_read(path, "there", &got));
	assert_int_equal(got.as.len, 0);
	unlink(path);
	assert_false(memory_read(path, "here", &got));
	assert_false(memory_write("/nowhere/at/all", "here", &kept, &why));
}

static void a_file_that_makes_no_sense_is_nothing_remembered(void **state)
{
	static const char *const texts[] = {"", "[]", "{\"list\":5}", "{\"list\":\"here\"",
		"{\"list\":\"here\",\"IPv4\":5,\"as\":[],\"first\":\"x\",\"serverID\":{}}",
		"{\"list\":\"here\",\"IPv4\":{\"external\":\"*\",\"local\":\"127.0.0.1\"}}",
		"{\"list\":\"here\",\"IPv4\":{\"external\":\"::1\",\"local\":\"::1\"}}"};
	struct core_memory got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char path[] = "/tmp/holdfast-register-XXXXXX";
		int fd = mkstemp(path);

		assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
		close(fd);
		memory_read(path, "here", &got);
		assert_int_equal(got.who.first, FAMILY_NONE);
		assert_int_equal(got.as.len, 0);
		assert_string_equal(got.server_id, "");
		unlink(path);
	}
}

static void what_cannot_be_read_is_told_even_if_nothing_registers(void **state)
{
	static const char *const rows[][2] = {{"sv_register_url", "ftp://x"},
		{"sv_ip", "300.1.1.1"}, {"sv_ipv6", "192.0.2.1"},
		{"sv_register_whoami", "https://one.example"}, {"sv_register_game", "nobody"},
		{"sv_register_preset", "quake"}};
	const char *why = "";

	(void)state;
	if (!settings_check(&cvars.set, &why))
		fail_msg("%s", why);
	set("sv_register", "0");
	assert_true(settings_check(&cvars.set, &why));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cvar_close(&cvars);
		cvar_open(&cvars);
		set(rows[i][0], rows[i][1]);
		assert_false(settings_check(&cvars.set, &why));
		assert_memory_equal(why, rows[i][0], strlen(rows[i][0]));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_shipped_registers_anywhere),
		TEST(the_call_goes_to_game_address_and_port),
		TEST(with_the_preset_kag_it_is_the_documented_path),
		TEST(unset_empty_and_0_are_the_same_address),
		TEST(what_is_wrong_is_said_by_the_name_of_the_setting),
		TEST(what_cannot_be_read_is_told_even_if_nothing_registers),
		TEST(every_setting_that_counts_is_compared),
		TEST(who_it_was_is_remembered_for_the_same_list_and_port),
		TEST(a_file_that_makes_no_sense_is_nothing_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
