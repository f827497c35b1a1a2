#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/address.h"
#include "tests/unit/common/support_common.h"

static struct address parsed(const char *text)
{
	struct address a;
	const char *why = NULL;

	if (!address_parse(text, &a, &why))
		fail_msg("%s: %s", text, why);
	return a;
}

static void texts_are_read_and_written_in_one_canonical_form(void **state UNUSED)
{
	static const char *const rows[][3] = {
		/* read, written, the host alone */
		{"127.0.0.1:4000", "127.0.0.1:4000", "127.0.0.1"},
		{"*:4000", "0.0.0.0:4000", "0.0.0.0"},
		{"10.0.0.255:0", "10.0.0.255:0", "10.0.0.255"},
		{"1.2.3.4:65535", "1.2.3.4:65535", "1.2.3.4"},
		{"[::1]:4000", "[::1]:4000", "::1"},
		{"[::]:1", "[::]:1", "::"},
		{"[2001:0DB8:0:0:0:0:0:1]:23", "[2001:db8::1]:23", "2001:db8::1"},
		{"[::ffff:192.0.2.7]:4000", "192.0.2.7:4000", "192.0.2.7"},
		{"unix:/run/x.sock", "unix:/run/x.sock", "unix"},
		{"unix:run/a:b", "unix:run/a:b", "unix"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a = parsed(rows[i][0]);
		char text[ADDRESS_TEXT_MAX], ip[ADDRESS_IP_MAX];
		address_text(&a, text);
		assert_string_equal(text, rows[i][1]);
		address_ip(&a, ip);
		assert_string_equal(ip, rows[i][2]);
		struct address again = parsed(text);
		assert_memory_equal(&again, &a, sizeof a);
	}
}

static void what_is_no_address_is_refused_with_a_reason(void **state UNUSED)
{
	static const char *const texts[] = {"", ":", "4000", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1",
		"127.0.0.1:1 ", "127.0.0.1:0x10", "127.0.0.1:99999999999999999999", "127.1:4000",
		"256.0.0.1:1", " 127.0.0.1:1", "localhost:4000", "::1:4000", "[::1]", "[::1:4000",
		"::1]:4000", "[]:1", "[127.0.0.1]:1", "[::1%lo]:1", "[*]:1", "**:1",
		"unix:", "[:::1]:1",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct address a, untouched;
		const char *why = NULL;
		memset(&a, 0x55, sizeof a);
		memset(&untouched, 0x55, sizeof untouched);
		if (address_parse(texts[i], &a, &why))
			fail_msg("'%s' was taken", texts[i]);
		assert_non_null(why);
		assert_memory_equal(&a, &untouched, sizeof a);
	}
}

static void a_path_may_have_107_bytes_and_no_more(void **state UNUSED)
{
	char text[5 + 108 + 1], back[ADDRESS_TEXT_MAX];
	struct address a;
	const char *why;

	memset(text, 'p', sizeof text);
	memcpy(text, "unix:", 5);
	text[5 + 108] = '\0';
	assert_false(address_parse(text, &a, &why));
	text[5 + 107] = '\0';
	assert_true(address_parse(text, &a, &why));
	address_text(&a, back);
	assert_string_equal(back, text);
}

static void loopback_and_unix_are_local_and_nothing_else(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool local;
	} rows[] = {
		{"127.0.0.1:1", true},
		{"127.255.3.4:1", true},
		{"[::1]:1", true},
		{"[::ffff:127.0.0.1]:1", true},
		{"unix:/x", true},
		{"126.0.0.1:1", false},
		{"128.0.0.1:1", false},
		{"0.0.0.0:1", false},
		{"[::2]:1", false},
		{"[::]:1", false},
		{"[::ffff:192.0.2.7]:1", false},
	};
	struct address none = {0};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a = parsed(rows[i].text);
		assert_int_equal(address_is_local(&a), rows[i].local);
	}
	assert_false(address_is_local(&none));
}

static void a_mapped_address_is_shown_as_ipv4_even_when_nobody_unmapped_it(void **state UNUSED)
{
	struct address a = {.in6.sin6_family = AF_INET6, .len = sizeof a.in6};
	char ip[ADDRESS_IP_MAX], text[ADDRESS_TEXT_MAX];

	a.in6.sin6_port = htons(99);
	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &a.in6.sin6_addr), 1);
	address_ip(&a, ip);
	assert_string_equal(ip, "192.0.2.7");
	address_text(&a, text);
	assert_string_equal(text, "192.0.2.7:99");
	address_unmap(&a);
	assert_int_equal(a.sa.sa_family, AF_INET);
	assert_int_equal(a.len, sizeof a.in);
}

/* The address that a listening socket got, with its port when that was 0. */
static struct address bound(int fd)
{
	struct address a = {0};

	a.len = sizeof a.un;
	assert_int_equal(getsockname(fd, &a.sa, &a.len), 0);
	return a;
}

static int connect_to(const struct address *a)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	if (connect(fd, &a->sa, a->len) == 0)
		return fd;
	int status = -errno;
	close(fd);
	return status;
}

static int listen_on(const struct address *a, mode_t mode)
{
	const char *why = NULL;
	int fd = address_listen(a, mode, &why);

	if (fd < 0)
		fail_msg("%s", why);
	return fd;
}

static void a_listening_socket_takes_connections_and_knows_its_peer(void **state UNUSED)
{
	static const char *const texts[] = {"127.0.0.1:0", "[::1]:0"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct address a = parsed(texts[i]), peer;
		int fd = listen_on(&a, 0);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		a = bound(fd);
		int client = connect_to(&a);
		assert_true(client >= 0);
		int accepted = accept(fd, NULL, NULL);
		assert_true(accepted >= 0);
		assert_true(address_of_peer(accepted, &peer));
		char text[ADDRESS_TEXT_MAX], other[ADDRESS_TEXT_MAX];
		struct address self = bound(client);
		address_text(&peer, text);
		address_text(&self, other);
		assert_string_equal(text, other);
		assert_true(address_is_local(&peer));
		close(accepted);
		close(client);
		close(fd);
		assert_false(address_of_peer(fd, &peer));
	}
}

/* A port that the kernel gives for IPv6 may be somebody's for IPv4; if [::] took it, it always is. */
static void ipv6_leaves_the_port_to_ipv4(void **state UNUSED)
{
	int fd4 = -1;

	for (int tries = 0; fd4 < 0 && tries < 10; tries++) {
		struct address six = parsed("[::]:0"), four = parsed("*:0");
		int fd6 = listen_on(&six, 0);
		const char *why;

		four.in.sin_port = bound(fd6).in6.sin6_port;
		fd4 = address_listen(&four, 0, &why);
		close(fd6);
	}
	assert_true(fd4 >= 0);
	close(fd4);
}

static void a_port_in_use_is_refused_with_its_name(void **state UNUSED)
{
	struct address a = parsed("127.0.0.1:0");
	int fd = listen_on(&a, 0);
	const char *why = NULL;
	char text[ADDRESS_TEXT_MAX];

	a = bound(fd);
	address_text(&a, text);
	assert_int_equal(address_listen(&a, 0, &why), -1);
	assert_non_null(strstr(why, text));
	assert_non_null(strstr(why, "in use"));
	close(fd);
}

static struct address unix_in(const char *dir, const char *name)
{
	char text[ADDRESS_TEXT_MAX];

	snprintf(text, sizeof text, "unix:%s", path_in(dir, name));
	return parsed(text);
}

static void a_stale_socket_file_is_replaced_and_a_live_one_is_not(void **state UNUSED)
{
	char *dir = make_test_dir();
	struct address a = unix_in(dir, "s");
	const char *why = NULL;
	int fd = listen_on(&a, 0600);

	assert_int_equal(address_listen(&a, 0600, &why), -1);
	assert_non_null(strstr(why, "answers"));
	int client = connect_to(&a); /* the first one still has its file */
	assert_true(client >= 0);
	struct address peer;
	assert_true(address_of_peer(client, &peer));
	assert_int_equal(peer.sa.sa_family, AF_UNIX);
	close(client);
	close(fd); /* as a crash does: the file stays */
	assert_int_equal(connect_to(&a), -ECONNREFUSED);
	fd = listen_on(&a, 0600);
	client = connect_to(&a);
	assert_true(client >= 0);
	close(client);
	close(fd);
	remove_test_dir(dir);
}

static void a_live_one_that_is_too_busy_to_answer_is_kept_too(void **state UNUSED)
{
	char *dir = make_test_dir();
	struct address a = unix_in(dir, "s");
	const char *why = NULL;
	int clients[8], fd = listen_on(&a, 0600);

	listen(fd, 0); /* a backlog that is full at once */
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(clients[i], &a.sa, a.len) < 0)
			assert_int_equal(errno, EAGAIN);
	}
	assert_int_equal(address_listen(&a, 0600, &why), -1);
	assert_non_null(strstr(why, "answers"));
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		close(clients[i]);
	close(fd);
	remove_test_dir(dir);
}

static void a_file_that_is_no_socket_is_never_removed(void **state UNUSED)
{
	char *dir = make_test_dir();
	struct address a = unix_in(dir, "precious");
	const char *why = NULL;
	FILE *file = fopen(a.un.sun_path, "w");

	assert_non_null(file);
	fclose(file);
	assert_int_equal(address_listen(&a, 0600, &why), -1);
	assert_non_null(strstr(why, "no socket"));
	assert_int_equal(access(a.un.sun_path, F_OK), 0);
	remove_test_dir(dir);
}

static void a_socket_file_has_the_mode_that_was_asked_for_whatever_the_umask(void **state UNUSED)
{
	static const mode_t modes[] = {0600, 0660, 0666};
	char *dir = make_test_dir();

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct address a = unix_in(dir, "s");
		struct stat st;
		mode_t old = umask(i == 0 ? 0 : 0777);
		int fd = listen_on(&a, modes[i]);
		umask(old);
		assert_int_equal(stat(a.un.sun_path, &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
		close(fd);
	}
	remove_test_dir(dir);
}

static void a_missing_directory_is_an_error_with_the_path(void **state UNUSED)
{
	struct address a = parsed("unix:/nowhere/at/all/s");
	const char *why = NULL;

	assert_int_equal(address_listen(&a, 0600, &why), -1);
	assert_non_null(strstr(why, "unix:/nowhere/at/all/s"));
}

static void an_endpoint_keeps_all_but_a_path(void **state UNUSED)
{
	static const char *const texts[] = {"192.0.2.7:4000", "[2001:db8::7]:1"};
	const struct address none = {.len = 0};
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char text[ADDRESS_TEXT_MAX];
		struct address a;

		assert_true(address_parse(texts[i], &a, &why));
		struct endpoint e = endpoint_of(&a);
		struct address again = endpoint_address(&e);
		address_text(&again, text);
		assert_string_equal(text, texts[i]);
		assert_int_equal(again.len, a.len);
	}
	struct address path;
	assert_true(address_parse("unix:/run/x", &path, &why));
	struct endpoint e = endpoint_of(&path);
	path = endpoint_address(&e);
	assert_int_equal(path.sa.sa_family, AF_UNIX);
	assert_string_equal(path.un.sun_path, "");
	e = endpoint_of(&none);
	assert_int_equal(endpoint_address(&e).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_keeps_all_but_a_path),
		cmocka_unit_test(texts_are_read_and_written_in_one_canonical_form),
		cmocka_unit_test(what_is_no_address_is_refused_with_a_reason),
		cmocka_unit_test(a_path_may_have_107_bytes_and_no_more),
		cmocka_unit_test(loopback_and_unix_are_local_and_nothing_else),
		cmocka_unit_test(a_mapped_address_is_shown_as_ipv4_even_when_nobody_unmapped_it),
		cmocka_unit_test(a_listening_socket_takes_connections_and_knows_its_peer),
		cmocka_unit_test(ipv6_leaves_the_port_to_ipv4),
		cmocka_unit_test(a_port_in_use_is_refused_with_its_name),
		cmocka_unit_test(a_stale_socket_file_is_replaced_and_a_live_one_is_not),
		cmocka_unit_test(a_live_one_that_is_too_busy_to_answer_is_kept_too),
		cmocka_unit_test(a_file_that_is_no_socket_is_never_removed),
		cmocka_unit_test(a_socket_file_has_the_mode_that_was_asked_for_whatever_the_umask),
		cmocka_unit_test(a_missing_directory_is_an_error_with_the_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
