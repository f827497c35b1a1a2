/* GET /events: server-sent events (HTML, section 9.2), to each listener until he leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/api/run.h"

enum { PING_MS = 15000 };

/* The stream begins with a comment, so that something has come. */
static const char hello[] = ": events of this game\nretry: 2000\n\n";

static void end(struct api_run *run, struct http_exchange *x)
{
	struct http_answer a = {.asked = *x->asked, .chunked = !x->asked->is_10};

	list_remove(&x->node);
	run->listener_count--;
	http_answer_end(&a);
	http_exchange_end(x, &a);
}

/* False: he has left, or does not read; he is ended. */
static bool send_one(struct api_run *run, struct http_exchange *x, struct slice text)
{
	struct http_answer a = {.asked = *x->asked, .chunked = !x->asked->is_10};

	http_answer_piece(&a, text);
	if (http_exchange_part(x, &a))
		return true;
	end(run, x);
	return false;
}

void events_listen(struct api_run *run, struct http_exchange *x)
{
	const struct answering of = {run, x->request};
	struct http_answer a;

	if (x->request->method == HTTP_METHOD_HEAD) {
		answer_body(run, x, "text/event-stream", slice_text(""));
		return;
	}
	if (run->listener_count == API_LISTENERS_MAX) {
		answer_error(run, x, 503);
		return;
	}
	http_answer_open(&a, x->asked, 200, time(NULL));
	answer_headers(&a, (void *)(uintptr_t)&of);
	http_answer_stream(&a, "text/event-stream");
	http_answer_piece(&a, slice_text(hello));
	list_add_last(&run->listeners, &x->node);
	run->listener_count++;
	if (!http_exchange_part(x, &a))
		end(run, x);
}

static void send_all(struct api_run *run, struct slice text)
{
	LIST_EACH(at, &run->listeners)
	{
		send_one(run, container_of(at, struct http_exchange, node), text);
	}
}

/* json: in one line, as it has no line end that is not escaped. */
void events_tell(struct api_run *run, struct slice name, struct slice json)
{
	struct buf text = {0};

	if (list_is_empty(&run->listeners))
		return;
	if (buf_addf(&text, "event: %.*s\ndata: ", (int)name.len, (const char *)name.at) &&
		buf_add(&text, json) && buf_add(&text, slice_text("\n\n")))
		send_all(run, buf_bytes(&text));
	buf_free(&text);
}

void events_gone(struct api_run *run, struct http_exchange *x)
{
	end(run, x);
}

void events_beat(struct api_run *run)
{
	uint64_t now = loop_now_ms(run->api->game->loop);

	if (now - run->pinged_ms < PING_MS)
		return;
	run->pinged_ms = now;
	send_all(run, slice_text(":\n\n"));
}

void events_close(struct api_run *run)
{
	LIST_EACH(at, &run->listeners)
	{
		end(run, container_of(at, struct http_exchange, node));
	}
}
