/* The process that speaks TLS, as the multiplexer sees it: started, fed with connections, and started
 * again when it dies. */
#ifndef MULTIPLEXER_TLS_HELPER_H
#define MULTIPLEXER_TLS_HELPER_H

#include <jansson.h>

#include "common/backoff.h"
#include "multiplexer/tls/certificates.h"
#include "multiplexer/tls/channel.h"
#include "multiplexer/tls_user.h"

struct mux;

/* What a certificate says that it has told us. */
struct tls_shown {
	char name[104], names[256];
	int64_t not_after; /* seconds since 1970 */
};

/*   AWAY --(start)--> STARTING --USED--> UP
 *     ^                  |                |
 *     +---- it ended: every player of its is lost, those that wait for it go on waiting
 *
 * Only a multiplexer with tls on some listener has one. Its program is found once (tls_program.h). */
struct tls_helper {
	struct mux *mux; /* borrowed: outlives us; NULL: there is none */
	int program;     /* owned descriptor */
	uv_process_t process;
	bool runs; /* process is a child of ours, or its handle is not closed yet */
	struct channel channel;
	bool linked;   /* channel is open */
	bool answered; /* it has said of the certificates whether it can show them */
	bool closing;
	struct backoff backoff;
	uint64_t started_ms, due_ms; /* due: when to start it; 0 = not now */
	uint64_t asked;              /* times that certificates were named to it */
	uv_timer_t clock;       /* runs while somebody waits, it has to be started, or killed */
	uint64_t kill_ms;       /* when to give it up at the end; 0 = not */
	struct tls_user *by_id; /* uthash head: all of them */
	struct list waiting, shaking; /* those that wait for it, and those in their handshake */
	uint64_t credit,
		credit_ms; /* thousandths of handshakes that may be begun, and since when */
	struct tls_shown shown[TLS_CERTIFICATES_MAX];
	size_t shown_count, coming_count; /* known, and told since they were named last */
	unsigned lost;                    /* players who went with the last one */
	uint64_t ping_ms;   /* when it was asked for a sign of life; 0 = it gave one */
	uint64_t warned_ms; /* when the log was told that one ends soon */
	char trouble[800];  /* why the certificates in the files are not in use; "" = they are */
};

/* Does nothing when the configuration has no tls. False with *why (valid until the next call). */
bool tls_helper_open(struct tls_helper *t, struct mux *mux, const char **why);

/* The certificates may have changed, or their files. */
void tls_helper_reload(struct tls_helper *t);

/* Once a second. */
void tls_helper_second(struct tls_helper *t);

/* It gets to know that all is over, and ends when the last words are through. The loop runs until it has,
 * or a few seconds. Safe at any time. */
void tls_helper_close(struct tls_helper *t);

/* For `status`; NULL when there is none. */
json_t *tls_helper_json(const struct tls_helper *t);

/* Days until the first certificate ends; 0 when one has, or none is known. */
uint64_t tls_helper_days(const struct tls_helper *t);

/* For tls_user.c: somebody waits. */
void tls_helper_pump(struct tls_helper *t);

#endif
