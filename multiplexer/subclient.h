/* One user: his socket, what he typed and the game has not got yet, what the game keeps for him. */
#ifndef MULTIPLEXER_SUBCLIENT_H
#define MULTIPLEXER_SUBCLIENT_H

#include "common/list.h"
#include "common/secret.h"
#include "common/stream.h"
#include "multiplexer/arrival.h"
#include "multiplexer/bucket.h"
#include "multiplexer/doubt.h"
#include "multiplexer/flow.h"
#include "multiplexer/held.h"
#include "multiplexer/layers.h"
#include "multiplexer/lookup.h"
#include "multiplexer/tls_user.h"
#include "proto/clientkey.h"

struct listener;
struct mux;

/* Every ending has a name: closings.def. */
enum closing {
#define CLOSING(NAME, name, LEVEL, log, last_words) CLOSING_##NAME,
#include "multiplexer/closings.def"
};

/* KNOCKING, SECURING --> ARRIVING (all: arrival.h) --> CONNECTED --(KILL, kick, shutdown)--> CLOSING --(flushed, or linger is over)--> GONE
 *     \------------------(he left, refused, a fault, too slow)------------------------------^
 * In GONE the socket is closed; the record stays while the server has still to be told, in order. So it
 * does without a server when he typed something: the next one is told of him, his input and his end. */
enum subclient_state {
	SUBCLIENT_KNOCKING,
	SUBCLIENT_SECURING,
	SUBCLIENT_ARRIVING,
	SUBCLIENT_CONNECTED,
	SUBCLIENT_CLOSING,
	SUBCLIENT_GONE
};

/* A connection, and whose it is. A memory of its own, since a user of the page may go on by another one:
 * see subclient_swap_wires. Closed it is a stream like any, which takes nothing and gives nothing. */
struct wire {
	struct stream stream;
	struct subclient *user; /* whose record frees it */
	struct tls_user *tls; /* owned: it is TLS, which another process speaks; NULL = it is not */
	char tls_version[16]; /* "TLSv1.3", with us or with the proxy before us; "" = none */
};

/* What every line and every answer looks at comes first, so that it shares few lines of the cache: with
 * thousands of users who type, each of them is out of it by his next line. */
struct subclient {
	struct wire *wire;         /* owned */
	struct stream *stream;     /* of the wire */
	struct mux *mux;           /* borrowed: outlives us */
	struct listener *listener; /* borrowed: outlives us */
	uint32_t number;           /* his number; the key is number:listener. See roster.h */
	enum subclient_state state;
	uint64_t input_ms; /* when he last typed */

	bool known;             /* the server of this link was told of him */
	bool proven;            /* he has typed something */
	bool line_start;        /* his cursor is where a line begins, as far as we can know */
	bool typed_cr;          /* the last byte he typed was a CR */
	bool stopped;           /* reading is stopped: his held input is full */
	bool paced;             /* reading is stopped: he types faster than input_rate */
	struct doubt_text told; /* where his text stands that servers were told of */
	struct layers layers;
	struct bucket bucket; /* of his input */
	struct held held;     /* what he did that the server has not heard yet */
	struct list waiting;  /* of mux->waiting: the server has to be told something */

	enum closing closing; /* why, once he is not CONNECTED */
	struct lookup_subject
		at; /* where he comes from (subclient_from), and where he connected to */
	uint64_t connected_ms;
	uint64_t eof_ms;      /* when he ended his side; 0 = he has not */
	uint64_t closing_ms;  /* when CLOSING began */
	uint64_t resumes_ms;  /* when he came back the first time of the last minute */
	uint64_t detached_ms; /* while layers.detached: when he lost his connection */
	uint8_t resumes;      /* times since resumes_ms */

	bool ever_told;  /* some server was told of him: a new one finds him in its listing */
	bool kill_asked; /* the server of this link waits for KILLED */
	bool buried; /* GONE, and nothing of the connection is left: only news may keep the record */
	bool proxied;   /* at is what a proxy says; the socket is the proxy's */
	bool visiting;  /* counted as a visitor in mux->admission */
	bool admitted;  /* counted in mux->admission */
	bool refused;   /* counted in mux->refused_now */
	bool caps_due;  /* more is known of his client than the server was told */
	bool told_slow; /* the server of this link was told that he is slow */
	bool departed;  /* GONE, and kept because of what he typed: mux_keep_departed */

	const char *why; /* there is no more use for him, because; NULL; as long as he is there */

	struct arrival arrival; /* what he has to do before he is a user */
	struct flow flow;       /* of his output */
	int32_t credit;         /* at most 0: what he was told for beyond his share (news.c) */
	uint32_t doubt;         /* lines of his that a crashed server may not have handled */

	struct lookup lookups[LOOKUP_KINDS];
	uint32_t asked[LOOKUP_KINDS]; /* answers that the server of this link waits for */

	struct secret *saved; /* owned: SAVE SUBCLIENT INFO; NULL = nothing kept */

	struct list node;    /* of mux->users, in order of arrival */
	struct list ticking; /* of mux->ticking: his layers want the clock */
	struct list watched; /* of mux->watched: looked at by the clock; see subclient_tick */
	struct list
		unflushed;    /* of mux->unflushed: his layers kept output back to the turn's end */
	struct list lists;    /* struct membership: the lists he is on */
	struct list claiming; /* of mux->claiming: whose session he wants is not looked at yet */
	struct list grave;    /* of mux->graves: GONE, and no on_closed will come */
};

/* Takes the connection that waits on listening: KNOCKING, not read, known to nobody but
 * arrival.c. NULL when it failed: nothing is kept then. */
struct subclient *subclient_new(struct mux *mux, struct listener *listener, uv_stream_t *listening);

/* His stream is closed, and goes on on another socket, which is his on success. Not read. */
bool subclient_reopen(struct subclient *u, int fd);

/* His connection has ended, with UV_EOF or a fault. */
void subclient_ended(struct subclient *u, int status);

/* His socket is about to be closed: takes what he had said before, also if he was not being read. */
void subclient_last_words(struct subclient *u);

/* The protocol word for the game: the kind of his listener, with +tls when he speaks that. Valid until
 * the next call. */
const char *subclient_protocol(const struct subclient *u);

/* NULL unless the key names a user whom the server of this link knows: a connected one, or one who has
 * left and whose input and departure it has still to hear of. */
struct subclient *subclient_find(struct mux *mux, const struct clientkey *key);

/* Where he comes from; no address if that could not be learnt. */
static inline struct address subclient_from(const struct subclient *u)
{
	return endpoint_address(&u->at.user);
}

struct clientkey subclient_key(const struct subclient *u);
const char *subclient_label(
	const struct subclient *u); /* "user 5:1 (192.0.2.7)", until the next call */

/* What is known of his client, as JSON; valid until the next call. At least "{}". */
struct slice subclient_caps(const struct subclient *u);

/* Lets the clock look at him, see subclient_tick. */
void subclient_watch(struct subclient *u);

/* The automatic ones. */
void subclient_start_lookups(struct subclient *u);

/* Whether the game is told of him only when an automatic lookup is done. */
bool subclient_awaits_lookup(const struct subclient *u);

/* What is known, see lookup_word. */
struct slice subclient_looked_up(const struct subclient *u, enum lookup_kind kind);

/* Output of the game; borrows b. */
void subclient_send(struct subclient *u, struct shared *b);

/* Something of the game outside the text; text is that of a prompt, shared by all it goes to, or NULL.
 * False: his client cannot be shown it. */
bool subclient_tell(struct subclient *u, struct tell *tell, struct shared *text);

/* The end of a turn in which his layers kept something back. */
void subclient_flush(struct subclient *u);

/* A line of our own ("" and NULL: none), on a line of its own. */
void subclient_notice(struct subclient *u, const char *text);

/* Ends him after what is queued, and words (may be NULL), reached him, or linger is over. */
void subclient_end(struct subclient *u, enum closing why, const char *words);

/* Ends him now, what is queued is dropped. */
void subclient_drop(struct subclient *u, enum closing why);

/* Keeps a copy of info, replacing what was there only when the copy is whole. What was there is wiped. */
bool subclient_save(struct subclient *u, struct slice info);
void subclient_unsave(struct subclient *u);

/* Stops reading him: his held input is full. */
void subclient_stop(struct subclient *u);

/* Reads him again if his held input has room. */
void subclient_resume(struct subclient *u);

/* He comes from elsewhere now: what was looked up about the old address is forgotten. */
void subclient_move(struct subclient *u, const struct lookup_subject *at, bool proxied);

/* His output does not wait any more; whoever was told that he is slow is told. */
void subclient_unslow(struct subclient *u);

/* Bytes of his were given to his layers by other ways than his stream, or he has another stream: reads
 * him, unless something is against it. */
void subclient_go_on(struct subclient *u);

/* Each goes on by the other's connection, with what is queued on it. */
void subclient_swap_wires(struct subclient *a, struct subclient *b);

/* Frees those who were GONE when their connection was closed already. Not from inside a call of theirs. */
void subclient_bury(struct mux *mux);

/* The record is not needed any more: he is GONE and the server knows, or need not. */
void subclient_forget(struct subclient *u);

/* Reads one who types too fast again, if he may go on. For mux_pace. */
void subclient_pace(struct subclient *u);

/* Looks at the clock for one who is closing or half closed, or for whom output waits; forgets to when
 * nothing of that is so any more. */
void subclient_tick(struct subclient *u);

/* About once a second, for one of mux->ticking. May end him. */
void subclient_second(struct subclient *u);

#endif
