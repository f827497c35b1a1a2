/* When to call the server list, from which address, and what its answers mean: decided without I/O.
 *
 * The list knows a server by an address and port, in the path, and by the addresses that may speak for
 * it. So the path stays the same while the addresses change, and each new one becomes known by a
 * call-back from one that was. Of two families the other one is made known in this way too, right after the first.
 *
 *   OFF <--core_set--> ASKING --who we are--> (first call) --2xx--> REGISTERED --20 s--> the same call
 *                        ^                        |  \--403, call back--> the same call, other source
 *                        +---- 1 min .. 1 h ------+--5xx, nobody there--> AWAY
 *                        +--------- 20 s ---------+--any other answer---> REFUSED
 *
 * Its owner asks core_step what is due, does it, and tells how it went. Milliseconds are monotonic. */
#ifndef SERVER_REGISTER_CORE_H
#define SERVER_REGISTER_CORE_H

#include "common/log.h"
#include "server/register/answer.h"
#include "server/register/who.h"

enum {
	CORE_BEAT_MS = 20 * 1000,       /* from call to call, 10 % more or less */
	CORE_CHANGE_MS = 1000,          /* at least, from a call to one that only tells a change */
	CORE_PROBE_MS = 15 * 60 * 1000, /* from asking who we are to asking again */
	CORE_DOUBT_MS = 10 * 1000,      /* at least, if there is a reason to */
	CORE_BACKOFF_MS = 60 * 1000,
	CORE_BACKOFF_MAX_MS = 3600 * 1000,
	/* At the start, when nobody could be asked who we are: perhaps the network is just coming up. */
	CORE_EARLY_MS = 5 * 1000,
	CORE_EARLY_TIMES = 4 /* each after twice as long */
};

enum core_state { CORE_OFF, CORE_ASKING, CORE_REGISTERED, CORE_REFUSED, CORE_AWAY };

struct core_settings {
	bool wanted;       /* sv_register is 1 and there is a list to register with */
	char why_not[160]; /* else: why not */
	struct who_settings who;
};

enum core_do {
	CORE_WAIT,  /* nothing, for now */
	CORE_PROBE, /* ask who we are; then core_probed */
	CORE_PUT,   /* the call; then core_answered */
	CORE_DELETE /* be forgotten by the list; nobody waits for how that went */
};

struct core_step {
	enum core_do what;
	enum family family;               /* that the call goes by ... */
	struct address local;             /* ... from this address of ours */
	struct address as;                /* the server it is about: it stands in the path */
	char token[ANSWER_TOKEN_MAX + 1]; /* "" = none */
};

struct core {
	enum core_state state;
	char why[800]; /* in words: why it is so; "" = registered */
	struct core_settings settings;
	bool forced; /* the one-family rule has turned it off */
	struct who who;
	bool who_known;
	bool who_remembered;   /* from before this start: nobody could be asked */
	bool probing, calling; /* under way */
	bool listed;           /* the list has us, as far as we know */
	uint64_t due_ms;       /* the next probe or call */
	bool probe_due;
	uint64_t probed_ms;              /* when it was last asked who we are */
	uint64_t called_ms, answered_ms; /* of the last call; 0 = there was none */
	uint64_t called_hash;            /* of what it told */
	enum family called_family;       /* that it went by */
	unsigned failures;               /* 5xx or nobody there, in a row */
	enum family family;              /* that the next call goes by */
	bool tried_other;                /* the other family has been tried for this call */
	bool asked_again; /* who we are was asked again since the list last took a call */
	bool merging;     /* the last call was only to make the other family known */
	bool merge_tried;
	unsigned early;              /* how often nobody could be asked since the start */
	bool anew;                   /* the last call was the first under a new identity */
	enum family called_back_for; /* the last call was a call-back, for one by this; or NONE */
	/* What the list knows of us. We stay who we are as long as one of these addresses is ours. */
	struct address as; /* the one we go by: it stands in the path. len 0: none yet */
	struct address known4, known6;    /* from these it has taken calls; len 0 = none */
	char token[ANSWER_TOKEN_MAX + 1]; /* of the call-back that is due; "" = none */
	struct answer last;
	char server_id[64];
	uint64_t random;
	/* A line for the log; the text is valid during the call. */
	void (*say)(void *owner, enum log_level level, const char *text);
	void *owner;
};

/* seed: any number, another one each time. */
void core_open(struct core *c, uint64_t seed,
	void (*say)(void *owner, enum log_level level, const char *text), void *owner);

/* New settings: all begins anew. What is under way is no longer wanted: its owner cancels it. */
void core_set(struct core *c, const struct core_settings *settings, uint64_t now_ms);

/* What was so before this start. Before the first step. */
struct core_memory {
	struct who who; /* for the case that nobody can be asked */
	struct address as, known4, known6;
	char server_id[64];
};
void core_remember(struct core *c, const struct core_memory *memory);
void core_forget(struct core *c); /* another list: it does not know us */
void core_memorise(const struct core *c, struct core_memory *out); /* what to keep of it now */

/* What is due now. hash: of what the list would be told; a change is told soon. */
void core_step(struct core *c, uint64_t now_ms, uint64_t hash, struct core_step *out);

/* How CORE_PROBE went. */
void core_probed(struct core *c, uint64_t now_ms, const struct who_probes *probes);

/* An address of this machine that we call from is gone. */
void core_doubt(struct core *c, uint64_t now_ms);

/* How CORE_PUT went. */
void core_answered(struct core *c, uint64_t now_ms, const struct answer *answer);

/* The server ends for good: true and the call that tells the list, if it has us. */
bool core_leave(struct core *c, struct core_step *out);

/* So long until the next probe or call; 0 while one is under way. */
uint64_t core_until_due(const struct core *c, uint64_t now_ms);

#endif
