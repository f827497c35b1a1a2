/* Every header there can be: all 65,536 lengths and all 256 ids, with each of the counts at the
 * edges where the length is legal, and one of them in turn where it is not. */
#include "proto/frame.h"
#include "tests/unit/proto/support_messages.h"

static const uint8_t counts[] = {0, 1, 4, 5, 255};

/* What the specification says of a header, in a second hand. */
static bool is_legal(unsigned length, unsigned count)
{
	if (length < 4 || length > 4096)
		return false;
	return count <= 4;
}

static void set_header(uint8_t *at, unsigned length, unsigned id, unsigned count)
{
	at[0] = (uint8_t)(length % 256);
	at[1] = (uint8_t)(length / 256);
	at[2] = (uint8_t)id;
	at[3] = (uint8_t)count;
}

/* cmocka's asserts are too slow for so many. */
static void must(bool ok, const uint8_t *header, const char *what)
{
	if (!ok)
		fail_msg("header %02x %02x %02x %02x: %s", header[0], header[1], header[2],
			header[3], what);
}

/* With everything that it announces, and one byte of the next message. */
static void check_whole(uint8_t *bytes, unsigned length, bool legal)
{
	static struct framer f;
	struct slice in = slice_of(bytes, length + 1);
	struct refusal why;
	struct frame out;
	enum frame_result r = framer_next(&f, &in, &out, &why);

	must(r == (legal ? FRAME_READY : FRAME_BAD), bytes, "whole");
	if (!legal)
		return;
	must(out.id == bytes[2] && out.count == bytes[3], bytes, "another id or count came out");
	must(out.args.len == length - 4 && out.args.at == bytes + 4, bytes, "other arguments");
	must(in.len == 1 && in.at == bytes + length, bytes, "more or less was eaten");
	must(f.have == 0, bytes, "something was kept");
}

/* The header alone: refused at once, or the rest is waited for. */
static void check_header(const uint8_t *header, unsigned length, bool legal)
{
	static struct framer f;
	struct slice in = slice_of(header, 4);
	struct refusal why = {{0}};
	struct frame out;
	enum frame_result wanted = !legal ? FRAME_BAD : length == 4 ? FRAME_READY : FRAME_MORE;

	f.have = 0;
	must(framer_next(&f, &in, &out, &why) == wanted, header, "alone");
	must(legal || why.text[0] != '\0', header, "refused without a reason");
	must(wanted != FRAME_MORE || (f.have == 4 && in.len == 0), header, "not waited for");
}

static void every_header_is_taken_or_refused_as_specified(void **state UNUSED)
{
	static uint8_t bytes[4097];
	uint8_t header[4];
	unsigned refused = 0;

	for (unsigned length = 4; length <= 4096; length++)
		for (unsigned id = 0; id < 256; id++)
			for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
				bool legal = is_legal(length, counts[c]);

				set_header(header, length, id, counts[c]);
				check_header(header, length, legal);
				set_header(bytes, length, id, counts[c]);
				check_whole(bytes, length, legal);
			}
	for (unsigned length = 0; length < 65536; length += length == 3 ? 4094 : 1)
		for (unsigned id = 0; id < 256; id++) {
			set_header(header, length, id, counts[(length + id) % ARRAY_LEN(counts)]);
			check_header(header, length, is_legal(length, header[3]));
			refused++;
		}
	assert_int_equal(refused, (65536 - 4093) * 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_header_is_taken_or_refused_as_specified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
