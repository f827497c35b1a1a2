/* Networks from which nobody is let in: why, by whom, until when. Found by an address at once. */
#ifndef COMMON_BANLIST_H
#define COMMON_BANLIST_H

#include <jansson.h>

#include "common/hash.h"
#include "common/list.h"
#include "common/nets.h"

/* A multiplexer keeps one such list and asks it at every accept; a game server keeps what its
 * multiplexers have together. So that several lists come to say the same, whatever each has missed, a
 * ban that is lifted stays in the list for a while, and of two words about a network the younger one
 * counts: `made`, which whoever makes or lifts a ban always makes higher than what he knew.
 *
 * The times are handed in. */

enum {
	BAN_REASON_MAX = 200, /* bytes, terminator included */
	BAN_BY_MAX = 80,
	BAN_SECONDS_MAX = 10 * 366 * 86400, /* longer is for good */
	BAN_MEMORY_S = 30 * 86400 /* a lifted one that was for good is remembered so long */
};

/* ms: since this machine started, never backwards, and on while it sleeps. wall: the date, in seconds
 * since 1970, whatever somebody has set it to. What a ban still has to last is counted by ms, so that
 * no jump of the date lets anybody in early or keeps him out longer. */
struct ban_clock {
	uint64_t ms;
	uint32_t wall;
};
struct ban_clock ban_clock_now(void);

struct ban {
	struct net net;
	bool lifted;       /* nobody is kept out by it: it only remembers that there was one */
	bool keep;         /* who is connected from there may stay */
	uint32_t made;     /* by the wall clock of whoever made it: the version, too */
	uint64_t until_ms; /* forgotten then; 0 = never */
	uint32_t seconds;  /* for banlist_put: how long from now on; 0 = for good */
	uint64_t hits;     /* who was turned away by it */
	char reason[BAN_REASON_MAX]; /* UTF-8 in one line; "" = none was given */
	char by[BAN_BY_MAX];
	const void *from; /* which reader told it; NULL = it was made here */
	struct list node; /* of banlist.all, the youngest change last */
	UT_hash_handle hh;
};

struct banlist {
	struct ban *by_net; /* uthash head, owned */
	struct list all;
	struct list readers;
	uint32_t max;            /* bans, and as many lifted ones */
	uint32_t bans, lifted;   /* there are */
	uint32_t with_bits[129]; /* bans with so many bits: only those lengths are looked for */
	uint64_t expires_ms;     /* none is forgotten before; 0 = none at all */
	uint32_t changes;        /* counts them, for who keeps a copy */
	/* A ban or a lifting that the list did not know; may be NULL. */
	void (*on_change)(struct banlist *l, const struct ban *b);
};

enum ban_result {
	BAN_TAKEN,  /* the list has changed */
	BAN_SAME,   /* it says so already */
	BAN_OLD,    /* it knows something younger about that network */
	BAN_REFUSED /* with *why (static) */
};

void banlist_init(struct banlist *l, uint32_t max);
void banlist_free(struct banlist *l); /* no readers are left */

/* Takes what wanted says: net, lifted, keep, seconds, reason, by and made (0: it is said here and now, and
 * counts more than what is known). Control bytes of the texts become blanks, bad UTF-8 question marks.
 * from: the reader that told it, or NULL. */
enum ban_result banlist_put(struct banlist *l, const struct ban *wanted, const void *from,
	const struct ban_clock *now, const char **why);

/* The ban that keeps this address out, the narrowest; NULL: none. Costs the same with one ban and with
 * ten thousand: one look for each length of networks that there is. */
struct ban *banlist_find(
	const struct banlist *l, const struct address *a, const struct ban_clock *now);

/* What is said of this very network; NULL: nothing. It may be lifted, or over. */
struct ban *banlist_get(const struct banlist *l, const struct net *net);

/* Whether it keeps people out now. */
bool ban_is_on(const struct ban *b, const struct ban_clock *now);

/* Seconds it has yet, at least 1; 0 = for good. */
uint32_t ban_left(const struct ban *b, const struct ban_clock *now);

/* Forgets what is over. Cheap when nothing is. */
void banlist_expire(struct banlist *l, const struct ban_clock *now);

/* ---- who has to hear of all of it ---- */

/* Goes through the list once, and on with each change. */
struct banreader {
	struct list node; /* of banlist.readers; itself: it does not read */
	struct list *at;  /* what it gets next, or the end */
};

void banreader_init(struct banreader *r);
void banreader_start(struct banreader *r, struct banlist *l); /* from the beginning */

/* Nobody reads here any more, and what was told from here was told by nobody; harmless when none did. */
void banreader_stop(struct banreader *r, struct banlist *l);
bool banreader_reads(const struct banreader *r);

/* What it has not had yet and has not told itself; NULL: nothing now. */
const struct ban *banreader_next(struct banreader *r, const struct banlist *l);

/* ---- words ---- */

/* A network that may be banned. False with *why (valid until the next call): no network; or one that
 * holds this machine itself or is very large (IPv4 below /8, IPv6 below /16), unless forced. */
bool ban_parse_net(const char *text, bool forced, struct net *out, const char **why);

/* "90", "90s", "15m", "12h", "7d", "4w", "forever" (0). False for anything else. */
bool ban_parse_time(const char *text, uint32_t *seconds);

/* Whether somebody means a time by a word, be it one or not: "7y", "-5". */
bool ban_means_time(const char *text);

/* {"net", "reason", "by", "age_s", "turned_away", "seconds_left"}; null for none and for good. New
 * reference. */
json_t *ban_json(const struct ban *b, const struct ban_clock *now);

/* All that are on, the oldest first. */
json_t *banlist_json(const struct banlist *l, const struct ban_clock *now);

/* What who is turned away reads: "You are banned from here: spam." in one line, without its end. */
enum { BAN_WORDS_MAX = BAN_REASON_MAX + 64 };
char *ban_words(const struct ban *b, char out[static BAN_WORDS_MAX]);

#endif
