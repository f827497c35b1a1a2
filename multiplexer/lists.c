#include "multiplexer/lists.h"

#include <stdlib.h>

#include "multiplexer/subclient.h"

struct user_list {
	uint32_t number;
	struct list members; /* struct membership in_list */
	UT_hash_handle hh;
};

/* One user on one list: stands in the list's chain and in the user's. */
struct membership {
	struct list in_list, of_user;
	struct user_list *list; /* borrowed: outlives us */
	struct subclient *user; /* borrowed: outlives us */
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
static struct membership *find_membership(const struct user_list *l, struct subclient *u)
{
	LIST_EACH(node, &u->lists)
	{
		struct membership *m = container_of(node, struct membership, of_user);

		if (m->list == l)
			return m;
	}
	return NULL;
}

bool lists_add(struct lists *ls, uint32_t number, struct subclient *u)
{
	struct user_list *l = find(ls, number);
	struct membership *m;

	if (l == NULL)
		return false;
	if (find_membership(l, u) != NULL)
		return true;
	m = ls->members < LISTS_MEMBERS_MAX ? calloc(1, sizeof *m) : NULL;
	if (m == NULL)
		return false;
	m->list = l;
	m->user = u;
	list_add_last(&l->members, &m->in_list);
	list_add_last(&u->lists, &m->of_user);
	ls->members++;
	return true;
}

void lists_remove(struct lists *ls, uint32_t number, struct subclient *u)
{
	struct user_list *l = find(ls, number);
	struct membership *m = l != NULL ? find_membership(l, u) : NULL;

	if (m != NULL)
		end_membership(ls, m);
}

void lists_forget(struct lists *ls, struct subclient *u)
{
	LIST_EACH(node, &u->lists)
	end_membership(ls, container_of(node, struct membership, of_user));
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
