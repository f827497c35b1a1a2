#include "server/map.h"

#include "server/script_state.h"

void map_hook_add(struct game *game, struct map_hook *hook)
{
	list_add_last(&game->map.hooks, &hook->node);
}

void map_hooks_begin(struct script *s)
{
	LIST_EACH(node, &s->game->map.hooks)
	{
		struct map_hook *hook = container_of(node, struct map_hook, node);

		if (hook->begin != NULL)
			hook->begin(hook, s);
	}
}

void map_hooks_end(struct script *s)
{
	if (s->game == NULL)
		return; /* it was only compiled */
	LIST_EACH(node, &s->game->map.hooks)
	{
		struct map_hook *hook = container_of(node, struct map_hook, node);

		if (hook->end != NULL)
			hook->end(hook, s);
	}
}
