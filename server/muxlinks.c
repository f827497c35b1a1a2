/* The links to the multiplexers.
 *
 *   link.sock --accept--> candidate --13 or 14--> one of the links --> handlers.c
 *                 (muxpeer)  |                      (muxlink)
 *      (anything else, silence: closed)    LISTING, READY, MARKED, LEAVING: muxstates.def */
#include "server/muxlinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "server/game.h"
#include "server/linkfile.h"
#include "server/muxpeer.h"

enum {
	PROOF_MS = 5000,
	CLOCK_MS = 500,
	BACKLOG = 64,
	FILE_ROOM = 560, /* of a file's name in the run directory */
};

struct muxlinks_socket {
	struct list node; /* of all->sockets */
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} uv;
	struct muxlinks *all;      /* borrowed: outlives us */
	const struct linkkey *key; /* borrowed: outlives us; NULL = none is needed */
	struct address at;
};

static char why_text[200];

void muxlinks_closed_one(struct muxlinks *all)
{
	if (--all->open > 0)
		return;
	free(all->links);
	free(all);
}

/* ---- which is which ---- */

struct muxlink *muxlinks_find(struct muxlinks *all, uint32_t number)
{
	return all != NULL && number >= 1 && number <= all->count ? &all->links[number - 1] : NULL;
}

struct muxlink *muxlinks_next(struct muxlinks *all, const struct muxlink *before)
{
	return muxlinks_find(all, before != NULL ? before->number + 1 : 1);
}

static bool has_players(const struct muxlink *m)
{
	LIST_EACH(node, &m->game->players)
	{
		if (container_of(node, struct player, node)->link == m->number)
			return true;
	}
	return false;
}

bool muxlinks_has_other(struct muxlinks *all, const struct muxlink *m)
{
	for (struct muxlink *other = NULL; (other = muxlinks_next(all, other)) != NULL;)
		if (other != m && other->peer != NULL)
			return true;
	return false;
}

/* ---- admission ---- */

static bool says_who(const struct muxpeer *p)
{
	static const uint8_t none[INCARNATION_LEN];

	return memcmp(p->incarnation, none, sizeof none) != 0;
}

static bool is_same_run(const struct muxlink *m, const struct muxpeer *p)
{
	return memcmp(m->incarnation + INCARNATION_REIGN, p->incarnation + INCARNATION_REIGN,
		       INCARNATION_LEN - INCARNATION_REIGN) == 0;
}

/* The link it had before; NULL: none, or there is no telling. One that says hello says who it is. A
 * plain AgNet multiplexer does not: it has come back if there is only one that it can have been. */
static struct muxlink *old_link(struct muxlinks *all, const struct muxpeer *p)
{
	struct muxlink *found = NULL;
	unsigned count = 0;

	for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;) {
		if (!m->taken || !is_same_run(m, p))
			continue;
		if (says_who(p))
			return m;
		if (m->state == MUXLINK_ALONE && has_players(m)) {
			found = m;
			count++;
		}
	}
	return count == 1 ? found : NULL;
}

/* For a newcomer: best a number that nobody can come back to, then one that nobody plays on, then any
 * whose multiplexer is away; the lowest of them. */
static struct muxlink *free_link(struct muxlinks *all)
{
	struct muxlink *found = NULL;
	int found_cost = 3;

	for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;) {
		int cost = !m->taken ? 0 : !has_players(m) ? 1 : 2;

		if (m->state == MUXLINK_ALONE && cost < found_cost) {
			found = m;
			found_cost = cost;
		}
	}
	return found;
}

static const char *why_full(const struct muxlinks *all)
{
	if (all->count == 1)
		return "a second multiplexer; the first one keeps the link";
	snprintf(why_text, sizeof why_text,
		"there are %u multiplexers already, as many as sv_multiplexers allows", all->count);
	return why_text;
}

struct muxlink *muxlinks_admit(struct muxlinks *all, struct muxpeer *p, const char **why)
{
	*why = "the game is stopping";
	if (all->closing || all->game->stop != STOP_NOT)
		return NULL;

	struct muxlink *old = old_link(all, p), *m = old != NULL ? old : free_link(all);
	if (m == NULL) {
		*why = why_full(all);
		return NULL;
	}
	/* Its old connection broke, and we had not noticed: it cannot be there twice. */
	if (m->peer != NULL)
		muxlink_end(m, "given up", "its multiplexer has dialled anew", true);
	all->refusal[0] = '\0';
	muxlink_take(m, p, m == old);
	muxlinks_remember(all);
	return m;
}

void muxlinks_on_going_offline(struct muxlinks *all, struct muxlink *m)
{
	bool others = muxlinks_has_other(all, m);

	for (struct muxlink *other = NULL; (other = muxlinks_next(all, other)) != NULL;)
		others = others || (other != m && has_players(other)); /* it may come back */
	if (!others) {
		game_stop(all->game, STOP_MULTIPLEXER, "the multiplexer goes offline");
		return;
	}
	muxlink_on_going_offline(m);
	muxlinks_remember(all);
}

void muxlinks_on_refused(struct muxlinks *all, struct slice reason)
{
	char text[sizeof all->refusal];

	log_escape(text, sizeof text, reason);
	if (strcmp(text, all->refusal) != 0)
		log_warn("link: a multiplexer refuses us: %s", text);
	memcpy(all->refusal, text, sizeof all->refusal);
}

const char *muxlinks_refusal(const struct muxlinks *all)
{
	return all != NULL && all->refusal[0] != '\0' ? all->refusal : NULL;
}

/* ---- for admins ---- */

const char *muxlinks_state_word(struct muxlinks *all)
{
	enum muxlink_state best = MUXLINK_ALONE;

	for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;)
		if (best == MUXLINK_ALONE || m->state == MUXLINK_READY)
			best = m->state;
	return muxlink_state_word(best);
}

static json_int_t count_players(const struct muxlink *m)
{
	json_int_t count = 0;

	LIST_EACH(node, &m->game->players)
	count += container_of(node, struct player, node)->link == m->number;
	return count;
}

json_t *muxlinks_status(struct muxlinks *all)
{
	json_t *rows = json_array();

	for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;) {
		char features[FEATURES_TEXT_MAX];

		if (!m->taken)
			continue;
		json_array_append_new(rows,
			json_pack("{s:I, s:s, s:s, s:I, s:s, s:s}", "number", (json_int_t)m->number,
				"state", muxlink_state_word(m->state), "multiplexer",
				m->peer != NULL ? m->peer->address : "away", "players",
				count_players(m), "accept", m->localhost_only ? "localhost" : "all",
				"features",
				features_text(m->peer != NULL ? m->peer->features : 0, features)));
	}
	return rows;
}

/* ---- an orderly stop ---- */

static bool is_any(struct muxlinks *all, enum muxlink_state state)
{
	for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;)
		if (m->state == state)
			return true;
	return false;
}

void muxlinks_settle(struct muxlinks *all)
{
	if (all == NULL)
		return;
	if (all->left && !is_any(all, MUXLINK_LEAVING))
		game_left(all->game);
	else if (all->marked && !all->left && !is_any(all, MUXLINK_MARKED))
		game_marked(all->game);
}

void muxlinks_mark(struct muxlinks *all)
{
	for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;)
		muxlink_mark(m);
	if (all != NULL)
		all->marked = true;
	muxlinks_settle(all);
}

/* ---- listening ---- */

static void socket_closed_cb(uv_handle_t *handle)
{
	struct muxlinks_socket *s = container_of(handle, struct muxlinks_socket, uv.handle);
	struct muxlinks *all = s->all;

	free(s);
	muxlinks_closed_one(all);
}

static void socket_close(struct muxlinks_socket *s)
{
	list_remove(&s->node);
	if (s->at.sa.sa_family == AF_UNIX)
		unlink(s->at.un.sun_path);
	uv_close(&s->uv.handle, socket_closed_cb);
}

static void close_doors(struct muxlinks *all)
{
	LIST_EACH(node, &all->sockets)
	socket_close(container_of(node, struct muxlinks_socket, node));
}

/* Nobody is let in any more before the first is told that we go: it dials again within milliseconds, and
 * would find a door behind which nobody is, and take that for a crash. */
void muxlinks_leave(struct muxlinks *all)
{
	if (all != NULL)
		close_doors(all);
	for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;)
		muxlink_leave(m);
	if (all != NULL)
		all->left = true;
	muxlinks_settle(all);
}

static void connection_cb(uv_stream_t *stream, int status)
{
	struct muxlinks_socket *s = container_of(stream, struct muxlinks_socket, uv.stream);

	if (status == 0)
		muxpeer_accept(s->all, stream, s->key);
	else
		log_warn("link: a connection failed: %s", uv_strerror(status));
}

static int socket_open(struct muxlinks_socket *s, uv_loop_t *loop, int fd)
{
	int status;

	if (s->at.sa.sa_family == AF_UNIX) {
		uv_pipe_init(loop, &s->uv.pipe, 0);
		status = uv_pipe_open(&s->uv.pipe, fd);
	} else {
		uv_tcp_init(loop, &s->uv.tcp);
		status = uv_tcp_open(&s->uv.tcp, fd);
	}
	if (status < 0)
		close(fd);
	else
		status = uv_listen(&s->uv.stream, BACKLOG, connection_cb);
	return status;
}

bool muxlinks_listen(
	struct muxlinks *all, const struct address *at, const struct linkkey *key, const char **why)
{
	int status, fd = address_listen(at, 0600, why);
	struct muxlinks_socket *s = fd >= 0 ? calloc(1, sizeof *s) : NULL;

	if (s == NULL) {
		if (fd >= 0) {
			close(fd);
			*why = "out of memory";
		}
		return false;
	}
	s->all = all;
	s->key = key;
	s->at = *at;
	all->open++;
	list_add_last(&all->sockets, &s->node);
	status = socket_open(s, &all->game->loop->uv, fd);
	if (status == 0)
		return true;
	snprintf(why_text, sizeof why_text, "%s", uv_strerror(status));
	*why = why_text;
	socket_close(s);
	return false;
}

/* ---- life ---- */

/* A single multiplexer has number 1 whoever it is. */
static bool has_file(const struct muxlinks *all, char out[static FILE_ROOM])
{
	snprintf(out, FILE_ROOM, "%s/links", all->game->config.run_dir);
	return all->count > 1;
}

void muxlinks_remember(struct muxlinks *all)
{
	char path[FILE_ROOM];

	if (has_file(all, path))
		linkfile_write(all, path);
}

static void clock_closed_cb(uv_handle_t *handle)
{
	muxlinks_closed_one(handle->data);
}

/* The links count in beats of this clock, so that a time in which we stood still does not count. */
static void clock_cb(uv_timer_t *timer)
{
	struct muxlinks *all = timer->data;
	uint64_t now = loop_now_ms(all->game->loop);

	LIST_EACH(node, &all->candidates)
	{
		struct muxpeer *p = container_of(node, struct muxpeer, node);

		/* The link itself ends one that does not show its key. */
		if (p->greeted && now - p->since_ms >= PROOF_MS)
			muxpeer_refuse(p, "it has not answered for 5 s");
	}
	for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;)
		muxlink_clock(m, CLOCK_MS);
	bans_clock(&all->game->bans);
}

struct muxlinks *muxlinks_open(struct game *game)
{
	uint32_t count = (uint32_t)game->cvars.set.sv_multiplexers;
	struct muxlinks *all = calloc(1, sizeof *all);
	char path[FILE_ROOM];

	if (all == NULL || (all->links = calloc(count, sizeof *all->links)) == NULL) {
		free(all);
		return NULL;
	}
	all->game = game;
	all->count = count;
	all->open = 1;
	list_init(&all->sockets);
	list_init(&all->candidates);
	list_init(&all->refused);
	for (uint32_t i = 0; i < count; i++)
		muxlink_init(&all->links[i], game, i + 1);
	uv_timer_init(&game->loop->uv, &all->clock);
	all->clock.data = all;
	uv_timer_start(&all->clock, clock_cb, CLOCK_MS, CLOCK_MS);
	if (has_file(all, path))
		linkfile_read(all, path);
	return all;
}

void muxlinks_close(struct muxlinks *all)
{
	if (all == NULL || all->closing)
		return;
	all->closing = true;
	LIST_EACH(node, &all->candidates)
	muxpeer_close(container_of(node, struct muxpeer, node));
	LIST_EACH(node, &all->refused)
	muxpeer_close(container_of(node, struct muxpeer, node));
	for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;)
		muxlink_close(m);
	close_doors(all);
	uv_close((uv_handle_t *)&all->clock, clock_closed_cb);
}
