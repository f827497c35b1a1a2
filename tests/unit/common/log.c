#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/unit/common/support_common.h"

/* What a child process that runs f logs. The log's state is one per process, so each has its own. */
static struct buf logged_by(void (*f)(void))
{
	struct buf all = {0};
	char piece[4096];
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	fcntl(fds[0], F_SETPIPE_SZ, 1024 * 1024);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		f();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], piece, sizeof piece)) > 0)
		assert_true(buf_add(&all, slice_of(piece, (size_t)n)));
	close(fds[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return all;
}

static size_t lines_in(struct buf *b)
{
	size_t lines = 0;

	for (const char *at = text_of(b); (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines;
}

static void log_one_of_each(void)
{
	log_open("tester", LOG_INFO);
	log_debug("too small to be seen");
	log_info("user %d:%d: came", 5, 199);
	log_warn("user %s: is odd", "x");
	log_error("link: broke");
}

static void a_line_has_time_level_program_and_text(void **state UNUSED)
{
	struct buf all = logged_by(log_one_of_each);
	static const char *const wanted[] = {" info tester: user 5:199: came",
		" warn tester: user x: is odd", " error tester: link: broke"};
	char *line = strtok((char *)(uintptr_t)text_of(&all), "\n");

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++, line = strtok(NULL, "\n")) {
		int year, month, day, hour, minute, second, ms, len = 0;
		assert_non_null(line);
		assert_int_equal(sscanf(line, "%4d-%2d-%2d %2d:%2d:%2d.%3d%n", &year, &month, &day,
					 &hour, &minute, &second, &ms, &len),
			7);
		assert_int_equal(len, strlen("2026-11-21 09:15:03.123"));
		assert_string_equal(line + len, wanted[i]);
	}
	assert_null(line);
	buf_free(&all);
}

static void log_before_open(void)
{
	log_debug("no");
	log_info("yes");
}

static void before_it_is_opened_the_name_is_holdfast_and_the_level_info(void **state UNUSED)
{
	struct buf all = logged_by(log_before_open);

	assert_int_equal(lines_in(&all), 1);
	assert_non_null(strstr(text_of(&all), " info holdfast: yes\n"));
	buf_free(&all);
}

static void log_nasty(void)
{
	char all_bytes[256], huge[5000];

	for (int i = 0; i < 255; i++)
		all_bytes[i] = (char)(i + 1);
	all_bytes[255] = '\0';
	memset(huge, '\033', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	log_info("name %s", all_bytes);
	log_info("huge %s", huge);
	log_info("%s", "%n%s%n%s");
}

static void one_event_is_one_printable_line_of_at_most_a_kibibyte(void **state UNUSED)
{
	struct buf all = logged_by(log_nasty);
	size_t len = 0;

	assert_int_equal(lines_in(&all), 3);
	for (const char *at = text_of(&all); *at != '\0'; at++) {
		len = *at == '\n' ? 0 : len + 1;
		assert_true(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
		assert_true(len < 1024);
	}
	assert_non_null(strstr(text_of(&all), "name \\x01\\x02"));
	assert_non_null(strstr(text_of(&all), "\\x0a"));
	assert_non_null(strstr(text_of(&all), "~\\x7f\\x80"));
	assert_non_null(strstr(text_of(&all), "\\xff\n"));
	assert_non_null(strstr(text_of(&all), "\\x1b\n")); /* no half of an escape at the cut */
	assert_non_null(strstr(text_of(&all), ": %n%s%n%s\n"));
	buf_free(&all);
}

static void log_flood(void)
{
	for (int i = 0; i < 5000; i++)
		log_info("chatter %d", i);
	log_error("link: broke");
	log_error("link: still broken"); /* what was lost is told once */
}

static void a_flood_is_cut_counted_and_does_not_cost_the_errors(void **state UNUSED)
{
	struct buf all = logged_by(log_flood);
	size_t lines = lines_in(&all);
	const char *lost = strstr(text_of(&all), "warn holdfast: log: ");

	/* The burst, the note, two errors; a slow machine lets more pass. */
	assert_in_range(lines, 203, 1000);
	assert_non_null(lost);
	assert_non_null(strstr(lost, "error holdfast: link: broke\n"));
	/* Every line is accounted for. */
	size_t chatter = 0, told = 0;
	for (const char *at = text_of(&all); (at = strstr(at, "chatter ")) != NULL; at++)
		chatter++;
	for (const char *at = text_of(&all); (at = strstr(at, " log: ")) != NULL; at++)
		told += strtoul(at + 6, NULL, 10);
	assert_int_equal(chatter + told, 5000);
	buf_free(&all);
}

static void log_errors_flood(void)
{
	for (int i = 0; i < 5000; i++)
		log_error("trouble");
}

static void a_flood_of_errors_is_cut_too(void **state UNUSED)
{
	struct buf all = logged_by(log_errors_flood);

	assert_in_range(lines_in(&all), 200, 1000);
	buf_free(&all);
}

static void a_reader_that_does_not_read_costs_lines_and_no_time(void **state UNUSED)
{
	int fds[2], status;
	char piece[4096];
	struct buf all = {0};
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	fcntl(fds[0], F_SETPIPE_SZ, 4096);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		for (int i = 0; i < 150; i++)
			log_info("%0500d", i);
		/* The reader wakes up: read what is there, then log once more. */
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		while (read(fds[0], piece, sizeof piece) > 0)
			continue;
		log_info("last");
		_exit(0);
	}
	/* Nobody reads until the child has ended: if it waited for us, this would wait for ever. */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fds[1]);
	while ((n = read(fds[0], piece, sizeof piece)) > 0)
		assert_true(buf_add(&all, slice_of(piece, (size_t)n)));
	assert_int_equal(lines_in(&all), 2);
	assert_non_null(strstr(text_of(&all), "lines were lost here\n"));
	assert_non_null(strstr(text_of(&all), ": last\n"));
	close(fds[0]);
	buf_free(&all);
}

static void a_terminal_that_nobody_reads_costs_no_time_either(void **state UNUSED)
{
	int status, master = posix_openpt(O_RDWR | O_NOCTTY);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
		if (slave < 0 || dup2(slave, STDERR_FILENO) < 0)
			_exit(1);
		log_open("tester", LOG_DEBUG);
		for (int i = 0; i < 190; i++)
			log_info("%0900d", i);
		_exit(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0); /* and whoever shares the terminal finds it as it was */
	close(master);
}

static void log_to_journal(void)
{
	struct stat st;
	char name[64];

	fstat(STDERR_FILENO, &st);
	snprintf(name, sizeof name, "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", name, 1);
	log_open("tester", LOG_DEBUG);
	log_debug("d");
	log_info("i");
	log_warn("w");
	log_error("e");
}

static void under_the_journal_a_line_opens_with_its_priority(void **state UNUSED)
{
	struct buf all = logged_by(log_to_journal);

	assert_string_equal(text_of(&all),
		"<7>debug tester: d\n<6>info tester: i\n<4>warn tester: w\n<3>error tester: e\n");
	buf_free(&all);
}

static void log_with_somebody_else_s_journal(void)
{
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_open("tester", LOG_DEBUG);
	log_info("i");
}

static void a_journal_that_is_not_our_standard_error_does_not_count(void **state UNUSED)
{
	struct buf all = logged_by(log_with_somebody_else_s_journal);

	assert_int_equal(*text_of(&all), '2'); /* the year */
	buf_free(&all);
}

static void levels_are_read_by_their_exact_names(void **state UNUSED)
{
	enum log_level level = LOG_ERROR;

	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_DEBUG);
	assert_true(log_level_parse("warn", &level));
	assert_int_equal(level, LOG_WARN);
	assert_false(log_level_parse("warning", &level));
	assert_false(log_level_parse("", &level));
	assert_false(log_level_parse("INFO", &level));
	assert_int_equal(level, LOG_WARN);
}

static void escaping_never_writes_half_an_escape_nor_past_the_room(void **state UNUSED)
{
	for (size_t room = 1; room < 12; room++) {
		char out[16];
		memset(out, '#', sizeof out);
		size_t len = log_escape(out, room, slice_text("a\nb\xff"));
		assert_int_equal(len, strlen(out));
		assert_true(len < room);
		assert_int_equal(out[room], '#');
		assert_memory_equal(out, "a\\x0ab\\xff", len);
		assert_true(len == 0 || len == 1 || len == 5 || len == 6 || len == 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_level_program_and_text),
		cmocka_unit_test(before_it_is_opened_the_name_is_holdfast_and_the_level_info),
		cmocka_unit_test(one_event_is_one_printable_line_of_at_most_a_kibibyte),
		cmocka_unit_test(a_flood_is_cut_counted_and_does_not_cost_the_errors),
		cmocka_unit_test(a_flood_of_errors_is_cut_too),
		cmocka_unit_test(a_reader_that_does_not_read_costs_lines_and_no_time),
		cmocka_unit_test(a_terminal_that_nobody_reads_costs_no_time_either),
		cmocka_unit_test(under_the_journal_a_line_opens_with_its_priority),
		cmocka_unit_test(a_journal_that_is_not_our_standard_error_does_not_count),
		cmocka_unit_test(levels_are_read_by_their_exact_names),
		cmocka_unit_test(escaping_never_writes_half_an_escape_nor_past_the_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
