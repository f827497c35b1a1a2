/* Private to subclient*.c: what its parts have of each other. */
#ifndef MULTIPLEXER_SUBCLIENT_PARTS_H
#define MULTIPLEXER_SUBCLIENT_PARTS_H

#include "multiplexer/subclient.h"

enum {
	SUBCLIENT_READ_MAX = 4096 /* bytes of one read: held input may pass its limit by no more */
};

/* ---- subclient.c ---- */

void subclient_forget_lookups(struct subclient *u);

/* ---- subclient_ending.c ---- */

void subclient_free_record(struct subclient *u);

/* He has lost his connection for that reason, and is waited for. False: he cannot come back. */
bool subclient_detach(struct subclient *u, enum closing why);

/* Nothing of his connection is left. */
void subclient_bury_one(struct subclient *u);

/* ---- subclient_flow.c ---- */

/* Bytes that wait for him, as the limits count them: compressed or not, it is what the game has said. */
size_t subclient_kept(struct subclient *u);

/* Looks at what waits for him: tells the server, or ends him. */
void subclient_look_at_output(struct subclient *u);

/* Reads him, unless something is against it. */
void subclient_set_reading(struct subclient *u);

/* He has typed, or time has passed: reads him as far as he may go on, so that his bucket is not
 * overdrawn whatever he sends. What he sends meanwhile waits in the kernel, and nothing is lost. */
void subclient_go_on_at_his_pace(struct subclient *u);

/* He has typed so much. */
void subclient_take(struct subclient *u, uint32_t lines, size_t bytes);

#endif
