/* Who is not let in at all: the bans, who is told of them, and the file they are kept in. */
#ifndef MULTIPLEXER_BANS_H
#define MULTIPLEXER_BANS_H

#include <uv.h>

#include "common/banlist.h"
#include "multiplexer/banfile.h"

struct mux;
struct chainlink;
struct subclient;

/* Made by the game (its console and scripts), by holdfastctl, or by the multiplexer in front of us; they
 * live as long as we, and in a file, so that they also outlive us. The file is written in a thread, at
 * most one at a time, right after a change: the loop never waits for a disk. */
struct bans {
	struct mux *mux; /* borrowed: we live inside it */
	struct banlist list;
	struct ban_clock now;    /* as of this turn, see bans_now */
	uint64_t now_ms;         /* the loop's, when that was looked up */
	struct banreader server; /* the game, when it has asked */
	bool server_owed;        /* DONE SENDING BANS */
	char path[600];
	bool writing, failed;
	uint64_t retry_ms;
	uint32_t written;    /* list.changes, as the file has it or is about to */
	int64_t wall_ahead;  /* ms of the date over the clock, likewise */
	struct banfile file; /* what is being written */
	int error;           /* what came of it */
	uv_work_t work;
};

/* Reads the file. False with *why. bans_free in any case, when the loop has ended. */
bool bans_open(struct bans *b, struct mux *mux, const char **why);
void bans_free(struct bans *b); /* writes what is not written yet */

/* Once a second: what is over, jumps of the date, a file that could not be written. */
void bans_second(struct bans *b);

/* The ban that keeps him out; NULL: none does. */
struct ban *bans_find(struct bans *b, const struct address *who);

/* What he is told, as it is written to the connection of a listener: a line, or an answer of HTTP. */
enum { BANS_ANSWER_MAX = BAN_WORDS_MAX + 200 };
size_t bans_answer(const struct ban *ban, bool is_http, char out[static BANS_ANSWER_MAX]);

/* Said by whoever is at this multiplexer; false with *why. */
bool bans_make(struct bans *b, const struct ban *wanted, const char **why);

/* BAN and UNBAN of the server. */
void bans_told(struct bans *b, const struct ban *wanted);
void bans_asked(struct bans *b); /* TELL ME YOUR BANS */
void bans_forget_server(struct bans *b);

/* Tells what is new to the server and to those behind us, as much as their links take. True: there is
 * more. */
bool bans_pump(struct bans *b);

/* A multiplexer behind us is connected and knows bans; it is not there any more. */
void bans_chain_begins(struct bans *b, struct chainlink *c);
void bans_chain_ends(struct bans *b, struct chainlink *c);

const struct ban_clock *bans_now(struct bans *b);

#endif
