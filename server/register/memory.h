/* Who this server was to its list, in a file: for the next one to go on as. */
#ifndef SERVER_REGISTER_MEMORY_H
#define SERVER_REGISTER_MEMORY_H

#include "server/register/core.h"

/* place: what list it is about; of another one nothing is remembered. Addresses that are no longer this
 * machine's are not used. False: nothing is remembered. */
bool memory_read(const char *path, const char *place, struct core_memory *out);

/* Replaces the file. False with *why a sentence (valid until the next call). */
bool memory_write(
	const char *path, const char *place, const struct core_memory *memory, const char **why);

#endif
