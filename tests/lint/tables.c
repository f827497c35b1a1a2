/* Prints the manual that stands in the tables: make tables. */
#include <stdio.h>
#include <string.h>

#include "common/option.h"

static void heading(const char *text)
{
	printf("\n%s\n", text);
	for (size_t i = 0; i < strlen(text); i++)
		putchar('=');
	putchar('\n');
}

static void setting(const char *type, const char *name, const char *preset, const char *min,
	const char *max, unsigned flags, const char *help)
{
	bool text = strcmp(type, "TEXT") == 0;

	printf("\n%s = %s%s%s\n    %s", name, text ? "'" : "", preset, text ? "'" : "", help);
	if (text)
		printf("; at most %s bytes", max);
	else if (min[0] != '\0' && max[0] != '\0')
		printf("; from %s to %s", min, max);
	printf("%s.\n", flags & OPT_START ? "; needs a new start" : "");
}

static void command(const char *name, const char *usage, const char *help)
{
	printf("\n%s%s%s\n    %s.\n", name, usage[0] != '\0' ? " " : "", usage, help);
}

static void message(
	int num, const char *way, const char *name, const char *fields, const char *help)
{
	printf("\n%d %s, %s%s%s\n    %s.\n", num, name, way, fields[0] != '\0' ? ": " : "", fields,
		help);
}

static void event(const char *name, const char *letters, const char *help)
{
	printf("\n%s(", name);
	for (const char *l = letters; *l != '\0'; l++)
		printf("%s%s", l > letters ? ", " : "",
			*l == 'p'   ? "player"
			: *l == 's' ? "text"
			: *l == 'j' ? "saved"
			: *l == 'o' ? "from"
			: *l == 't' ? "seconds"
				    : "number");
	printf(")\n    %s.\n", help);
}

int main(void)
{
	printf("The manual of Holdfast %s, as its tables have it.\n", HOLDFAST_VERSION);

	heading("Settings of multiplexer.conf");
#define OPTION(TYPE, name, preset, min, max, flags, help) \
	setting(#TYPE, #name, preset, min, max, flags, help);
#include "multiplexer/options.def"

	heading("Cvars of the server");
#define CVAR(TYPE, name, preset, min, max, flags, help) \
	setting(#TYPE, #name, preset, min, max, flags, help);
#include "server/cvars.def"

	heading("Commands of the multiplexer (holdfastctl multiplexer ...)");
#define COMMAND(name, min, max, who, usage, help) command(#name, usage, help);
#include "multiplexer/commands.def"

	heading("Commands of the server (its console, and holdfastctl server ...)");
#define COMMAND(name, min, max, who, usage, help) command(#name, usage, help);
#include "server/commands.def"

	heading("Messages between the two (proto/README.md has their bytes)");
#define BOTH(num, NAME, name, fields, help) message(num, "either way", #NAME, #fields, help);
#define UP(num, NAME, name, fields, help)   message(num, "to the server", #NAME, #fields, help);
#define DOWN(num, NAME, name, fields, help) \
	message(num, "to the multiplexer", #NAME, #fields, help);
#include "proto/messages.def"

	heading("Ways to lose a user");
#define CLOSING(NAME, name, LEVEL, log, last_words) printf("\n%s\n    %s.\n", #name, log);
#include "multiplexer/closings.def"

	heading("Counters of the multiplexer (holdfastctl multiplexer metrics)");
#define METRIC(KIND, name, help) printf("\n%s (%s)\n    %s.\n", #name, #KIND, help);
#include "multiplexer/metrics.def"

	heading("Counters of the server (holdfastctl server metrics)");
#define METRIC(KIND, name, help) printf("\n%s (%s)\n    %s.\n", #name, #KIND, help);
#include "server/metrics.def"

	heading("Counters of a list (its /metrics)");
#define METRIC(KIND, name, help) printf("\n%s (%s)\n    %s.\n", #name, #KIND, help);
#include "server/list/metrics.def"

	heading("Events of scripts (game.on)");
#define EVENT(name, arguments, help) event(#name, arguments, help);
#include "server/events.def"
	return 0;
}
