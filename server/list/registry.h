/* Who may say what about which game server: the list's decisions, without sockets or a clock. */
#ifndef SERVER_LIST_REGISTRY_H
#define SERVER_LIST_REGISTRY_H

#include "server/list/records.h"

/* A server is known by its address and port. Who calls from an address that its record has may speak for
 * it. Who calls from another one is answered 403 with an address that the record has, and a token: the
 * server that owns both repeats the call from there, with the token, and the first address is in
 * the record from then on. So an identity outlives a change of address, and nobody else gets it. */

enum {
	REGISTRY_CALL_BACKS = 1024,   /* tokens under way; the oldest gives way */
	REGISTRY_CALL_BACK_S = 60,    /* how long each is good */
	REGISTRY_TOKEN_MAX = 33,      /* 32 hex digits */
	REGISTRY_RECENT_S = 24 * 3600 /* servers of one address are counted over so long */
};

/* statusSubCode of an answer (registration.md names 10910 to 10912, the others are ours). */
enum sub_code {
	SUB_NONE,
#define SUB_CODE(NAME, number, status, text) SUB_##NAME = number,
#include "server/list/sub_codes.def"
};

struct call_back {
	char token[REGISTRY_TOKEN_MAX]; /* "" = free */
	int64_t record;
	char first[ADDRESS_IP_MAX]; /* who was told to call back */
	int64_t until;
};

struct registry {
	struct records *records; /* borrowed */
	unsigned servers_each;   /* records of one address; 0 = any number */
	struct call_back call_backs[REGISTRY_CALL_BACKS];
	unsigned next;
	void (*random)(void *out, size_t len); /* getrandom, or a test's */
};

/* One call about a server. ip and from are canonical (address_ip). */
struct registry_call {
	const char *game; /* "gamedev/game" */
	const char *ip;   /* in the path */
	unsigned port;
	const char *from;  /* where it came from */
	const char *token; /* X-Callback-Token; NULL = none */
	int64_t now;       /* seconds of the wall clock */
};

struct registry_answer {
	unsigned status;    /* of HTTP */
	enum sub_code code; /* NONE: nothing is refused */
	json_t *body;       /* owned by the caller; NULL when memory is out */
	int64_t created;    /* id of the record if it is new, or has a new address: to be tried */
};

void registry_open(struct registry *r, struct records *records, unsigned servers_each);

/* PUT: status is borrowed. */
void registry_put(struct registry *r, const struct registry_call *call, json_t *status,
	struct registry_answer *out);
/* DELETE: it says goodbye; the record stays. */
void registry_delete(
	struct registry *r, const struct registry_call *call, struct registry_answer *out);
/* GET: anybody may. */
void registry_get(
	struct registry *r, const struct registry_call *call, struct registry_answer *out);

/* "gamedev/game", each 1 to 31 of a-z, A-Z, 0-9, '-' and '_'. */
bool registry_game_is_good(const char *game);

/* An answer that is a fault: {"statusMessage", "statusSubCode"}; text: NULL = that of sub_codes.def. */
void registry_refuse(struct registry_answer *out, enum sub_code code, const char *text);

#endif
