#include "multiplexer/tls/speaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "multiplexer/tls/session.h"

enum { CLOCK_MS = 100 };

void speaker_say(struct speaker *s, const struct tls_message *m)
{
	channel_send(&s->channel, m, NULL, 0);
}

/* ---- what the multiplexer says ---- */

static void use_certificates(struct speaker *s, uint64_t time)
{
	struct tls_certificate_info infos[TLS_CERTIFICATES_MAX];
	const char *why = "";
	struct tls_context *context = certificates_load(&s->next, infos, &why);

	for (size_t i = 0; context != NULL && i < s->next.count; i++)
		speaker_say(s, &(struct tls_message){.type = TLS_CERTIFICATE_IS,
				       .number = (uint64_t)infos[i].not_after,
				       .text = {slice_text(s->next.files[i].name),
					       slice_text(infos[i].names)}});
	speaker_say(s, &(struct tls_message){.type = TLS_USED,
			       .kind = context != NULL,
			       .number = time,
			       .text = {slice_text(context != NULL ? "" : why)}});
	certificates_free(&s->next);
	if (context == NULL)
		return;
	tls_context_free(s->context); /* sessions that have begun keep it */
	s->context = context;
}

static void refuse(struct speaker *s, uint32_t id, enum tls_fault fault)
{
	speaker_say(
		s, &(struct tls_message){.type = TLS_ENDED_BY, .kind = (uint8_t)fault, .id = id});
}

static void take_connection(struct speaker *s, const struct tls_message *m, const int *fds)
{
	struct session *known;

	HASH_FIND(by_id, s->by_id, &m->id, sizeof m->id, known);
	if (known == NULL && s->context != NULL && s->count < s->max) {
		if (!session_open(s, m->id, m->kind == 1, m->number, m->text[0], fds[0], fds[1]))
			refuse(s, m->id, TLS_FAULT_NO_ROOM);
		return;
	}
	close(fds[0]);
	close(fds[1]);
	if (known == NULL)
		refuse(s, m->id, s->context == NULL ? TLS_FAULT_NO_CERTIFICATE : TLS_FAULT_NO_ROOM);
}

static void on_message(struct channel *c, const struct tls_message *m, const int *fds, size_t count)
{
	struct speaker *s = container_of(c, struct speaker, channel);
	struct session *session;

	if (m->type == TLS_CONNECTION && count == 2) {
		take_connection(s, m, fds);
		return;
	}
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	switch (m->type) {
	case TLS_CERTIFICATE:
		certificates_add(&s->next, m->text[0], m->text[1], m->text[2]);
		break;
	case TLS_USE:
		use_certificates(s, m->number);
		break;
	case TLS_CONNECTION: /* we had no room for its descriptors */
		refuse(s, m->id, TLS_FAULT_NO_ROOM);
		break;
	case TLS_PING:
		speaker_say(s, &(struct tls_message){.type = TLS_PONG, .number = m->number});
		break;
	case TLS_LEFT:
		HASH_FIND(by_id, s->by_id, &m->id, sizeof m->id, session);
		if (session != NULL)
			session_left(session);
		break;
	default:
		log_warn("the multiplexer says something unknown (%u)", m->type);
	}
}

/* ---- life ---- */

static void close_clock(struct speaker *s)
{
	if (!uv_is_closing((uv_handle_t *)&s->clock))
		uv_close((uv_handle_t *)&s->clock, NULL);
}

void speaker_settle(struct speaker *s)
{
	if (s->over && s->count == 0)
		close_clock(s);
}

static void on_end(struct channel *c)
{
	struct speaker *s = container_of(c, struct speaker, channel);
	struct session *session, *next;

	s->over = true;
	HASH_ITER(by_id, s->by_id, session, next)
	session_left(session);
	channel_close(c);
	speaker_settle(s);
}

static void on_channel_closed(struct channel *c UNUSED)
{
}

static const struct channel_ops channel_ops = {
	.on_message = on_message,
	.on_end = on_end,
	.on_closed = on_channel_closed,
};

static void clock_cb(uv_timer_t *clock)
{
	struct speaker *s = clock->data;

	LIST_EACH(node, &s->clocked)
	session_tick(container_of(node, struct session, clocked));
	if (list_is_empty(&s->clocked))
		uv_timer_stop(clock);
}

void speaker_watch(struct speaker *s, struct session *session)
{
	if (list_is_empty(&session->clocked))
		list_add_last(&s->clocked, &session->clocked);
	if (!uv_is_closing((uv_handle_t *)&s->clock) && !uv_is_active((uv_handle_t *)&s->clock))
		uv_timer_start(&s->clock, clock_cb, CLOCK_MS, CLOCK_MS);
}

bool speaker_open(struct speaker *s, struct loop *loop, int fd, size_t max)
{
	*s = (struct speaker){.loop = loop, .max = max};
	list_init(&s->clocked);
	if (channel_open(&s->channel, loop, fd, &channel_ops) < 0)
		return false;
	s->clock.data = s;
	uv_timer_init(&loop->uv, &s->clock);
	speaker_say(s, &(struct tls_message){.type = TLS_HELLO, .number = TLS_PROTOCOL_VERSION});
	return true;
}

void speaker_free(struct speaker *s)
{
	certificates_free(&s->next);
	tls_context_free(s->context);
	s->context = NULL;
}
