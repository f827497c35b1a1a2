/* libcurl's multi interface on our loop: watches the sockets and the time that curl tells. */
#ifndef SERVER_CURLMULTI_H
#define SERVER_CURLMULTI_H

#include <curl/curl.h>

#include "common/loop.h"

/* Embed it. */
struct curlmulti {
	struct loop *loop; /* borrowed */
	CURLM *multi;      /* owned; NULL once it closes */
	uv_timer_t timer;
	unsigned handles; /* open ones of libuv: the timer, and a poll for each socket */
	/* curl has done something: some may have finished. Never called from within a call of it. */
	void (*on_done)(struct curlmulti *m);
	void (*on_closed)(struct curlmulti *m); /* the last call; it may be freed */
};

/* The callbacks are set before. False when memory is out, and there is nothing to close. */
bool curlmulti_open(struct curlmulti *m, struct loop *loop);

/* on_done is called in a later turn of the loop. */
void curlmulti_wake(struct curlmulti *m);

/* All easy handles have been removed before. on_closed comes in a later turn. */
void curlmulti_close(struct curlmulti *m);

#endif
