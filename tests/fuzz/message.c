/* Whatever the other daemon sends: a message is refused with a reason that names it, or written
 * back it is the same bytes; and however the bytes are cut, the framer gives the same messages and
 * the same refusal. The first two bytes say where to cut; the rest is the stream. It is also read
 * once as the one message that its header's id and count claim, whatever the length there. */
#include <stdlib.h>

#include "common/buf.h"
#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"

/* What came out of a stream. */
struct outcome {
	struct buf messages; /* each with its header again */
	size_t left;         /* bytes of a message that did not end */
	bool refused;
	struct refusal why;
};

static void must_name(const struct refusal *why, const char *name)
{
	must(memchr(why->text, '\0', sizeof why->text) != NULL);
	must(strncmp(why->text, name, strlen(name)) == 0);
	must(strlen(why->text) > strlen(name) + 6); /* there is a reason behind the name, too */
}

/* "Refused, or written back the same", for each row of the table. */
static void check_message(unsigned id, unsigned count, struct slice args)
{
	static uint8_t out[MSG_MAX];
	struct refusal why;

	switch (id) {
#define MSG(num, NAME, name, fields, meaning)                               \
	case MSG_##NAME: {                                                  \
		struct msg_##name m, before;                                \
                                                                            \
		memset(&why, 0x5a, sizeof why);                             \
		memset(&m, 0x5a, sizeof m);                                 \
		memcpy(&before, &m, sizeof m);                              \
		if (!msg_##name##_read(args, count, &m, &why)) {            \
			must(memcmp(&m, &before, sizeof m) == 0);           \
			must_name(&why, msg_name(id));                      \
			break;                                              \
		}                                                           \
		must(m.id == id);                                           \
		must(msg_##name##_write(&m, out) == MSG_HEADER + args.len); \
		must(out[0] + 256u * out[1] == MSG_HEADER + args.len);      \
		must(out[2] == id && out[3] == count);                      \
		must(slice_is(slice_of(out + MSG_HEADER, args.len), args)); \
		break;                                                      \
	}
#include "proto/messages.def"
	default:
		must(msg_name(id) == NULL && msg_directions(id) == 0);
	}
}

static void keep(struct outcome *o, const struct frame *f)
{
	size_t len = MSG_HEADER + f->args.len;

	must(len <= MSG_MAX && f->count <= MSG_ARGS_MAX);
	must(buf_add_byte(&o->messages, (uint8_t)len));
	must(buf_add_byte(&o->messages, (uint8_t)(len >> 8)));
	must(buf_add_byte(&o->messages, f->id));
	must(buf_add_byte(&o->messages, f->count));
	must(buf_add(&o->messages, f->args));
}

/* Hands the stream to a framer in pieces of a and b bytes in turn. */
static void frame_stream(struct outcome *o, struct slice bytes, size_t a, size_t b)
{
	struct framer framer = {0};
	struct frame f;

	*o = (struct outcome){0};
	while (bytes.len > 0 && !o->refused) {
		/* A copy of its own, so that the sanitizer sees a look behind its end. */
		size_t len = size_min(bytes.len, a), next = b;
		uint8_t *piece = malloc(len);
		enum frame_result r;

		must(piece != NULL);
		memcpy(piece, bytes.at, len);
		struct slice in = slice_of(piece, len);
		while ((r = framer_next(&framer, &in, &f, &o->why)) == FRAME_READY)
			keep(o, &f);
		must(r == FRAME_BAD || in.len == 0);
		o->refused = r == FRAME_BAD;
		free(piece);
		bytes = slice_from(bytes, len);
		b = a;
		a = next;
	}
	o->left = framer.have;
}

static void check_each(struct slice messages)
{
	while (messages.len > 0) {
		size_t len = messages.at[0] + 256u * messages.at[1];

		check_message(messages.at[2], messages.at[3],
			slice_of(messages.at + MSG_HEADER, len - MSG_HEADER));
		messages = slice_from(messages, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut;

	if (size < 3)
		return 0;
	struct slice stream = slice_of(data + 2, size - 2);

	frame_stream(&whole, stream, stream.len, stream.len);
	frame_stream(&cut, stream, 1 + data[0] % 61u, 1 + data[1]);
	struct slice messages = buf_bytes(&whole.messages);

	must(slice_is(messages, slice_of(stream.at, messages.len))); /* nothing lost, nothing new */
	must(slice_is(messages, buf_bytes(&cut.messages)));
	must(whole.refused == cut.refused);
	if (whole.refused) {
		const char *name = msg_name(stream.at[messages.len + 2]);

		must_name(&whole.why, name != NULL ? name : "unknown message");
		must(strcmp(whole.why.text, cut.why.text) == 0);
	} else {
		must(messages.len + whole.left == stream.len);
		must(whole.left == cut.left);
	}
	check_each(messages);
	if (stream.len >= MSG_HEADER && stream.len <= MSG_MAX)
		check_message(stream.at[2], stream.at[3], slice_from(stream, MSG_HEADER));
	buf_free(&whole.messages);
	buf_free(&cut.messages);
	return 0;
}
