#include "multiplexer/roster.h"

#include <stdlib.h>

#include "multiplexer/subclient.h"

enum { FIRST_ROOM = 64 };

static struct subclient **place(const struct roster *r, uint32_t number)
{
	return &r->at[number & (r->room - 1)];
}

void roster_free(struct roster *r)
{
	free(r->at);
	*r = (struct roster){.last = r->last};
}

/* Numbers that have different places in a table have different ones in one of twice its size. */
static bool grow(struct roster *r)
{
	struct roster wider = {.room = r->room > 0 ? r->room * 2 : FIRST_ROOM};

	wider.at = calloc(wider.room, sizeof(struct subclient *));
	if (wider.at == NULL)
		return false;
	for (uint32_t i = 0; i < r->room; i++)
		if (r->at[i] != NULL)
			*place(&wider, r->at[i]->number) = r->at[i];
	free(r->at);
	r->at = wider.at;
	r->room = wider.room;
	return true;
}

bool roster_add(struct roster *r, struct subclient *u)
{
	if (r->count >= r->room / 2 && !grow(r))
		return false;
	do
		r->last++;
	while (r->last == 0 || *place(r, r->last) != NULL);
	u->number = r->last;
	*place(r, u->number) = u;
	r->count++;
	return true;
}

void roster_remove(struct roster *r, const struct subclient *u)
{
	if (roster_find(r, u->number) != u)
		return;
	*place(r, u->number) = NULL;
	r->count--;
}

struct subclient *roster_find(const struct roster *r, uint32_t number)
{
	struct subclient *u = r->room > 0 ? *place(r, number) : NULL;

	return u != NULL && u->number == number ? u : NULL;
}
