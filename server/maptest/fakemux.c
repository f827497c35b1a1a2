#include "server/maptest/fakemux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/jsontext.h"

/* The one listener of all. */
enum { LISTENER = 1, SAID_MAX = 64 * 1024 };

static struct clientkey key_of(const struct fakeuser *u)
{
	return clientkey_of(u->number, LISTENER);
}

/* SAY(m, got_subclient_text, .who = key, .data = bytes); 0 for no fields. */
#define SAY(m, name, ...)                                    \
	do {                                                 \
		uint8_t out_[MSG_MAX];                       \
		const struct msg_##name m_ = {__VA_ARGS__};  \
		size_t len_ = msg_##name##_write(&m_, out_); \
		buf_add(&(m)->out, slice_of(out_, len_));    \
	} while (0)

/* NULL: nobody who is here. */
static struct fakeuser *find(struct fakemux *m, const struct clientkey *who)
{
	bool ours = who->depth == 2 && who->number[1] == LISTENER && who->number[0] > 0 &&
		    who->number[0] <= m->count;
	struct fakeuser *u = ours ? m->users[who->number[0] - 1] : NULL;

	return u != NULL && u->here ? u : NULL;
}

/* ---- telling the game of players ---- */

static uint32_t seconds_since(const struct fakemux *m, uint64_t then_ms)
{
	return (uint32_t)((loop_now_ms(m->loop) - then_ms) / 1000);
}

static void say_caps(struct fakemux *m, const struct fakeuser *u)
{
	char text[MSG_PAYLOAD_MAX];
	size_t len = u->caps != NULL ? json_dumpb(u->caps, text, sizeof text, JSON_COMPACT) : 0;

	if (len > 0 && len <= sizeof text)
		SAY(m, subclient_caps_are, .who = key_of(u), .caps = slice_of(text, len));
}

/* All that a multiplexer knows of a user, as in a listing and in an acceptance. */
static void say_user(struct fakemux *m, const struct fakeuser *u)
{
	struct clientkey who = key_of(u);

	SAY(m, got_subclient, .who = who, .protocol = slice_text(u->protocol),
		.ip = slice_text(u->ip));
	say_caps(m, u);
	SAY(m, subclient_dns_is, .who = who, .name = slice_text(u->dns));
	SAY(m, subclient_identd_is, .who = who, .name = slice_text(u->ident));
	SAY(m, subclient_idletime_is, .who = who, .seconds = seconds_since(m, u->typed_ms));
	SAY(m, subclient_connecttime_is, .who = who, .seconds = seconds_since(m, u->since_ms));
	if (u->saved.len > 0)
		SAY(m, subclient_saved_info_is, .who = who, .data = buf_bytes(&u->saved));
	else
		SAY(m, there_is_no_subclient_saved_info, .who = who);
	SAY(m, done_sending_subclient_info, .who = who);
}

static void say_all(struct fakemux *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->users[i]->here)
			say_user(m, m->users[i]);
	SAY(m, done_sending_all_subclient_info, 0);
}

static void say_accept(struct fakemux *m)
{
	if (m->localhost_only)
		SAY(m, accepting_localhost_only, 0);
	else
		SAY(m, accepting_all, 0);
}

/* ---- what players are shown ---- */

static void show(struct fakeuser *u, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] != '\r')
			buf_add_byte(&u->shown, text.at[i]);
}

static bool is_on(const struct fakeuser *u, uint32_t list)
{
	struct slice lists = buf_bytes(&u->lists);

	for (size_t i = 0; i + sizeof list <= lists.len; i += sizeof list)
		if (memcmp(lists.at + i, &list, sizeof list) == 0)
			return true;
	return false;
}

static void take_off(struct fakeuser *u, uint32_t list)
{
	struct buf left = {0};
	struct slice lists = buf_bytes(&u->lists);

	for (size_t i = 0; i + sizeof list <= lists.len; i += sizeof list)
		if (memcmp(lists.at + i, &list, sizeof list) != 0)
			buf_add(&left, slice_of(lists.at + i, sizeof list));
	buf_free(&u->lists);
	u->lists = left;
}

/* Whom a key means: one, those on a list, everybody. */
static bool is_meant(struct fakemux *m, struct fakeuser *u, const struct clientkey *who)
{
	if (!u->here)
		return false;
	if (!clientkey_is_list(who))
		return find(m, who) == u;
	return who->number[0] == 0 || is_on(u, who->number[0]);
}

static void tell(struct fakeuser *u, const struct msg_send_subclient_event *e)
{
	json_t *data = (e->flags & EVENT_IS_JSON) != 0
			       ? jsontext_read(e->data, JSON_DECODE_ANY, &jsontext_message, NULL)
			       : json_stringn((const char *)e->data.at, e->data.len);

	if (slice_is(e->channel, slice_text("prompt")))
		show(u, e->data);
	if (slice_is(e->channel, slice_text("echo")))
		u->hidden = slice_is(e->data, slice_text("off"));
	json_array_append_new(
		u->told, json_pack("[s#, o]", (const char *)e->channel.at, (int)e->channel.len,
				 data != NULL ? data : json_null()));
}

/* ---- what the game says ---- */

static void on_save(struct fakemux *m, const struct msg_save_subclient_info *s)
{
	struct fakeuser *u = find(m, &s->who);

	if (u == NULL) {
		SAY(m, no_such_subclient, .who = s->who);
		return;
	}
	buf_eat(&u->saved, u->saved.len);
	buf_add(&u->saved, s->data);
	SAY(m, saved_subclient_info, .who = s->who);
}

static void on_key(struct fakemux *m, unsigned id, const struct clientkey *who)
{
	struct fakeuser *u = find(m, who);

	if (u == NULL) {
		SAY(m, no_such_subclient, .who = *who);
	} else if (id == MSG_KILL_SUBCLIENT) {
		u->here = false;
		SAY(m, killed_subclient, .who = *who);
	} else if (id == MSG_DELETE_SUBCLIENT_SAVED_INFO) {
		buf_eat(&u->saved, u->saved.len);
		SAY(m, deleted_subclient_saved_info, .who = *who);
	} else if (id == MSG_GET_SUBCLIENT_DNS) {
		SAY(m, subclient_dns_is, .who = *who, .name = slice_text(u->dns));
	} else if (id == MSG_GET_SUBCLIENT_IDENTD) {
		SAY(m, subclient_identd_is, .who = *who, .name = slice_text(u->ident));
	}
}

static void on_list(
	struct fakemux *m, unsigned id, const struct clientkey *list, const struct clientkey *who)
{
	uint32_t number = list->number[0];

	for (size_t i = 0; i < m->count; i++) {
		struct fakeuser *u = m->users[i];

		if (who != NULL && find(m, who) != u)
			continue;
		take_off(u, number);
		if (id == MSG_ADD_TO_LIST)
			buf_add(&u->lists, slice_of(&number, sizeof number));
	}
}

/* Messages that have no fields. */
static void on_word(struct fakemux *m, unsigned id)
{
	if (id == MSG_TELL_ME_YOUR_ACCEPT_MODE || id == MSG_ACCEPT_ALL ||
		id == MSG_ACCEPT_LOCALHOST_ONLY) {
		if (id != MSG_TELL_ME_YOUR_ACCEPT_MODE)
			m->localhost_only = id == MSG_ACCEPT_LOCALHOST_ONLY;
		say_accept(m);
	} else if (id == MSG_GET_ALL_SUBCLIENT_INFO) {
		say_all(m);
	} else if (id == MSG_READY || id == MSG_NOT_READY) {
		m->ready = id == MSG_READY;
	} else if (id == MSG_PAUSE) {
		SAY(m, paused, 0);
	} else if (id == MSG_ARE_YOU_ALIVE) {
		SAY(m, i_am_alive, 0);
	}
}

#define READ(name, m) (msg_##name##_read(f->args, f->count, &(m), &why))

static void on_message(struct fakemux *m, const struct frame *f)
{
	struct refusal why;
	union {
		struct msg_server_hello hello;
		struct msg_send_subclient_text text;
		struct msg_send_subclient_event event;
		struct msg_save_subclient_info save;
		struct msg_add_to_list add;
		struct msg_make_list make;
		struct msg_heartbeat beat;
		struct msg_kill_subclient kill; /* and others that have a key alone */
	} a;

	if (f->id == MSG_SERVER_HELLO && READ(server_hello, a.hello)) {
		SAY(m, multiplexer_hello, .version = PROTOCOL_VERSION,
			.features = slice_text("lists events caps pause heartbeat handled flow"),
			.incarnation = slice_of(m->incarnation, INCARNATION_LEN));
	} else if (f->id == MSG_SEND_SUBCLIENT_TEXT && READ(send_subclient_text, a.text)) {
		for (size_t i = 0; i < m->count; i++)
			if (is_meant(m, m->users[i], &a.text.who))
				show(m->users[i], a.text.data);
	} else if (f->id == MSG_SEND_SUBCLIENT_EVENT && READ(send_subclient_event, a.event)) {
		for (size_t i = 0; i < m->count; i++)
			if (is_meant(m, m->users[i], &a.event.who))
				tell(m->users[i], &a.event);
	} else if (f->id == MSG_SAVE_SUBCLIENT_INFO && READ(save_subclient_info, a.save)) {
		on_save(m, &a.save);
	} else if ((f->id == MSG_ADD_TO_LIST || f->id == MSG_REMOVE_FROM_LIST) &&
		   READ(add_to_list, a.add)) {
		on_list(m, f->id, &a.add.list, &a.add.who);
	} else if ((f->id == MSG_MAKE_LIST || f->id == MSG_DROP_LIST) && READ(make_list, a.make)) {
		on_list(m, f->id, &a.make.list, NULL);
	} else if (f->id == MSG_HEARTBEAT && READ(heartbeat, a.beat)) {
		SAY(m, heartbeat_answer, .number = a.beat.number);
	} else if (f->count == 0) {
		on_word(m, f->id);
	} else if (f->count == 1 && READ(kill_subclient, a.kill)) {
		on_key(m, f->id, &a.kill.who);
	}
}

/* ---- the link ---- */

bool fakemux_dial(struct fakemux *m, const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof to.sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	m->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (m->fd >= 0 && connect(m->fd, (struct sockaddr *)&to, sizeof to) == 0)
		return true;
	fakemux_hang_up(m);
	return false;
}

void fakemux_hang_up(struct fakemux *m)
{
	int saved = errno;

	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	m->ready = false;
	m->framer = (struct framer){0};
	buf_free(&m->out);
	for (size_t i = 0; i < m->count; i++)
		buf_free(&m->users[i]->lists);
	errno = saved;
}

static bool write_some(struct fakemux *m)
{
	struct slice out = buf_bytes(&m->out);
	ssize_t n = out.len > 0 ? send(m->fd, out.at, out.len, MSG_NOSIGNAL) : 0;

	if (n > 0)
		buf_eat(&m->out, (size_t)n);
	return n > 0;
}

bool fakemux_work(struct fakemux *m)
{
	static uint8_t room[SAID_MAX];
	struct refusal why;
	struct frame f;

	if (m->fd < 0)
		return false;
	bool moved = write_some(m);
	ssize_t n = recv(m->fd, room, sizeof room, 0);
	if (n < 0)
		return moved;
	if (n == 0) { /* it has left in order, or thrown us out */
		fakemux_hang_up(m);
		return true;
	}
	struct slice in = slice_of(room, (size_t)n);
	while (framer_next(&m->framer, &in, &f, &why) == FRAME_READY)
		on_message(m, &f);
	write_some(m);
	return true;
}

/* ---- players ---- */

static char *copy(const char *text, const char *otherwise)
{
	return strdup(text != NULL && text[0] != '\0' ? text : otherwise);
}

static void free_user(struct fakeuser *u)
{
	if (u == NULL)
		return;
	free(u->protocol);
	free(u->ip);
	free(u->dns);
	free(u->ident);
	json_decref(u->caps);
	json_decref(u->told);
	buf_free(&u->shown);
	buf_free(&u->saved);
	buf_free(&u->lists);
	free(u);
}

static struct fakeuser *new_user(struct fakemux *m, const struct fakeuser_kind *kind)
{
	struct fakeuser *u = calloc(1, sizeof *u);

	if (u == NULL)
		return NULL;
	u->number = (uint32_t)m->count + 1;
	u->here = true;
	u->protocol = copy(kind->protocol, "telnet-line");
	u->ip = copy(kind->ip, "192.0.2.1");
	u->dns = copy(kind->dns, "unsupported");
	u->ident = copy(kind->ident, "unsupported");
	u->caps = json_deep_copy(kind->caps);
	u->told = json_array();
	u->since_ms = u->typed_ms = loop_now_ms(m->loop);
	if (u->protocol != NULL && u->ip != NULL && u->dns != NULL && u->ident != NULL)
		return u;
	free_user(u);
	return NULL;
}

struct fakeuser *fakemux_join(struct fakemux *m, const struct fakeuser_kind *kind)
{
	struct fakeuser **users = realloc(m->users, (m->count + 1) * sizeof *users);

	if (users == NULL)
		return NULL;
	m->users = users;
	struct fakeuser *u = new_user(m, kind);
	if (u == NULL)
		return NULL;
	users[m->count++] = u;
	say_user(m, u);
	return u;
}

void fakemux_leave(struct fakemux *m, struct fakeuser *u)
{
	u->here = false;
	SAY(m, lost_subclient, .who = key_of(u));
}

void fakemux_type(struct fakemux *m, struct fakeuser *u, struct slice bytes)
{
	u->typed_ms = loop_now_ms(m->loop);
	while (bytes.len > 0) {
		struct slice piece = slice_of(bytes.at, size_min(bytes.len, MSG_PAYLOAD_MAX));

		SAY(m, got_subclient_text, .who = key_of(u), .data = piece);
		bytes = slice_from(bytes, piece.len);
	}
}

void fakemux_event(
	struct fakemux *m, struct fakeuser *u, const char *channel, bool json, struct slice data)
{
	while (data.len > 0) {
		struct slice piece = slice_of(data.at, size_min(data.len, 4000));

		data = slice_from(data, piece.len);
		SAY(m, got_subclient_event, .who = key_of(u), .channel = slice_text(channel),
			.flags = (json ? EVENT_IS_JSON : 0u) |
				 (data.len > 0 ? EVENT_MORE_FOLLOWS : 0u),
			.data = piece);
	}
}

void fakemux_caps(struct fakemux *m, struct fakeuser *u, json_t *caps)
{
	json_decref(u->caps);
	u->caps = json_deep_copy(caps);
	say_caps(m, u);
}

void fakemux_init(struct fakemux *m, struct loop *loop)
{
	*m = (struct fakemux){.loop = loop, .fd = -1};
	memcpy(m->incarnation, "a test's own run", INCARNATION_LEN);
}

void fakemux_free(struct fakemux *m)
{
	fakemux_hang_up(m);
	for (size_t i = 0; i < m->count; i++)
		free_user(m->users[i]);
	free(m->users);
	m->users = NULL;
	m->count = 0;
}
