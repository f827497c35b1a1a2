#include "multiplexer/standby.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "multiplexer/mux.h"

struct standby_probe {
	struct link link;
	struct standby *standby; /* borrowed: NULL when dropped */
	char reason[UPSTREAM_TEXT_MAX + 64];
};

static void forget(struct standby_probe *p)
{
	if (p->standby != NULL)
		p->standby->probe = NULL;
	p->standby = NULL;
}

static void learn(struct standby *s, bool there)
{
	if (there && !s->there)
		log_warn("server: one more is there, at %s; it is told that it is not the link",
			s->upstream.text);
	else if (!there && s->there)
		log_info("server: the one more at %s has gone", s->upstream.text);
	s->there = there;
}

static void on_up(struct link *l)
{
	struct standby_probe *p = container_of(l, struct standby_probe, link);

	if (p->standby != NULL)
		learn(p->standby, true);
	link_refuse(l, p->reason);
}

static bool on_message(
	struct link *l UNUSED, const struct frame *f UNUSED, struct refusal *why UNUSED)
{
	return true; /* it greets */
}

static void on_end(
	struct link *l, int status UNUSED, const char *reason UNUSED, bool refused UNUSED)
{
	struct standby_probe *p = container_of(l, struct standby_probe, link);

	if (p->standby != NULL)
		learn(p->standby, false);
	link_close(l);
}

static void on_closed(struct link *l)
{
	struct standby_probe *p = container_of(l, struct standby_probe, link);

	forget(p);
	free(p);
}

static const struct link_ops probe_ops = {
	.on_up = on_up,
	.on_message = on_message,
	.on_end = on_end,
	.on_closed = on_closed,
};

static void on_found(void *owner, const struct address *address, const char *why UNUSED)
{
	struct standby *s = owner;
	struct standby_probe *p = s->probe;

	s->search = NULL;
	p->standby = s;
	if (address != NULL && link_dial(&p->link, s->mux->loop, address, &probe_ops, MSG_DOWN,
				       s->upstream.is_tcp ? s->mux->config.key : NULL) == 0)
		return;
	s->probe = NULL;
	free(p);
	learn(s, false);
}

void standby_tell(struct standby *s, const char *reason)
{
	struct standby_probe *p = s->probe == NULL ? calloc(1, sizeof *p) : NULL;

	if (p == NULL)
		return;
	snprintf(p->reason, sizeof p->reason, "%s", reason);
	s->probe = p;
	s->search = upstream_find(&s->upstream, s->mux->loop, on_found, s);
}

void standby_drop(struct standby *s)
{
	struct standby_probe *p = s->probe;

	if (s->search != NULL) { /* then nothing was dialled */
		upstream_search_drop(s->search);
		free(p);
	} else if (p != NULL) {
		p->standby = NULL;
		link_close(&p->link);
	}
	s->search = NULL;
	s->probe = NULL;
}
