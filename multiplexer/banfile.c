#include "multiplexer/banfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/jsontext.h"
#include "common/log.h"

enum { PATH_ROOM = 600, BAD_LOGGED = 10 };

/* ---- writing ---- */

bool banfile_take(struct banfile *f, const struct banlist *l, const struct ban_clock *now)
{
	*f = (struct banfile){.now = *now};
	f->bans = calloc((size_t)l->bans + l->lifted + 1, sizeof *f->bans);
	if (f->bans == NULL)
		return false;
	LIST_EACH(node, &l->all)
	{
		f->bans[f->count++] = *container_of(node, struct ban, node);
	}
	return true;
}

void banfile_free(struct banfile *f)
{
	free(f->bans);
	f->bans = NULL;
}

/* Takes the object over. */
static bool write_line(FILE *out, json_t *object)
{
	bool ok = object != NULL && json_dumpf(object, out, JSON_ENSURE_ASCII) == 0 &&
		  fputc('\n', out) != EOF;

	json_decref(object);
	return ok;
}

static json_t *line_of(const struct banfile *f, const struct ban *b)
{
	char net[NET_TEXT_MAX];
	json_t *o = json_pack("{s:s, s:I, s:s}", "net", net_text(&b->net, net), "made",
		(json_int_t)b->made, "by", b->by);

	json_object_set_new(o, "until",
		b->until_ms == 0 ? json_null()
				 : json_integer((json_int_t)f->now.wall + ban_left(b, &f->now)));
	if (b->reason[0] != '\0')
		json_object_set_new(o, "reason", json_string(b->reason));
	if (b->lifted)
		json_object_set_new(o, "lifted", json_true());
	return o;
}

static bool write_all(const struct banfile *f, FILE *out)
{
	bool ok = write_line(out, json_pack("{s:s, s:I, s:I}", "holdfast", "bans", "written",
					  (json_int_t)f->now.wall, "count", (json_int_t)f->count));

	for (size_t i = 0; ok && i < f->count; i++)
		ok = write_line(out, line_of(f, &f->bans[i]));
	return ok && fflush(out) == 0 && fsync(fileno(out)) == 0;
}

/* The name is safe only when its folder is. */
static void sync_folder(const char *path)
{
	char folder[PATH_ROOM];
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;

	snprintf(folder, sizeof folder, "%.*s", (int)len, path);
	int fd = open(len > 0         ? folder
		      : slash != NULL ? "/"
				      : ".",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

bool banfile_write(const struct banfile *f, const char *path)
{
	char fresh[PATH_ROOM];

	snprintf(fresh, sizeof fresh, "%s.new", path);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (out == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool ok = write_all(f, out);
	int error = errno;
	ok = fclose(out) == 0 && ok;
	if (ok && rename(fresh, path) == 0) {
		sync_folder(path);
		return true;
	}
	error = ok ? errno : error;
	unlink(fresh);
	errno = error;
	return false;
}

/* ---- reading ---- */

struct reading {
	const char *path;
	struct banlist *l;
	struct ban_clock now; /* wall: not before the file was written */
	unsigned line, bad, over;
	json_int_t count, seen; /* the lines that should be there, and those that are */
};

static void say_bad(struct reading *r, const char *why)
{
	if (++r->bad <= BAD_LOGGED)
		log_error("%s:%u: %s", r->path, r->line, why);
}

static bool take_first(struct reading *r, const json_t *o)
{
	const char *word = json_string_value(json_object_get(o, "holdfast"));
	json_int_t written = json_integer_value(json_object_get(o, "written"));

	if (word == NULL || strcmp(word, "bans") != 0)
		return false;
	r->count = json_integer_value(json_object_get(o, "count"));
	if (written > r->now.wall && written <= UINT32_MAX)
		r->now.wall = (uint32_t)written;
	return true;
}

static void copy(char *out, size_t room, const json_t *text)
{
	const char *s = json_string_value(text);

	snprintf(out, room, "%s", s != NULL ? s : "");
}

/* NULL, or what is wrong. */
static const char *take_ban(struct reading *r, const json_t *o)
{
	const char *net = json_string_value(json_object_get(o, "net")), *why;
	const json_t *until = json_object_get(o, "until");
	json_int_t made = json_integer_value(json_object_get(o, "made"));
	struct ban b = {.lifted = json_is_true(json_object_get(o, "lifted")), .keep = true};

	if (net == NULL)
		return "no ban: no \"net\"";
	if (!net_parse(net, &b.net, &why))
		return why;
	if (until == NULL || !(json_is_null(until) || json_is_integer(until)))
		return "no \"until\": seconds since 1970, or null";
	if (made <= 0 || made > UINT32_MAX)
		return "no \"made\": seconds since 1970";
	b.made = (uint32_t)made;
	json_int_t left = json_is_null(until) ? 0 : json_integer_value(until) - r->now.wall;
	if (!json_is_null(until) && left <= 0) {
		r->over += !b.lifted;
		return NULL;
	}
	b.seconds = left > BAN_SECONDS_MAX ? 0 : (uint32_t)left;
	copy(b.reason, sizeof b.reason, json_object_get(o, "reason"));
	copy(b.by, sizeof b.by, json_object_get(o, "by"));
	return banlist_put(r->l, &b, NULL, &r->now, &why) == BAN_REFUSED ? why : NULL;
}

static void take_line(struct reading *r, const char *line, size_t len)
{
	const char *why = NULL;
	json_error_t error;

	r->line++;
	if (strspn(line, " \t\r\n") == len)
		return;
	json_t *o = jsontext_read(slice_of(line, len), 0, &jsontext_message, &error);
	if (r->line == 1 && take_first(r, o)) {
		json_decref(o);
		return;
	}
	r->seen++;
	if (!json_is_object(o))
		why = error.text;
	else
		why = take_ban(r, o);
	if (why != NULL)
		say_bad(r, why);
	json_decref(o);
}

static void keep_damaged(const char *path, uint32_t wall)
{
	char name[PATH_ROOM];

	snprintf(name, sizeof name, "%s.damaged", path);
	int status = link(path, name);
	if (status != 0 && errno == EEXIST) {
		snprintf(name, sizeof name, "%s.damaged-%u", path, wall);
		status = link(path, name);
	}
	if (status != 0 && errno != EEXIST)
		log_error("%s: cannot be kept as %s: %s", path, name, strerror(errno));
	log_error(
		"%s: what could be read of it is in force; as it was it is kept as %s", path, name);
}

bool banfile_read(const char *path, struct banlist *l, const struct ban_clock *now, unsigned *bad,
	const char **why)
{
	static char text[PATH_ROOM + 100];
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	struct reading r = {.path = path, .l = l, .now = *now};
	struct stat st;

	*bad = 0;
	*why = text;
	FILE *in = fopen(path, "re");
	if (in == NULL && errno == ENOENT)
		return true;
	if (in == NULL || fstat(fileno(in), &st) != 0 || !S_ISREG(st.st_mode)) {
		snprintf(text, sizeof text, "%s: the bans cannot be read: %s", path,
			in == NULL ? strerror(errno) : "no regular file");
		if (in != NULL)
			fclose(in);
		return false;
	}
	while ((len = getline(&line, &room, in)) >= 0)
		take_line(&r, line, (size_t)len);
	bool failed = ferror(in) != 0;
	free(line);
	fclose(in);
	if (failed) {
		snprintf(text, sizeof text, "%s: the bans cannot be read", path);
		return false;
	}
	if (r.line == 0 || r.seen < r.count) {
		r.line++;
		say_bad(&r, r.line == 1 ? "the file is empty" : "lines are missing here");
	}
	if (r.bad > BAD_LOGGED)
		log_error("%s: %u more lines that cannot be read", path, r.bad - BAD_LOGGED);
	if (r.bad > 0)
		keep_damaged(path, now->wall);
	if (r.over > 0)
		log_info("%s: %u bans have ended while nobody was looking", path, r.over);
	*bad = r.bad;
	return true;
}
