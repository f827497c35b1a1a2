#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "multiplexer/config.h"
#include "multiplexer/listener.h"

/* Loads text as a file; returns what config_load says, *why begins behind the file's name. */
static bool load(struct config *config, const char *text, const char **why)
{
	char path[] = "/tmp/holdfast-config-XXXXXX";
	int fd = mkstemp(path);
	size_t len = strlen(text);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
	bool ok = config_load(config, path, why);
	unlink(path);
	if (!ok) {
		if (strncmp(*why, path, strlen(path)) != 0)
			fail_msg("'%s' does not begin with the file's name", *why);
		*why += strlen(path);
	}
	return ok;
}

static void every_preset_keeps_its_own_bounds(void **state)
{
	struct config config = {0};

	(void)state;
	/* option_presets aborts at the first that does not. */
	option_presets(option_table, option_rows, &config.options);
	assert_int_equal(config.options.held_input, 16 * 1024);
	assert_int_equal(config.options.hang_after, 30000);
	config_free(&config);
}

static void without_a_file_telnet_and_the_page_listen_on_loopback_only(void **state)
{
	struct config config;
	const char *why;
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	assert_true(config_load(&config, NULL, &why));
	assert_int_equal(config.listener_count, 4);
	for (size_t i = 0; i < config.listener_count; i++) {
		assert_true(address_is_local(&config.listeners[i].address));
		assert_string_equal(
			config.listeners[i].kind->name, i < 2 ? "telnet-line" : "websocket");
		assert_string_equal(config.listeners[i].door.origins, "same none");
		assert_true(config.listeners[i].door.loopback);
	}
	address_text(&config.listeners[0].address, text);
	assert_string_equal(text, "127.0.0.1:4000");
	config_free(&config);
}

static void a_file_sets_options_and_listeners(void **state)
{
	struct config config;
	const char *why;

	(void)state;
	assert_true(load(&config,
		"# a comment\n"
		"max_clients = 50\n"
		"held_input = 32KiB\n"
		"notice_back = 'here again'\n"
		"listener a { kind = \"telnet-line\" address = \"127.0.0.1:4000\" }\n"
		"listener b { kind = \"raw\" address = \"unix:/tmp/x.sock\" number = 77 mode = 0660 }\n"
		"listener c { kind = \"telnet-char\" address = \"[::1]:4001\" dns = off "
		"ident = auto }\n",
		&why));
	assert_int_equal(config.options.max_clients, 50);
	assert_int_equal(config.options.held_input, 32 * 1024);
	assert_string_equal(config.options.notice_back, "here again");
	assert_int_equal(config.listener_count, 3);
	assert_int_equal(config.listeners[0].number, 1);
	assert_int_equal(config.listeners[1].number, 77);
	assert_int_equal(config.listeners[1].mode, 0660);
	assert_int_equal(config.listeners[2].number, 3);
	assert_int_equal(config.listeners[1].dns, LOOKUP_ON_REQUEST);
	assert_int_equal(config.listeners[2].dns, LOOKUP_OFF);
	assert_int_equal(config.listeners[2].ident, LOOKUP_AUTO);
	assert_string_equal(config.listeners[2].name, "c");
	config_free(&config);
}

static void certificates_are_named_and_any_kind_of_listener_may_show_them(void **state)
{
	struct config config, fresh;
	const char *why;

	(void)state;
	if (!load(&config,
		    "listener a { kind=\"raw\" address=\"127.0.0.1:1\" tls=on }\n"
		    "listener b { kind=\"websocket\" address=\"127.0.0.1:2\" tls=no }\n"
		    "certificate x { chain='/x.pem' key='/x.key' }\n"
		    "certificate y { chain='/y.pem' key='/y.key' }\n",
		    &why))
		fail_msg("%s", why);
	assert_true(config.listeners[0].tls && !config.listeners[1].tls);
	assert_true(config_has_tls(&config));
	assert_int_equal(config.certificates.count, 2);
	assert_string_equal(config.certificates.files[1].name, "y");
	assert_string_equal(config.certificates.files[1].key, "/y.key");
	/* A reload takes other certificates, but not TLS for another listener. */
	assert_true(load(&fresh,
		"listener a { kind=\"raw\" address=\"127.0.0.1:1\" tls=yes }\n"
		"listener b { kind=\"websocket\" address=\"127.0.0.1:2\" tls=yes }\n"
		"certificate z { chain='/z.pem' key='/z.key' }\n",
		&why));
	assert_int_equal(config_apply_live(&config, &fresh), 1);
	assert_int_equal(config.certificates.count, 1);
	assert_string_equal(config.certificates.files[0].name, "z");
	assert_false(config.listeners[1].tls);
	config_free(&fresh);
	config_free(&config);
	assert_true(config_load(&config, NULL, &why));
	assert_false(config_has_tls(&config));
	config_free(&config);
}

static void mistakes_are_named_with_file_and_line(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"\nmax_cleints = 5\n", ":2: no such option 'max_cleints'"},
		{"max_clients = 0\n", ":1: max_clients: "},
		{"\n\ntick = 5 parsecs\n", ":3: "},
		{"held_input = lots\n", ":1: held_input: "},
		{"listener a {\n kind = \"telnet-lien\"\n}\n",
			":2: kind: 'telnet-lien' is none of telnet-line, telnet-char, raw"},
		{"listener a {\n kind = \"raw\"\n address = \"127.0.0.1\"\n}\n",
			":3: address: '127.0.0.1': "},
		{"listener a {\n kind = \"raw\"\n}\n", ":3: listener 'a' has no address"},
		{"listener a { address = \"127.0.0.1:1\" }\n", ":1: listener 'a' has no kind"},
		{"listener a { number = 241 }\n", ":1: number: '241' is not 1..240"},
		{"listener a { number = 1x }\n", ":1: number: '1x' is not 1..240"},
		{"listener a { mode = 0999 }\n", ":1: mode: '0999' is not an octal mode"},
		{"listener a { kind=\"raw\" address=\"127.0.0.1:1\" number=2 }\n"
		 "listener b { kind=\"raw\" address=\"127.0.0.1:2\" }\n",
			":2: listener 'b' has number 2, as listener 'a' has"},
		{"listener a { kind=\"raw\" address=\"127.0.0.1:1\" }\n"
		 "listener a { kind=\"raw\" address=\"127.0.0.1:2\" }\n",
			":2: found duplicate title 'a'"},
		{"listener a { dns = yes }\n", ":1: dns: 'yes' is none of auto, on-request, off"},
		{"listener a { ident = on }\n", ":1: ident: 'on' is none of auto, on-request, off"},
		{"resolver = localhost\n", ":1: resolver: 'localhost' no resolver, such as"},
		{"ident_skip = '10.0.0.1/8'\n",
			":1: ident_skip: '10.0.0.1/8' '10.0.0.1/8': the add"},
		{"listener a { kind=\"raw\" address=\"127.0.0.1:1\"\n tls = yes }\n",
			":2: tls needs certificate main {"},
		{"listener a { tls = maybe }\n", ":1: tls: 'maybe' is none of yes, no"},
		{"certificate a { chain = '/c' }\n", ":1: certificate 'a' has no key: it needs"},
		{"certificate a { key = '/k' }\n", ":1: certificate 'a' has no chain: it needs"},
		{"certificate a { chain='/c' key='/k' }\ncertificate a { chain='/c' key='/k' }\n",
			":2: found duplicate title 'a'"},
		{"listener a { kind=\"multiplexer\" address=\"unix:/x\" tls=yes }\n",
			":1: listener 'a': tls is for users"},
		{"listener a {\n", ":2: "},
		{"= = =\n", ":1: "},
		{"# one\n# \"two\n\n#\n### 'five\nmax_cleints = 5\n", ":6: no such option"},
		{"max_clients = 5 # it's five\nmax_cleints = 5\n", ":2: no such option"},
		{"max_clients = '5'# \"\nmax_clients = \"6\"\nmax_cleints = 5\n",
			":3: no such option"},
		{"// it's one\nmax_cleints = 5\n", ":2: no such option"},
		{"/* one */\nmax_cleints = 5\n", ":2: no such option"},
		{"/* it's\n# \"two\n*/ /**/ # three\nmax_cleints = 5\n", ":4: no such option"},
		{"notice_back = \"# no\\\" # no\"\nnotice_away = '// \\' #'\nmax_cleints = 5\n",
			":3: no such option"},
		{"server = unix:/a//b\n# two\nmax_cleints = 5\n", ":3: no such option"},
		{"# one\nlistener a {\n # three\n kind = 'raw' # four\n address = 'x'\n}\n",
			":5: address"},
		{"# one\nlistener a {\n # three\n kind = 'raw'\n}\n",
			":5: listener 'a' has no address"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config config;
		const char *why;

		if (load(&config, rows[i].text, &why))
			fail_msg("taken: %s", rows[i].text);
		if (strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
			fail_msg("for %s: got '%s', expected '%s'", rows[i].text, why, rows[i].why);
	}
}

static void a_missing_file_is_named(void **state)
{
	struct config config;
	const char *why;

	(void)state;
	assert_false(config_load(&config, "/nonexistent/multiplexer.conf", &why));
	assert_string_equal(why, "/nonexistent/multiplexer.conf: No such file or directory");
}

static void a_reload_takes_what_is_live_and_counts_what_is_not(void **state)
{
	struct config running, fresh;
	const char *why;

	(void)state;
	assert_true(config_load(&running, NULL, &why));
	assert_true(
		load(&fresh, "held_input = 8KiB\nmax_clients = 7\nnotice_crash = \"\"\n", &why));
	fresh.listeners[1].ident = LOOKUP_AUTO;
	assert_int_equal(config_apply_live(&running, &fresh), 1);
	assert_int_equal(running.listeners[0].ident, LOOKUP_ON_REQUEST);
	assert_int_equal(running.listeners[1].ident, LOOKUP_AUTO);
	assert_int_equal(running.options.held_input, 8192);
	assert_string_equal(running.options.notice_crash, "");
	assert_int_equal(running.options.max_clients, 10000);
	config_free(&running);
	config_free(&fresh);
}

static void origins_are_read_and_what_makes_no_sense_is_refused(void **state)
{
	struct config config;
	const char *why;

	(void)state;
	assert_true(load(&config,
		"listener a { kind = websocket address = '*:4080' origins = 'none https://a.example' }\n"
		"listener b { kind = websocket address = 'unix:/tmp/x.sock' }\n",
		&why));
	assert_string_equal(config.listeners[0].door.origins, "none https://a.example");
	assert_false(config.listeners[0].door.loopback);
	assert_string_equal(config.listeners[1].door.origins, "same none");
	assert_false(config.listeners[1].door.loopback);
	config_free(&config);
	assert_false(load(&config,
		"listener a { kind = websocket address = '*:4080' origins = 'a.example' }\n",
		&why));
	assert_non_null(strstr(why, "origins: 'a.example' is none of"));
	assert_false(load(&config,
		"listener a { kind = websocket address = '*:4080' origins = '' }\n", &why));
}

static void tcp_without_a_key_is_refused_with_its_line(void **state UNUSED)
{
	static const char *const texts[] = {
		"\n\nserver = \"tcp:127.0.0.1:4100\"\n",
		"\n\nserver = \"unix:/a tcp:game:4100\"\nserver_key = \"\"\n",
		"\nserver_key = \"\"\nserver = \"unix:/a\ttcp:game:4100\"\n",
	};
	struct config config;
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_false(load(&config, texts[i], &why));
		if (strncmp(why, ":3: server: ", 12) != 0 ||
			strstr(why, "needs a server_key") == NULL)
			fail_msg("'%s'", why);
	}
	assert_true(load(&config, "server = \"unix:/a unix:/b\"\n", &why));
	config_free(&config);
}

static void a_key_that_cannot_be_read_is_refused_with_its_line(void **state UNUSED)
{
	struct config config;
	const char *why;

	assert_false(load(&config, "\nserver_key = \"/nowhere/key\"\n", &why));
	assert_string_equal(why, ":2: server_key: /nowhere/key: No such file or directory");
}

static void a_listener_for_a_multiplexer_has_what_makes_sense_for_it(void **state UNUSED)
{
	static const char *const faults[][2] = {
		{"address = '*:4100'", "needs key"},
		{"address = 'unix:/tmp/x.sock' dns = auto", "are for users"},
		{"address = 'unix:/tmp/x.sock' ident = off", "are for users"},
		{"address = 'unix:/tmp/x.sock' origins = same", "are for users"},
		{"address = '*:4100' key = '/nowhere/key'", "/nowhere/key"},
	};
	static const char secret[] = "a 000102030405060708090a0b0c0d0e0f\n";
	char key[] = "/tmp/holdfast-key-XXXXXX", text[400];
	int fd = mkstemp(key);
	struct config config;
	const char *why;

	assert_int_equal(write(fd, secret, sizeof secret - 1), sizeof secret - 1);
	close(fd);
	assert_true(load(&config,
		"listener a { kind = multiplexer address = 'unix:/tmp/x.sock' number = 7 }\n",
		&why));
	assert_true(config.listeners[0].kind->is_chain);
	assert_null(config.listeners[0].key);
	config_free(&config);
	snprintf(text, sizeof text,
		"listener a { kind = multiplexer address = '*:4100' key = '%s' }\n", key);
	assert_true(load(&config, text, &why));
	assert_non_null(config.listeners[0].key);
	config_free(&config);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		snprintf(text, sizeof text, "listener a { kind = multiplexer %s }\n", faults[i][0]);
		assert_false(load(&config, text, &why));
		if (strstr(why, faults[i][1]) == NULL)
			fail_msg("'%s' does not say '%s'", why, faults[i][1]);
	}
	snprintf(text, sizeof text, "listener a { kind = raw address = '*:4100' key = '%s' }\n",
		key);
	assert_false(load(&config, text, &why));
	assert_non_null(strstr(why, "key is for kind"));
	snprintf(text, sizeof text,
		"listener a { kind = multiplexer address = 'unix:/tmp/x.sock' key = '%s' }\n", key);
	assert_false(load(&config, text, &why));
	assert_non_null(strstr(why, "needs no key"));
	unlink(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_without_a_key_is_refused_with_its_line),
		cmocka_unit_test(a_key_that_cannot_be_read_is_refused_with_its_line),
		cmocka_unit_test(a_listener_for_a_multiplexer_has_what_makes_sense_for_it),
		cmocka_unit_test(every_preset_keeps_its_own_bounds),
		cmocka_unit_test(without_a_file_telnet_and_the_page_listen_on_loopback_only),
		cmocka_unit_test(origins_are_read_and_what_makes_no_sense_is_refused),
		cmocka_unit_test(a_file_sets_options_and_listeners),
		cmocka_unit_test(certificates_are_named_and_any_kind_of_listener_may_show_them),
		cmocka_unit_test(mistakes_are_named_with_file_and_line),
		cmocka_unit_test(a_missing_file_is_named),
		cmocka_unit_test(a_reload_takes_what_is_live_and_counts_what_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
