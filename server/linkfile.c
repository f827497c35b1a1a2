#include "server/linkfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

enum { LINE_ROOM = 80, PATH_ROOM = 600 };

static bool says_who(const struct muxlink *m)
{
	static const uint8_t none[INCARNATION_LEN];

	return m->taken && memcmp(m->incarnation, none, sizeof none) != 0;
}

static void write_lines(struct muxlinks *all, FILE *file)
{
	for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;) {
		if (!says_who(m))
			continue;
		fprintf(file, "%u ", m->number);
		for (size_t i = 0; i < INCARNATION_LEN; i++)
			fprintf(file, "%02x", m->incarnation[i]);
		fputc('\n', file);
	}
}

void linkfile_write(struct muxlinks *all, const char *path)
{
	char new_path[PATH_ROOM];
	FILE *file;
	bool ok;

	snprintf(new_path, sizeof new_path, "%s.new", path);
	file = fopen(new_path, "we");
	ok = file != NULL;
	if (ok) {
		write_lines(all, file);
		ok = ferror(file) == 0;
		ok = fclose(file) == 0 && ok;
	}
	if (!ok || rename(new_path, path) != 0)
		log_warn("%s: cannot be written: %s; after a restart players may have other keys",
			path, strerror(errno));
}

/* 32 hexadecimal digits and the line's end. */
static bool read_hex(const char *text, uint8_t out[INCARNATION_LEN])
{
	for (size_t i = 0; i < INCARNATION_LEN; i++, text += 2) {
		char digits[3] = {text[0], text[0] != '\0' ? text[1] : '\0', '\0'}, *end;

		out[i] = (uint8_t)strtoul(digits, &end, 16);
		if (end != digits + 2 || digits[0] == '-' || digits[0] == '+' || digits[0] == ' ')
			return false;
	}
	return *text == '\n' || *text == '\0';
}

void linkfile_read(struct muxlinks *all, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[LINE_ROOM];

	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		char *end;
		unsigned long number = strtoul(line, &end, 10);
		struct muxlink *m =
			number <= UINT32_MAX ? muxlinks_find(all, (uint32_t)number) : NULL;
		uint8_t incarnation[INCARNATION_LEN];

		if (m == NULL || *end != ' ' || !read_hex(end + 1, incarnation))
			continue;
		memcpy(m->incarnation, incarnation, sizeof incarnation);
		m->taken = true;
	}
	if (file != NULL)
		fclose(file);
}
