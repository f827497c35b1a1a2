/* The examples of proto/README.md: each is read and written back by ours, or refused with the very
 * words that stand there. (That they say what stands above them is the lint's to check.) */
#include <stdio.h>

#include "proto/frame.h"
#include "tests/unit/proto/support_messages.h"

struct example {
	char said[160]; /* "-> TICK", "!! TICK (1): length: ..." */
	uint8_t bytes[256];
	size_t len;
};

/* True if the line was bytes, which are added. */
static bool add_hex(struct example *e, const char *line)
{
	unsigned byte;
	int n;

	if (strncmp(line, "   ", 3) != 0)
		return false;
	for (; sscanf(line, " %2x%n", &byte, &n) == 1; line += n) {
		assert_true(e->len < sizeof e->bytes);
		e->bytes[e->len++] = (uint8_t)byte;
	}
	return true;
}

/* False: refused, as why says. */
static bool read_back(const struct example *e, struct refusal *why)
{
	static struct framer framer;
	static uint8_t out[MSG_MAX];
	struct slice in = slice_of(e->bytes, e->len);
	struct value values[MSG_ARGS_MAX];
	struct frame f;
	enum frame_result r = framer_next(&framer, &in, &f, why);

	if (r == FRAME_BAD)
		return false;
	assert_int_equal(r, FRAME_READY);
	assert_int_equal(in.len, 0);
	const struct message *m = message_of(f.id);
	if (!m->read(f.args, f.count, values, why))
		return false;
	assert_true((m->direction & (e->said[0] == '<' ? MSG_DOWN : MSG_UP)) != 0);
	assert_int_equal(m->write(values, out), e->len);
	assert_memory_equal(out, e->bytes, e->len);
	return true;
}

static void check(const struct example *e, unsigned *taken, unsigned *refused)
{
	struct refusal why = {""};

	if (e->len == 0)
		return;
	if (read_back(e, &why)) {
		++*taken;
	} else {
		assert_string_equal(e->said + 3, why.text);
		assert_int_equal(e->said[0], '!');
		++*refused;
	}
}

static void each_example_is_taken_or_refused_as_the_manual_says(void **state UNUSED)
{
	FILE *manual = fopen("proto/README.md", "r");
	struct example e = {0};
	unsigned taken = 0, refused = 0;
	bool inside = false;
	char line[512];

	assert_non_null(manual);
	while (fgets(line, sizeof line, manual) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "```", 3) == 0)
			inside = strcmp(line, "```wire") == 0;
		else if (!inside || add_hex(&e, line))
			continue;
		check(&e, &taken, &refused);
		e = (struct example){0};
		snprintf(e.said, sizeof e.said, "%.150s", line);
	}
	fclose(manual);
	assert_true(taken >= 40);
	assert_true(refused >= 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_example_is_taken_or_refused_as_the_manual_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
