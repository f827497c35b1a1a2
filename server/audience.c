#include "server/audience.h"

#include <stdlib.h>

#include "common/log.h"
#include "server/game.h"
#include "server/muxlinks.h"
#include "server/show.h"
#include "server/tell.h"

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
static struct link *out_of(struct muxlink *m)
{
	bool knows = muxlink_has(m, FEATURE_LISTS) && muxlink_state(m) != MUXLINK_LISTING;

	return knows ? muxlink_out(m) : NULL;
}

/* The same for the multiplexer of a player. */
static struct link *out_for(const struct player *p)
{
	return out_of(muxlinks_find(p->game->muxlinks, p->link));
}

static uint32_t *count_for(struct audience *a, const struct player *p)
{
	return &a->on_link[p->link - 1];
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
	size_t links = game->cvars.set.sv_multiplexers;
	struct audience *a = calloc(1, sizeof *a + links * sizeof a->on_link[0]);
	uint32_t number;
	struct list *before = free_number(game, &number);

	if (a == NULL || number > NUMBER_MAX) {
		free(a);
		return NULL;
	}
	a->game = game;
	a->number = number;
	list_init(&a->members);
	list_add_last(before, &a->node);
	for (struct muxlink *m = NULL; (m = muxlinks_next(game->muxlinks, m)) != NULL;) {
		struct link *out = out_of(m);

		if (out != NULL)
			link_send_make_list(out, &(struct msg_make_list){.list = key_of(a)});
	}
	return a;
}

static void free_seat(struct seat *s)
{
	--*count_for(s->audience, s->player);
	s->audience->looks[s->player->look]--;
	list_remove(&s->in_audience);
	list_remove(&s->of_player);
	free(s);
}

/* Its parts are no longer needed, or cannot be had. */
static void unsplit(struct audience *a)
{
	for (unsigned look = 0; look < LOOK_COUNT; look++) {
		if (a->parts[look] != NULL)
			audience_free(a->parts[look]);
		a->parts[look] = NULL;
	}
	a->is_split = false;
}

void audience_free(struct audience *a)
{
	unsplit(a);
	if (a == a->game->everybody)
		a->game->everybody = NULL;
	LIST_EACH(node, &a->members)
	free_seat(container_of(node, struct seat, in_audience));
	list_remove(&a->node);
	for (struct muxlink *m = NULL; (m = muxlinks_next(a->game->muxlinks, m)) != NULL;) {
		struct link *out = out_of(m);

		if (out != NULL)
			link_send_drop_list(out, &(struct msg_drop_list){.list = key_of(a)});
	}
	free(a);
}

static struct audience *first_whole(const struct game *game)
{
	LIST_EACH(node, &game->audiences)
	{
		struct audience *a = container_of(node, struct audience, node);

		if (!a->is_part)
			return a;
	}
	return NULL;
}

void audience_free_all(struct game *game)
{
	for (struct audience *a; (a = first_whole(game)) != NULL;)
		audience_free(a);
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

/* Puts him into the part of those who are shown the same. */
static bool add_to_part(struct audience *a, struct player *p)
{
	struct audience **part = &a->parts[p->look];

	if (*part == NULL && (*part = audience_new(a->game)) != NULL)
		(*part)->is_part = true;
	return *part != NULL && audience_add(*part, p);
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
	++*count_for(a, p);
	a->looks[p->look]++;
	tell_added(out_for(p), a, p);
	if (a->is_split && !add_to_part(a, p))
		unsplit(a);
	return true;
}

void audience_remove(struct audience *a, struct player *p)
{
	struct seat *s = find_seat(a, p);
	struct link *out = out_for(p);

	if (s == NULL)
		return;
	if (a->is_split && a->parts[p->look] != NULL)
		audience_remove(a->parts[p->look], p);
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

/* To those whose multiplexer keeps no lists, one by one. */
static void send_singly(struct audience *a, struct slice text)
{
	LIST_EACH(node, &a->members)
	{
		struct player *p = container_of(node, struct seat, in_audience)->player;

		if (out_for(p) == NULL)
			player_send(p, text);
	}
}

void audience_send(struct audience *a, struct slice text)
{
	struct clientkey key = key_of(a);
	bool singly = false;

	for (uint32_t n = 1; n <= a->game->cvars.set.sv_multiplexers; n++) {
		struct muxlink *m = muxlinks_find(a->game->muxlinks, n);

		if (a->on_link[n - 1] == 0)
			continue;
		if (out_of(m) != NULL)
			game_send_list(m, &key, text);
		else
			singly = true;
	}
	if (singly)
		send_singly(a, text);
}

/* ---- texts that are not the same for all -------------------------------------------------------- */

static bool split(struct audience *a)
{
	if (a->is_split)
		return true;
	a->is_split = true;
	LIST_EACH(node, &a->members)
	{
		if (!add_to_part(a, container_of(node, struct seat, in_audience)->player)) {
			unsplit(a);
			return false;
		}
	}
	return true;
}

/* What those of one look are shown, by one message. */
static void show_as(struct audience *a, const struct markup *m, unsigned look)
{
	struct buf out = {0};
	struct slice shown;

	if (markup_render(m, look, &out, &shown))
		audience_send(a, shown);
	else
		log_warn("output for a list is lost: out of memory");
	buf_free(&out);
}

void audience_show(struct audience *a, const struct markup *m)
{
	unsigned look;

	if (looks_agree(a->looks, markup_depends(m), &look)) {
		show_as(a, m, look);
	} else if (split(a)) {
		for (look = 0; look < LOOK_COUNT; look++)
			if (a->looks[look] > 0)
				show_as(a->parts[look], m, look);
	} else {
		LIST_EACH(node, &a->members)
		player_show(container_of(node, struct seat, in_audience)->player, m);
	}
}

static void leave_parts(struct player *p)
{
	LIST_EACH(node, &p->seats)
	{
		struct audience *a = container_of(node, struct seat, of_player)->audience;

		if (a->is_part)
			audience_remove(a, p);
	}
}

/* Into those of his lists that are split. */
static void enter_parts(struct player *p)
{
	LIST_EACH(node, &p->seats)
	{
		struct audience *a = container_of(node, struct seat, of_player)->audience;

		if (a->is_split && !add_to_part(a, p)) {
			unsplit(a); /* other seats went with it: from the beginning */
			enter_parts(p);
			return;
		}
	}
}

void audience_look_changed(struct player *p, unsigned before)
{
	unsigned now = p->look;

	p->look = (uint8_t)before; /* what his seats are counted by */
	leave_parts(p);
	p->look = (uint8_t)now;
	LIST_EACH(node, &p->seats)
	{
		struct audience *a = container_of(node, struct seat, of_player)->audience;

		a->looks[before]--;
		a->looks[now]++;
	}
	enter_parts(p);
}

/* ---- beside the text ---------------------------------------------------------------------------- */

void audience_tell(struct audience *a, const char *channel, bool json, struct slice data)
{
	struct clientkey key = key_of(a);
	bool singly = false;

	for (uint32_t n = 1; n <= a->game->cvars.set.sv_multiplexers; n++) {
		struct muxlink *m = muxlinks_find(a->game->muxlinks, n);

		if (a->on_link[n - 1] > 0 && out_of(m) != NULL)
			muxlink_tell(m, &key, channel, json, data);
		else
			singly |= a->on_link[n - 1] > 0;
	}
	if (!singly)
		return;
	LIST_EACH(node, &a->members)
	{
		struct player *p = container_of(node, struct seat, in_audience)->player;

		if (out_for(p) == NULL)
			player_tell(p, channel, json, data);
	}
}

void audience_tell_all(struct muxlink *to)
{
	struct link *out = muxlink_out(to);

	if (out == NULL || !muxlink_has(to, FEATURE_LISTS))
		return;
	LIST_EACH(node, &to->game->audiences)
	{
		const struct audience *a = container_of(node, struct audience, node);

		link_send_make_list(out, &(struct msg_make_list){.list = key_of(a)});
		LIST_EACH(at, &a->members)
		{
			const struct player *p = container_of(at, struct seat, in_audience)->player;

			if (p->link == to->number)
				tell_added(out, a, p);
		}
	}
}
