/* A blocking client of the admin socket: connect, one line out, one line in. */
#include "common/ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/address.h"
#include "common/buf.h"
#include "common/command.h"
#include "common/jsontext.h"

enum { REPLY_MAX = 64 * 1024 * 1024 }; /* 10,000 users are some 3 MiB */

static char why_text[512];

static json_t *refuse(const char **why)
{
	*why = why_text;
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* False, with why_text set, when the deadline passed first. */
static bool wait_for(int fd, short events, uint64_t deadline_ms, const char *path)
{
	for (;;) {
		uint64_t now = now_ms();
		struct pollfd p = {.fd = fd, .events = events};
		int n = now < deadline_ms ? poll(&p, 1, (int)(deadline_ms - now)) : 0;

		if (n > 0)
			return true;
		if (n == 0) {
			snprintf(why_text, sizeof why_text,
				"%s gave no answer in time: the daemon is busy or hangs; its log may "
				"say why.",
				path);
			return false;
		}
		if (errno != EINTR) {
			snprintf(why_text, sizeof why_text, "%s: %s.", path, strerror(errno));
			return false;
		}
	}
}

static int dial(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd;

	if (len >= sizeof sun.sun_path) {
		snprintf(why_text, sizeof why_text,
			"The path %.100s... is too long for a socket (%zu bytes, at most %zu); use a "
			"shorter run directory.",
			path, len, sizeof sun.sun_path - 1);
		return -1;
	}
	memcpy(sun.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		snprintf(why_text, sizeof why_text, "No socket can be made: %s.", strerror(errno));
		return -1;
	}
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		snprintf(why_text, sizeof why_text, "Nothing answers at %s.", path);
	else if (errno == EACCES || errno == EPERM)
		snprintf(why_text, sizeof why_text,
			"You may not use %s: be root, or the user that the daemon runs as.", path);
	else
		snprintf(why_text, sizeof why_text, "%s: %s.", path, strerror(errno));
	close(fd);
	return -1;
}

static char *request_text(int argc, const char *const *argv)
{
	json_t *words = json_array();
	json_t *request;
	char *text;

	for (int i = 0; i < argc; i++) {
		json_t *word = json_string(argv[i]);

		if (word == NULL) {
			json_decref(words);
			snprintf(why_text, sizeof why_text,
				"Word %d of the command is not UTF-8 text.", i + 1);
			return NULL;
		}
		json_array_append_new(words, word);
	}
	request = json_pack("{s:o}", "argv", words);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (text == NULL)
		snprintf(why_text, sizeof why_text, "Out of memory.");
	if (text != NULL && strlen(text) >= COMMAND_LINE_MAX) {
		snprintf(why_text, sizeof why_text,
			"The command is too long: %zu bytes, at most %d can be sent.", strlen(text),
			COMMAND_LINE_MAX - 1);
		free(text);
		text = NULL;
	}
	return text;
}

/* Sends text and a newline. */
static bool send_line(int fd, const char *path, const char *text, uint64_t deadline_ms)
{
	struct buf line = {0};
	bool ok = buf_add(&line, slice_text(text)) && buf_add_byte(&line, '\n');

	if (!ok)
		snprintf(why_text, sizeof why_text, "Out of memory.");
	while (ok && line.len > 0) {
		ssize_t n;

		ok = wait_for(fd, POLLOUT, deadline_ms, path);
		if (!ok)
			break;
		n = send(fd, buf_bytes(&line).at, line.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			buf_eat(&line, (size_t)n);
		} else if (errno == EPIPE || errno == ECONNRESET) {
			break; /* it was told why: that can be read */
		} else if (errno != EINTR && errno != EAGAIN) {
			snprintf(why_text, sizeof why_text, "%s: %s.", path, strerror(errno));
			ok = false;
		}
	}
	buf_free(&line);
	return ok;
}

/* Reads up to the first newline, which is left out. */
static bool read_line(int fd, const char *path, struct buf *line, uint64_t deadline_ms)
{
	char chunk[16 * 1024];

	for (;;) {
		ssize_t n;
		char *end;

		if (!wait_for(fd, POLLIN, deadline_ms, path))
			return false;
		n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0) {
			snprintf(why_text, sizeof why_text,
				"%s was closed before it answered: the daemon is ending, or you are "
				"neither root nor its user.",
				path);
			return false;
		}
		end = memchr(chunk, '\n', (size_t)n);
		if (line->len > REPLY_MAX ||
			!buf_add(line,
				slice_of(chunk, end != NULL ? (size_t)(end - chunk) : (size_t)n))) {
			snprintf(why_text, sizeof why_text, "%s answered more than fits.", path);
			return false;
		}
		if (end != NULL)
			return true;
	}
}

json_t *client_ask(
	const char *path, int argc, const char *const *argv, uint64_t timeout_ms, const char **why)
{
	uint64_t deadline_ms = now_ms() + timeout_ms;
	struct buf line = {0};
	json_t *reply = NULL;
	char *text = request_text(argc, argv);
	int fd = text != NULL ? dial(path) : -1;

	if (fd >= 0 && send_line(fd, path, text, deadline_ms) &&
		read_line(fd, path, &line, deadline_ms)) {
		static const struct jsontext_most most = {
			.bytes = REPLY_MAX, .values = REPLY_MAX / 8, .depth = 64};
		struct slice bytes = buf_bytes(&line);

		reply = jsontext_read(bytes, 0, &most, NULL);
		if (!json_is_boolean(json_object_get(reply, "ok"))) {
			json_decref(reply);
			reply = NULL;
			snprintf(why_text, sizeof why_text,
				"What listens at %s is not a daemon of Holdfast.", path);
		}
	}
	if (fd >= 0)
		close(fd);
	free(text);
	buf_free(&line);
	return reply != NULL ? reply : refuse(why);
}
