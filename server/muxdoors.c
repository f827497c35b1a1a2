#include "server/muxdoors.h"

#include <stdio.h>

#include "server/game.h"

static char fault[512];

static bool refuse(const char **why, const char *subject, const char *text)
{
	snprintf(fault, sizeof fault, "%.200s: %.300s", subject, text);
	*why = fault;
	return false;
}

static bool add(struct muxdoors *doors, const char *text, const char **why)
{
	struct address *at = &doors->at[doors->count];
	bool is_tcp = strncmp(text, "tcp:", 4) == 0;
	char subject[160];
	const char *reason;

	snprintf(subject, sizeof subject, "sv_link: '%.120s'", text);
	if (!is_tcp && strncmp(text, "unix:", 5) != 0)
		return refuse(why, subject, "must be unix:/PATH or tcp:ADDRESS:PORT");
	if (!address_parse(is_tcp ? text + 4 : text, at, &reason))
		return refuse(why, subject, reason);
	if (is_tcp && doors->key == NULL)
		return refuse(why, subject,
			"needs sv_link_key, the file of a key; holdfastctl key new FILE makes one");
	doors->count++;
	return true;
}

static bool read_doors(const struct game *game, struct muxdoors *doors, const char **why)
{
	const char *text = game->cvars.set.sv_link, *file = game->cvars.set.sv_link_key;
	char one[600];

	if (file[0] != '\0') {
		const char *reason;

		doors->key = linkkey_load(file, &reason);
		if (doors->key == NULL)
			return refuse(why, "sv_link_key", reason);
	}
	for (text += strspn(text, " \t"); *text != '\0'; text += strspn(text, " \t")) {
		size_t len = strcspn(text, " \t");

		snprintf(one, sizeof one, "%.*s", (int)size_min(len, sizeof one - 1), text);
		if (doors->count == MUXDOORS_MAX)
			return refuse(why, "sv_link", "lists more than 8 addresses");
		if (!add(doors, one, why))
			return false;
		text += len;
	}
	snprintf(one, sizeof one, "unix:%s/link.sock", game->config.run_dir);
	return doors->count > 0 || add(doors, one, why);
}

bool muxdoors_read(const struct game *game, struct muxdoors *out, const char **why)
{
	*out = (struct muxdoors){0};
	if (read_doors(game, out, why))
		return true;
	muxdoors_free(out);
	return false;
}

void muxdoors_free(struct muxdoors *doors)
{
	linkkey_free(doors->key);
	*doors = (struct muxdoors){0};
}
