/* One log line per event, on standard error, printable ASCII only, never waiting for its reader. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/defs.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Names the program in every line ("multiplexer") and sets the least level that is written. Until
 * it is called, lines of level info and above are written under the name "holdfast".
 * Under systemd's journal (JOURNAL_STREAM names our standard error) a line opens with <N> instead
 * of the time. Also puts /dev/null where a standard stream is closed, so call it before anything
 * else is opened. */
void log_open(const char *program, enum log_level least);

/* "debug", "info", "warn", "error"; false, and *level untouched, for any other word. */
bool log_level_parse(const char *word, enum log_level *level);

/* Writes one line: time, level, program, text. The subject comes first in the text:
 * "user 5:199 (192.0.2.7): closed: You read too slowly.". Every byte that is not printable ASCII
 * becomes \xNN and the line is cut at 1 KiB (CVE-2009-4487), so anything may be passed for %s.
 * A reader that does not read, and a flood of lines (over 100 a second after a burst of 200), cost
 * lines, never time; the next line that gets through says how many were lost. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* The core of log_line without time and output: out gets text with every unprintable byte as \xNN,
 * cut to fit room (terminator included; at least 1). Returns the length written. */
size_t log_escape(char *out, size_t room, struct slice text);

#endif
