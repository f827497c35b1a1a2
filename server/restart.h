/* The restart that is under way: the trial of the new program, and the countdown that players see. */
#ifndef SERVER_RESTART_H
#define SERVER_RESTART_H

#include <jansson.h>

#include "common/command.h"
#include "common/loop.h"

struct game;
struct trial;

struct restart {
	struct trial *trial;    /* owned: runs; or NULL */
	struct call_hold *hold; /* owned: who is told how the trial went; or NULL */
	uv_timer_t timer;
	uint64_t due_ms; /* 0: there is no countdown */
	uint64_t told_s; /* how many seconds were left when players were told last */
	uint64_t seconds;
	char reason[300]; /* for players: printable; "" = none */
	char text[600];   /* for the log */
};

void restart_open(struct game *game);
void restart_close(struct game *game);

/* Tries the program (trial.h); when it is good, restarts in so many seconds, 0: at once, and players are
 * told the time and the reason again and again. What was planned before is replaced. hold is answered
 * after the trial; it may be NULL. text is for the log: who, and why. */
void restart_plan(struct game *game, uint64_t seconds, const char *reason, const char *text,
	struct call_hold *hold);

/* Players are told if they had been told. False: there was none. */
bool restart_cancel(struct game *game);

/* Seconds that are left; -1: there is no countdown. */
int64_t restart_left_s(const struct game *game);

#endif
