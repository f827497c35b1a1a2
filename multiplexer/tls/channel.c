#include "multiplexer/tls/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A message that waits, with descriptors of its own. */
struct waiting {
	struct list node;
	struct buf bytes;
	int fds[TLS_MESSAGE_FDS];
	size_t count;
};

union fd_room {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * TLS_MESSAGE_FDS)];
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct channel *c)
{
	if (!c->ended && !c->closing)
		uv_poll_start(&c->poll, UV_READABLE | (c->waits > 0 ? UV_WRITABLE : 0), on_poll);
}

static void free_waiting(struct channel *c, struct waiting *w)
{
	list_remove(&w->node);
	c->waits--;
	for (size_t i = 0; i < w->count; i++)
		close(w->fds[i]);
	buf_free(&w->bytes);
	free(w);
}

static void drop_queue(struct channel *c)
{
	while (!list_is_empty(&c->queue))
		free_waiting(c, container_of(c->queue.next, struct waiting, node));
}

static void end(struct channel *c)
{
	if (c->ended || c->closing)
		return;
	c->ended = true;
	uv_poll_stop(&c->poll);
	drop_queue(c);
	c->ops->on_end(c);
}

/* ---- sending ---- */

/* 1 sent, 0 not now, -1 never. */
static int try_send(struct channel *c, struct slice bytes, const int *fds, size_t count)
{
	union fd_room room = {.bytes = {0}};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes.at, .iov_len = bytes.len};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	if (count > 0) {
		m.msg_control = room.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(h), fds, sizeof(int) * count);
	}
	do
		n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 1;
	/* ETOOMANYREFS: descriptors under way are limited, too. */
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ETOOMANYREFS
		       ? 0
		       : -1;
}

static void send_waiting(struct channel *c)
{
	while (c->waits > 0 && !c->ended) {
		struct waiting *w = container_of(c->queue.next, struct waiting, node);
		int sent = try_send(c, buf_bytes(&w->bytes), w->fds, w->count);

		if (sent < 0)
			end(c);
		if (sent <= 0)
			return;
		free_waiting(c, w);
	}
	watch(c);
	if (!c->ended && c->ops->on_drained != NULL)
		c->ops->on_drained(c);
}

static bool keep(struct channel *c, struct buf *bytes, const int *fds, size_t count)
{
	struct waiting *w = calloc(1, sizeof *w);

	if (w == NULL)
		return false;
	list_add_last(&c->queue, &w->node);
	c->waits++;
	for (; w->count < count; w->count++) {
		w->fds[w->count] = fcntl(fds[w->count], F_DUPFD_CLOEXEC, 3);
		if (w->fds[w->count] < 0) {
			free_waiting(c, w);
			return false;
		}
	}
	w->bytes = *bytes;
	*bytes = (struct buf){0};
	watch(c);
	return true;
}

bool channel_send(struct channel *c, const struct tls_message *m, const int *fds, size_t count)
{
	struct buf bytes = {0};
	bool ok =
		!c->ended && !c->closing && count <= TLS_MESSAGE_FDS && tls_message_add(m, &bytes);
	int sent = ok && c->waits == 0 ? try_send(c, buf_bytes(&bytes), fds, count) : 0;

	/* That it has ended, reading finds out: not in the middle of what the caller does. */
	if (ok && sent == 0)
		ok = keep(c, &bytes, fds, count);
	buf_free(&bytes);
	return ok && sent >= 0;
}

/* ---- receiving ---- */

static size_t take_fds(struct msghdr *m, int fds[static TLS_MESSAGE_FDS])
{
	size_t count = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			if (count < TLS_MESSAGE_FDS)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

/* False when nothing more is there now. */
static bool receive(struct channel *c)
{
	static uint8_t bytes[TLS_MESSAGE_MAX];
	union fd_room room;
	struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof room.bytes};
	struct tls_message message;
	int fds[TLS_MESSAGE_FDS];
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	size_t count = n > 0 ? take_fds(&m, fds) : 0;
	if (n <= 0 || (m.msg_flags & MSG_TRUNC) != 0 ||
		!tls_message_read(slice_of(bytes, (size_t)n), &message)) {
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
		end(c);
		return false;
	}
	c->ops->on_message(c, &message, fds, count);
	return true;
}

void channel_drain(struct channel *c)
{
	while (!c->ended && !c->closing && receive(c))
		;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct channel *c = poll->data;

	if (status < 0) {
		end(c);
		return;
	}
	if ((events & UV_READABLE) != 0)
		channel_drain(c);
	if ((events & UV_WRITABLE) != 0 && !c->ended && !c->closing)
		send_waiting(c);
}

/* ---- life ---- */

int channel_open(struct channel *c, struct loop *loop, int fd, const struct channel_ops *ops)
{
	*c = (struct channel){.loop = loop, .fd = -1, .ops = ops};
	list_init(&c->queue);
	int status = uv_poll_init(&loop->uv, &c->poll, fd);
	if (status < 0)
		return status;
	c->fd = fd;
	c->poll.data = c;
	watch(c);
	return 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct channel *c = handle->data;

	close(c->fd);
	c->fd = -1;
	c->ops->on_closed(c);
}

void channel_close(struct channel *c)
{
	if (c->closing || c->fd < 0)
		return;
	c->closing = true;
	drop_queue(c);
	uv_close((uv_handle_t *)&c->poll, on_poll_closed);
}
