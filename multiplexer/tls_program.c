#include "multiplexer/tls_program.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char fault[1300];

int tls_program_open(const char **why)
{
	char self[PATH_MAX], path[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = '\0';
	snprintf(path, sizeof path, "%s/holdfast-tls", n > 0 ? dirname(self) : ".");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(fault, sizeof fault,
			"tls needs the program holdfast-tls beside this one: %.1000s: %s", path,
			strerror(errno));
		*why = fault;
	}
	return fd;
}

const char *tls_program_path(int fd, char out[static TLS_PROGRAM_PATH_MAX])
{
	snprintf(out, TLS_PROGRAM_PATH_MAX, "/proc/self/fd/%d", fd);
	return out;
}

/* Its exit status, or -1; what it said on standard error is in fault. */
static int run(int program, char *const *argv)
{
	char path[TLS_PROGRAM_PATH_MAX];
	posix_spawn_file_actions_t actions;
	int ends[2], status = -1;
	size_t len = 0;
	ssize_t n = 1;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	int error =
		posix_spawn(&pid, tls_program_path(program, path), &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	while (error == 0 && n != 0 && len + 1 < sizeof fault) {
		n = read(ends[0], fault + len, sizeof fault - 1 - len);
		if (n < 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	close(ends[0]);
	fault[len] = '\0';
	fault[strcspn(fault, "\n")] = '\0';
	if (error == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	return status;
}

bool tls_program_check(const struct certificates *c, const char **why)
{
	char *argv[3 * TLS_CERTIFICATES_MAX + 3] = {
		(char *)(uintptr_t) "holdfast-tls", (char *)(uintptr_t) "--check"};
	int program = tls_program_open(why);
	size_t n = 2;

	if (program < 0)
		return false;
	for (size_t i = 0; i < c->count; i++) {
		argv[n++] = c->files[i].name;
		argv[n++] = c->files[i].chain;
		argv[n++] = c->files[i].key;
	}
	snprintf(fault, sizeof fault, "%s", "");
	int status = run(program, argv);
	close(program);
	if (status != 0 && fault[0] == '\0')
		snprintf(fault, sizeof fault, "holdfast-tls cannot be run");
	*why = fault;
	return status == 0;
}
