/* `holdfast-server --run-tests maps/NAME`: a map's own tests, in maps/NAME/tests/ (lua/maptest.lua). */
#ifndef SERVER_MAPTEST_MAPTEST_H
#define SERVER_MAPTEST_MAPTEST_H

#include <stdio.h>

/* What is to be run, and where to tell of it. */
struct maptest_config {
	const char *dir; /* of the map */
	const char *const *sets;
	int set_count;
	const char *program;
	FILE *out; /* TAP: "ok 1 - name", "not ok 2 - name" and why, "1..2" */
	int log;   /* a file that everything is logged to: shown for a test that fails; or -1 */
};

/* Runs all files of DIR/tests in the order of their names, each test in a fresh game. How many failed;
 * -1 if there was nothing to run, which is told too. */
int maptest_run(const struct maptest_config *config);

#endif
