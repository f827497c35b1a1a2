/* The server's end of the link: listens for the multiplexer, takes one, restores, stops in order. */
#ifndef SERVER_MUXLINK_H
#define SERVER_MUXLINK_H

#include "proto/features.h"
#include "proto/link.h"

struct game;
struct muxlink;

enum muxlink_state {
#define STATE(NAME, word, moves) MUXLINK_##NAME,
#include "server/muxstates.def"
};

/* Listens at path (AF_UNIX, mode 0600). Whoever connects is a candidate: he is greeted with SERVER
 * HELLO (which a plain AgNet multiplexer skips), NOT READY, TELL ME YOUR ACCEPT MODE and GET ALL SUBCLIENT INFO, and becomes the link when he answers the
 * second with 13 or 14. One who says anything else, or nothing for 5 s, is closed and disturbs
 * nobody; nor does a second multiplexer while the first is there. NULL with *why a sentence. */
struct muxlink *muxlink_open(struct game *game, const char *path, const char **why);

/* At once; the socket file is removed, and all is freed in a later turn. */
void muxlink_close(struct muxlink *m);

/* Of no muxlink (NULL) both say that there is no link: scripts speak before it is opened. */
enum muxlink_state muxlink_state(const struct muxlink *m);
const char *muxlink_state_word(enum muxlink_state state);

/* Where to send; NULL while there is no link, or nothing more may be sent on it. */
struct link *muxlink_out(struct muxlink *m);

/* Whether both ends have a feature (features.h): the hellos agreed on it. */
bool muxlink_has(const struct muxlink *m, unsigned feature);

/* LINK REFUSED: a multiplexer does not want us, and ends the link itself. */
void muxlink_on_refused(struct muxlink *m, struct slice reason);

/* Why a multiplexer refused us, its words escaped; NULL: none has since the last one was taken. */
const char *muxlink_refusal(const struct muxlink *m);

/* handlers.c: HEARTBEAT ANSWER. */
void muxlink_on_heartbeat_answer(struct muxlink *m, uint32_t number);

/* The listing is through and everybody restored: says READY. */
void muxlink_ready(struct muxlink *m);

/* Orderly stop, first half: no more input, please, and a mark behind the last of it. game_marked is
 * called when all input was handled; at once when there is no link. */
void muxlink_mark(struct muxlink *m);

/* Second half: GOING OFFLINE, our side ends, and game_left is called when the multiplexer has read it
 * all (it ends its side); at once when there is no link. */
void muxlink_leave(struct muxlink *m);

/* handlers.c: carries out one message of the multiplexer; false refuses it, with *why. */
bool handle_message(struct game *game, const struct frame *f, struct refusal *why);

#endif
