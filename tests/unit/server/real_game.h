/* A real game on a real loop, with a map and a multiplexer that the test writes. Time moves by hand on
 * top of the clock's own. It is a header, since the other tests of this folder make a game of their own. */
#ifndef TESTS_UNIT_SERVER_REAL_GAME_H
#define TESTS_UNIT_SERVER_REAL_GAME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "proto/frame.h"
#include "server/console.h"
#include "server/game.h"
#include "server/grants.h"
#include "server/muxlinks.h"
#include "server/script.h"
#include "tests/unit/support_has.h"

static struct loop loop;
static struct game game;
static char top[] = "/tmp/holdfast-game-XXXXXX", run_dir[80], maps_dir[80];
static int log_fd, real_stderr;

/* ---- time --------------------------------------------------------------------------------------- */

static time_t seconds_ahead;

/* libuv's, ours and the log's: deadlines of seconds pass without waiting for them. */
int clock_gettime(clockid_t clock, struct timespec *now);

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int status = (int)syscall(SYS_clock_gettime, clock, now);

	now->tv_sec += seconds_ahead;
	return status;
}

/* ---- turns of the loop -------------------------------------------------------------------------- */

/* What can happen without anybody's help happens: nothing here goes over a network. As loop_run, it
 * ends with a loop_stop; what is not done by then is not done. */
static UNUSED void turns(void)
{
	for (int i = 0; i < 12 && !loop.stopping; i++)
		uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static UNUSED void pass_seconds(time_t seconds)
{
	seconds_ahead += seconds;
	turns();
}

static UNUSED bool is_stopped(void)
{
	return loop.stopping;
}

/* What was logged since the last time; valid until the next call. */
static UNUSED const char *logged(void)
{
	static char text[256 * 1024];
	ssize_t n = pread(log_fd, text, sizeof text - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(log_fd, 0), 0);
	return text;
}

/* ---- a multiplexer ------------------------------------------------------------------------------ */

struct mux {
	int fd;
	struct framer framer;
	struct buf in;
	bool ended; /* the server has closed, or ended its side */
};

static UNUSED struct mux mux_dial(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct mux m = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};

	snprintf(to.sun_path, sizeof to.sun_path, "%.60s/link.sock", run_dir);
	assert_int_equal(connect(m.fd, (struct sockaddr *)&to, sizeof to), 0);
	turns();
	return m;
}

static UNUSED void mux_write(struct mux *m, const void *bytes, size_t len)
{
	for (const uint8_t *at = bytes; len > 0;) {
		ssize_t n = send(m->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			turns();
			continue;
		}
		assert_true(n > 0);
		at += n;
		len -= (size_t)n;
	}
}

/* SAY(&m, got_subclient_text, .who = key(1), .data = slice_text("hi\n")); 0 for no fields. */
#define SAY(m, name, ...)                                    \
	do {                                                 \
		uint8_t out_[MSG_MAX];                       \
		const struct msg_##name m_ = {__VA_ARGS__};  \
		size_t len_ = msg_##name##_write(&m_, out_); \
		assert_true(len_ > 0);                       \
		mux_write(m, out_, len_);                    \
	} while (0)

static UNUSED struct clientkey key(uint32_t n)
{
	return clientkey_of(n, 1);
}

static void mux_read(struct mux *m)
{
	static uint8_t room[64 * 1024];
	ssize_t n;

	turns();
	while (!m->ended && (n = recv(m->fd, room, sizeof room, 0)) != -1) {
		assert_true(buf_add(&m->in, slice_of(room, (size_t)n)));
		m->ended = n == 0;
		turns();
	}
	m->ended = m->ended || errno == ECONNRESET;
}

static void show_bytes(struct buf *out, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t c = bytes.at[i];

		if (c == '\r' || c == '\n')
			buf_addf(out, c == '\r' ? "\\r" : "\\n");
		else if (c >= 0x20 && c < 0x7f)
			buf_add_byte(out, c);
		else
			buf_addf(out, "\\x%02x", c);
	}
}

/* One message as a line; the fields are those of all that a server says. */
static void show_message(struct buf *out, const struct frame *f)
{
	struct refusal why;
	char text[CLIENTKEY_TEXT_MAX];

	buf_addf(out, "%s", msg_name(f->id));
	if (f->id == MSG_SEND_SUBCLIENT_TEXT || f->id == MSG_SAVE_SUBCLIENT_INFO) {
		struct msg_send_subclient_text m; /* both have the same fields */

		assert_true(msg_send_subclient_text_read(f->args, f->count, &m, &why));
		buf_addf(out, " %s ", clientkey_text(&m.who, text));
		show_bytes(out, m.data);
	} else if (f->id == MSG_KILL_SUBCLIENT || f->id == MSG_GET_SUBCLIENT_DNS ||
		   f->id == MSG_GET_SUBCLIENT_IDENTD) {
		struct msg_kill_subclient m; /* all have the same field */

		assert_true(msg_kill_subclient_read(f->args, f->count, &m, &why));
		buf_addf(out, " %s", clientkey_text(&m.who, text));
	} else if (f->id == MSG_DELETE_SUBCLIENT_SAVED_INFO) {
		struct msg_delete_subclient_saved_info m;

		assert_true(msg_delete_subclient_saved_info_read(f->args, f->count, &m, &why));
		buf_addf(out, " %s", clientkey_text(&m.who, text));
	} else if (f->id == MSG_MAKE_LIST || f->id == MSG_DROP_LIST) {
		struct msg_make_list m; /* both have the same fields */

		assert_true(msg_make_list_read(f->args, f->count, &m, &why));
		buf_addf(out, " %s", clientkey_text(&m.list, text));
	} else if (f->id == MSG_ADD_TO_LIST || f->id == MSG_REMOVE_FROM_LIST) {
		struct msg_add_to_list m; /* both have the same fields */

		assert_true(msg_add_to_list_read(f->args, f->count, &m, &why));
		buf_addf(out, " %s", clientkey_text(&m.list, text));
		buf_addf(out, " %s", clientkey_text(&m.who, text));
	} else if (f->id == MSG_SEND_SUBCLIENT_EVENT) {
		struct msg_send_subclient_event m;

		assert_true(msg_send_subclient_event_read(f->args, f->count, &m, &why));
		buf_addf(out, " %s %.*s ", clientkey_text(&m.who, text), (int)m.channel.len,
			(const char *)m.channel.at);
		show_bytes(out, m.data);
	} else if (f->id == MSG_LINK_REFUSED) {
		struct msg_link_refused m;

		assert_true(msg_link_refused_read(f->args, f->count, &m, &why));
		buf_addf(out, " %.*s", (int)m.reason.len, (const char *)m.reason.at);
	} else if (f->id == MSG_HANDLED || f->id == MSG_HEARTBEAT) {
		struct msg_handled m; /* both have the same field */

		assert_true(msg_handled_read(f->args, f->count, &m, &why));
		buf_addf(out, " %u", m.messages);
	} else if (f->id == MSG_HEARTBEAT_ANSWER) {
		struct msg_heartbeat_answer m;

		assert_true(msg_heartbeat_answer_read(f->args, f->count, &m, &why));
		buf_addf(out, " %u", m.number);
	} else {
		assert_int_equal(f->args.len, 0);
	}
	buf_add_byte(out, '\n');
}

/* All that the server has said since the last time, a line for each message, "END" if it has ended
 * its side; valid until the next call. */
static UNUSED const char *heard(struct mux *m)
{
	static struct buf out;
	struct refusal why;
	struct frame f;

	buf_eat(&out, out.len);
	mux_read(m);
	struct slice bytes = buf_bytes(&m->in);
	enum frame_result r;
	while ((r = framer_next(&m->framer, &bytes, &f, &why)) == FRAME_READY)
		if (f.id !=
			MSG_SERVER_HELLO) /* as a plain AgNet multiplexer: it knows no such id */
			show_message(&out, &f);
	assert_int_equal(r, FRAME_MORE);
	buf_eat(&m->in, m->in.len);
	if (m->ended)
		buf_addf(&out, "END\n");
	buf_add_byte(&out, '\0');
	return (const char *)buf_bytes(&out).at;
}

/* The data of all SEND SUBCLIENT TEXT, one behind the other, and how long each was. */
static UNUSED struct slice heard_text(struct mux *m, size_t *lens, size_t room)
{
	static struct buf out;
	struct refusal why;
	struct frame f;
	size_t n = 0;

	buf_eat(&out, out.len);
	mux_read(m);
	struct slice bytes = buf_bytes(&m->in);
	while (framer_next(&m->framer, &bytes, &f, &why) == FRAME_READY) {
		struct msg_send_subclient_text t;

		if (f.id != MSG_SEND_SUBCLIENT_TEXT)
			continue;
		assert_true(msg_send_subclient_text_read(f.args, f.count, &t, &why));
		assert_true(buf_add(&out, t.data));
		if (n < room)
			lens[n++] = t.data.len;
	}
	buf_eat(&m->in, m->in.len);
	if (n < room)
		lens[n] = 0;
	return buf_bytes(&out);
}

static UNUSED void mux_close(struct mux *m)
{
	close(m->fd);
	buf_free(&m->in);
	*m = (struct mux){.fd = -1};
	turns();
}

static UNUSED void list_user(struct mux *m, uint32_t n, const char *ip, const char *blob)
{
	SAY(m, got_subclient, .who = key(n), .protocol = slice_text("telnet-line"),
		.ip = slice_text(ip));
	SAY(m, subclient_dns_is, .who = key(n), .name = slice_text("unsupported"));
	SAY(m, subclient_identd_is, .who = key(n), .name = slice_text("unsupported"));
	SAY(m, subclient_idletime_is, .who = key(n), .seconds = 10);
	SAY(m, subclient_connecttime_is, .who = key(n), .seconds = 100000);
	if (blob != NULL)
		SAY(m, subclient_saved_info_is, .who = key(n), .data = slice_text(blob));
	else
		SAY(m, there_is_no_subclient_saved_info, .who = key(n));
	SAY(m, done_sending_subclient_info, .who = key(n));
}

static UNUSED void accept_user(struct mux *m, uint32_t n)
{
	SAY(m, got_subclient, .who = key(n), .protocol = slice_text("telnet-line"),
		.ip = slice_text("192.0.2.1"));
	SAY(m, done_sending_subclient_info, .who = key(n));
	turns();
}

static UNUSED void type(struct mux *m, uint32_t n, const char *text)
{
	SAY(m, got_subclient_text, .who = key(n), .data = slice_text(text));
	turns();
}

#define GREETING "NOT READY\nTELL ME YOUR ACCEPT MODE\nGET ALL SUBCLIENT INFO\n"

/* Dials and answers; nobody is listed yet. */
static UNUSED struct mux mux_prove(void)
{
	struct mux m = mux_dial();

	assert_string_equal(heard(&m), GREETING);
	SAY(&m, accepting_all, 0);
	return m;
}

/* The same for one that says what it can and who it is, in 16 letters. */
static UNUSED struct mux mux_prove_as(const char *incarnation, const char *features)
{
	struct mux m = mux_dial();

	assert_string_equal(heard(&m), GREETING);
	SAY(&m, multiplexer_hello, .version = 1, .features = slice_text(features),
		.incarnation = slice_text(incarnation));
	SAY(&m, accepting_all, 0);
	return m;
}

static UNUSED struct mux mux_ready_as(const char *incarnation, const char *features)
{
	struct mux m = mux_prove_as(incarnation, features);

	SAY(&m, done_sending_all_subclient_info, 0);
	ASSERT_HAS(heard(&m), "READY\n");
	return m;
}

/* A link that is ready, with nobody on it. */
static UNUSED struct mux mux_ready(void)
{
	struct mux m = mux_prove();

	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "READY\n");
	return m;
}

static UNUSED struct player *find_on(uint32_t link, uint32_t n)
{
	struct clientkey k = key(n);

	return player_find(&game, link, &k);
}

static UNUSED struct player *find_player(uint32_t n)
{
	return find_on(1, n);
}

static UNUSED struct player *player(uint32_t n)
{
	struct player *p = find_player(n);

	assert_non_null(p);
	return p;
}

/* ---- the game ----------------------------------------------------------------------------------- */

/* Says what happens to everybody, so that what is heard has all of it in order. */
#define MAP                                                                                  \
	"game.on('join', function(p) all:send('join ' .. p.key) end)\n"                      \
	"game.on('restore', function(p, saved)\n"                                            \
	"  all:send('restore ' .. p.key .. ' ' .. (saved and json.encode(saved) or '-'))\n"  \
	"end)\n"                                                                             \
	"game.on('lookup', function(p, which) all:send(which .. ' ' .. p[which]) end)\n"     \
	"game.on('leave', function(p, why) all:send('leave ' .. p.key .. ' ' .. why) end)\n" \
	"game.on('stop', function(why) all:send('stop ' .. why) end)\n"                      \
	"local crowd\n"                                                                      \
	"game.on('slow', function(p, slow) p:send(slow and 'slow' or 'fast') end)\n"         \
	"game.on('event', function(p, channel, data)\n"                                      \
	"  p:send(channel .. ' ' .. (type(data) == 'string' and #data or data.n))\n"         \
	"end)\n"                                                                             \
	"local function by_key(key)\n"                                                       \
	"  for p in players() do\n"                                                          \
	"    if p.key == key or p.key == key .. ':1' then return p end\n"                    \
	"  end\n"                                                                            \
	"end\n"                                                                              \
	"game.on('input', function(p, line)\n"                                               \
	"  local word, rest = line:match('^(%S+) ?(.*)$')\n"                                 \
	"  if word == 'save' then p:save({v = rest})\n"                                      \
	"  elseif word == 'kick' then p:kick(rest)\n"                                        \
	"  elseif word == 'name' then p.name = rest\n"                                       \
	"  elseif word == 'lookup' then p:lookup()\n"                                        \
	"  elseif word == 'list' then\n"                                                     \
	"    crowd = list()\n"                                                               \
	"    for key in rest:gmatch('%S+') do crowd:add(by_key(key)) end\n"                  \
	"    crowd:send('listed')\n"                                                         \
	"  elseif word == 'again' then crowd:send('again')\n"                                \
	"  elseif word == 'accept' then p:send(accept())\n"                                  \
	"  else p:send(trusted('[' .. line .. ']')) end\n"                                   \
	"end)\n"

/* A sanitizer's report should not be lost with the log. */
extern void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

static UNUSED void report_to(intptr_t fd)
{
	if (__sanitizer_set_report_fd != NULL)
		__sanitizer_set_report_fd((void *)fd);
}

static UNUSED void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static UNUSED const char *path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof path, "%s/%s", top, name);
	return path;
}

static UNUSED void write_map(const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof path, "%s/%s", maps_dir, name);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/%s/init.lua", maps_dir, name);
	write_file(path, text);
}

/* What the game is opened with; a test may change it before start_game. */
static struct game_config config;

static UNUSED void open_game(void)
{
	config.run_dir = run_dir;
	config.maps_dir = maps_dir;
	if (config.program == NULL)
		config.program = "/bin/true";
	assert_int_equal(loop_open(&loop), 0);
	game_open(&game, &loop, &config);
}

static UNUSED void start_game(const char *map)
{
	const char *why = "";

	write_map("testmap", map);
	assert_true(cvar_set(&game.cvars, "sv_map", "testmap", true, &why));
	assert_true(cvar_set(&game.cvars, "sv_fps", "1", true, &why));
	if (!game_start(&game, &why))
		fail_msg("%s", why);
}

/* On the console: grant ACCOUNT ROLE. */
static UNUSED void grant(const char *account, const char *role)
{
	const char *why = "";

	if (!grants_set(game.store, game.map.name, account, role, &why))
		fail_msg("%s", why);
}

static UNUSED void end_game(void)
{
	loop.stopping = false;
	game_close(&game);
	loop_run(&loop);
	game_free(&game);
	assert_int_equal(loop_close(&loop), 0);
}

static UNUSED int set_up_empty(UNUSED void **state)
{
	seconds_ahead = 0;
	config = (struct game_config){0};
	snprintf(top, sizeof top, "/tmp/holdfast-game-XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(run_dir, sizeof run_dir, "%s/run", top);
	snprintf(maps_dir, sizeof maps_dir, "%s/maps", top);
	mkdir(run_dir, 0700);
	mkdir(maps_dir, 0700);
	real_stderr = dup(STDERR_FILENO);
	log_fd = open(path_of("log"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(real_stderr >= 0 && log_fd >= 0);
	dup2(log_fd, STDERR_FILENO);
	report_to(real_stderr);
	open_game();
	return 0;
}

static UNUSED int set_up(void **state)
{
	set_up_empty(state);
	start_game(MAP);
	return 0;
}

static UNUSED int tear_down(UNUSED void **state)
{
	char command[100];

	end_game();
	const char *rest = logged(); /* and what cmocka had to say */
	dup2(real_stderr, STDERR_FILENO);
	fputs(rest, stderr);
	report_to(STDERR_FILENO);
	close(real_stderr);
	close(log_fd);
	snprintf(command, sizeof command, "rm -r %s", top);
	return system(command);
}

#define GAME_TEST(f)  cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define EMPTY_TEST(f) cmocka_unit_test_setup_teardown(f, set_up_empty, tear_down)

#endif
