#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_ROOM = 1024, BURST = 200, PER_SECOND = 100 };

/* A flood of chatter must not cost the warnings, so they have a bucket of their own. */
struct bucket {
	uint64_t last_ms;
	uint64_t thousandths; /* of a line */
};

/* The only singleton there is: whoever logs should not have to be handed anything. */
static struct {
	char program[32];
	enum log_level least;
	bool journal;
	int fd;
	bool torn; /* the last line was written in part */
	unsigned long lost;
	struct bucket chatter, trouble;
} state = {
	.program = "holdfast",
	.least = LOG_INFO,
	.fd = STDERR_FILENO,
	.chatter.thousandths = BURST * 1000,
	.trouble.thousandths = BURST * 1000,
};

static const struct {
	const char *word;
	int syslog; /* journald's <N> */
} levels[] = {
	[LOG_DEBUG] = {"debug", 7},
	[LOG_INFO] = {"info", 6},
	[LOG_WARN] = {"warn", 4},
	[LOG_ERROR] = {"error", 3},
};

/* The variable is inherited by whatever a service starts, so it counts only if it names our fd. */
static bool is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return text != NULL && sscanf(text, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* poll says that a terminal has room, not that it has room for a line, and O_NONBLOCK on fd 2 would
 * be set for everyone who shares it. So we open our own way to it. */
static int own_way_to_terminal(void)
{
	if (!isatty(STDERR_FILENO))
		return STDERR_FILENO;
	int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 ? fd : STDERR_FILENO;
}

/* A closed standard stream would be the number of the next thing that is opened: a player's socket
 * would get the log, and libuv aborts when it closes a low number (row J08). */
static void fill_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

void log_open(const char *program, enum log_level least)
{
	fill_standard_streams();
	snprintf(state.program, sizeof state.program, "%s", program);
	state.least = least;
	state.journal = is_journal();
	if (state.fd != STDERR_FILENO)
		close(state.fd);
	state.fd = own_way_to_terminal();
}

bool log_level_parse(const char *word, enum log_level *level)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(word, levels[i].word) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

size_t log_escape(char *out, size_t room, struct slice text)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.at[i];
		bool is_plain = byte >= 0x20 && byte < 0x7f;
		if (len + (is_plain ? 1 : 4) >= room)
			break;
		if (is_plain) {
			out[len++] = (char)byte;
			continue;
		}
		out[len++] = '\\';
		out[len++] = 'x';
		out[len++] = hex[byte >> 4];
		out[len++] = hex[byte & 15];
	}
	out[len] = '\0';
	return len;
}

static bool take(struct bucket *b)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	uint64_t now_ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	if (b->last_ms == 0)
		b->last_ms = now_ms;
	b->thousandths += (now_ms - b->last_ms) * PER_SECOND;
	b->last_ms = now_ms;
	if (b->thousandths > BURST * 1000)
		b->thousandths = BURST * 1000;
	if (b->thousandths < 1000)
		return false;
	b->thousandths -= 1000;
	return true;
}

/* Makes one whole line at out, which has room for LINE_ROOM bytes; returns its length. */
static size_t make_line(char *out, enum log_level level, const char *text)
{
	size_t len;

	if (state.journal) {
		len = (size_t)snprintf(out, LINE_ROOM, "<%d>", levels[level].syslog);
	} else {
		struct timespec ts;
		struct tm tm;
		clock_gettime(CLOCK_REALTIME, &ts);
		localtime_r(&ts.tv_sec, &tm);
		len = strftime(out, LINE_ROOM, "%Y-%m-%d %H:%M:%S", &tm);
		len += (size_t)snprintf(
			out + len, LINE_ROOM - len, ".%03d ", (int)(ts.tv_nsec / 1000000));
	}
	len += (size_t)snprintf(
		out + len, LINE_ROOM - len, "%s %s: ", levels[level].word, state.program);
	len += log_escape(out + len, LINE_ROOM - len, slice_text(text));
	out[len++] = '\n'; /* over the terminator */
	return len;
}

static bool has_room(void)
{
	struct pollfd p = {.fd = state.fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

/* A terminal that another process writes to at this moment says EAGAIN too: that is over at once. One
 * that lost the last line already is not waited for. */
static ssize_t write_line(const char *line, size_t len)
{
	static const struct timespec moment = {.tv_nsec = 50 * 1000};
	ssize_t n = write(state.fd, line, len);

	for (int tries = 0; n < 0 && errno == EAGAIN && state.lost == 0 && tries < 20; tries++) {
		nanosleep(&moment, NULL);
		n = write(state.fd, line, len);
	}
	return n;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	if (level < state.least)
		return;

	int saved = errno;
	char text[LINE_ROOM], out[1 + 2 * LINE_ROOM];
	size_t len = 0;
	va_list args;

	if (!take(level >= LOG_WARN ? &state.trouble : &state.chatter) || !has_room()) {
		state.lost++;
		errno = saved;
		return;
	}
	if (state.torn)
		out[len++] = '\n';
	if (state.lost > 0) {
		snprintf(text, sizeof text, "log: %lu line%s lost here", state.lost,
			state.lost == 1 ? " was" : "s were");
		len += make_line(out + len, LOG_WARN, text);
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	len += make_line(out + len, level, text);

	ssize_t n = write_line(out, len);
	if (n == (ssize_t)len) {
		state.lost = 0;
		state.torn = false;
	} else {
		state.lost++;
		state.torn = state.torn || n > 0;
	}
	errno = saved;
}
