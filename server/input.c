/* What a player typed: bytes become lines, lines become valid UTF-8, the script gets them. */
#include "common/log.h"
#include "server/game.h"
#include "server/script.h"

/* How long the character at the front is, 0 if these bytes are no UTF-8 (RFC 3629: no surrogates,
 * nothing overlong, nothing over U+10FFFF). */
static size_t utf8_len(struct slice s)
{
	uint8_t c = s.at[0];
	size_t len = c < 0x80                ? 1
		     : c >= 0xc2 && c < 0xe0 ? 2
		     : c >= 0xe0 && c < 0xf0 ? 3
		     : c >= 0xf0 && c < 0xf5 ? 4
					     : 0;

	if (len == 0 || len > s.len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s.at[i] & 0xc0) != 0x80)
			return 0;
	bool bad = (c == 0xe0 && s.at[1] < 0xa0) || (c == 0xed && s.at[1] > 0x9f) ||
		   (c == 0xf0 && s.at[1] < 0x90) || (c == 0xf4 && s.at[1] > 0x8f);
	return bad ? 0 : len;
}

/* U+0080 to U+009F are controls of terminals, U+009B begins what ESC [ does: scripts show to others what
 * one has typed, and controls but for the tab are never typed (row B10; line.c has the others). */
static bool is_control(struct slice s, size_t len)
{
	return len == 2 && s.at[0] == 0xc2 && s.at[1] < 0xa0;
}

/* The line with each byte that is no UTF-8, and each control, as U+FFFD. False when memory is out. */
static bool clean(struct slice line, struct buf *out)
{
	while (line.len > 0) {
		size_t len = utf8_len(line);
		bool good = len > 0 && !is_control(line, len);
		struct slice c = good ? slice_of(line.at, len) : slice_text("\xef\xbf\xbd");

		if (!buf_add(out, c))
			return false;
		line = slice_from(line, len > 0 ? len : 1);
	}
	return true;
}

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] >= 0x80)
			return false;
	return true;
}

/* The script may do anything, also make him leave; so the line is ours while it runs. */
static void give_line(struct game *game, struct player *p)
{
	struct buf text = p->line.text, cleaned = {0};

	p->line.text = (struct buf){0};
	game->metrics.lines_in++;
	if (p->line.cut) {
		game->metrics.lines_cut++;
		player_send(p, slice_text("[That line was too long: its end was not read.]\n"));
	}
	line_next(&p->line);
	if (is_ascii(buf_bytes(&text)))
		script_input(game->script, p, buf_bytes(&text));
	else if (clean(buf_bytes(&text), &cleaned))
		script_input(game->script, p, buf_bytes(&cleaned));
	else
		log_warn("%s: a line is lost: out of memory", player_label(p));
	buf_free(&text);
	buf_free(&cleaned);
}

void player_input(struct player *p, struct slice bytes)
{
	struct game *game = p->game;
	struct handle handle = p->handle;

	p->input_ms = loop_now_ms(game->loop);
	while (p != NULL && p->state == PLAYER_HERE) {
		enum line_result r = line_feed(&p->line, &bytes);

		if (r == LINE_MORE)
			return;
		if (r == LINE_NOMEM) {
			player_kick(p, "The game is out of memory.");
			return;
		}
		give_line(game, p);
		p = slots_find(&game->handles, handle);
	}
}
