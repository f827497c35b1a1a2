/* Runs a fuzz target over inputs that are already there: the files given as arguments, and all
 * files in the folders given. A finding ends the program by a signal, after the input's name. */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

static const char *now; /* the input that runs */
static unsigned inputs;

static void on_fault(int signal_number)
{
	static const char said[] = "\nthis input is a finding: ";

	if (now != NULL && write(2, said, sizeof said - 1) > 0 && write(2, now, strlen(now)) > 0)
		(void)!write(2, "\n", 1);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(2);
}

static int run_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)where;
	if (type == FTW_NS || type == FTW_DNR)
		fail(path);
	if (type != FTW_F)
		return 0;

	size_t size = (size_t)st->st_size;
	uint8_t *data = malloc(size > 0 ? size : 1); /* exactly: the sanitizer sees one byte more */
	FILE *file = fopen(path, "rb");

	if (data == NULL || file == NULL || fread(data, 1, size, file) != size)
		fail(path);
	fclose(file);
	now = path;
	LLVMFuzzerTestOneInput(data, size);
	now = NULL;
	free(data);
	inputs++;
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGABRT, on_fault);
#if !SANITIZED /* whose own report is worth more */
	signal(SIGSEGV, on_fault);
#endif
	for (int i = 1; i < argc; i++)
		if (nftw(argv[i], run_file, 16, FTW_PHYS) != 0)
			fail(argv[i]);
	printf("%u inputs, no finding\n", inputs);
	return inputs > 0 ? 0 : 2;
}
