#include "server/api/ports.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static bool fail(const char **why, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool fail(const char **why, const char *fmt, ...)
{
	static char text[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	*why = text;
	return false;
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool parse_port(const char *word, struct port *out, const char **why)
{
	char text[80];
	const char *reason = "a port is missing";

	snprintf(out->text, sizeof out->text, "%.63s", word);
	out->dual = word[0] == '+';
	if (out->dual && is_number(word + 1))
		snprintf(text, sizeof text, "[::]:%.70s", word + 1);
	else if (is_number(word))
		snprintf(text, sizeof text, "*:%.70s", word);
	else
		snprintf(text, sizeof text, "%.79s", word);
	if ((out->dual && !is_number(word + 1)) || word[0] == '*' ||
		strncmp(word, "unix:", 5) == 0 || !address_parse(text, &out->at, &reason))
		return fail(why, "'%.63s' is none of 8080, 1.2.3.4:8080, [::1]:8080, +8080", word);
	return true;
}

bool ports_parse(const char *text, struct ports *out, const char **why)
{
	char word[80];

	out->count = 0;
	for (;;) {
		text += strspn(text, " \t");
		size_t len = strcspn(text, ","), end = len;

		while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t'))
			end--;
		if (end == 0)
			return fail(why, "an element is empty");
		if (out->count == PORTS_MAX)
			return fail(why, "more than %d elements", PORTS_MAX);
		snprintf(word, sizeof word, "%.*s", (int)size_min(end, 79), text);
		if (!parse_port(word, &out->at[out->count], why))
			return false;
		out->count++;
		text += len;
		if (*text == '\0')
			return true;
		text++;
	}
}

bool ports_listen(const struct ports *ports, int sockets[static PORTS_MAX], const char **why)
{
	for (unsigned i = 0; i < ports->count; i++) {
		const struct port *p = &ports->at[i];
		const char *reason;

		sockets[i] = p->dual ? address_listen_dual(&p->at, &reason)
				     : address_listen(&p->at, 0, &reason);
		if (sockets[i] >= 0)
			continue;
		while (i > 0)
			close(sockets[--i]);
		return fail(why, "'%s': %s", p->text, reason);
	}
	return true;
}
