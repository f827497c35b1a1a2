#include "common/lock.h"
#include "common/reason.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char why_text[PATH_MAX + 128];

static bool make_dir(const char *path)
{
	struct stat st;

	if (mkdir(path, 0750) == 0)
		return true;
	if (errno != EEXIST || stat(path, &st) < 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

/* Makes dir and whatever above it is missing. */
static bool make_dirs(const char *dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s", dir) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return false;
	}
	for (char *at = path + 1; *path != '\0' && *at != '\0'; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (!make_dir(path))
			return false;
		*at = '/';
	}
	return make_dir(path);
}

int lock_take(const char *dir, const char *name, const char **why)
{
	char path[PATH_MAX], pid[32];

	if (snprintf(path, sizeof path, "%s/%s.lock", dir, name) >= (int)sizeof path)
		return FAIL_FD(-1, why, "%.64s...: the path is too long", dir);
	if (!make_dirs(dir))
		return FAIL_FD(-1, why, "%s: %s", dir, strerror(errno));
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return FAIL_FD(fd, why, "%s: %s", path, strerror(errno));
	/* The file is never removed: who unlinks a lock lets two in. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return FAIL_FD(fd, why, "%s: %s", path, strerror(errno));
		ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		if (n <= 0) /* it ends, or has just begun */
			return FAIL_FD(fd, why, "already running (%s)", path);
		return FAIL_FD(
			fd, why, "already running as pid %ld (%s)", strtol(pid, NULL, 10), path);
	}
	int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) != len)
		return FAIL_FD(fd, why, "%s: %s", path, strerror(errno));
	return fd;
}

void lock_release(int fd)
{
	if (fd < 0)
		return;
	if (ftruncate(fd, 0) < 0) {
		/* then an old pid stays there, as after a crash */
	}
	close(fd);
}
