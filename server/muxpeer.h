/* One connection to the link's socket: a candidate until it has proved that it is a multiplexer. */
#ifndef SERVER_MUXPEER_H
#define SERVER_MUXPEER_H

#include "common/list.h"
#include "proto/features.h"
#include "proto/link.h"

struct muxlink;
struct muxlinks;

struct muxpeer {
	struct link link;
	struct muxlinks *all;  /* borrowed: lives until its last peer is closed */
	struct muxlink *owner; /* borrowed: whose connection this is; NULL for a candidate */
	struct list
		node; /* of all->candidates, or all->refused; alone when it has an owner, or is closing */
	bool greeted; /* it waits for its proof, and no longer for its key */
	uint64_t since_ms;
	bool said_hello;
	unsigned features;                    /* agreed on; 0 = plain AgNet */
	uint8_t incarnation[INCARNATION_LEN]; /* 0 = none said */
	struct address from;
	char address[ADDRESS_TEXT_MAX]; /* the same as a text: "unix", or with its port */
};

/* Takes a waiting connection: it is greeted with SERVER HELLO (which a plain AgNet multiplexer skips),
 * NOT READY, TELL ME YOUR ACCEPT MODE and GET ALL SUBCLIENT INFO, with a key as soon as its own is
 * proved. When it answers the second with 13 or 14, muxlinks_admit finds its place. One that says
 * anything else is refused. key: NULL for AF_UNIX, see link_accept. */
void muxpeer_accept(struct muxlinks *all, uv_stream_t *listening, const struct linkkey *key);

/* Tells a candidate why it is not wanted, if that can be told, and closes it when it has heard it. */
void muxpeer_refuse(struct muxpeer *p, const char *reason);

/* At once, without a word; freed in a later turn. */
void muxpeer_close(struct muxpeer *p);

#endif
