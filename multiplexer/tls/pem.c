#include "multiplexer/tls/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char fault[256];

static bool is_private(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		snprintf(fault, sizeof fault,
			"belongs to user %u, which is neither root nor us (%u)",
			(unsigned)st->st_uid, (unsigned)geteuid());
		return false;
	}
	if ((st->st_mode & 027) == 0)
		return true;
	snprintf(fault, sizeof fault,
		"others may read it, or write it (mode 0%o): chmod 600 it, and if they might have, make "
		"a new one",
		(unsigned)(st->st_mode & 0777));
	return false;
}

/* In one piece: a buffer that grows would leave copies behind. */
static bool read_all(int fd, size_t size, struct buf *out)
{
	uint8_t *mem = size <= PEM_FILE_MAX ? malloc(size + 1) : NULL;
	size_t len = 0;
	ssize_t n = 1;

	if (mem == NULL) {
		snprintf(fault, sizeof fault,
			size <= PEM_FILE_MAX ? "out of memory" : "is too long");
		return false;
	}
	while (len < size && n > 0) {
		n = read(fd, mem + len, size - len);
		len += n > 0 ? (size_t)n : 0;
	}
	*out = (struct buf){.mem = mem, .len = len, .room = size + 1};
	if (n < 0)
		snprintf(fault, sizeof fault, "%s", strerror(errno));
	return n >= 0;
}

bool pem_read(const char *path, bool is_key, struct buf *out, const char **why)
{
	/* Not blocking: a FIFO in its place must not stop us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	bool ok = false;

	*why = fault;
	if (fd < 0 || fstat(fd, &st) != 0)
		snprintf(fault, sizeof fault, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(fault, sizeof fault, "is not a file");
	else
		ok = (!is_key || is_private(&st)) && read_all(fd, (size_t)st.st_size, out);
	if (fd >= 0)
		close(fd);
	return ok;
}

void pem_free(struct buf *b)
{
	if (b->mem != NULL)
		explicit_bzero(b->mem, b->room);
	buf_free(b);
}
