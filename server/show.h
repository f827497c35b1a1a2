/* What players are shown of a text: each as his client can, rendered once for each kind of client. */
#ifndef SERVER_SHOW_H
#define SERVER_SHOW_H

#include "server/markup.h"

struct game;
struct player;

/* As player_send and player_prompt, but what could steer his terminal is left out, and mark-up becomes
 * what he can be shown. When memory is out nothing is shown, and a line is logged. */
void player_show(struct player *p, const struct markup *m);
void player_show_prompt(struct player *p, const struct markup *m);

/* The same for everybody: one message if all can be shown the same, otherwise one for each kind. */
void game_show_all(struct game *game, const struct markup *m);

/* His caps or his choice have changed: what follows is shown accordingly. */
void player_look_again(struct player *p);

/* Whether all of those who are counted in looks are shown the same text. *look: one of theirs. */
bool looks_agree(const uint32_t looks[static LOOK_COUNT], unsigned depends, unsigned *look);

#endif
