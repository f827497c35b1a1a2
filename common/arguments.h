/* The command line of a program, as a table: what it may say, and the text of --help. */
#ifndef COMMON_ARGUMENTS_H
#define COMMON_ARGUMENTS_H

#include "common/defs.h"

/* A row ends in exactly one of flag and text. (getopt.h is not used: its struct option is not ours.) */
struct argument {
	const char *name;  /* "--config" */
	const char *value; /* "FILE" when a value follows; NULL for a flag */
	const char *help;  /* one sentence */
	bool *flag;        /* set to true */
	const char **text; /* set to the value: borrowed from argv. A row that may be repeated has
	                    * add instead */
	void (*add)(void *to, const char *value);
	void *to;
};

/* Reads argv[1...]: "--name value" or "--name=value"; a word that does not begin with "--" ends the
 * reading, as does "--" itself. Returns the index of the first word not read, or -1 with *why a
 * sentence ("--confg: no such argument; try --help"), valid until the next call. */
int arguments_read(
	const struct argument *table, size_t rows, int argc, char **argv, const char **why);

/* Prints the rows to standard output, as arguments_print_row does. */
void arguments_print(const struct argument *table, size_t rows);

/* One line of a --help: form ("--config FILE") and help (one sentence) in two columns of 80 in all. A long
 * help goes on in the second column of the next line, behind a long form it begins there. */
void arguments_print_row(const char *form, const char *help);

#endif
