/* Lists of users that the server makes, so that one message serves many (keys n:255, n 1..65535). */
#ifndef MULTIPLEXER_LISTS_H
#define MULTIPLEXER_LISTS_H

#include "common/hash.h"
#include "common/list.h"
#include "common/stream.h"

struct chainuser;
struct subclient;
struct tell;

/* All lists of one server; they do not outlive its connection. All zero is empty. */
struct lists {
	struct user_list *by_number; /* uthash head */
	uint32_t members;            /* on all of them together */
};

enum { LISTS_MEMBERS_MAX = 1000000 };

/* An empty list of this number; one that was there is emptied. False when memory is out. */
bool lists_make(struct lists *ls, uint32_t number);
void lists_drop(struct lists *ls, uint32_t number); /* harmless if there is none */
bool lists_has(const struct lists *ls, uint32_t number);

/* Adding twice is adding once. False: no such list, over LISTS_MEMBERS_MAX, or memory is out. */
bool lists_add(struct lists *ls, uint32_t number, struct subclient *u);
void lists_remove(struct lists *ls, uint32_t number, struct subclient *u);

/* The same for a user of a multiplexer behind us; he has no part in lists_send. */
bool lists_add_chained(struct lists *ls, uint32_t number, struct chainuser *u);
void lists_remove_chained(struct lists *ls, uint32_t number, struct chainuser *u);
void lists_forget_chained(struct lists *ls, struct chainuser *u);

/* Calls fn for each of those on the list; it must not take anybody off it. */
void lists_each_chained(const struct lists *ls, uint32_t number,
	void (*fn)(struct chainuser *u, const void *arg), const void *arg);

/* He left: he is on no list any more. */
void lists_forget(struct lists *ls, struct subclient *u);
void lists_clear(struct lists *ls);

/* Shows text to everyone on the list; borrows it. */
void lists_send(struct lists *ls, uint32_t number, struct shared *text);

/* Tells them something outside the text, as subclient_tell does; how many could be shown it. */
unsigned lists_tell(struct lists *ls, uint32_t number, struct tell *tell, struct shared *text);

#endif
