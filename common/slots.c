#include "common/slots.h"

#include <stdlib.h>

enum { FIRST_ROOM = 16 };

void slots_free(struct slots *s)
{
	free(s->rows);
	*s = (struct slots){0};
}

static bool grow(struct slots *s)
{
	uint32_t room = s->room > 0 ? s->room * 2 : FIRST_ROOM;

	if (room < s->room)
		return false;
	struct slots_row *rows = realloc(s->rows, room * sizeof *rows);
	if (rows == NULL)
		return false;
	s->rows = rows;
	s->room = room;
	return true;
}

bool slots_put(struct slots *s, void *thing, struct handle *handle)
{
	uint32_t slot;

	if (s->first_free > 0) {
		slot = s->first_free - 1;
		s->first_free = s->rows[slot].next_free;
	} else {
		if (s->used == s->room && !grow(s))
			return false;
		slot = s->used++;
		s->rows[slot] = (struct slots_row){.generation = 1};
	}
	s->rows[slot].thing = thing;
	s->count++;
	*handle = (struct handle){slot, s->rows[slot].generation};
	return true;
}

void *slots_find(const struct slots *s, struct handle handle)
{
	if (handle.slot >= s->used || s->rows[handle.slot].generation != handle.generation)
		return NULL;
	return s->rows[handle.slot].thing;
}

void slots_drop(struct slots *s, struct handle handle)
{
	if (slots_find(s, handle) == NULL)
		return;
	struct slots_row *row = &s->rows[handle.slot];
	row->thing = NULL;
	row->generation++;
	if (row->generation == 0) /* never given out */
		row->generation = 1;
	row->next_free = s->first_free;
	s->first_free = handle.slot + 1;
	s->count--;
}
