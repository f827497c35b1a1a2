/* What tests of a map can use: test(), and the methods of a test and of its players. */
#ifndef SERVER_MAPTEST_API_H
#define SERVER_MAPTEST_API_H

#include <lua.h>

#include "server/maptest/stage.h"

/* One test, while it runs; in the registry of its state. */
struct trial {
	struct stage stage;
	uint64_t errors; /* of scripts, that are known */
	bool tolerant;   /* t:fails runs: an error is what it wants */
	uint32_t number; /* of the test: players of another one are refused */
};

/* Adds the types to L. trial is borrowed, as long as L lives. */
void maptest_open_api(lua_State *L, struct trial *trial);

/* Pushes the t of test functions. */
void maptest_push_test(lua_State *L);

#endif
