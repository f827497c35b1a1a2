#include "server/match.h"

#include <ctype.h>

#include "server/script_state.h"

enum {
	DEPTH_MAX = 200,   /* of calls in calls: as Lua's own */
	STEPS_A_LOOK = 512 /* a step takes some nanoseconds */
};

static const char *match_from(struct match *m, const char *s, const char *p);

static void step(struct match *m)
{
	if (++m->steps % STEPS_A_LOOK == 0)
		limit_check(m->L);
}

/* ---- one character ------------------------------------------------------------------------------ */

static bool in_class(int c, int class)
{
	bool is;

	switch (tolower(class)) {
	case 'a':
		is = isalpha(c) != 0;
		break;
	case 'c':
		is = iscntrl(c) != 0;
		break;
	case 'd':
		is = isdigit(c) != 0;
		break;
	case 'g':
		is = isgraph(c) != 0;
		break;
	case 'l':
		is = islower(c) != 0;
		break;
	case 'p':
		is = ispunct(c) != 0;
		break;
	case 's':
		is = isspace(c) != 0;
		break;
	case 'u':
		is = isupper(c) != 0;
		break;
	case 'w':
		is = isalnum(c) != 0;
		break;
	case 'x':
		is = isxdigit(c) != 0;
		break;
	case 'z': /* of Lua 5.1: still there */
		is = c == '\0';
		break;
	default:
		return class == c;
	}
	return isupper(class) ? !is : is;
}

/* set: its [; end: its ]. */
static bool in_set(int c, const char *set, const char *end)
{
	bool negative = set[1] == '^';

	for (const char *p = set + (negative ? 2 : 1); p < end; p++) {
		uint8_t low = (uint8_t)*p;

		if (low == '%') {
			if (in_class(c, (uint8_t) * ++p))
				return !negative;
		} else if (p[1] == '-' && p + 2 < end) {
			p += 2;
			if (low <= c && c <= (uint8_t)*p)
				return !negative;
		} else if (low == c) {
			return !negative;
		}
	}
	return negative;
}

/* Where the item of one character ends that begins at p. */
static const char *item_end(struct match *m, const char *p)
{
	char first = *p++;

	if (first == '%') {
		if (p == m->pattern_end)
			luaL_error(m->L, "malformed pattern (ends with '%%')");
		return p + 1;
	}
	if (first != '[')
		return p;
	if (p < m->pattern_end && *p == '^')
		p++;
	do { /* a ] that stands first is a character of the set */
		if (p == m->pattern_end)
			luaL_error(m->L, "malformed pattern (missing ']')");
		if (*p++ == '%' && p < m->pattern_end)
			p++;
	} while (p == m->pattern_end || *p != ']');
	return p + 1;
}

/* Whether the character at s is of the item from p to end. */
static bool is_item(const struct match *m, const char *s, const char *p, const char *end)
{
	if (s >= m->text_end)
		return false;
	uint8_t c = (uint8_t)*s;
	if (*p == '.')
		return true;
	if (*p == '%')
		return in_class(c, (uint8_t)p[1]);
	if (*p == '[')
		return in_set(c, p, end - 1);
	return (uint8_t)*p == c;
}

/* ---- items that repeat -------------------------------------------------------------------------- */

/* As many as there are from s on, then fewer and fewer, down to least. */
static const char *match_most(
	struct match *m, const char *s, const char *p, const char *end, ptrdiff_t least)
{
	ptrdiff_t count = 0;

	for (; is_item(m, s + count, p, end); count++)
		step(m);
	for (; count >= least; count--) {
		const char *matched = match_from(m, s + count, end + 1);

		if (matched != NULL)
			return matched;
	}
	return NULL;
}

/* None, then more and more. */
static const char *match_fewest(struct match *m, const char *s, const char *p, const char *end)
{
	for (;; s++) {
		const char *matched = match_from(m, s, end + 1);

		if (matched != NULL)
			return matched;
		if (!is_item(m, s, p, end))
			return NULL;
	}
}

/* ---- captures, and what needs more than one character ------------------------------------------- */

static const char *open_capture(struct match *m, const char *s, const char *p, ptrdiff_t len)
{
	if (m->captures == MATCH_CAPTURES_MAX)
		luaL_error(m->L, "too many captures");
	m->capture[m->captures].at = s;
	m->capture[m->captures].len = len;
	m->captures++;
	const char *matched = match_from(m, s, p);
	if (matched == NULL)
		m->captures--;
	return matched;
}

static const char *close_capture(struct match *m, const char *s, const char *p)
{
	int which = m->captures - 1;

	while (which >= 0 && m->capture[which].len != MATCH_OPEN)
		which--;
	if (which < 0)
		luaL_error(m->L, "invalid pattern capture");
	m->capture[which].len = s - m->capture[which].at;
	const char *matched = match_from(m, s, p);
	if (matched == NULL)
		m->capture[which].len = MATCH_OPEN;
	return matched;
}

/* %1: what the first capture had, once more. Where it ends, or NULL. */
static const char *match_again(struct match *m, const char *s, int digit)
{
	int which = digit - '1';

	if (which < 0 || which >= m->captures || m->capture[which].len == MATCH_OPEN)
		luaL_error(m->L, "invalid capture index %%%d", which + 1);
	ptrdiff_t len = m->capture[which].len;
	if (len == MATCH_POSITION || m->text_end - s < len)
		return NULL;
	m->steps += (unsigned)(len / 16);
	return memcmp(m->capture[which].at, s, (size_t)len) == 0 ? s + len : NULL;
}

/* %bxy; p: the x. Where it ends, or NULL. */
static const char *match_balanced(struct match *m, const char *s, const char *p)
{
	if (m->pattern_end - p < 2)
		luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
	if (s >= m->text_end || *s != p[0])
		return NULL;
	size_t open = 1;
	while (++s < m->text_end) {
		step(m);
		if (*s == p[1] && --open == 0)
			return s + 1;
		if (*s == p[0] && *s != p[1])
			open++;
	}
	return NULL;
}

/* %f[set]; p: the [. */
static bool is_frontier(struct match *m, const char *s, const char *p, const char *end)
{
	uint8_t before = s == m->text ? '\0' : (uint8_t)s[-1];
	uint8_t here = s == m->text_end ? '\0' : (uint8_t)*s;

	return !in_set(before, p, end - 1) && in_set(here, p, end - 1);
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* One item and what may stand behind it. True: go on at *s and *p; else *s is what came of it. */
static bool match_item(struct match *m, const char **s, const char **p)
{
	const char *end = item_end(m, *p);
	char behind = end < m->pattern_end ? *end : '\0';
	bool is = is_item(m, *s, *p, end);

	if (!is && (behind == '*' || behind == '-' || behind == '?')) {
		*p = end + 1;
		return true;
	}
	if (is && (behind == '*' || behind == '+')) {
		*s = match_most(m, *s, *p, end, behind == '+');
		return false;
	}
	if (is && behind == '-') {
		*s = match_fewest(m, *s, *p, end);
		return false;
	}
	if (behind == '?') {
		const char *matched = match_from(m, *s + 1, end + 1);

		*p = end + 1;
		if (matched != NULL)
			*s = matched;
		return matched == NULL;
	}
	*s = is ? *s + 1 : NULL;
	*p = end;
	return is;
}

/* What begins with % and is more than a class. True: it was one, *s and *p behind it; *s NULL: it does
 * not match. */
static bool match_special(struct match *m, const char **s, const char **p)
{
	const char *after = *p + 2;
	char kind = *p + 1 < m->pattern_end ? (*p)[1] : '\0';

	if (kind == 'b') {
		*s = match_balanced(m, *s, after);
		*p = after + 2;
		return true;
	}
	if (kind == 'f') {
		if (after >= m->pattern_end || *after != '[')
			luaL_error(m->L, "missing '[' after '%%f' in pattern");
		*p = item_end(m, after);
		*s = is_frontier(m, *s, after, *p) ? *s : NULL;
		return true;
	}
	if (isdigit((uint8_t)kind)) {
		*s = match_again(m, *s, kind);
		*p = after;
		return true;
	}
	return false;
}

/* The end of what the pattern from p on matches at s, or NULL. */
static const char *match_from(struct match *m, const char *s, const char *p)
{
	if (m->depth == DEPTH_MAX)
		luaL_error(m->L, "pattern too complex");
	m->depth++;
	while (s != NULL && p < m->pattern_end) {
		step(m);
		if (*p == '(') {
			bool position = p + 1 < m->pattern_end && p[1] == ')';

			s = open_capture(m, s, p + (position ? 2 : 1),
				position ? MATCH_POSITION : MATCH_OPEN);
			break;
		}
		if (*p == ')') {
			s = close_capture(m, s, p + 1);
			break;
		}
		if (*p == '$' && p + 1 == m->pattern_end) {
			s = s == m->text_end ? s : NULL;
			break;
		}
		if (*p == '%' && match_special(m, &s, &p))
			continue;
		if (!match_item(m, &s, &p))
			break;
	}
	m->depth--;
	return s;
}

const char *match_at(struct match *m, const char *at)
{
	m->captures = 0;
	m->depth = 0;
	return match_from(m, at, m->pattern);
}

void match_push(struct match *m, int which, const char *begin, const char *end)
{
	if (which >= m->captures && which != 0)
		luaL_error(m->L, "invalid capture index %%%d", which + 1);
	if (which >= m->captures)
		lua_pushlstring(m->L, begin, (size_t)(end - begin));
	else if (m->capture[which].len == MATCH_POSITION)
		lua_pushinteger(m->L, m->capture[which].at - m->text + 1);
	else if (m->capture[which].len == MATCH_OPEN)
		luaL_error(m->L, "unfinished capture");
	else
		lua_pushlstring(m->L, m->capture[which].at, (size_t)m->capture[which].len);
}

int match_push_all(struct match *m, const char *begin, const char *end)
{
	int count = m->captures > 0 ? m->captures : 1;

	luaL_checkstack(m->L, count, "too many captures");
	for (int i = 0; i < count; i++)
		match_push(m, i, begin, end);
	return count;
}
