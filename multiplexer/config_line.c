#include "multiplexer/config_line.h"

#include <confuse.h>
#include <stdio.h>

#include "common/defs.h"

/* What libconfuse counts too much for a comment; other versions may count another way. */
static struct surplus {
	int line, block; /* "# x" and "// x"; behind the star and stroke that end a long one */
} more;

static int line_said;

static void note_line(cfg_t *cfg, const char *fmt UNUSED, va_list args UNUSED)
{
	line_said = cfg->line;
}

/* text: a comment in the first line, and what it does not know in the second. */
static int surplus_of(const char *text)
{
	cfg_opt_t none[] = {CFG_END()};
	cfg_t *cfg = cfg_init(none, CFGF_NONE);

	line_said = 2;
	if (cfg != NULL) {
		cfg_set_error_function(cfg, note_line);
		cfg_parse_buf(cfg, text);
		cfg_free(cfg);
	}
	return line_said - 2;
}

void config_line_learn(void)
{
	more = (struct surplus){surplus_of("# x\nx = 1\n"), surplus_of("/* x */\nx = 1\n")};
}

enum place { CODE, DOUBLE_QUOTED, SINGLE_QUOTED, COMMENT, LONG_COMMENT };

/* A comment begins with #, or where a word could begin with two strokes or a stroke and a star; words in
 * quotes may have all of these. */
static enum place after_code(int c, int next, bool in_word)
{
	if (c == '"')
		return DOUBLE_QUOTED;
	if (c == '\'')
		return SINGLE_QUOTED;
	if (c == '#' || (c == '/' && next == '/' && !in_word))
		return COMMENT;
	return c == '/' && next == '*' && !in_word ? LONG_COMMENT : CODE;
}

static int peek(FILE *f)
{
	int c = getc(f);

	if (c != EOF)
		ungetc(c, f);
	return c;
}

/* Reads on to where libconfuse has counted so far; counted itself if the file has not so many. */
static int read_to(FILE *f, int counted)
{
	enum place place = CODE;
	bool in_word = false;
	int c, line = 1, its = 1;

	while (its < counted && (c = getc(f)) != EOF) {
		if (place == CODE) {
			place = after_code(c, peek(f), in_word);
			in_word = c != '\0' && strchr(" \t\r\n={}()+,\"'", c) == NULL;
			if (place == LONG_COMMENT)
				getc(f); /* its star ends nothing */
		} else if (place == DOUBLE_QUOTED || place == SINGLE_QUOTED) {
			if (c == (place == DOUBLE_QUOTED ? '"' : '\''))
				place = CODE;
			else if (c == '\\' && peek(f) != '\n')
				getc(f);
		} else if (place == COMMENT && c == '\n') {
			place = CODE;
			its += more.line;
		} else if (place == LONG_COMMENT && c == '*' && peek(f) == '/') {
			getc(f);
			place = CODE;
			its += more.block;
		}
		line += c == '\n';
		its += c == '\n';
	}
	return its < counted ? counted : line;
}

int config_line(const char *file, int counted)
{
	FILE *f = fopen(file, "re");
	int line = counted;

	if (f != NULL) {
		line = read_to(f, counted);
		fclose(f);
	}
	return line;
}
