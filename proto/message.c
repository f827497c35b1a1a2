#include "proto/message.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/wire.h"

const char *msg_name(unsigned id)
{
	static char texts[256][48]; /* each filled at its first use */
	static const char *const names[256] = {
#define MSG(num, NAME, name, fields, meaning) [num] = #NAME,
#include "proto/messages.def"
	};

	if (id > 255 || names[id] == NULL)
		return NULL;
	if (texts[id][0] == '\0')
		for (size_t i = 0; names[id][i] != '\0'; i++)
			texts[id][i] = names[id][i] == '_' ? ' ' : names[id][i];
	return texts[id];
}

unsigned msg_directions(unsigned id)
{
	switch (id) {
#define BOTH(num, NAME, name, fields, meaning) \
	case MSG_##NAME:                       \
		return MSG_UP | MSG_DOWN;
#define UP(num, NAME, name, fields, meaning) \
	case MSG_##NAME:                     \
		return MSG_UP;
#define DOWN(num, NAME, name, fields, meaning) \
	case MSG_##NAME:                       \
		return MSG_DOWN;
#include "proto/messages.def"
	default:
		return 0;
	}
}

/* ---- reading: one cursor, every take checks, nothing may be left over ---- */

struct reader {
	struct slice rest;
	unsigned id, argument; /* the one that is read, counted from 1 */
	struct refusal *why;
};

static bool refuse(struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool refuse(struct reader *r, const char *fmt, ...)
{
	va_list args;
	int n = snprintf(r->why->text, sizeof r->why->text, "%s (%u): ", msg_name(r->id), r->id);

	va_start(args, fmt);
	vsnprintf(r->why->text + n, sizeof r->why->text - (size_t)n, fmt, args);
	va_end(args);
	return false;
}

static bool refuse_field(struct reader *r, const char *field, const char *what)
{
	return refuse(r, "argument %u (%s): %s", r->argument, field, what);
}

/* The next argument, whatever it holds. */
static bool take(struct reader *r, const char *field, struct slice *out)
{
	r->argument++;
	if (r->rest.len < 2)
		return refuse_field(r, field, "its length lies past the end of the message");
	size_t len = wire_get16(r->rest.at);
	r->rest = slice_from(r->rest, 2);
	if (len == 0)
		return refuse_field(r, field, "length 0 is invalid");
	if (len > r->rest.len)
		return refuse(r, "argument %u (%s): %zu bytes announced, %zu are there",
			r->argument, field, len, r->rest.len);
	*out = slice_of(r->rest.at, len);
	r->rest = slice_from(r->rest, len);
	return true;
}

static bool take_key(struct reader *r, const char *field, struct clientkey *out)
{
	struct slice bytes;
	const char *why;

	if (!take(r, field, &bytes))
		return false;
	return clientkey_read(bytes, out, &why) || refuse_field(r, field, why);
}

static bool take_bytes(struct reader *r, const char *field, struct slice *out)
{
	if (!take(r, field, out))
		return false;
	if (out->len > MSG_PAYLOAD_MAX)
		return refuse(r, "argument %u (%s): %zu bytes, at most %d are allowed", r->argument,
			field, out->len, MSG_PAYLOAD_MAX);
	return true;
}

static bool take_uint(struct reader *r, const char *field, uint32_t *out)
{
	struct slice bytes;

	if (!take(r, field, &bytes))
		return false;
	if (bytes.len != 4)
		return refuse(r, "argument %u (%s): an integer of %zu bytes instead of 4",
			r->argument, field, bytes.len);
	*out = wire_get32(bytes.at);
	return true;
}

static bool at_end(struct reader *r)
{
	return r->rest.len == 0 ||
	       refuse(r, "%zu bytes are left over behind the last argument", r->rest.len);
}

static bool has_count(struct reader *r, unsigned count, unsigned expected)
{
	return count == expected || refuse(r, "argument count: %u instead of %u", count, expected);
}

#define KEY(f)                                +1
#define TEXT(f)                               +1
#define BYTES(f)                              +1
#define UINT(f)                               +1
#define MSG(num, NAME, name, fields, meaning) enum { msg_##name##_count = 0 fields };
#include "proto/messages.def"

#define KEY(f)   &&take_key(&r, #f, &read.f)
#define TEXT(f)  &&take_bytes(&r, #f, &read.f)
#define BYTES(f) &&take_bytes(&r, #f, &read.f)
#define UINT(f)  &&take_uint(&r, #f, &read.f)
#define MSG(num, NAME, name, fields, meaning)                                                 \
	bool msg_##name##_read(                                                               \
		struct slice args, unsigned count, struct msg_##name *m, struct refusal *why) \
	{                                                                                     \
		struct reader r = {args, num, 0, why};                                        \
		struct msg_##name read = {.id = num};                                         \
                                                                                              \
		if (!(has_count(&r, count, msg_##name##_count) fields && at_end(&r)))         \
			return false;                                                         \
		*m = read;                                                                    \
		return true;                                                                  \
	}
#include "proto/messages.def"

/* ---- writing ---- */

struct writer {
	uint8_t *out;
	size_t len;
};

static bool put_bytes(struct writer *w, struct slice bytes)
{
	if (bytes.len == 0 || bytes.len > MSG_PAYLOAD_MAX || w->len + 2 + bytes.len > MSG_MAX)
		return false;
	wire_put16(w->out + w->len, (uint16_t)bytes.len);
	memcpy(w->out + w->len + 2, bytes.at, bytes.len);
	w->len += 2 + bytes.len;
	return true;
}

static bool put_key(struct writer *w, const struct clientkey *k)
{
	uint8_t bytes[CLIENTKEY_WIRE_MAX];
	size_t len = clientkey_write(k, bytes);

	return len > 0 && put_bytes(w, slice_of(bytes, len));
}

static bool put_uint(struct writer *w, uint32_t n)
{
	uint8_t bytes[4];

	wire_put32(bytes, n);
	return put_bytes(w, slice_of(bytes, sizeof bytes));
}

static size_t put_header(struct writer *w, uint8_t id, uint8_t count)
{
	wire_put16(w->out, (uint16_t)w->len);
	w->out[2] = id;
	w->out[3] = count;
	return w->len;
}

#define KEY(f)   &&put_key(&w, &m->f)
#define TEXT(f)  &&put_bytes(&w, m->f)
#define BYTES(f) &&put_bytes(&w, m->f)
#define UINT(f)  &&put_uint(&w, m->f)
#define MSG(num, NAME, name, fields, meaning)                                              \
	size_t msg_##name##_write(const struct msg_##name *m, uint8_t out[static MSG_MAX]) \
	{                                                                                  \
		struct writer w = {out, MSG_HEADER};                                       \
                                                                                           \
		(void)m;                                                                   \
		return true fields ? put_header(&w, num, msg_##name##_count) : 0;          \
	}
#include "proto/messages.def"
