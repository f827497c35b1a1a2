/* One who connects by TLS: his socket goes to the process that speaks it, and comes back as plain text. */
#ifndef MULTIPLEXER_TLS_USER_H
#define MULTIPLEXER_TLS_USER_H

#include "common/buf.h"
#include "common/hash.h"
#include "common/list.h"
#include "multiplexer/tls/message.h"

struct subclient;
struct wire;
struct tls_helper;

/*   WAITS --(his turn)--> MOVES --(his socket is closed here)--> SHAKES --UP--> IS_UP
 *
 * In MOVES the helper has his socket, and u->stream is opened anew on our end of a pair. Plain data but
 * for what has not been handed over yet, so that he can move house. */
enum tls_user_state { TLS_WAITS, TLS_MOVES, TLS_SHAKES, TLS_IS_UP };

struct tls_user {
	struct wire *wire; /* borrowed: owns us; who uses it may change */
	uint32_t id;       /* his number */
	enum tls_user_state state;
	bool ended; /* the helper has said how it ended: */
	enum tls_fault fault;
	bool waits; /* our side has ended, with status; why is under way */
	int status;
	int socket;       /* in MOVES: a copy of his descriptor; else -1 */
	struct buf early; /* what he sent behind a PROXY header */
	char cipher[40], name[64], why[112];
	struct list node; /* of the helper's waiting or shaking */
	UT_hash_handle by_id;
};

/* He shall speak TLS; early is what he has said already (copied). arrival_secured follows, or he is
 * dropped. False when memory is out. */
bool tls_user_begin(struct subclient *u, struct slice early);

/* His turn has come. For the helper. */
void tls_user_move(struct tls_user *t);

/* u->stream is closed. True: because he moved, and it is open again. */
bool tls_user_moved(struct subclient *u);

/* u->stream has ended with status: whether that settles it, because the helper has said more. Then he is
 * dropped. Else *status is what is left to be done about. */
bool tls_user_settles(struct subclient *u, int *status);

/* What the helper says of him. */
void tls_user_up(struct tls_user *t, const struct tls_message *m);
void tls_user_ended(struct tls_user *t, const struct tls_message *m);

/* The helper is gone, and with it his connection, unless he still waits for it. */
void tls_user_lost(struct tls_user *t);

/* He is GONE, or his connection is. May be called twice. */
void tls_user_gone(struct subclient *u);
void tls_user_free(struct wire *wire); /* with his record */

/* Makes room when too many are in their handshake: the oldest goes. */
void tls_user_drop_oldest(struct tls_helper *helper);

#endif
