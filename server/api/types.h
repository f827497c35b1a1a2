/* What scripts have for the API beside tables: constarray(...) and vector(x, y, z). */
#ifndef SERVER_API_TYPES_H
#define SERVER_API_TYPES_H

#include <lua.h>

#define CONSTARRAY_TYPE "constarray"
#define VECTOR_TYPE     "vector"

/* A vector is a full userdata; scripts read x, y and z, and cannot change them. */
struct vector {
	double x, y, z;
};

/* A constarray is a full userdata that knows how many values it has, nil among them; its user value
 * is a table with them at 1..n, which no script ever gets hold of. */
lua_Integer constarray_length(lua_State *L, int index);

/* Adds constarray and vector to the table on top of the stack. */
void script_open_types(lua_State *L);

#endif
