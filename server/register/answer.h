/* What a server list answered to a registration, taken apart and doubted. */
#ifndef SERVER_REGISTER_ANSWER_H
#define SERVER_REGISTER_ANSWER_H

#include "common/address.h"

enum { ANSWER_CALLBACKS_MAX = 8, ANSWER_TOKEN_MAX = 32 };

/* statusSubCode of a 403. */
enum {
	ANSWER_CALL_BACK = 10910, /* again, from an address that the list knows */
	ANSWER_NOT_YOU = 10911,   /* the address in the path is not the one we came from */
	ANSWER_TOO_MANY = 10912   /* servers from one address */
};

struct answer {
	int status;            /* of HTTP; 0: there was none */
	int sub_code;          /* 0: none was said */
	char message[160];     /* the list's words, or why there is no answer; printable */
	char server_id[64];    /* "" = none was said; printable */
	struct address source; /* as whom the list saw us; len 0: it did not say */
	struct address call_back[ANSWER_CALLBACKS_MAX]; /* addresses to call from */
	unsigned call_back_count;
	char token[ANSWER_TOKEN_MAX + 1]; /* "" = no call-back is wanted */
	bool bad_source;                  /* we have not got the address we wanted to come from */
};

/* Reads status and body. What is not as it should be is as if it had not been said. */
void answer_read(int status, struct slice body, struct answer *out);

/* There was none: why. */
void answer_missing(const char *why, bool bad_source, struct answer *out);

#endif
