#include "multiplexer/bans.h"

#include <errno.h>
#include <stdio.h>

#include "common/log.h"
#include "multiplexer/chainlink.h"
#include "multiplexer/mux.h"
#include "proto/banwire.h"

enum {
	RETRY_MS = 10 * 1000,
	JUMP_MS = 10 * 1000,      /* of the date: the file is written anew */
	CHAIN_QUEUE = 1024 * 1024 /* of the bans' own telling */
};

const struct ban_clock *bans_now(struct bans *b)
{
	uint64_t now_ms = loop_now_ms(b->mux->loop);

	if (b->now_ms != now_ms || b->now.ms == 0)
		b->now = ban_clock_now();
	b->now_ms = now_ms;
	return &b->now;
}

struct ban *bans_find(struct bans *b, const struct address *who)
{
	return b->list.bans > 0 ? banlist_find(&b->list, who, bans_now(b)) : NULL;
}

size_t bans_answer(const struct ban *ban, bool is_http, char out[static BANS_ANSWER_MAX])
{
	char words[BAN_WORDS_MAX];
	int len;

	ban_words(ban, words);
	if (is_http)
		len = snprintf(out, BANS_ANSWER_MAX,
			"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"
			"Content-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
			strlen(words) + 1, words);
	else
		len = snprintf(out, BANS_ANSWER_MAX, "%s\r\n", words);
	return (size_t)len;
}

/* ---- the file ---- */

static int64_t wall_ahead(const struct ban_clock *now)
{
	return (int64_t)now->wall * 1000 - (int64_t)now->ms;
}

static bool is_unwritten(struct bans *b)
{
	int64_t jump = wall_ahead(bans_now(b)) - b->wall_ahead;

	return b->written != b->list.changes ||
	       (b->list.bans + b->list.lifted > 0 && (jump > JUMP_MS || jump < -JUMP_MS));
}

static void on_failed(struct bans *b, int error)
{
	if (!b->failed)
		log_error("bans: %s cannot be written: %s; trying on", b->path, strerror(error));
	b->failed = true;
	b->retry_ms = loop_now_ms(b->mux->loop) + RETRY_MS;
	b->written = b->list.changes - 1;
}

static void write_cb(uv_work_t *work)
{
	struct bans *b = work->data;

	b->error = banfile_write(&b->file, b->path) ? 0 : errno;
}

static void save(struct bans *b);

static void written_cb(uv_work_t *work, int status UNUSED)
{
	struct bans *b = work->data;

	b->writing = false;
	banfile_free(&b->file);
	if (b->error != 0) {
		on_failed(b, b->error);
		return;
	}
	if (b->failed)
		log_info("bans: %s is written again", b->path);
	b->failed = false;
	save(b);
}

static void save(struct bans *b)
{
	if (b->writing || !is_unwritten(b) ||
		(b->failed && loop_now_ms(b->mux->loop) < b->retry_ms))
		return;
	b->written = b->list.changes;
	b->wall_ahead = wall_ahead(bans_now(b));
	if (!banfile_take(&b->file, &b->list, bans_now(b))) {
		on_failed(b, ENOMEM);
		return;
	}
	b->work.data = b;
	b->writing = true;
	uv_queue_work(&b->mux->loop->uv, &b->work, write_cb, written_cb);
}

void bans_second(struct bans *b)
{
	banlist_expire(&b->list, bans_now(b));
	save(b);
}

/* ---- changes ---- */

static void throw_out(struct mux *mux, const struct ban *ban)
{
	char plain[BAN_WORDS_MAX], words[BAN_WORDS_MAX + 2];

	snprintf(words, sizeof words, "[%s]", ban_words(ban, plain));
	LIST_EACH(node, &mux->users)
	{
		struct subclient *u = container_of(node, struct subclient, node);
		struct address from = subclient_from(u);

		if (u->state == SUBCLIENT_CONNECTED && net_has(&ban->net, &from))
			subclient_end(u, CLOSING_BANNED, words);
	}
	LIST_EACH(node, &mux->watched)
	{
		struct subclient *u = container_of(node, struct subclient, watched);
		struct address from = subclient_from(u);

		if (u->state == SUBCLIENT_ARRIVING && net_has(&ban->net, &from))
			subclient_end(u, CLOSING_BANNED, words);
	}
	chain_throw_out(&mux->chain, ban, words);
}

static void log_change(const struct ban *ban, const struct ban_clock *now)
{
	char net[NET_TEXT_MAX], how_long[40] = "for good";

	net_text(&ban->net, net);
	if (ban->until_ms != 0)
		snprintf(how_long, sizeof how_long, "for %u s", ban_left(ban, now));
	if (ban->lifted)
		log_info("bans: %s: lifted by %s", net, ban->by);
	else
		log_info("bans: %s: banned %s by %s%s%s", net, how_long, ban->by,
			ban->reason[0] != '\0' ? ": " : "", ban->reason);
}

static void on_change(struct banlist *l, const struct ban *ban)
{
	struct bans *b = container_of(l, struct bans, list);

	log_change(ban, bans_now(b));
	save(b);
	loop_at_turn_end(b->mux->loop, &b->mux->pump);
	if (!ban->lifted && !ban->keep)
		throw_out(b->mux, ban);
}

bool bans_make(struct bans *b, const struct ban *wanted, const char **why)
{
	b->list.max = b->mux->config.options.bans_max;
	return banlist_put(&b->list, wanted, NULL, bans_now(b), why) != BAN_REFUSED;
}

/* ---- the server ---- */

void bans_told(struct bans *b, const struct ban *wanted)
{
	struct link *l = serverlink_link(&b->mux->server);
	const struct ban_clock *now = bans_now(b);
	char net[NET_TEXT_MAX];
	const char *why;

	b->list.max = b->mux->config.options.bans_max;
	switch (banlist_put(&b->list, wanted, &b->server, now, &why)) {
	case BAN_REFUSED:
		net_text(&wanted->net, net);
		log_warn("bans: %s: the game's ban is not taken: %s", net, why);
		link_send_could_not_ban(l, &(struct msg_could_not_ban){.net = slice_text(net),
						   .reason = slice_text(why)});
		break;
	case BAN_OLD:
		banwire_send_up(l, banlist_get(&b->list, &wanted->net), now);
		break;
	case BAN_TAKEN:
	case BAN_SAME:
		break;
	}
}

static bool pump_server(struct bans *b)
{
	struct serverlink *s = &b->mux->server;
	const struct ban *ban;

	if (!banreader_reads(&b->server) || !serverlink_can_tell(s))
		return false;
	while (!serverlink_is_full(s)) {
		ban = banreader_next(&b->server, &b->list);
		if (ban == NULL && b->server_owed)
			link_send_done_sending_bans(
				serverlink_link(s), &(struct msg_done_sending_bans){0});
		if (ban == NULL) {
			b->server_owed = false;
			return false;
		}
		banwire_send_up(serverlink_link(s), ban, bans_now(b));
	}
	return !s->slow; /* when slow, on_slow(false) goes on */
}

void bans_asked(struct bans *b)
{
	banreader_start(&b->server, &b->list);
	b->server_owed = true;
	if (pump_server(b))
		loop_at_turn_end(b->mux->loop, &b->mux->pump);
}

void bans_forget_server(struct bans *b)
{
	banreader_stop(&b->server, &b->list);
	b->server_owed = false;
}

/* ---- those behind us ---- */

static void pump_chain(struct bans *b)
{
	LIST_EACH(node, &b->mux->chain.links)
	{
		struct chainlink *c = chainlink_of(node);
		const struct ban *ban;

		while (c->peer != NULL && link_queued(&c->peer->link) < CHAIN_QUEUE &&
			(ban = banreader_next(&c->bans, &b->list)) != NULL)
			banwire_send_down(&c->peer->link, ban, bans_now(b));
	}
}

bool bans_pump(struct bans *b)
{
	pump_chain(b);
	return pump_server(b);
}

void bans_chain_begins(struct bans *b, struct chainlink *c)
{
	banreader_start(&c->bans, &b->list);
	loop_at_turn_end(b->mux->loop, &b->mux->pump);
}

void bans_chain_ends(struct bans *b, struct chainlink *c)
{
	banreader_stop(&c->bans, &b->list);
}

/* ---- life ---- */

bool bans_open(struct bans *b, struct mux *mux, const char **why)
{
	const char *wanted = mux->config.options.bans_file;
	bool installed = strcmp(mux->run_dir, HOLDFAST_RUN_DIR) == 0;
	unsigned bad;

	*b = (struct bans){.mux = mux};
	banlist_init(&b->list, mux->config.options.bans_max);
	banreader_init(&b->server);
	/* What an installed multiplexer has in its run directory is gone when the machine starts again. */
	if (wanted[0] != '\0')
		snprintf(b->path, sizeof b->path, "%s", wanted);
	else
		snprintf(b->path, sizeof b->path, "%s/bans",
			installed ? HOLDFAST_STATE_DIR : mux->run_dir);
	if (!banfile_read(b->path, &b->list, bans_now(b), &bad, why))
		return false;
	b->list.on_change = on_change;
	b->written = b->list.changes;
	b->wall_ahead = wall_ahead(bans_now(b));
	if (bad > 0)
		b->written--; /* a whole file, at the first second */
	if (b->list.bans > 0)
		log_info("bans: %u read from %s", b->list.bans, b->path);
	return true;
}

void bans_free(struct bans *b)
{
	struct banfile f;

	if (b->mux == NULL)
		return;
	if (b->path[0] != '\0' && b->list.on_change != NULL && is_unwritten(b) &&
		banfile_take(&f, &b->list, bans_now(b))) {
		if (!banfile_write(&f, b->path))
			log_error("bans: %s cannot be written: %s; what was changed last is lost",
				b->path, strerror(errno));
		banfile_free(&f);
	}
	banlist_free(&b->list);
	b->mux = NULL;
}
