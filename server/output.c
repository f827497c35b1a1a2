/* What players are shown: the text of a turn, cut into messages that fit, once per turn. */
#include "common/log.h"
#include "server/game.h"
#include "server/muxlinks.h"

enum {
	FLUSH_AT = 64 * 1024,        /* bytes of one player: not kept until the end of the turn */
	QUEUE_MAX = 64 * 1024 * 1024 /* waiting for the multiplexer: more is not shown at all */
};

/* How much of text fits in one message, never ending inside a UTF-8 character or between CR and LF. */
static size_t piece_len(struct slice text)
{
	size_t len = MSG_PAYLOAD_MAX;

	if (text.len <= len)
		return text.len;
	if (text.at[len] == '\n' && text.at[len - 1] == '\r')
		return len - 1;
	while (len > MSG_PAYLOAD_MAX - 4 && (text.at[len] & 0xc0) == 0x80)
		len--;
	return (text.at[len] & 0xc0) == 0x80 ? MSG_PAYLOAD_MAX : len;
}

static void send_pieces(
	struct game *game, struct link *out, const struct clientkey *who, struct slice text)
{
	struct msg_send_subclient_text m = {.who = *who};

	if (out == NULL || link_queued(out) > QUEUE_MAX) {
		game->metrics.output_dropped += text.len;
		return;
	}
	game->metrics.bytes_out += text.len;
	while (text.len > 0) {
		m.data = slice_of(text.at, piece_len(text));
		link_send_send_subclient_text(out, &m);
		text = slice_from(text, m.data.len);
	}
}

/* Adds text with each LF alone as CR LF. */
static bool add_text(struct buf *out, struct slice text)
{
	const uint8_t *end = text.at + text.len;

	while (text.len > 0) {
		const uint8_t *lf = memchr(text.at, '\n', text.len);
		size_t len = lf != NULL ? (size_t)(lf - text.at) : text.len;
		uint8_t before = len > 0        ? text.at[len - 1]
				 : out->len > 0 ? buf_bytes(out).at[out->len - 1]
						: '\0';

		if (!buf_add(out, slice_of(text.at, len)))
			return false;
		if (lf == NULL)
			return true;
		if (!buf_add(out, slice_text(before == '\r' ? "\n" : "\r\n")))
			return false;
		text = slice_of(lf + 1, (size_t)(end - lf - 1));
	}
	return true;
}

void player_send(struct player *p, struct slice text)
{
	if (p->state != PLAYER_HERE)
		return;
	if (!add_text(&p->out, text)) {
		log_warn("%s: output is lost: out of memory", player_label(p));
		p->game->metrics.output_dropped += text.len;
		return;
	}
	if (p->out.len >= FLUSH_AT)
		player_flush(p);
	else
		player_touch(p);
}

void player_flush(struct player *p)
{
	if (p->out.len == 0)
		return;
	send_pieces(p->game, player_out(p), &p->key, buf_bytes(&p->out));
	buf_eat(&p->out, p->out.len);
}

void game_flush(struct game *game)
{
	LIST_EACH(node, &game->dirty)
	player_flush(container_of(node, struct player, dirty));
}

void game_send_all(struct game *game, struct slice text)
{
	struct clientkey everyone = clientkey_of(0, CLIENTKEY_LIST);
	struct buf out = {0};
	bool shown = false;

	game_flush(game);
	if (!add_text(&out, text))
		buf_eat(&out, out.len);
	for (struct muxlink *m = NULL; (m = muxlinks_next(game->muxlinks, m)) != NULL;) {
		if (muxlink_out(m) == NULL)
			continue;
		send_pieces(game, muxlink_out(m), &everyone, buf_bytes(&out));
		shown = out.len > 0;
	}
	if (!shown)
		game->metrics.output_dropped += text.len;
	buf_free(&out);
}

void game_send_list(struct muxlink *to, const struct clientkey *list, struct slice text)
{
	struct buf out = {0};

	game_flush(to->game);
	if (add_text(&out, text))
		send_pieces(to->game, muxlink_out(to), list, buf_bytes(&out));
	else
		to->game->metrics.output_dropped += text.len;
	buf_free(&out);
}
