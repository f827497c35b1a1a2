#include "multiplexer/lists.h"

#include <stdlib.h>

#include "multiplexer/chainlink.h"
#include "multiplexer/subclient.h"

struct user_list {
	uint32_t number;
	struct list members; /* struct membership in_list */
	struct list chained; /* the same, of users of multiplexers behind us */
	UT_hash_handle hh;
};

/* One user on one list: stands in the list's chain and in the user's. */
struct membership {
	struct list in_list, of_user;
	struct user_list *list;    /* borrowed: outlives us */
	struct subclient *user;    /* borrowed: outlives us; NULL when it is ... */
	struct chainuser *chained; /* ... one of those */
};

static struct user_list *find(const struct lists *ls, uint32_t number)
{
	struct user_list *l;

	HASH_FIND(hh, ls->by_number, &number, sizeof number, l);
	return l;
}

static void end_membership(struct lists *ls, struct membership *m)
{
	list_remove(&m->in_list);
	list_remove(&m->of_user);
	ls->members--;
	free(m);
}

static void empty(struct lists *ls, struct user_list *l)
{
	LIST_EACH(node, &l->members)
	end_membership(ls, container_of(node, struct membership, in_list));
	LIST_EACH(node, &l->chained)
	end_membership(ls, container_of(node, struct membership, in_list));
}

bool lists_has(const struct lists *ls, uint32_t number)
{
	return find(ls, number) != NULL;
}

bool lists_make(struct lists *ls, uint32_t number)
{
	struct user_list *l = find(ls, number);

	if (l != NULL) {
		empty(ls, l);
		return true;
	}
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return false;
	l->number = number;
	list_init(&l->members);
	list_init(&l->chained);
	HASH_ADD(hh, ls->by_number, number, sizeof l->number, l);
	if (l->hh.tbl == NULL) {
		free(l);
		return false;
	}
	return true;
}

void lists_drop(struct lists *ls, uint32_t number)
{
	struct user_list *l = find(ls, number);

	if (l == NULL)
		return;
	empty(ls, l);
	HASH_DELETE(hh, ls->by_number, l);
	free(l);
}

/* A user is on few lists, while a list may have all users: so it is his chain that is searched. */
static struct membership *find_membership(const struct user_list *l, struct list *of_user)
{
	LIST_EACH(node, of_user)
	{
		struct membership *m = container_of(node, struct membership, of_user);

		if (m->list == l)
			return m;
	}
	return NULL;
}

/* One more membership in the chain of a user; it is left to the caller to say whose. NULL: no such
 * list, too many, memory is out; or *there, when he is on it already. */
static struct membership *add(struct lists *ls, uint32_t number, struct list *of_user, bool *there)
{
	struct user_list *l = find(ls, number);
	struct membership *m;

	*there = l != NULL && find_membership(l, of_user) != NULL;
	if (l == NULL || *there || ls->members >= LISTS_MEMBERS_MAX)
		return NULL;
	m = calloc(1, sizeof *m);
	if (m == NULL)
		return NULL;
	m->list = l;
	list_add_last(of_user, &m->of_user);
	ls->members++;
	return m;
}

bool lists_add(struct lists *ls, uint32_t number, struct subclient *u)
{
	bool there;
	struct membership *m = add(ls, number, &u->lists, &there);

	if (m == NULL)
		return there;
	m->user = u;
	list_add_last(&m->list->members, &m->in_list);
	return true;
}

bool lists_add_chained(struct lists *ls, uint32_t number, struct chainuser *u)
{
	bool there;
	struct membership *m = add(ls, number, &u->lists, &there);

	if (m == NULL)
		return there;
	m->chained = u;
	list_add_last(&m->list->chained, &m->in_list);
	return true;
}

static void take_off(struct lists *ls, uint32_t number, struct list *of_user)
{
	struct user_list *l = find(ls, number);
	struct membership *m = l != NULL ? find_membership(l, of_user) : NULL;

	if (m != NULL)
		end_membership(ls, m);
}

void lists_remove(struct lists *ls, uint32_t number, struct subclient *u)
{
	take_off(ls, number, &u->lists);
}

void lists_remove_chained(struct lists *ls, uint32_t number, struct chainuser *u)
{
	take_off(ls, number, &u->lists);
}

static void forget(struct lists *ls, struct list *of_user)
{
	LIST_EACH(node, of_user)
	end_membership(ls, container_of(node, struct membership, of_user));
}

void lists_forget(struct lists *ls, struct subclient *u)
{
	forget(ls, &u->lists);
}

void lists_forget_chained(struct lists *ls, struct chainuser *u)
{
	forget(ls, &u->lists);
}

void lists_each_chained(const struct lists *ls, uint32_t number,
	void (*fn)(struct chainuser *u, const void *arg), const void *arg)
{
	struct user_list *l = find(ls, number);

	if (l == NULL)
		return;
	LIST_EACH(node, &l->chained)
	fn(container_of(node, struct membership, in_list)->chained, arg);
}

void lists_clear(struct lists *ls)
{
	struct user_list *l, *next;

	HASH_ITER(hh, ls->by_number, l, next)
	lists_drop(ls, l->number);
}

void lists_send(struct lists *ls, uint32_t number, struct shared *text)
{
	struct user_list *l = find(ls, number);

	if (l == NULL)
		return;
	/* One who cannot take it is dropped at once, and falls out of the chain: LIST_EACH allows that
	 * for the one it stands on. */
	LIST_EACH(node, &l->members)
	subclient_send(container_of(node, struct membership, in_list)->user, text);
}

unsigned lists_tell(struct lists *ls, uint32_t number, struct tell *tell, struct shared *text)
{
	struct user_list *l = find(ls, number);
	unsigned shown = 0;

	if (l == NULL)
		return 0;
	LIST_EACH(node, &l->members)
	shown += subclient_tell(container_of(node, struct membership, in_list)->user, tell, text);
	return shown;
}
