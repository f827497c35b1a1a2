/* A game in C on the link library, as small as one can be: echoes what users type.
 *
 *   game SOCKET [SAVED]
 *
 * SAVED: how many bytes it saves for each user when he is there. What begins with '!' is no echo:
 *   !all     '#' to everybody, in one message        !each    '#' to everybody, a message each
 *   !say ... the rest of the line to everybody, in one message
 * It says on standard output when it has all users back: {"listed": N, "ms": since its start}. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/address.h"
#include "common/loop.h"
#include "proto/features.h"
#include "proto/link.h"

enum { USERS_MAX = 20000 };

static struct loop loop;
static struct link multiplexer;
static bool taken, listing;
static uv_pipe_t listening;
static struct clientkey users[USERS_MAX];
static size_t user_count, saved_len;
static uint8_t saved[MSG_PAYLOAD_MAX];
static struct loop_task tell_handled;
static uint64_t started_ns;

static void count_handled(struct loop_task *task UNUSED)
{
	link_send_handled(
		&multiplexer, &(struct msg_handled){.messages = (uint32_t)multiplexer.messages_in});
}

static void send_to(struct clientkey who, struct slice text)
{
	link_send_send_subclient_text(
		&multiplexer, &(struct msg_send_subclient_text){.who = who, .data = text});
}

static void add_user(const struct clientkey *who)
{
	if (user_count < USERS_MAX)
		users[user_count++] = *who;
	if (!listing && saved_len > 0)
		link_send_save_subclient_info(
			&multiplexer, &(struct msg_save_subclient_info){
					      .who = *who, .data = slice_of(saved, saved_len)});
}

static void remove_user(const struct clientkey *who)
{
	for (size_t i = 0; i < user_count; i++)
		if (clientkey_is(&users[i], who))
			users[i--] = users[--user_count];
}

static void on_text(const struct msg_got_subclient_text *m)
{
	struct slice mark = slice_text("#\r\n");

	if (m->data.len < 4 || m->data.at[0] != '!') {
		send_to(m->who, m->data);
	} else if (m->data.at[1] == 's' && m->data.len > 7) {
		send_to(clientkey_of(0, CLIENTKEY_LIST), slice_from(m->data, 5));
	} else if (m->data.at[1] == 'a') {
		send_to(clientkey_of(0, CLIENTKEY_LIST), mark);
	} else {
		for (size_t i = 0; i < user_count; i++)
			send_to(users[i], mark);
	}
}

static void all_listed(void)
{
	listing = false;
	printf("{\"listed\": %zu, \"ms\": %.3f}\n", user_count,
		(double)(uv_hrtime() - started_ns) / 1e6);
	fflush(stdout);
	link_send_ready(&multiplexer, &(struct msg_ready){0});
}

static bool on_message(struct link *l, const struct frame *f, struct refusal *why)
{
	struct msg_got_subclient_text text;
	struct msg_got_subclient got;
	struct msg_lost_subclient lost;
	struct msg_heartbeat beat;

	loop_at_turn_end(&loop, &tell_handled);
	switch (f->id) {
	case MSG_GOT_SUBCLIENT_TEXT:
		if (!msg_got_subclient_text_read(f->args, f->count, &text, why))
			return false;
		on_text(&text);
		return true;
	case MSG_GOT_SUBCLIENT:
		if (!msg_got_subclient_read(f->args, f->count, &got, why))
			return false;
		add_user(&got.who);
		return true;
	case MSG_LOST_SUBCLIENT:
		if (!msg_lost_subclient_read(f->args, f->count, &lost, why))
			return false;
		remove_user(&lost.who);
		return true;
	case MSG_HEARTBEAT:
		if (!msg_heartbeat_read(f->args, f->count, &beat, why))
			return false;
		return link_send_heartbeat_answer(
			l, &(struct msg_heartbeat_answer){.number = beat.number});
	case MSG_DONE_SENDING_ALL_SUBCLIENT_INFO:
		all_listed();
		return true;
	default:
		return true;
	}
}

static void on_end(struct link *l, int status UNUSED, const char *reason, bool refused UNUSED)
{
	fprintf(stderr, "game: the link has ended: %s\n", reason);
	link_close(l);
	exit(0);
}

static void on_closed(struct link *l UNUSED)
{
}

static const struct link_ops ops = {
	.on_message = on_message, .on_end = on_end, .on_closed = on_closed};

static void on_connection(uv_stream_t *server, int status)
{
	if (status != 0 || taken ||
		link_accept(&multiplexer, &loop, server, &ops, MSG_UP, NULL) != 0)
		return;
	taken = listing = true;
	link_send_server_hello(
		&multiplexer, &(struct msg_server_hello){.version = PROTOCOL_VERSION,
				      .features = slice_text("lists handled heartbeat")});
	link_send_get_all_subclient_info(&multiplexer, &(struct msg_get_all_subclient_info){0});
}

int main(int argc, char **argv)
{
	started_ns = uv_hrtime();
	if (argc < 2) {
		fprintf(stderr, "usage: game SOCKET [SAVED]\n");
		return 64;
	}
	saved_len = argc > 2 ? size_min((size_t)atoi(argv[2]), sizeof saved) : 0;
	memset(saved, 's', sizeof saved);
	unlink(argv[1]);
	if (loop_open(&loop) != 0 || uv_pipe_init(&loop.uv, &listening, 0) != 0 ||
		uv_pipe_bind(&listening, argv[1]) != 0 ||
		uv_listen((uv_stream_t *)&listening, 8, on_connection) != 0) {
		fprintf(stderr, "game: cannot listen at %s\n", argv[1]);
		return 1;
	}
	loop_task_init(&tell_handled, count_handled);
	loop_run(&loop);
	return 0;
}
