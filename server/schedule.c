#include "server/schedule.h"

#include <stdlib.h>

static bool is_before(const struct schedule_item *a, const struct schedule_item *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void put(struct schedule *s, size_t place, struct schedule_item *item)
{
	s->heap[place - 1] = item;
	item->place = place;
}

/* Moves an item from a free place towards the root or the leaves, to where it belongs. */
static void settle(struct schedule *s, size_t place, struct schedule_item *item)
{
	while (place > 1 && is_before(item, s->heap[place / 2 - 1])) {
		put(s, place, s->heap[place / 2 - 1]);
		place /= 2;
	}
	for (size_t child; (child = place * 2) <= s->count; place = child) {
		if (child < s->count && is_before(s->heap[child], s->heap[child - 1]))
			child++;
		if (!is_before(s->heap[child - 1], item))
			break;
		put(s, place, s->heap[child - 1]);
	}
	put(s, place, item);
}

void schedule_free(struct schedule *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->heap[i]->place = 0;
	free(s->heap);
	*s = (struct schedule){0};
}

bool schedule_add(struct schedule *s, struct schedule_item *item, uint64_t due_ms)
{
	if (s->count == s->room) {
		size_t room = s->room > 0 ? s->room * 2 : 64;
		void *heap = realloc(s->heap, room * sizeof *s->heap);
		if (heap == NULL)
			return false;
		s->heap = heap;
		s->room = room;
	}
	item->due_ms = due_ms;
	item->order = s->next_order++;
	s->count++;
	settle(s, s->count, item);
	return true;
}

void schedule_remove(struct schedule *s, struct schedule_item *item)
{
	size_t place = item->place;
	if (place == 0)
		return;
	item->place = 0;
	struct schedule_item *last = s->heap[--s->count];
	if (last != item)
		settle(s, place, last);
}

struct schedule_item *schedule_take(struct schedule *s, uint64_t now_ms, uint64_t before)
{
	if (s->count == 0)
		return NULL;
	struct schedule_item *first = s->heap[0];
	if (first->due_ms > now_ms || first->order >= before)
		return NULL;
	schedule_remove(s, first);
	return first;
}
