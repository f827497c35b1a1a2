/* The game server as a whole: the link to the multiplexer, players, frames, script, stop. */
#ifndef SERVER_GAME_H
#define SERVER_GAME_H

#include <stdatomic.h>

#include "common/control.h"
#include "common/list.h"
#include "common/loop.h"
#include "common/slots.h"
#include "server/bans.h"
#include "server/cvar.h"
#include "server/frames.h"
#include "server/health.h"
#include "server/map.h"
#include "server/markup.h"
#include "server/muxdoors.h"
#include "server/player.h"
#include "server/restart.h"

struct api;
struct muxlink;
struct muxlinks;
struct registrar;
struct script;
struct store;

struct game_metrics {
#define METRIC(KIND, name, help) uint64_t name;
#include "server/metrics.def"
};

/* Why the game stops: what the script's stop event is told, and what main.c does afterwards. */
enum game_stop { STOP_NOT, STOP_RESTART, STOP_QUIT, STOP_SIGNAL, STOP_MULTIPLEXER };

/* What a game needs to open. All borrowed, as long as the game lives. */
struct game_config {
	const char *run_dir, *maps_dir;
	const char *config_file; /* NULL: none */
	const char *const *sets; /* "name=value", as --set gives them */
	int set_count;
	const char *program; /* the path that a restart executes, */
	char *const *argv;   /* with these arguments; NULL: none */
	bool by_hand;      /* for tests: no frame runs but by game_beat, nothing listens that is not
	                      * in run_dir, and scripts are told the loop's time: */
	uint64_t begin_ms; /* when the test began */
};

struct game {
	struct loop *loop;          /* borrowed: outlives us */
	struct cvar_list cvars;     /* C reads game->cvars.set.sv_fps */
	struct list players;        /* struct player node, in order of arrival */
	struct player *by_key;      /* uthash head */
	struct list audiences;      /* struct audience, in order of their numbers */
	struct audience *everybody; /* owned: all players, once one text was not the same for all */
	uint32_t looks[LOOK_COUNT]; /* how many players can be shown what, see markup.h */
	struct slots handles;       /* what scripts hold */
	struct list dirty;      /* players with output or a save to send at the end of the turn */
	struct loop_task flush; /* sends them */
	struct muxdoors doors;  /* where multiplexers connect; read at start */
	struct muxlinks *muxlinks; /* owned: NULL before game_start */
	struct map map;
	struct script *script;   /* owned: the map's; NULL before game_start */
	char *mssp;              /* owned: JSON, what crawlers are told; NULL = nothing */
	struct bans bans;        /* of all multiplexers */
	struct store *store;     /* owned: what scripts keep; NULL before game_start */
	struct control *control; /* owned */
	struct restart restart;
	struct api *api;             /* owned: the HTTP API; NULL before game_start */
	struct registrar *registrar; /* owned: keeps us in a server list; NULL before game_start */
	struct frames frames;
	atomic_uint progress; /* of the loop and of scripts: what a watchdog looks at */
	const char
		*volatile doing; /* static: the event whose handlers run; NULL = no script does */
	struct loop_task idle;   /* when all of a frame is done: memory is collected */
	struct health health;
	struct game_metrics metrics;
	uint64_t frame;          /* number of the last frame */
	uint64_t unknown_second; /* messages for unknown keys: in which second, and how many */
	unsigned unknown_count;
	uint64_t started_ms;
	struct game_config config;
	enum game_stop stop; /* STOP_NOT: it runs */
	bool stop_event_sent;
	bool has_left;         /* game_left was called */
	char stop_reason[256]; /* for the log */
	uv_timer_t stop_timer;
};

/* Opens an empty game: cvars at their defaults, no map, no link. Never fails. */
void game_open(struct game *game, struct loop *loop, const struct game_config *config);

/* Reads the settings: the file, then the sets. False with *why a sentence that names file and line. */
bool game_configure(struct game *game, const char **why);

/* The same again while it runs: cvars that can only be set at start stay, with a warning if they
 * differ. When anything is wrong nothing is changed. Logs how it went. */
void game_reconfigure(struct game *game);

/* Starts the map (one that fails is no failure here, see map.h), listens for the multiplexer and for admins, begins the frames. False with *why a
 * sentence; game_close in any case. */
bool game_start(struct game *game, const char **why);

/* An orderly stop, carried out step by step: no more input, all of it handled, the stop event, saves,
 * output, goodbye; then loop_stop. A second call stops at once. reason is for the log. */
void game_stop(struct game *game, enum game_stop kind, const char *reason);

void game_close(struct game *game); /* at once; run the loop to its end, then game_free */
void game_free(struct game *game);

/* Whether a restart would come up again: the program is executable, the settings read, the map's
 * scripts compile, the store has a place. Nothing is changed. False with *why a sentence. */
bool game_check(const struct game *game, const char **why);

/* What a start would put up with, after game_configure: settings that keep a part of the game from
 * starting, and names that neither the server nor a map of its folder has. False with *why a sentence. What
 * may well be meant goes to warn. */
bool game_check_all(const struct game *game, void (*warn)(const char *text), const char **why);

/* Where things are that outlive a start of the machine. */
const char *game_state_dir(const struct game *game);

/* What scripts keep for ever is on its way to the disk; what cannot be written is logged. */
void game_commit_store(struct game *game);

/* A frame, now: so many frames' time after the last one. For those that run by hand. */
void game_beat(struct game *game, uint64_t passed);

/* muxlink, muxlinks and handlers tell: */
void game_forget_players(struct muxlink *from, const char *because); /* all of them have left */
void game_listing_begins(struct muxlink *from);
void game_listing_ends(struct muxlink *from);
void game_marked(struct game *game);   /* the last of the input was handled */
void game_left(struct game *game);     /* every multiplexer has read our last word */
void game_unlisted(struct game *game); /* the server list has, too */

/* What scripts and console do to players; all take effect at the end of this turn of the loop. */
void player_send(struct player *p, struct slice text);    /* \n becomes \r\n on the way out */
void game_send_all(struct game *game, struct slice text); /* one message to 0:255 of each link */
void game_send_list(struct muxlink *to, const struct clientkey *list, struct slice text);
void game_flush(struct game *game); /* what was sent to players so far stands before what follows */

/* From where new users are let in; the answer shows in game_accept_word. False: no link. */
bool game_accept(struct game *game, bool localhost_only);

/* What the multiplexers said last: "all" or "localhost"; "mixed" if they do not agree. */
const char *game_accept_word(const struct game *game);

bool player_save(
	struct player *p, json_t *saved, const char **why); /* takes the reference, also when
	* it fails: false and nothing changed when the whole would not fit in MSG_PAYLOAD_MAX; *why says
	* by how many bytes. NULL: nothing is kept any more */
/* NULL: none. He keeps his role only if it was granted to that name too. */
bool player_set_name(struct player *p, const char *name, const char **why);
/* Only a role that was granted to an account of his name, in this map (grants.h). */
bool player_set_role(struct player *p, const char *role, const char **why);
/* He is this account: its name, and the role that was granted to it, or none. */
bool player_login(struct player *p, const char *account, const char **why);
void player_forget_saved(struct player *p); /* what player_save kept was another map's */
void player_check_role(struct player *p); /* one that is not granted (any more) is taken from him */

/* "none", "16", "256", "true"; NULL: as his client can. False with *why for other words. */
bool player_set_colours(struct player *p, const char *word, const char **why);
const char *player_colours_word(const struct player *p); /* the same words, or NULL */
void player_kick(
	struct player *p, const char *reason); /* shows the reason, then KILL SUBCLIENT; the
	* script gets leave at once */
const char *player_label(
	const struct player *p); /* "player 5:199 (192.0.2.7)", until the next call */

#endif
