#include "server/player.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "server/api/api.h"
#include "server/audience.h"
#include "server/game.h"
#include "server/muxlinks.h"
#include "server/script.h"
#include "server/show.h"

static char *copy_text(struct slice text)
{
	return strndup((const char *)text.at, text.len);
}

/* Equal keys are equal bytes: what lies behind the depth is zero. */
static struct clientkey plain_key(const struct clientkey *key)
{
	struct clientkey k = {.depth = key->depth};

	memcpy(k.number, key->number, key->depth * sizeof k.number[0]);
	return k;
}

static void free_parts(struct player *p)
{
	line_free(&p->line);
	buf_free(&p->out);
	event_free(&p->event);
	json_decref(p->saved);
	json_decref(p->caps);
	free(p->protocol);
	free(p->ip);
	free(p->dns);
	free(p->ident);
	free(p->name);
	free(p->role);
	free(p);
}

enum { NAME_LOGGED_MS = 1000 };

/* What tells two players apart: the key and, right behind it, the link. */
enum { KEY_BYTES = sizeof(struct clientkey) + sizeof(uint32_t) };

_Static_assert(
	offsetof(struct player, link) - offsetof(struct player, key) == sizeof(struct clientkey),
	"link stands right behind key");

struct player *player_new(
	struct muxlink *from, const struct clientkey *key, struct slice protocol, struct slice ip)
{
	struct game *game = from->game;
	struct player *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->game = game;
	p->key = plain_key(key);
	p->link = from->number;
	p->protocol = copy_text(protocol);
	p->ip = copy_text(ip);
	p->line.max = LINE_MAX_BYTES;
	p->connected_ms = p->input_ms = loop_now_ms(game->loop);
	list_init(&p->node);
	list_init(&p->dirty);
	list_init(&p->seats);
	if (p->protocol == NULL || p->ip == NULL || !slots_put(&game->handles, p, &p->handle)) {
		free_parts(p);
		return NULL;
	}
	HASH_ADD(by_key, game->by_key, key, KEY_BYTES, p);
	if (p->by_key.tbl == NULL) { /* out of memory: it was not added */
		slots_drop(&game->handles, p->handle);
		free_parts(p);
		return NULL;
	}
	list_add_last(&game->players, &p->node);
	game->looks[p->look]++;
	game->metrics.players_now++;
	if (game->everybody != NULL && !audience_add(game->everybody, p))
		audience_free(game->everybody); /* it is made again when it is needed */
	return p;
}

void player_free(struct player *p)
{
	struct game *game = p->game;

	HASH_DELETE(by_key, game->by_key, p);
	slots_drop(&game->handles, p->handle);
	list_remove(&p->node);
	list_remove(&p->dirty);
	audience_forget(p);
	game->looks[p->look]--;
	game->metrics.players_now--;
	free_parts(p);
}

struct player *player_find(struct game *game, uint32_t link, const struct clientkey *key)
{
	struct {
		struct clientkey key;
		uint32_t link;
	} k = {.key = plain_key(key), .link = link};
	struct player *p;

	HASH_FIND(by_key, game->by_key, &k, KEY_BYTES, p);
	return p;
}

struct link *player_out(const struct player *p)
{
	return muxlink_out(muxlinks_find(p->game->muxlinks, p->link));
}

/* With several multiplexers the link's number is one more level of the key. */
static bool shows_link(const struct game *game)
{
	return game->cvars.set.sv_multiplexers > 1;
}

char *player_key_text(const struct player *p, char out[static PLAYER_KEY_TEXT_MAX])
{
	size_t len = strlen(clientkey_text(&p->key, out));

	if (shows_link(p->game))
		snprintf(out + len, PLAYER_KEY_TEXT_MAX - len, ":%u", p->link);
	return out;
}

struct player *player_find_text(struct game *game, const char *text)
{
	const char *last = shows_link(game) ? strrchr(text, ':') : text + strlen(text);
	char wire[CLIENTKEY_TEXT_MAX];
	struct clientkey key;
	uint32_t link = 1;

	if (last == NULL || (size_t)(last - text) >= sizeof wire)
		return NULL;
	snprintf(wire, sizeof wire, "%.*s", (int)(last - text), text);
	if (shows_link(game)) {
		struct clientkey number;

		if (!clientkey_parse(last + 1, &number))
			return NULL;
		link = number.number[0];
	}
	return clientkey_parse(wire, &key) ? player_find(game, link, &key) : NULL;
}

const char *player_label(const struct player *p)
{
	static char text[PLAYER_KEY_TEXT_MAX + 96];
	char key[PLAYER_KEY_TEXT_MAX];

	snprintf(text, sizeof text, "player %s (%.64s)", player_key_text(p, key), p->ip);
	return text;
}

/* With his name, when he has one. */
static const char *named_label(const struct player *p)
{
	static char text[PLAYER_KEY_TEXT_MAX + 200];

	snprintf(text, sizeof text, "%s%s%.64s", player_label(p), p->name != NULL ? " " : "",
		p->name != NULL ? p->name : "");
	return text;
}

void player_log_name(struct player *p)
{
	uint64_t now_ms = loop_now_ms(p->game->loop);

	if (p->name == NULL || p->state != PLAYER_HERE ||
		(p->named_ms != 0 && now_ms < p->named_ms + NAME_LOGGED_MS))
		return;
	p->named_ms = now_ms;
	log_info("%s: is %.64s now", player_label(p), p->name);
}

void player_arrive(struct player *p)
{
	struct game *game = p->game;

	p->state = PLAYER_HERE;
	if (p->listed)
		game->metrics.players_restored++;
	else
		game->metrics.players_joined++;
	log_info("%s: %s", named_label(p), p->listed ? "restored" : "joined");
	if (p->listed) {
		map_restore(p, map_listed_from(p));
	} else {
		script_join(game->script, p);
		api_tell(game->api, "join", p); /* with the name that the script gave him */
	}
}

/* The script learns it while he can still be looked at; afterwards his handle is stale. */
static void tell_leave(struct player *p, const char *why)
{
	p->state = PLAYER_LEAVING;
	audience_forget(p);
	script_leave(p->game->script, p, why);
}

/* What the log says behind "has left"; of who left by himself only the multiplexer knows how. */
static const char *leave_words(const char *why)
{
	if (strcmp(why, "killed") == 0)
		return ": ended by the game";
	return strcmp(why, "gone") == 0 ? ": while the game was away" : "";
}

void player_gone(struct player *p, const char *why)
{
	if (p->state == PLAYER_HERE) {
		log_info("%s: has left%s", named_label(p), leave_words(why));
		api_tell(p->game->api, "leave", p);
		tell_leave(p, why);
	}
	player_free(p);
}

void player_kick(struct player *p, const char *reason)
{
	struct link *out = player_out(p);

	if (p->state != PLAYER_HERE)
		return;
	if (reason[0] != '\0') {
		player_show(p, &(struct markup){.bytes = slice_text(reason), .line = true});
	}
	log_info("%s: has left: kicked: %s", named_label(p), reason);
	tell_leave(p, "kicked");
	player_flush(p);
	if (out != NULL)
		link_send_kill_subclient(out, &(struct msg_kill_subclient){.who = p->key});
}

void player_lookup(struct player *p)
{
	struct link *out = player_out(p);

	if (p->state != PLAYER_HERE || out == NULL)
		return;
	if (!p->asked_dns)
		link_send_get_subclient_dns(out, &(struct msg_get_subclient_dns){.who = p->key});
	if (!p->asked_ident)
		link_send_get_subclient_identd(
			out, &(struct msg_get_subclient_identd){.who = p->key});
	p->asked_dns = p->asked_ident = true;
}

void player_slow(struct player *p, uint32_t bytes)
{
	bool news = (p->slow > 0) != (bytes > 0);

	p->slow = bytes;
	if (news && p->state == PLAYER_HERE)
		script_slow(p->game->script, p, bytes > 0);
}

void player_touch(struct player *p)
{
	if (list_is_empty(&p->dirty))
		list_add_last(&p->game->dirty, &p->dirty);
	loop_at_turn_end(p->game->loop, &p->game->flush);
}
