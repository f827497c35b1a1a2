/* Decides what users are told, and when, while the game is away: once, not at every stumble. */
#ifndef MULTIPLEXER_OUTAGE_H
#define MULTIPLEXER_OUTAGE_H

#include "common/defs.h"

/* What to tell all users now. */
enum outage_say { SAY_NOTHING, SAY_RESTART, SAY_CRASH, SAY_AWAY, SAY_HANG, SAY_BACK };

/* An outage begins when a steady game goes, and ends when it has been back steadily. A game that
 * dies again at once is still the same outage (row G05: a crash loop is told once, then after 1, 5
 * and 15 minutes and every 15 from there). How long "steadily" is doubles with each crash of a game
 * that lived for less than a minute: 1 s, 2 s, ... 60 s. All zero but away is a fresh start; see
 * outage_start. No clock of its own. */
struct outage {
	bool running;         /* an outage is going on, told or not */
	bool away;            /* the game is not there right now */
	bool back_told;       /* in this outage */
	unsigned flaps;       /* times it went again in this outage */
	unsigned reminders;   /* given in this outage */
	enum outage_say said; /* what the outage was told as */
	uint64_t since_ms;    /* beginning of the outage */
	uint64_t away_ms;     /* when the game went last */
	uint64_t longest_ms;  /* the longest absence in this outage */
	uint64_t up_ms;       /* when the game came last */
	uint64_t steady_ms;   /* how long it must stay to count as back */
	bool hung;            /* users were told that it does not answer */
};

/* The multiplexer starts: nobody has gone, nobody is there yet. */
void outage_start(struct outage *o, uint64_t now_ms);

/* The game went: cause is SAY_RESTART or SAY_CRASH. A crash in an outage that was announced as a
 * restart is told too, since then something may be lost after all. */
enum outage_say outage_gone(struct outage *o, enum outage_say cause, uint64_t now_ms);

/* The game is READY. after_ms: an absence shorter than this is not worth a second notice. */
enum outage_say outage_back(struct outage *o, uint64_t after_ms, uint64_t now_ms);

/* The game stands still (true), or moves again (false). */
enum outage_say outage_hang(struct outage *o, bool hung);

/* To be called about once a second. */
enum outage_say outage_tick(struct outage *o, uint64_t after_ms, uint64_t now_ms);

#endif
