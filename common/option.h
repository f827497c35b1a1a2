/* Typed, bounded settings in a table: the multiplexer's options and the server's cvars. */
#ifndef COMMON_OPTION_H
#define COMMON_OPTION_H

#include <jansson.h>

#include "common/defs.h"

/* What a row of an options.def or cvars.def may be, and the C type of its field.
 * SIZE takes a suffix KiB or MiB, TIME is milliseconds and takes ms, s, min or h; a bare number is
 * bytes and milliseconds. BOOL reads on/off, yes/no, true/false, 1/0. TEXT is owned by the table. */
enum option_type { OPT_BOOL, OPT_UINT, OPT_SIZE, OPT_TIME, OPT_REAL, OPT_TEXT };

typedef bool opt_BOOL;
typedef uint32_t opt_UINT;
typedef uint64_t opt_SIZE;
typedef uint64_t opt_TIME;
typedef double opt_REAL;
typedef char *opt_TEXT;

enum {
	OPT_LIVE = 1,   /* may change while running */
	OPT_START = 2,  /* only from the file or the command line */
	OPT_SECRET = 4, /* never printed */
	OPT_ARCHIVE = 8 /* written back by `seta` (later) */
};

struct option {
	const char *name;
	enum option_type type;
	size_t offset;      /* of the field in the struct the table describes */
	const char *preset; /* default, as text: one parser, so a default cannot break its bounds */
	const char *min, *max; /* as text; "" = none. For TEXT, of the length in bytes */
	unsigned flags;
	const char *help; /* one sentence */
};

/* Sets every field from its preset. The struct must be all zero or hold earlier values of the same
 * table. A preset that does not parse is a bug: aborts, naming the row (a unit test walks all). */
void option_presets(const struct option *table, size_t rows, void *values);
void option_free(const struct option *table, size_t rows, void *values); /* the TEXTs */

const struct option *option_find(const struct option *table, size_t rows, const char *name);

/* Parses text, checks the bounds and sets the field. False with *why a sentence that names value,
 * bounds and form ("sv_fps: 9999 is more than 1000"), valid until the next call; field untouched. */
bool option_set(const struct option *o, void *values, const char *text, const char **why);

/* The value as text that option_set reads back ("16 KiB", "2 s"); a secret is "***". Returns out. */
char *option_text(const struct option *o, const void *values, char *out, size_t room);

#endif
