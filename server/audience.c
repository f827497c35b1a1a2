#include "server/audience.h"

#include <stdlib.h>

#include "server/game.h"
#include "server/muxlink.h"

enum { NUMBER_MAX = 65535 };

/* One player in one audience: stands in the audience's chain and in the player's. */
struct seat {
	struct list in_audience, of_player;
	struct audience *audience; /* borrowed: outlives us */
	struct player *player;     /* borrowed: outlives us */
};

static struct clientkey key_of(const struct audience *a)
{
	return clientkey_of(a->number, CLIENTKEY_LIST);
}

/* Where to tell of lists; NULL while there is no multiplexer that knows them. While it lists its users
 * they are not told one by one: audience_tell_all follows. */
static struct link *out_of(const struct game *game)
{
	bool knows = muxlink_has(game->muxlink, FEATURE_LISTS) &&
		     muxlink_state(game->muxlink) != MUXLINK_LISTING;

	return knows ? muxlink_out(game->muxlink) : NULL;
}

/* game->audiences is in order of numbers: the first gap is free. */
static struct list *free_number(struct game *game, uint32_t *number)
{
	struct list *before = game->audiences.next;

	for (*number = 1; before != &game->audiences; before = before->next, ++*number)
		if (container_of(before, struct audience, node)->number != *number)
			break;
	return before;
}

struct audience *audience_new(struct game *game)
{
	struct audience *a = calloc(1, sizeof *a);
	uint32_t number;
	struct list *before = free_number(game, &number);
	struct link *out = out_of(game);

	if (a == NULL || number > NUMBER_MAX) {
		free(a);
		return NULL;
	}
	a->game = game;
	a->number = number;
	list_init(&a->members);
	list_add_last(before, &a->node);
	if (out != NULL)
		link_send_make_list(out, &(struct msg_make_list){.list = key_of(a)});
	return a;
}

static void free_seat(struct seat *s)
{
	list_remove(&s->in_audience);
	list_remove(&s->of_player);
	free(s);
}

void audience_free(struct audience *a)
{
	struct link *out = out_of(a->game);

	LIST_EACH(node, &a->members)
	free_seat(container_of(node, struct seat, in_audience));
	list_remove(&a->node);
	if (out != NULL)
		link_send_drop_list(out, &(struct msg_drop_list){.list = key_of(a)});
	free(a);
}

static struct seat *find_seat(const struct audience *a, struct player *p)
{
	LIST_EACH(node, &p->seats)
	{
		struct seat *s = container_of(node, struct seat, of_player);

		if (s->audience == a)
			return s;
	}
	return NULL;
}

static void tell_added(struct link *out, const struct audience *a, const struct player *p)
{
	if (out != NULL)
		link_send_add_to_list(
			out, &(struct msg_add_to_list){.list = key_of(a), .who = p->key});
}

bool audience_add(struct audience *a, struct player *p)
{
	struct seat *s = find_seat(a, p) == NULL ? calloc(1, sizeof *s) : NULL;

	if (s == NULL)
		return find_seat(a, p) != NULL;
	s->audience = a;
	s->player = p;
	list_add_last(&a->members, &s->in_audience);
	list_add_last(&p->seats, &s->of_player);
	tell_added(out_of(a->game), a, p);
	return true;
}

void audience_remove(struct audience *a, struct player *p)
{
	struct seat *s = find_seat(a, p);
	struct link *out = out_of(a->game);

	if (s == NULL)
		return;
	free_seat(s);
	if (out != NULL)
		link_send_remove_from_list(
			out, &(struct msg_remove_from_list){.list = key_of(a), .who = p->key});
}

void audience_forget(struct player *p)
{
	LIST_EACH(node, &p->seats)
	free_seat(container_of(node, struct seat, of_player));
}

void audience_send(struct audience *a, struct slice text)
{
	struct clientkey key = key_of(a);

	if (list_is_empty(&a->members))
		return;
	if (out_of(a->game) != NULL) {
		game_send_list(a->game, &key, text);
		return;
	}
	LIST_EACH(node, &a->members)
	player_send(container_of(node, struct seat, in_audience)->player, text);
}

void audience_tell_all(struct game *game)
{
	struct link *out = muxlink_out(game->muxlink);

	if (out == NULL || !muxlink_has(game->muxlink, FEATURE_LISTS))
		return;
	LIST_EACH(node, &game->audiences)
	{
		const struct audience *a = container_of(node, struct audience, node);

		link_send_make_list(out, &(struct msg_make_list){.list = key_of(a)});
		LIST_EACH(seat, &a->members)
		tell_added(out, a, container_of(seat, struct seat, in_audience)->player);
	}
}
