/* The players of a benchmark: connects many of them and lets them do what standard input says, one command
 * a line; each is answered with one line of JSON on standard output.
 *
 *   load ADDRESS PORT [ws] [tls]
 *
 *   cpu PID...             whose processor time the commands below are to tell, from the kernel's clock
 *   connect N              N more players; answered when all are connected
 *   names                  each player says who he is, a name of letters; nothing is waited for
 *   each                   each player sends a line and waits for its answer
 *   relay ACTIVE MS        ACTIVE players send a line, wait for its answer, send the next, for MS
 *   one                    the first player sends a line; answered when its answer is there
 *   fan TEXT               the first player sends TEXT; answered when every player has had a line
 *   slow N                 the last N players send without waiting and read nothing from now on
 *   flood N                the N before those send without waiting from now on
 *   close                  all of them leave
 *
 * A line is 64 bytes, mostly '#'; an answer is a line with a '#' in it, so that notices and telnet's
 * questions are none. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>

enum {
	LINE = 64,
	PLAYERS_MAX = 20000,
	PIDS_MAX = 8,
	SAMPLES_MAX = 1 << 22,
	CONNECTING_MAX = 256,
	PATIENCE_MS = 60000
};

/* Behind the connection come the handshakes of TLS and of WebSocket, if they are spoken. */
enum doing { CONNECTING, SECURING, ASKING, RESTING, WAITING, SLOW, FLOODING };

struct player {
	int fd;
	SSL *tls; /* owned: NULL without TLS */
	enum doing doing;
	bool active;      /* sends again when its answer is there */
	bool marked;      /* a '#' stood in the line that is coming */
	uint32_t lines;   /* that came */
	uint64_t sent_ns; /* when its line went */
};

static struct player players[PLAYERS_MAX];
static int count, epoll_fd;
static struct sockaddr_in to;
static bool speaks_ws;
static SSL_CTX *tls; /* NULL: is not spoken */
static char line[6 + LINE];
static size_t line_len;
static pid_t pids[PIDS_MAX];
static int pid_count;

static uint32_t *samples; /* of this command: ns / 16 */
static size_t sample_count;
static int waiting; /* players in WAITING */
static bool running;
static bool commanded; /* standard input has something to say */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- what the measured processes have used ---- */

/* All threads; nanoseconds on a processor, which is the first number of schedstat. */
static uint64_t cpu_of(pid_t pid)
{
	char path[300];
	uint64_t all = 0;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	if (dir == NULL)
		return 0;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		uint64_t one = 0;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", (int)pid,
			entry->d_name);
		FILE *file = fopen(path, "r");
		if (file != NULL && fscanf(file, "%" SCNu64, &one) == 1)
			all += one;
		if (file != NULL)
			fclose(file);
	}
	closedir(dir);
	return all;
}

static uint64_t before_cpu[PIDS_MAX], before_ns;

static void begin(void)
{
	sample_count = 0;
	for (int i = 0; i < pid_count; i++)
		before_cpu[i] = cpu_of(pids[i]);
	before_ns = now_ns();
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile_us(double part)
{
	if (sample_count == 0)
		return 0;
	return samples[(size_t)(part * (double)(sample_count - 1))] * 16 / 1000.0;
}

/* What the command did is said: how long, how many answers and how late, and whose processor time. */
static void tell(uint64_t took_ns)
{
	uint64_t after[PIDS_MAX];

	for (int i = 0; i < pid_count; i++)
		after[i] = cpu_of(pids[i]) - before_cpu[i];
	qsort(samples, sample_count, sizeof *samples, by_size);
	printf("{\"ok\": true, \"players\": %d, \"ms\": %.3f, \"answers\": %zu, "
	       "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, \"cpu_us\": [",
		count, (double)took_ns / 1e6, sample_count, percentile_us(0.5), percentile_us(0.99),
		percentile_us(1));
	for (int i = 0; i < pid_count; i++)
		printf("%s%.1f", i > 0 ? ", " : "", (double)after[i] / 1000.0);
	printf("]}\n");
	fflush(stdout);
}

/* ---- players ---- */

static void watch(struct player *p, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = p};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, p->fd, &e) != 0)
		die("epoll_ctl");
}

static ssize_t put(struct player *p, const char *bytes, size_t len)
{
	if (p->tls == NULL)
		return send(p->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return SSL_write(p->tls, bytes, (int)len);
}

/* As recv: -1 with EAGAIN when there is nothing. */
static ssize_t get(struct player *p, char *bytes, size_t room)
{
	if (p->tls == NULL)
		return recv(p->fd, bytes, room, MSG_DONTWAIT);
	int n = SSL_read(p->tls, bytes, (int)room);
	if (n > 0)
		return n;
	errno = EAGAIN;
	return SSL_get_error(p->tls, n) == SSL_ERROR_WANT_READ ? -1 : 0;
}

static void is_there(struct player *p)
{
	p->doing = RESTING;
	waiting--;
}

static void ask_for_websocket(struct player *p)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
				   "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
				   "Sec-WebSocket-Key: aG9sZGZhc3QtYmVuY2guLg==\r\n\r\n";

	p->doing = ASKING;
	if (!speaks_ws)
		is_there(p);
	else if (put(p, head, sizeof head - 1) != (ssize_t)sizeof head - 1)
		die("send");
}

static void secure(struct player *p)
{
	int done = SSL_connect(p->tls);
	int what = done == 1 ? SSL_ERROR_NONE : SSL_get_error(p->tls, done);

	if (what == SSL_ERROR_NONE)
		ask_for_websocket(p);
	else if (what != SSL_ERROR_WANT_READ)
		die("TLS handshake");
}

static void connected(struct player *p)
{
	int fault = 0;
	socklen_t len = sizeof fault;

	getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &fault, &len);
	errno = fault;
	if (fault != 0)
		die("connect");
	watch(p, EPOLLIN);
	p->doing = SECURING;
	if (tls == NULL) {
		ask_for_websocket(p);
		return;
	}
	p->tls = SSL_new(tls);
	if (p->tls == NULL || SSL_set_fd(p->tls, p->fd) != 1)
		die("TLS");
	secure(p);
}

static void send_line(struct player *p)
{
	p->sent_ns = now_ns();
	if (p->doing != WAITING)
		waiting++;
	p->doing = WAITING;
	if (put(p, line, line_len) != (ssize_t)line_len)
		die("send");
}

static void got_line(struct player *p)
{
	p->lines++;
	if (p->doing != WAITING)
		return;
	if (sample_count < SAMPLES_MAX)
		samples[sample_count++] = (uint32_t)((now_ns() - p->sent_ns) / 16);
	if (running && p->active) {
		send_line(p);
		return;
	}
	p->doing = RESTING;
	waiting--;
}

static void flood(struct player *p)
{
	static char much[16 * sizeof line];

	for (size_t i = 0; i < 16; i++)
		memcpy(much + i * line_len, line, line_len);
	/* Not more at a time, or he would not come to reading and be closed for that. */
	put(p, much, 16 * line_len);
}

static void hear(struct player *p)
{
	static char bytes[64 * 1024];
	ssize_t n = get(p, bytes, sizeof bytes);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fprintf(stderr, "load: player %d was disconnected\n", (int)(p - players));
		exit(2);
	}
	if (p->doing == ASKING)
		is_there(p); /* the answer to the question */
	for (char *at = bytes, *stop = bytes + n; at < stop;) {
		char *end = memchr(at, '\n', (size_t)(stop - at));
		size_t len = (size_t)((end != NULL ? end : stop) - at);

		p->marked = p->marked || memchr(at, '#', len) != NULL;
		if (end == NULL)
			return;
		if (p->marked)
			got_line(p);
		p->marked = false;
		at = end + 1;
	}
}

static void turn(int timeout_ms)
{
	static struct epoll_event events[512];
	int n = epoll_wait(epoll_fd, events, 512, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct player *p = events[i].data.ptr;

		if (p == NULL) {
			commanded = true;
			continue;
		}
		if (p->doing == CONNECTING) {
			connected(p);
			continue;
		}
		if (p->doing == SECURING) {
			secure(p);
			continue;
		}
		if (p->doing == SLOW && (events[i].events & (EPOLLHUP | EPOLLERR)) != 0) {
			epoll_ctl(epoll_fd, EPOLL_CTL_DEL, p->fd, NULL); /* was closed for it */
			continue;
		}
		if ((p->doing == FLOODING || p->doing == SLOW) &&
			(events[i].events & EPOLLOUT) != 0)
			flood(p);
		if (p->doing != SLOW && (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
			hear(p);
	}
}

static void until_all_have_answers(void)
{
	uint64_t until = now_ns() + (uint64_t)PATIENCE_MS * 1000000;

	while (waiting > 0) {
		if (now_ns() > until) {
			fprintf(stderr, "load: %d players got no answer\n", waiting);
			exit(3);
		}
		turn(100);
	}
}

/* ---- the commands ---- */

static void connect_one(void)
{
	struct player *p = &players[count++];
	struct epoll_event e = {.events = EPOLLOUT, .data.ptr = p};
	int one = 1;

	*p = (struct player){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
	if (p->fd < 0)
		die("socket");
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(p->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
		die("connect");
	p->doing = CONNECTING;
	waiting++;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->fd, &e) != 0)
		die("epoll_ctl");
}

static void cmd_connect(int n)
{
	begin();
	while (n-- > 0 && count < PLAYERS_MAX) {
		connect_one();
		while (waiting >= CONNECTING_MAX)
			turn(100);
	}
	until_all_have_answers();
	tell(now_ns() - before_ns);
}

static void cmd_relay(int active, int ms)
{
	for (int i = 0; i < count; i++)
		players[i].active = i < active && players[i].doing == RESTING;
	running = true;
	begin();
	for (int i = 0; i < count; i++)
		if (players[i].active)
			send_line(&players[i]);
	uint64_t until = before_ns + (uint64_t)ms * 1000000;
	while (now_ns() < until)
		turn(10);
	running = false;
	until_all_have_answers();
	tell(now_ns() - before_ns);
}

static void cmd_each(void)
{
	begin();
	for (int i = 0; i < count; i++)
		if (players[i].doing == RESTING) {
			send_line(&players[i]);
			turn(0);
		}
	until_all_have_answers();
	tell(now_ns() - before_ns);
}

static void cmd_names(void)
{
	begin();
	for (int i = 0; i < count; i++) {
		char name[] = "Paaaa\r\n";

		for (int n = i, at = 4; at > 0; at--, n /= 26)
			name[at] = (char)('a' + n % 26);
		if (put(&players[i], name, sizeof name - 1) < 0)
			die("send");
		turn(0);
	}
	tell(now_ns() - before_ns);
}

static void cmd_one(void)
{
	begin();
	send_line(&players[0]);
	until_all_have_answers();
	tell(now_ns() - before_ns);
}

static void cmd_fan(const char *text)
{
	begin();
	for (int i = 0; i < count; i++)
		if (players[i].doing == RESTING) {
			players[i].doing = WAITING;
			players[i].sent_ns = before_ns;
			waiting++;
		}
	if (put(&players[0], text, strlen(text)) < 0)
		die("send");
	until_all_have_answers();
	tell(now_ns() - before_ns);
}

static void cmd_slow(int n)
{
	for (int i = count - n; i < count; i++) {
		players[i].doing = SLOW;
		watch(&players[i], EPOLLOUT);
	}
	begin();
	tell(0);
}

static void cmd_flood(int n)
{
	for (int i = count - 1; i >= 0 && n > 0; i--)
		if (players[i].doing == RESTING) {
			players[i].doing = FLOODING;
			watch(&players[i], EPOLLIN | EPOLLOUT);
			n--;
		}
	begin();
	tell(0);
}

static void cmd_close(void)
{
	struct linger at_once = {.l_onoff = 1};

	begin();
	for (int i = 0; i < count; i++) {
		/* No port is to be kept busy for the next round. */
		setsockopt(players[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		SSL_free(players[i].tls);
		close(players[i].fd);
	}
	count = waiting = 0;
	tell(now_ns() - before_ns);
}

static void cmd_cpu(char *text)
{
	pid_count = 0;
	for (char *word = strtok(text, " \n"); word != NULL && pid_count < PIDS_MAX;
		word = strtok(NULL, " \n"))
		pids[pid_count++] = atoi(word);
	begin();
	tell(0);
}

static void obey(char *text)
{
	int a = 0, b = 0;

	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, "cpu ", 4) == 0)
		cmd_cpu(text + 4);
	else if (sscanf(text, "connect %d", &a) == 1)
		cmd_connect(a);
	else if (sscanf(text, "relay %d %d", &a, &b) == 2)
		cmd_relay(a, b);
	else if (strcmp(text, "each") == 0)
		cmd_each();
	else if (strcmp(text, "names") == 0)
		cmd_names();
	else if (strcmp(text, "one") == 0)
		cmd_one();
	else if (strncmp(text, "fan ", 4) == 0) {
		char words[200];

		snprintf(words, sizeof words, "%.190s\r\n", text + 4);
		cmd_fan(words);
	} else if (sscanf(text, "slow %d", &a) == 1)
		cmd_slow(a);
	else if (sscanf(text, "flood %d", &a) == 1)
		cmd_flood(a);
	else if (strcmp(text, "close") == 0)
		cmd_close();
	else {
		fprintf(stderr, "load: '%s' is no command\n", text);
		exit(64);
	}
}

/* As a WebSocket message (RFC 6455 section 5.2): binary, masked with a key of zeros. */
static void make_line(void)
{
	if (speaks_ws) {
		memcpy(line, (char[]){(char)0x82, (char)(0x80 | LINE), 0, 0, 0, 0}, 6);
		line_len = 6;
	}
	memset(line + line_len, '#', LINE - 2);
	memcpy(line + line_len + LINE - 2, "\r\n", 2);
	line_len += LINE;
}

int main(int argc, char **argv)
{
	struct rlimit most;

	if (argc < 3) {
		fprintf(stderr, "usage: load ADDRESS PORT [ws] [tls]\n");
		return 64;
	}
	for (int i = 3; i < argc; i++) {
		speaks_ws = speaks_ws || strcmp(argv[i], "ws") == 0;
		if (strcmp(argv[i], "tls") == 0)
			tls = SSL_CTX_new(TLS_client_method());
	}
	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
	to.sin_family = AF_INET;
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	inet_pton(AF_INET, argv[1], &to.sin_addr);
	make_line();
	samples = calloc(SAMPLES_MAX, sizeof *samples);
	epoll_fd = epoll_create1(0);
	if (samples == NULL || epoll_fd < 0)
		die("start");
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &e);
	/* One command at a time is ever under way; meanwhile players hear what they are told. */
	for (char text[256];;) {
		while (!commanded)
			turn(-1);
		if (fgets(text, sizeof text, stdin) == NULL)
			return 0;
		commanded = false;
		obey(text);
	}
}
