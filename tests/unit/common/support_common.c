#include "tests/unit/common/support_common.h"

#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

void wait_ms(int ms)
{
	if (ms > 0)
		poll(NULL, 0, ms);
}

char *make_test_dir(void)
{
	char *dir = strdup("/tmp/holdfast-unit-XXXXXX");

	assert_non_null(dir);
	assert_non_null(mkdtemp(dir));
	return dir;
}

static int remove_one(
	const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *where UNUSED)
{
	return remove(path);
}

void remove_test_dir(char *dir)
{
	assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(dir);
}

const char *path_in(const char *dir, const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", dir, name);
	return path;
}

const char *text_of(struct buf *b)
{
	assert_true(buf_add_byte(b, '\0'));
	b->len--;
	return (const char *)b->mem + b->start;
}

uint32_t random_number(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}
