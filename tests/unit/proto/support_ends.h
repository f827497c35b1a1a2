/* A link on a real loop, and the bare socket at its other end, for the unit tests of proto/. */
#ifndef TESTS_UNIT_PROTO_SUPPORT_ENDS_H
#define TESTS_UNIT_PROTO_SUPPORT_ENDS_H

#include "proto/link.h"
#include "tests/unit/proto/support_messages.h"
#include "tests/unit/support_loop.h"

#define LINK_TEST(f) cmocka_unit_test_setup_teardown(f, open_test_loop, close_test_loop)

/* Turns the loop until the condition holds; a test that turns it so often in vain has failed. */
#define RUN_UNTIL(condition)                                      \
	do {                                                      \
		int turns_left = 20000;                           \
		while (!(condition)) {                            \
			run_turn();                               \
			assert_true(turns_left-- > 0);            \
			if (!(condition) && turns_left % 16 == 0) \
				uv_sleep(1);                      \
		}                                                 \
	} while (0)

/* A link whose callbacks note a letter each, and what they were given. */
struct end {
	struct link l;
	struct buf seen; /* U up, m message, S slow, D not slow, E end, X closed; terminated */
	struct buf came; /* the messages, as they were on the wire */
	unsigned messages;
	int status; /* of E, with reason and refused */
	char reason[256];
	bool refused;
	unsigned refuse_at;     /* on_message refuses this one, counted from 1; 0 = none */
	unsigned close_at;      /* on_message closes the link at this one */
	char close_on;          /* the letter at which the callback closes the link */
	unsigned turn_messages; /* since someone set it to 0 */
	bool answer;            /* on_message sends I AM ALIVE for each message */
};

extern const struct link_ops end_ops;

/* An accepted link (the server's end, hears MSG_UP), or a dialled one (hears MSG_DOWN), over an
 * AF_UNIX socket. Return the other end, non-blocking. */
int end_accept(struct end *e);
int end_dial(struct end *e);

/* The same, accepted with a key: not up yet, since the handshake is the other end's to begin. */
int end_accept_keyed(struct end *e, const struct linkkey *key);

/* Two links with keys that are connected over TCP; not up yet. */
void ends_connect(struct end *dialled, const struct linkkey *dialled_key, struct end *accepted,
	const struct linkkey *accepted_key);

/* Closes the link, if nobody did, sees that this is told once, and last, and frees. */
void end_close(struct end *e);

const char *seen(struct end *e);

/* Sends all of it, turning the loop when the socket is full. */
void push(int fd, struct slice bytes);

/* Reads until there are len bytes in *got, turning the loop meanwhile. */
void pull(int fd, struct buf *got, size_t len);

/* Reads to the link's FIN, turning the loop meanwhile. */
void pull_all(int fd, struct buf *got);

/* Segments with data that came on a TCP socket: without Nagle one for each write, if it is short. */
int segments_in(int fd);

/* Adds GOT SUBCLIENT TEXT of user n with len bytes of text. */
void add_text(struct buf *b, uint32_t n, size_t len);

#endif
