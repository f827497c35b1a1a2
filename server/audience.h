/* Lists of players that scripts make, so that one message to the multiplexer serves all of them. */
#ifndef SERVER_AUDIENCE_H
#define SERVER_AUDIENCE_H

#include "common/list.h"
#include "server/markup.h"
#include "server/player.h"

struct game;
struct muxlink;

/* One list. Each multiplexer keeps its part of it under the same number, as long as its link lives; a
 * plain AgNet multiplexer keeps none, and each member there gets a message of his own.
 *
 * Once a text is not shown to all members alike, the list is split: those who are shown the same are
 * a list of their own too, so that such a text is one message for each kind of client. */
struct audience {
	struct list node;    /* of game->audiences */
	struct game *game;   /* borrowed: outlives us */
	uint32_t number;     /* 1..65535 */
	struct list members; /* struct seat */
	bool is_part;        /* of a list that was split */
	bool is_split;
	struct audience
		*parts[LOOK_COUNT]; /* owned: by look, while it is split; NULL: nobody yet */
	uint32_t looks[LOOK_COUNT]; /* how many members can be shown what */
	uint32_t on_link[];         /* how many of them are on link 1, 2, ... sv_multiplexers */
};

/* NULL when memory is out or there are 65,535 already. */
struct audience *audience_new(struct game *game);
void audience_free(struct audience *a);
void audience_free_all(struct game *game);

/* False when memory is out. Adding twice is adding once. */
bool audience_add(struct audience *a, struct player *p);
void audience_remove(struct audience *a, struct player *p);
void audience_send(struct audience *a, struct slice text);

/* As player_show and player_tell, for all of them. */
void audience_show(struct audience *a, const struct markup *m);
void audience_tell(struct audience *a, const char *channel, bool json, struct slice data);

/* He is in other parts now. */
void audience_look_changed(struct player *p, unsigned before);

/* He has left: the multiplexer takes him off its lists by itself. */
void audience_forget(struct player *p);

/* A new link: its multiplexer is told all lists anew. Before READY. */
void audience_tell_all(struct muxlink *to);

#endif
