#include "server/archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "server/console.h"
#include "server/game.h"

enum { LINE_ROOM = COMMAND_LINE_MAX + 2, FILE_MAX = 1024 * 1024 };

static char why_text[1400];

static bool fails(const char **why, const char *path)
{
	snprintf(why_text, sizeof why_text, "%s: %s", path, strerror(errno));
	*why = why_text;
	return false;
}

static void path_of(const struct game *game, const char *end, char *out, size_t room)
{
	snprintf(out, room, "%s/archive.cfg%s", game_state_dir(game), end);
}

/* NULL with *why; or with NULL, if there is none. */
static FILE *open_archive(const struct game *game, const char **why)
{
	char path[1200];
	struct stat st;
	FILE *f;

	*why = NULL;
	path_of(game, "", path, sizeof path);
	if (stat(path, &st) != 0 && errno == ENOENT)
		return NULL;
	f = stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX
		    ? fopen(path, "re")
		    : NULL;
	if (f == NULL)
		fails(why, path);
	return f;
}

/* One line of it: the name and the value; false for any other line. */
static bool read_line(struct call *call, char *line)
{
	line[strcspn(line, "\r\n")] = '\0';
	return line[0] != '/' && command_split(call, line) && call->argc == 3 &&
	       strcmp(call->argv[0], "seta") == 0;
}

static void take(struct game *game, const struct call *call, unsigned mode)
{
	const char *name = call->argv[1], *value = call->argv[2], *why;

	if ((mode & CONSOLE_AGAIN) != 0 && cvar_is_fixed(name))
		return;
	if (!cvar_set(&game->cvars, name, value, true, &why) && (mode & CONSOLE_TRYING) == 0)
		log_warn("archive.cfg: left aside: %s", why);
}

bool archive_read(struct game *game, unsigned mode, const char **why)
{
	char line[LINE_ROOM];
	FILE *f = open_archive(game, why);

	if (f == NULL)
		return *why == NULL;
	while (fgets(line, sizeof line, f) != NULL) {
		struct call call = {0};

		if (read_line(&call, line))
			take(game, &call, mode);
	}
	fclose(f);
	return true;
}

/* ---- writing ---- */

static void add_row(struct buf *text, const char *name, const char *value)
{
	buf_addf(text, "seta %s \"", name);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			buf_add_byte(text, '\\');
		buf_add_byte(text, (uint8_t)*value);
	}
	buf_addf(text, "\"\n");
}

/* All rows but that of one name. */
static bool copy_others(struct game *game, const char *but, struct buf *text, const char **why)
{
	char line[LINE_ROOM];
	FILE *f = open_archive(game, why);

	if (f == NULL)
		return *why == NULL;
	while (fgets(line, sizeof line, f) != NULL) {
		struct call call = {0};

		if (read_line(&call, line) && strcmp(call.argv[1], but) != 0)
			add_row(text, call.argv[1], call.argv[2]);
	}
	fclose(f);
	return true;
}

/* Beside it first, then in its place: there is the old file or the new one, whole. */
static bool write_file(const struct game *game, const struct buf *text, const char **why)
{
	char path[1200], new_path[1200];
	struct slice bytes = buf_bytes(text);

	path_of(game, "", path, sizeof path);
	path_of(game, ".new", new_path, sizeof new_path);
	mode_t before = umask(077);
	FILE *f = fopen(new_path, "we");
	umask(before);
	bool ok = f != NULL && fwrite(bytes.at, 1, bytes.len, f) == bytes.len && fflush(f) == 0 &&
		  fsync(fileno(f)) == 0;
	int error = errno;
	ok = (f == NULL || fclose(f) == 0) && ok;
	if (ok && rename(new_path, path) == 0)
		return true;
	errno = ok ? errno : error;
	fails(why, new_path);
	unlink(new_path);
	return false;
}

bool archive_set(struct game *game, const char *name, const char *value, const char **why)
{
	struct buf text = {0};
	bool ok = buf_addf(&text,
			  "// What seta has set. The game server writes this file; server.cfg is "
			  "yours.\n") &&
		  copy_others(game, name, &text, why);

	if (ok && value != NULL)
		add_row(&text, name, value);
	ok = ok && write_file(game, &text, why);
	buf_free(&text);
	return ok;
}
