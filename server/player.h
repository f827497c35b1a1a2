/* One user as the game knows him: who he is, what he is typing, what waits to be shown to him. */
#ifndef SERVER_PLAYER_H
#define SERVER_PLAYER_H

#include <jansson.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/line.h"
#include "common/list.h"
#include "common/slots.h"
#include "proto/clientkey.h"
#include "server/event.h"

struct game;
struct link;
struct muxlink;

enum player_state {
	PLAYER_ARRIVING, /* GOT SUBCLIENT came, DONE SENDING has not: scripts do not know him yet */
	PLAYER_HERE,     /* scripts know him */
	PLAYER_LEAVING   /* KILL was sent, KILLED has not come; scripts know him no more */
};

/* What a player wants of colours: as his client can, or so many whatever it says. */
enum player_colours { COLOURS_AUTO, COLOURS_NONE, COLOURS_16, COLOURS_256, COLOURS_TRUE };

struct player {
	struct game *game;    /* borrowed: outlives us */
	struct handle handle; /* what scripts hold */
	struct clientkey key; /* as his multiplexer says it; who he is takes link too */
	uint32_t link;        /* number of his multiplexer's link; stands right behind key */
	enum player_state state;
	bool listed; /* reported by a listing (restore), not by an acceptance (join) */
	bool seen;   /* by the listing that runs, after a new link */
	char *protocol, *ip, *dns, *ident; /* owned; dns and ident NULL until told */
	bool asked_dns, asked_ident;       /* player_lookup waits for them */
	uint64_t
		connected_ms; /* when he connected, by our monotonic clock; may lie before our start */
	uint64_t input_ms;    /* when he last typed */
	uint32_t slow;        /* bytes that wait for him, when he became slow; 0 = he is not */
	struct event event; /* what his client is saying outside the text, piece by piece */
	struct line line;   /* the line he is typing */
	struct buf out;     /* text of this turn, not yet cut into messages */
	uint64_t named_ms;  /* when the log was told his name; 0 = it was not */
	char *name, *role;  /* owned: the script's to set, kept by save; NULL = not set */
	json_t *saved;      /* owned: what player:save keeps; NULL = nothing */
	json_t *caps;       /* owned: what is known of his client; NULL = nothing */
	uint8_t look;       /* what he can be shown, see markup.h: by caps and colours */
	uint8_t colours;    /* enum player_colours: his own choice, kept by save */
	bool save_due; /* name, role, colours or saved changed since the last SAVE SUBCLIENT INFO */
	struct list node;  /* of game->players */
	struct list dirty; /* of game->dirty: has out or save_due */
	struct list seats; /* struct seat: the audiences he is in */
	UT_hash_handle by_key;
};

/* A new one, ARRIVING, at the end of game->players. NULL when memory is out. */
struct player *player_new(
	struct muxlink *from, const struct clientkey *key, struct slice protocol, struct slice ip);
void player_free(struct player *p); /* every handle is stale from now on */

/* NULL: nobody's key. */
struct player *player_find(struct game *game, uint32_t link, const struct clientkey *key);

/* Where to send what is for him; NULL while his multiplexer is not there. */
struct link *player_out(const struct player *p);

enum { PLAYER_KEY_TEXT_MAX = CLIENTKEY_TEXT_MAX + 11 };

/* His key as scripts, admins and logs see it: "5:199", or "5:199:2" where there may be several
 * multiplexers: no two players share one. Returns out. */
char *player_key_text(const struct player *p, char out[static PLAYER_KEY_TEXT_MAX]);

/* Whom such a text names; NULL: nobody. */
struct player *player_find_text(struct game *game, const char *text);

/* ARRIVING becomes HERE, and the script is told: join, or restore if he was listed. */
void player_arrive(struct player *p);

/* The log is told who he is now; at most once a second, however often he changes his name. */
void player_log_name(struct player *p);

/* The script is told that he left (if it knows him), then he is freed. */
void player_gone(struct player *p, const char *why);

/* Asks his multiplexer for dns and ident: the script is told when each is there; asking twice is
 * asking once. Nothing happens while there is no link. */
void player_lookup(struct player *p);

/* So many bytes wait for him (0: he has caught up); the script is told if that is news. */
void player_slow(struct player *p, uint32_t bytes);

/* What he typed, as it came: lines go to the script (input.c). */
void player_input(struct player *p, struct slice bytes);

/* He has text to be shown, or something to be saved: at the end of the turn (output.c, save.c). */
void player_touch(struct player *p);

/* Sends what waits to be shown to him, now. */
void player_flush(struct player *p);

/* Sends what is to be kept for him, now; with_partial: also the line he is typing (before a stop). */
void player_store(struct player *p, bool with_partial);

/* Whether he has a name, a role or something saved: more than what every new player has. */
bool player_has_saved(const struct player *p);

/* Takes over what an earlier server kept. A blob that makes no sense is logged and left aside. */
void player_restore(struct player *p, struct slice blob);

#endif
