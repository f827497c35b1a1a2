#include "common/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

bool reason_is(const char **why, char *text, size_t room, const char *fmt, ...)
{
	char fresh[4400]; /* room for a path, and words around it */
	va_list args;

	va_start(args, fmt);
	vsnprintf(fresh, sizeof fresh, fmt, args);
	va_end(args);
	snprintf(text, room, "%s", fresh);
	*why = text;
	return false;
}

int reason_close(int fd)
{
	if (fd >= 0)
		close(fd);
	return -1;
}
