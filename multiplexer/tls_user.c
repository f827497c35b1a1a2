#include "multiplexer/tls_user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "multiplexer/mux.h"

/* What the kernel keeps between us and the helper, each way: as little as on a player's own socket, so
 * that what waits for him waits where it is counted. */
enum { PAIR_ROOM = 16 * 1024 };

static struct tls_helper *helper_of(const struct tls_user *t)
{
	return &t->wire->user->mux->tls;
}

bool tls_user_begin(struct subclient *u, struct slice early)
{
	struct tls_user *t = calloc(1, sizeof *t);
	struct tls_helper *helper = &u->mux->tls;

	if (t == NULL)
		return false;
	*t = (struct tls_user){.wire = u->wire, .id = u->number, .state = TLS_WAITS, .socket = -1};
	list_init(&t->node);
	if (buf_add(&t->early, early))
		HASH_ADD(by_id, helper->by_id, id, sizeof t->id, t);
	if (t->by_id.tbl == NULL) {
		buf_free(&t->early);
		free(t);
		return false;
	}
	u->wire->tls = t;
	list_add_last(&helper->waiting, &t->node);
	tls_helper_pump(helper);
	return true;
}

/* ---- to the helper ---- */

static void enter(struct tls_user *t, enum tls_user_state state)
{
	if (state != TLS_SHAKES) /* who MOVES keeps his place among them */
		list_remove(&t->node);
	if (state == TLS_MOVES)
		list_add_last(&helper_of(t)->shaking, &t->node);
	t->state = state;
}

void tls_user_move(struct tls_user *t)
{
	struct stream *stream = &t->wire->stream;

	enter(t, TLS_MOVES);
	t->socket = fcntl(stream_fd(stream), F_DUPFD_CLOEXEC, 3);
	if (t->socket < 0)
		subclient_drop(t->wire->user, CLOSING_NO_MEMORY);
	else
		stream_close(stream);
}

static void drop_socket(struct tls_user *t)
{
	if (t->socket >= 0)
		close(t->socket);
	t->socket = -1;
	buf_free(&t->early);
}

static bool make_pair(int ends[static 2])
{
	const int room = PAIR_ROOM;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	for (size_t i = 0; i < 2; i++)
		setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	return true;
}

static bool hand_over(struct tls_user *t, int far)
{
	struct subclient *u = t->wire->user;
	uint64_t now = loop_now_ms(u->mux->loop), deadline = u->arrival.deadline_ms;
	struct tls_message m = {.type = TLS_CONNECTION,
		.kind = listener_config(u->listener)->kind->handshake,
		.id = t->id,
		.number = deadline > now ? deadline - now : 1,
		.text = {buf_bytes(&t->early)}};

	return channel_send(&helper_of(t)->channel, &m, (const int[]){t->socket, far}, 2);
}

bool tls_user_moved(struct subclient *u)
{
	struct tls_user *t = u->wire->tls;
	int ends[2];

	if (t == NULL || t->state != TLS_MOVES || u->state != SUBCLIENT_SECURING)
		return false;
	if (!make_pair(ends)) {
		subclient_drop(u, CLOSING_NO_MEMORY);
		return true;
	}
	if (!subclient_reopen(u, ends[0])) {
		close(ends[0]);
		subclient_drop(u, CLOSING_NO_MEMORY);
	} else if (!hand_over(t, ends[1])) {
		subclient_drop(u, CLOSING_TLS_LOST);
	} else {
		enter(t, TLS_SHAKES);
	}
	close(ends[1]);
	drop_socket(t);
	return true;
}

void tls_user_drop_oldest(struct tls_helper *helper)
{
	struct list *from = list_is_empty(&helper->shaking) ? &helper->waiting : &helper->shaking;

	if (!list_is_empty(from))
		subclient_drop(container_of(from->next, struct tls_user, node)->wire->user,
			CLOSING_TLS_CROWDED);
}

/* ---- from the helper ---- */

static void take_text(char *out, size_t room, struct slice text)
{
	log_escape(out, room, text);
}

void tls_user_up(struct tls_user *t, const struct tls_message *m)
{
	struct subclient *u = t->wire->user;

	if (t->state != TLS_SHAKES || u->state != SUBCLIENT_SECURING)
		return;
	enter(t, TLS_IS_UP);
	take_text(u->wire->tls_version, sizeof u->wire->tls_version, m->text[0]);
	take_text(t->cipher, sizeof t->cipher, m->text[1]);
	take_text(t->name, sizeof t->name, m->text[2]);
	u->mux->metrics.tls_handshakes++;
	u->mux->metrics.tls_users_now++;
	log_debug("%s: %s, %s, name '%s'", subclient_label(u), u->wire->tls_version, t->cipher,
		t->name);
	arrival_secured(u);
}

static void count_failure(struct mux_metrics *m, enum tls_fault fault)
{
	switch (fault) {
#define TLS_FAULT(NAME, name, help)     \
	case TLS_FAULT_##NAME:          \
		m->tls_failed_##name++; \
		break;
#include "multiplexer/tls/faults.def"
	case TLS_FAULTS:
		break;
	}
}

void tls_user_ended(struct tls_user *t, const struct tls_message *m)
{
	struct subclient *u = t->wire->user;
	char words[64];

	if (t->ended)
		return;
	t->ended = true;
	t->fault = m->kind < TLS_FAULTS ? m->kind : TLS_FAULT_OTHER;
	take_text(words, sizeof words, m->text[0]);
	snprintf(t->why, sizeof t->why, "%s%s%s", tls_fault_text(t->fault),
		words[0] != '\0' ? ": " : "", words);
	if (t->waits && !tls_user_settles(u, &t->status))
		subclient_ended(u, t->status);
	if (u->state != SUBCLIENT_SECURING)
		return; /* what he has said is still coming, and then its end */
	u->why = t->why;
	count_failure(&u->mux->metrics, t->fault);
	subclient_drop(u, CLOSING_TLS_FAILED);
}

bool tls_user_settles(struct subclient *u, int *status)
{
	struct tls_user *t = u->wire->tls;

	if (t == NULL || t->state != TLS_IS_UP)
		return false;
	/* It says why before it ends. If it has not, it is dying: its sockets close in any order. */
	if (!t->ended && helper_of(t)->linked)
		channel_drain(&helper_of(t)->channel);
	if (u->state == SUBCLIENT_GONE)
		return true;
	if (!t->ended) {
		t->waits = true;
		t->status = *status;
		u->eof_ms = loop_now_ms(u->mux->loop);
		subclient_watch(u); /* not for ever, should it say nothing */
		return true;
	}
	if (t->fault == TLS_FAULT_LEFT) {
		if (*status == UV_EOF)
			return false;
		subclient_drop(u, CLOSING_LEFT);
	} else {
		u->why = t->why;
		subclient_drop(u, t->fault == TLS_FAULT_LOST ? CLOSING_LOST : CLOSING_TLS_BROKEN);
	}
	return true;
}

void tls_user_lost(struct tls_user *t)
{
	if (t->state == TLS_WAITS)
		return;
	if (t->state == TLS_IS_UP)
		subclient_last_words(t->wire->user); /* it had understood them */
	subclient_drop(t->wire->user, CLOSING_TLS_LOST);
}

/* ---- the end ---- */

void tls_user_gone(struct subclient *u)
{
	struct tls_user *t = u->wire->tls;

	if (t == NULL || t->by_id.tbl == NULL)
		return;
	if (t->state == TLS_IS_UP)
		u->mux->metrics.tls_users_now--;
	if ((t->state == TLS_SHAKES || t->state == TLS_IS_UP) && helper_of(t)->linked)
		channel_send(&helper_of(t)->channel,
			&(struct tls_message){.type = TLS_LEFT, .id = t->id}, NULL, 0);
	drop_socket(t);
	list_remove(&t->node);
	if (t->by_id.tbl != NULL)
		HASH_DELETE(by_id, helper_of(t)->by_id, t);
	t->by_id.tbl = NULL;
}

void tls_user_free(struct wire *wire)
{
	free(wire->tls);
	wire->tls = NULL;
}
