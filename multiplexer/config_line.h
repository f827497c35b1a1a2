/* Which line of multiplexer.conf something stands in: libconfuse counts that of a comment more than once. */
#ifndef MULTIPLEXER_CONFIG_LINE_H
#define MULTIPLEXER_CONFIG_LINE_H

/* Before a file is parsed (libconfuse cannot parse two at a time): finds out how it counts. */
void config_line_learn(void);

/* The line that libconfuse means when it says so in this file; counted itself where that cannot be read. */
int config_line(const char *file, int counted);

#endif
