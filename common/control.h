/* The admin socket of a daemon: one JSON line asks, one JSON line answers. */
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include "common/command.h"
#include "common/loop.h"

/* On the wire, both ways one line of JSON ended by \n:
 *   {"argv": ["kick", "5:199", "be nice"]}           a request, at most COMMAND_LINE_MAX bytes
 *   {"ok": true, "answer": {...}}                    answer is null when there is nothing to say
 *   {"ok": false, "error": "no such user: 5:199"}
 * Several requests may follow one another on a connection; they are answered in order. */

struct control;

struct control_config {
	const char *path;            /* borrowed during control_open: at most 107 bytes */
	const struct command *table; /* borrowed: static */
	size_t rows;
	void (*run)(struct call *call); /* instead of looking into table; or NULL */
	unsigned who;                   /* what a caller at this socket is */
	void *owner;                    /* borrowed: outlives the control */
};

/* Opens the socket with mode 0600 and listens. A peer whose uid (SO_PEERCRED) is neither root's nor
 * ours is told so and closed. At most 16 connections; a slow one waits alone, and one that sends a
 * line over the limit or nothing for 60 s is closed. NULL with *why a sentence on failure. */
struct control *control_open(
	struct loop *loop, const struct control_config *config, const char **why);

/* Closes all and frees, in a later turn of the loop; answers already given are sent first (at most
 * 1 s). Removes the socket file. NULL is allowed. */
void control_close(struct control *control);

#endif
