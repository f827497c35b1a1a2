#include "multiplexer/servers.h"

#include <stdio.h>
#include <string.h>

#include "multiplexer/mux.h"

struct standby *servers_at(struct servers *s)
{
	return &s->each[s->at];
}

/* The address that is the link, among those that are configured now; the first when it is not there. */
static size_t index_of(const struct servers *s, const char *link)
{
	for (size_t i = 0; link != NULL && i < s->count; i++)
		if (strcmp(s->each[i].upstream.text, link) == 0)
			return i;
	return 0;
}

bool servers_configure(
	struct servers *s, struct mux *mux, const char *setting, const char *link, const char **why)
{
	static struct upstream all[UPSTREAMS_MAX];
	char text[512];

	snprintf(text, sizeof text, "unix:%s/link.sock", mux->run_dir);
	size_t count = upstream_parse_all(setting[0] != '\0' ? setting : text, all, why);
	if (count == 0) {
		*why = "server: must be unix:/PATH, of at most 107 bytes";
		return false;
	}
	servers_drop(s);
	memset(s->each, 0, sizeof s->each);
	for (size_t i = 0; i < count; i++)
		s->each[i] = (struct standby){.mux = mux, .upstream = all[i]};
	s->count = count;
	s->at = index_of(s, link);
	return true;
}

void servers_wait(struct servers *s, uint64_t now_ms, uint64_t standby_after_ms)
{
	s->loyal_until_ms = now_ms + standby_after_ms;
}

size_t servers_after(const struct servers *s)
{
	return (s->at + 1) % s->count;
}

void servers_answered(struct servers *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->each[i].said_nobody = s->each[i].said_unproved = false;
}

void servers_next(struct servers *s, uint64_t now_ms)
{
	if (now_ms >= s->loyal_until_ms)
		s->at = servers_after(s);
}

void servers_tell_others(struct servers *s, const char *link, uint64_t now_ms, uint64_t every_ms)
{
	char reason[UPSTREAM_TEXT_MAX + 64];

	if (now_ms - s->told_ms < every_ms)
		return;
	s->told_ms = now_ms;
	snprintf(reason, sizeof reason, "another game server has this multiplexer: %s", link);
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->each[i].upstream.text, link) != 0)
			standby_tell(&s->each[i], reason);
}

void servers_drop(struct servers *s)
{
	for (size_t i = 0; i < s->count; i++)
		standby_drop(&s->each[i]);
}
