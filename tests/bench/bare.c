/* The least that a multiplexer can be: epoll, the messages, one buffer a user; no telnet, no limits, no
 * restart. What Holdfast's costs more than this is what its features cost.
 *
 *   bare PORT SOCKET */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "proto/features.h"
#include "proto/frame.h"

enum { USERS_MAX = 20000, QUEUE = 64 * 1024, LINK_QUEUE = 8 * 1024 * 1024 };

struct user {
	int fd;
	bool dirty;
	uint8_t *out; /* QUEUE bytes, while some wait */
	size_t out_len;
};

static struct user users[USERS_MAX];
static uint32_t user_count, dirty[USERS_MAX];
static size_t dirty_count;
static int epoll_fd, link_fd;
static uint8_t to_game[LINK_QUEUE];
static size_t to_game_len;
static struct framer framer;

static void die(const char *what)
{
	fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Room for one more message. */
static uint8_t *room(void)
{
	if (to_game_len + MSG_MAX > LINK_QUEUE)
		die("the game does not read");
	return to_game + to_game_len;
}

static void accept_all(int listening)
{
	for (int fd; (fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = user_count};
		struct clientkey who = clientkey_of(user_count, 1);
		int one = 1;

		if (user_count == USERS_MAX)
			die("too many users");
		users[user_count++] = (struct user){.fd = fd};
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
		to_game_len += msg_got_subclient_write(&(struct msg_got_subclient){.who = who,
							       .protocol = slice_text("raw"),
							       .ip = slice_text("127.0.0.1")},
			room());
		to_game_len += msg_done_sending_subclient_info_write(
			&(struct msg_done_sending_subclient_info){.who = who}, room());
	}
}

static void hear_user(uint32_t n)
{
	static uint8_t bytes[4000];
	ssize_t len = recv(users[n].fd, bytes, sizeof bytes, 0);

	if (len <= 0) {
		close(users[n].fd);
		users[n].fd = -1;
		return;
	}
	to_game_len += msg_got_subclient_text_write(
		&(struct msg_got_subclient_text){
			.who = clientkey_of(n, 1), .data = slice_of(bytes, (size_t)len)},
		room());
}

static void send_to_user(uint32_t n, struct slice data)
{
	struct user *u = &users[n];

	if (u->out == NULL)
		u->out = malloc(QUEUE);
	if (u->out == NULL || u->out_len + data.len > QUEUE)
		die("a user does not read");
	memcpy(u->out + u->out_len, data.at, data.len);
	u->out_len += data.len;
	if (!u->dirty)
		dirty[dirty_count++] = n;
	u->dirty = true;
}

static void obey(const struct frame *f)
{
	struct msg_send_subclient_text text;
	struct refusal why;

	if (f->id == MSG_SERVER_HELLO)
		to_game_len += msg_multiplexer_hello_write(
			&(struct msg_multiplexer_hello){.version = PROTOCOL_VERSION,
				.features = slice_text("none"),
				.incarnation = slice_of("0123456789abcdef", INCARNATION_LEN)},
			room());
	else if (f->id == MSG_GET_ALL_SUBCLIENT_INFO)
		to_game_len += msg_done_sending_all_subclient_info_write(
			&(struct msg_done_sending_all_subclient_info){0}, room());
	if (f->id != MSG_SEND_SUBCLIENT_TEXT)
		return;
	if (!msg_send_subclient_text_read(f->args, f->count, &text, &why))
		die(why.text);
	if (clientkey_is_list(&text.who))
		for (uint32_t n = 0; n < user_count; n++)
			send_to_user(n, text.data);
	else
		send_to_user(text.who.number[0], text.data);
}

static void hear_game(void)
{
	static uint8_t bytes[64 * 1024];
	ssize_t len = recv(link_fd, bytes, sizeof bytes, MSG_DONTWAIT);
	struct slice in = slice_of(bytes, len > 0 ? (size_t)len : 0);
	struct frame f;
	struct refusal why;

	if (len == 0)
		exit(0);
	while (framer_next(&framer, &in, &f, &why) == FRAME_READY)
		obey(&f);
}

/* One write a turn for the game and for each user. */
static void write_out(void)
{
	if (to_game_len > 0) {
		ssize_t n = send(link_fd, to_game, to_game_len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			to_game_len -= (size_t)n;
			memmove(to_game, to_game + n, to_game_len);
		}
	}
	for (size_t i = 0; i < dirty_count; i++) {
		struct user *u = &users[dirty[i]];

		u->dirty = false;
		if (u->fd >= 0 && send(u->fd, u->out, u->out_len, MSG_NOSIGNAL) < 0)
			die("send");
		u->out_len = 0;
		free(u->out);
		u->out = NULL;
	}
	dirty_count = 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct sockaddr_un game = {.sun_family = AF_UNIX};
	struct rlimit most;
	int one = 1;

	if (argc != 3) {
		fprintf(stderr, "usage: bare PORT SOCKET\n");
		return 64;
	}
	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
	snprintf(game.sun_path, sizeof game.sun_path, "%s", argv[2]);
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	link_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	epoll_fd = epoll_create1(0);
	setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listening, (struct sockaddr *)&at, sizeof at) != 0 ||
		listen(listening, 4096) != 0 ||
		connect(link_fd, (struct sockaddr *)&game, sizeof game) != 0)
		die("start");
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = USERS_MAX};
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listening, &e);
	e.data.u32 = USERS_MAX + 1;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, link_fd, &e);
	for (;;) {
		static struct epoll_event events[1024];
		int n = epoll_wait(epoll_fd, events, 1024, to_game_len > 0 ? 1 : -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.u32 == USERS_MAX)
				accept_all(listening);
			else if (events[i].data.u32 == USERS_MAX + 1)
				hear_game();
			else
				hear_user(events[i].data.u32);
		write_out();
	}
}
