/* A doubly linked list whose nodes live inside the things it lists. */
#ifndef COMMON_LIST_H
#define COMMON_LIST_H

#include "common/defs.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

/* node must not be in any list. */
static inline void list_add_last(struct list *l, struct list *node)
{
	node->prev = l->prev;
	node->next = l;
	l->prev->next = node;
	l->prev = node;
}

/* Leaves node an empty list of its own, so removing twice does no harm. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* The body may remove the node it stands on (`at`), but no other. */
#define LIST_EACH(at, l)                                                    \
	for (struct list *at = (l)->next, *at##_next = at->next; at != (l); \
		at = at##_next, at##_next = at->next)

#endif
