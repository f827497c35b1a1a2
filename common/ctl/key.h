/* holdfastctl key: makes the key of a link between two machines. */
#ifndef COMMON_CTL_KEY_H
#define COMMON_CTL_KEY_H

/* Does "key new FILE"; says what is wrong on standard error. Returns the exit code: 64 when the words
 * are wrong. */
int key_command(int argc, char **argv);

#endif
