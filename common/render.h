/* Shows a command's JSON answer to a person: a table, a list of "name: value", or plain text. */
#ifndef COMMON_RENDER_H
#define COMMON_RENDER_H

#include <jansson.h>

#include "common/buf.h"

/* Adds the text, lines ended by \n, to out. An array of objects becomes a table with the union of
 * their keys as headings, an object a list of "key: value" (nested objects indented), a string
 * itself, null "done". Seconds, under a key that ends in _s or begins with seconds_, become a duration under
 * the rest of it: "uptime: 2 h 13 min". Plain words and alignment by blanks only, so that a screen reader reads it
 * well. Strings are shown with unprintable bytes as \xNN; UTF-8 stays. */
void render_json(struct buf *out, const json_t *answer);

#endif
