#include "multiplexer/layers.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "multiplexer/mssp.h"

/* Where one state ends and the next may begin. */
static size_t aligned(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

bool layers_open(struct layers *ls, const struct layer *const *list, const struct layers_ops *ops)
{
	size_t room = 0;

	memset(ls, 0, sizeof *ls);
	ls->list = list;
	ls->ops = ops;
	for (; list[ls->count] != NULL; ls->count++) {
		assert(ls->count < LAYERS_MAX);
		room += aligned(list[ls->count]->memory);
	}
	if (ls->count == 0)
		return true;
	uint8_t *block = calloc(1, room);
	if (block == NULL)
		return false;
	for (unsigned i = 0; i < ls->count; i++) {
		ls->state[i] = block;
		block += aligned(list[i]->memory);
	}
	for (unsigned i = 0; i < ls->count; i++)
		if (list[i]->open != NULL)
			list[i]->open(ls, ls->state[i]);
	return true;
}

void layers_close(struct layers *ls)
{
	for (unsigned i = 0; i < ls->count; i++)
		if (ls->list[i]->close != NULL)
			ls->list[i]->close(ls, ls->state[i]);
	if (ls->count > 0)
		free(ls->state[0]);
	ls->count = 0;
}

static bool is_off(const struct layers *ls, unsigned position)
{
	return position < ls->count && (ls->off >> position & 1) != 0;
}

/* Hands bytes to the layer at position, or to the game behind the last. */
static void up_at(struct layers *ls, unsigned position, struct slice bytes)
{
	if (bytes.len == 0)
		return;
	while (position < ls->count && (ls->list[position]->up == NULL || is_off(ls, position)))
		position++;
	if (position >= ls->count)
		ls->ops->on_input(ls, bytes);
	else
		ls->list[position]->up(ls, position, ls->state[position], bytes);
}

void layers_up(struct layers *ls, struct slice bytes)
{
	up_at(ls, 0, bytes);
}

void layers_up_from(struct layers *ls, unsigned position, struct slice bytes)
{
	up_at(ls, position + 1, bytes);
}

void layers_down_from(struct layers *ls, unsigned position, struct shared *b)
{
	while (position > 0) {
		position--;
		if (ls->list[position]->down != NULL && !is_off(ls, position)) {
			ls->list[position]->down(ls, position, ls->state[position], b);
			return;
		}
	}
	ls->ops->on_output(ls, b);
}

void layers_down(struct layers *ls, struct shared *b)
{
	if (b->len > 0)
		layers_down_from(ls, ls->count, b);
}

void layers_start(struct layers *ls)
{
	for (unsigned i = 0; i < ls->count; i++)
		if (ls->list[i]->start != NULL && !is_off(ls, i))
			ls->list[i]->start(ls, i, ls->state[i]);
}

bool layers_tell(struct layers *ls, struct tell *tell)
{
	for (unsigned i = ls->count; i-- > 0;)
		if (ls->list[i]->tell != NULL && !is_off(ls, i) &&
			ls->list[i]->tell(ls, i, ls->state[i], tell))
			return true;
	return false;
}

void layers_flush(struct layers *ls, bool last)
{
	ls->flush_wanted = false;
	for (unsigned i = ls->count; i-- > 0;)
		if (ls->list[i]->flush != NULL && !is_off(ls, i))
			ls->list[i]->flush(ls, i, ls->state[i], last);
}

json_t *layers_caps(const struct layers *ls)
{
	json_t *caps = json_object();

	for (unsigned i = 0; caps != NULL && i < ls->count; i++)
		if (ls->list[i]->caps != NULL && !is_off(ls, i))
			ls->list[i]->caps(ls, ls->state[i], caps);
	return caps;
}

void layers_tick(struct layers *ls)
{
	for (unsigned i = 0; i < ls->count; i++)
		if (ls->list[i]->tick != NULL && !is_off(ls, i))
			ls->list[i]->tick(ls, i, ls->state[i]);
}

void layers_finish(struct layers *ls)
{
	for (unsigned i = ls->count; i-- > 0;)
		if (ls->list[i]->finish != NULL && !is_off(ls, i))
			ls->list[i]->finish(ls, i, ls->state[i]);
}

bool layers_want_ticks(const struct layers *ls)
{
	for (unsigned i = 0; i < ls->count; i++)
		if (ls->list[i]->tick != NULL)
			return true;
	return false;
}

void layers_event_from(struct layers *ls, unsigned position, enum layer_event event)
{
	for (position++; position < ls->count; position++)
		if (ls->list[position]->event != NULL && !is_off(ls, position) &&
			ls->list[position]->event(ls, position, ls->state[position], event))
			return;
	if (ls->ops->on_event != NULL)
		ls->ops->on_event(ls, event);
}

void layers_say_from(struct layers *ls, unsigned position, struct slice bytes)
{
	struct shared *b = shared_new(bytes);

	if (b == NULL) {
		ls->ops->on_nomem(ls);
		return;
	}
	layers_down_from(ls, position, b);
	shared_unref(b);
}

void layers_tell_game(struct layers *ls, struct slice channel, uint32_t flags, struct slice data)
{
	if (ls->ops->on_tell != NULL && data.len > 0)
		ls->ops->on_tell(ls, channel, flags, data);
}

void layers_want_flush(struct layers *ls)
{
	if (ls->flush_wanted)
		return;
	ls->flush_wanted = true;
	if (ls->ops->on_flush_wanted != NULL)
		ls->ops->on_flush_wanted(ls);
}

bool layers_is_mssp_request(struct slice line)
{
	static const char request[] = "mssp-request";
	size_t len = sizeof request - 1;

	while (line.len > 0 && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
		line.len--;
	return line.len == len && strncasecmp((const char *)line.at, request, len) == 0;
}

bool layers_say_mssp(struct layers *ls, unsigned position)
{
	struct buf text = {0};

	if (ls->house == NULL || ls->house->mssp == NULL)
		return false;
	ls->house->mssp_answers++;
	if (mssp_add_text(ls->house->mssp, &text))
		layers_say_from(ls, position, buf_bytes(&text));
	buf_free(&text);
	return true;
}
