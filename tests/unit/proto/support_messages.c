#include "tests/unit/proto/support_messages.h"

#define KEY(f)   m.f = (v++)->key;
#define TEXT(f)  m.f = (v++)->bytes;
#define BYTES(f) m.f = (v++)->bytes;
#define UINT(f)  m.f = (v++)->number;
#define MSG(num, NAME, name, fields, meaning)                           \
	static size_t write_##name(const struct value *v, uint8_t *out) \
	{                                                               \
		struct msg_##name m = {.id = num};                      \
                                                                        \
		(void)v;                                                \
		fields return msg_##name##_write(&m, out);              \
	}
#include "proto/messages.def"

#define KEY(f)   (v++)->key = m.f;
#define TEXT(f)  (v++)->bytes = m.f;
#define BYTES(f) (v++)->bytes = m.f;
#define UINT(f)  (v++)->number = m.f;
#define MSG(num, NAME, name, fields, meaning)                                            \
	static bool read_##name(                                                         \
		struct slice args, unsigned count, struct value *v, struct refusal *why) \
	{                                                                                \
		struct msg_##name m, before;                                             \
                                                                                         \
		memset(&m, 0x5a, sizeof m);                                              \
		memcpy(&before, &m, sizeof m);                                           \
		if (!msg_##name##_read(args, count, &m, why)) {                          \
			assert_memory_equal(&m, &before, sizeof m); /* as it was */      \
			return false;                                                    \
		}                                                                        \
		assert_int_equal(m.id, num);                                             \
		(void)v;                                                                 \
		fields return true;                                                      \
	}
#include "proto/messages.def"

#define KEY(f)                                "K"
#define TEXT(f)                               "T"
#define BYTES(f)                              "B"
#define UINT(f)                               "U"
#define MSG(num, NAME, name, fields, meaning) static const char kinds_##name[] = "" fields;
#include "proto/messages.def"

#define KEY(f)   #f,
#define TEXT(f)  #f,
#define BYTES(f) #f,
#define UINT(f)  #f,
#define MSG(num, NAME, name, fields, meaning) \
	static const char *const names_##name[MSG_ARGS_MAX + 1] = {fields NULL};
#include "proto/messages.def"

const struct message messages[] = {
#define BOTH(num, NAME, name, fields, meaning) \
	{num, #NAME, MSG_UP | MSG_DOWN, kinds_##name, names_##name, write_##name, read_##name},
#define UP(num, NAME, name, fields, meaning) \
	{num, #NAME, MSG_UP, kinds_##name, names_##name, write_##name, read_##name},
#define DOWN(num, NAME, name, fields, meaning) \
	{num, #NAME, MSG_DOWN, kinds_##name, names_##name, write_##name, read_##name},
#include "proto/messages.def"
};
const size_t message_count = ARRAY_LEN(messages);

const struct message *message_of(unsigned id)
{
	for (size_t i = 0; i < message_count; i++)
		if (messages[i].id == id)
			return &messages[i];
	fail_msg("no message %u", id);
	return NULL;
}

/* ---- values ---- */

uint32_t random_number(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

/* Every value of a byte, over and over. */
static struct slice some_bytes(size_t len)
{
	static uint8_t all[MSG_PAYLOAD_MAX];

	for (size_t i = 0; all[1] == 0 && i < sizeof all; i++)
		all[i] = (uint8_t)(i + i / 256);
	assert_true(len <= sizeof all);
	return slice_of(all, len);
}

static struct clientkey some_key(unsigned how)
{
	struct clientkey k = {.depth = how == FILL_SMALLEST ? 1 : CLIENTKEY_DEPTH_MAX};

	if (how == FILL_USUAL)
		return clientkey_of(5, 199);
	if (how == FILL_RANDOM)
		k.depth = 1 + random_number() % CLIENTKEY_DEPTH_MAX;
	for (uint32_t i = 0; i < k.depth; i++)
		k.number[i] = how == FILL_SMALLEST  ? 0
			      : how == FILL_LARGEST ? UINT32_MAX - i
						    : random_number();
	return k;
}

void fill(const struct message *m, unsigned how, struct value values[static MSG_ARGS_MAX])
{
	size_t room = MSG_MAX - MSG_HEADER, open = strcspn(m->kinds, "TB");

	memset(values, 0, MSG_ARGS_MAX * sizeof *values);
	for (const char *kind = m->kinds; *kind != '\0'; kind++)
		room -= *kind == 'K' ? 2 + CLIENTKEY_WIRE_MAX : *kind == 'U' ? 2 + 4 : 2 + 1;
	/* room: what the first text may have, were all others as short as they can be */
	for (size_t i = 0; m->kinds[i] != '\0'; i++) {
		size_t most = i == open ? size_min(room + 1, MSG_PAYLOAD_MAX) : 1;

		values[i].key = some_key(how);
		values[i].bytes = some_bytes(how == FILL_SMALLEST  ? 1
					     : how == FILL_LARGEST ? most
					     : how == FILL_USUAL   ? 12
								   : 1 + random_number() % most);
		values[i].number = how == FILL_SMALLEST  ? 0
				   : how == FILL_LARGEST ? UINT32_MAX
				   : how == FILL_USUAL   ? 86400
							 : random_number();
	}
}

void assert_values(const struct message *m, const struct value *a, const struct value *b)
{
	for (size_t i = 0; m->kinds[i] != '\0'; i++) {
		if (m->kinds[i] == 'U') {
			assert_int_equal(a[i].number, b[i].number);
		} else if (m->kinds[i] == 'K') {
			assert_int_equal(a[i].key.depth, b[i].key.depth);
			for (uint32_t n = 0; n < a[i].key.depth; n++)
				assert_int_equal(a[i].key.number[n], b[i].key.number[n]);
		} else {
			assert_int_equal(a[i].bytes.len, b[i].bytes.len);
			assert_memory_equal(a[i].bytes.at, b[i].bytes.at, a[i].bytes.len);
		}
	}
}

/* ---- the wire, a second time ---- */

static size_t spell_number(uint64_t n, unsigned bytes, uint8_t *out)
{
	for (unsigned i = 0; i < bytes; i++, n /= 256)
		out[i] = (uint8_t)(n % 256);
	return bytes;
}

size_t spell_header(size_t len, unsigned id, unsigned count, uint8_t *out)
{
	spell_number(len, 2, out);
	spell_number(id, 1, out + 2);
	spell_number(count, 1, out + 3);
	return 4;
}

size_t spell_argument(struct slice bytes, uint8_t *out)
{
	spell_number(bytes.len, 2, out);
	if (bytes.len > 0)
		memcpy(out + 2, bytes.at, bytes.len);
	return 2 + bytes.len;
}

size_t spell_key(uint32_t depth, const uint32_t *numbers, uint8_t *out)
{
	size_t len = spell_number(depth, 4, out);

	for (uint32_t i = 0; i < depth; i++)
		len += spell_number(numbers[i], 4, out + len);
	return len;
}

size_t spell(const struct message *m, const struct value *values, uint8_t *out)
{
	size_t len = 4;

	for (size_t i = 0; m->kinds[i] != '\0'; i++) {
		uint8_t argument[64];
		struct slice bytes = values[i].bytes;

		if (m->kinds[i] == 'K')
			bytes = slice_of(argument,
				spell_key(values[i].key.depth, values[i].key.number, argument));
		else if (m->kinds[i] == 'U')
			bytes = slice_of(argument, spell_number(values[i].number, 4, argument));
		len += spell_argument(bytes, out + len);
	}
	spell_header(len, m->id, (unsigned)strlen(m->kinds), out);
	return len;
}
