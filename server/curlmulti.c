/* curl tells which sockets and which time to watch:
 *
 *   watch_socket, watch_time <- curl        uv_poll, uv_timer -> curl_multi_socket_action -> on_done */
#include "server/curlmulti.h"

#include <stdlib.h>

struct watch {
	uv_poll_t poll;
	struct curlmulti *of;
};

static void handle_closed(struct curlmulti *m)
{
	if (--m->handles > 0 || m->multi != NULL)
		return;
	curl_global_cleanup();
	m->on_closed(m);
}

static void watch_closed_cb(uv_handle_t *handle)
{
	struct watch *w = handle->data;
	struct curlmulti *m = w->of;

	free(w);
	handle_closed(m);
}

static void act(struct curlmulti *m, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(m->multi, fd, events, &running);
	m->on_done(m);
}

static void watch_cb(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)poll, &fd) < 0)
		return;
	act(w->of, fd,
		status < 0 ? CURL_CSELECT_ERR
			   : ((events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
				     ((events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void unwatch(struct curlmulti *m, struct watch *w, curl_socket_t fd)
{
	if (w == NULL)
		return;
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, watch_closed_cb);
	curl_multi_assign(m->multi, fd, NULL);
}

static struct watch *watch_new(struct curlmulti *m, curl_socket_t fd)
{
	struct watch *w = malloc(sizeof *w);

	if (w == NULL)
		return NULL;
	if (uv_poll_init_socket(&m->loop->uv, &w->poll, fd) < 0) {
		free(w);
		return NULL;
	}
	w->poll.data = w;
	w->of = m;
	m->handles++;
	curl_multi_assign(m->multi, fd, w);
	return w;
}

/* One that cannot be watched for want of memory ends with the time of its request: a failure told to
 * curl would end all. */
static int watch_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *user, void *watched)
{
	struct curlmulti *m = user;
	struct watch *w = watched;

	if (what == CURL_POLL_REMOVE) {
		unwatch(m, w, fd);
		return 0;
	}
	if (w == NULL)
		w = watch_new(m, fd);
	if (w != NULL)
		uv_poll_start(&w->poll,
			((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) |
				((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0),
			watch_cb);
	return 0;
}

static void time_cb(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int watch_time(CURLM *multi UNUSED, long ms, void *user)
{
	struct curlmulti *m = user;

	if (ms < 0 || uv_is_closing((uv_handle_t *)&m->timer))
		uv_timer_stop(&m->timer);
	else
		uv_timer_start(&m->timer, time_cb, ms > 0 ? (uint64_t)ms : 1, 0);
	return 0;
}

bool curlmulti_open(struct curlmulti *m, struct loop *loop)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	m->loop = loop;
	m->multi = curl_multi_init();
	if (m->multi == NULL ||
		curl_multi_setopt(m->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) != CURLM_OK ||
		curl_multi_setopt(m->multi, CURLMOPT_SOCKETDATA, m) != CURLM_OK ||
		curl_multi_setopt(m->multi, CURLMOPT_TIMERFUNCTION, watch_time) != CURLM_OK ||
		curl_multi_setopt(m->multi, CURLMOPT_TIMERDATA, m) != CURLM_OK) {
		curl_multi_cleanup(m->multi);
		curl_global_cleanup();
		return false;
	}
	uv_timer_init(&loop->uv, &m->timer);
	m->timer.data = m;
	m->handles = 1;
	return true;
}

void curlmulti_wake(struct curlmulti *m)
{
	uv_timer_start(&m->timer, time_cb, 0, 0);
}

static void timer_closed_cb(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

void curlmulti_close(struct curlmulti *m)
{
	CURLM *multi = m->multi;

	uv_close((uv_handle_t *)&m->timer, timer_closed_cb);
	curl_multi_cleanup(multi); /* unwatches what is left */
	m->multi = NULL;
}
