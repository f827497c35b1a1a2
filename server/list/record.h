/* What the list knows of one game server: its addresses, its times, and what it says of itself. */
#ifndef SERVER_LIST_RECORD_H
#define SERVER_LIST_RECORD_H

#include <jansson.h>

#include "common/address.h"

enum { RECORD_GAME_MAX = 64, RECORD_CURRENT_S = 60, RECORD_KEPT_S = 30 * 24 * 3600 };

/* Of a numeric host; one that is neither counts as IPv4. */
enum family record_family(const char *ip);

/* Times are seconds of the wall clock (Unix time), texts of addresses canonical (address_ip). */
struct record {
	int64_t id;                             /* stays as long as the record (serverID) */
	int64_t game_id;                        /* (gameID) */
	char game[RECORD_GAME_MAX];             /* "gamedev/game" */
	char address[FAMILIES][ADDRESS_IP_MAX]; /* by family; "" = none, as NONE always; all may
	                                         * speak for it */
	unsigned port;
	char registered_from[ADDRESS_IP_MAX], updated_from[ADDRESS_IP_MAX];
	int64_t first_seen, last_update, this_start;
	bool gone;        /* it has said goodbye */
	bool connectable; /* the list has reached it */
	json_t *status;   /* owned: what it says of itself */
};

void record_free(struct record *r); /* what it owns; it may be used again */

/* Whether ip is one of its addresses. */
bool record_has(const struct record *r, const char *ip);

/* Current: updated within RECORD_CURRENT_S, and it has not said goodbye. */
bool record_is_current(const struct record *r, int64_t now);

/* What is wrong with serverStatus: a sentence that names the field, valid until the next call; NULL:
 * nothing. */
const char *record_status_fault(const json_t *status);

/* What the list answers of it: what it says, with what the list adds; the players' names as an array. A
 * new object, NULL when memory is out. */
json_t *record_json(const struct record *r);

#endif
