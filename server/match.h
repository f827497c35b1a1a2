/* Lua's patterns (manual 6.4.1), matched so that a call that is over its time can be ended in the midst. */
#ifndef SERVER_MATCH_H
#define SERVER_MATCH_H

#include <lua.h>

#include "common/defs.h"

/* Lua's own matcher is C that no hook interrupts: ("a?"):rep(30) .. ("a"):rep(30) on 30 letters keeps it
 * busy for minutes. This one asks every so many steps whether its call is over its time. */

enum {
	MATCH_CAPTURES_MAX = 32,
	MATCH_POSITION = -1, /* length of "()": its value is where it stands */
	MATCH_OPEN = -2      /* length while its end is not reached */
};

struct match {
	lua_State *L; /* where its errors are raised: a pattern that is none, too little time */
	const char *text, *text_end;       /* borrowed */
	const char *pattern, *pattern_end; /* borrowed; without the ^ at its beginning */
	int captures;
	struct {
		const char *at;
		ptrdiff_t len;
	} capture[MATCH_CAPTURES_MAX];
	int depth;
	unsigned steps;
};

/* Matches at `at` and nowhere else: the end of the match, or NULL. May raise. */
const char *match_at(struct match *m, const char *at);

/* Pushes a capture; capture 0 of a pattern that has none is all of the match. May raise. */
void match_push(struct match *m, int which, const char *begin, const char *end);

/* Pushes all captures, or all of the match if there are none; how many. */
int match_push_all(struct match *m, const char *begin, const char *end);

#endif
