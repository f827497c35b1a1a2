/* Private to serverlink*.c: what its parts have of each other. */
#ifndef MULTIPLEXER_SERVERLINK_PARTS_H
#define MULTIPLEXER_SERVERLINK_PARTS_H

#include "multiplexer/serverlink.h"

/* The one door of the states. False, and nothing changed, if linkstates.def has no such move. */
bool serverlink_move(struct serverlink *s, enum link_state to);

/* The next look at who is there, or whether who leaves is gone. */
void serverlink_dial_later(struct serverlink *s);

#endif
