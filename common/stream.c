#include "common/stream.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FIRST_ROOM = 8,     /* chunks */
	PIECES_AT_ONCE = 8, /* LOOP_READ_ROOM bytes each that are read in one turn of the loop */
	IOV_AT_ONCE = 256,  /* chunks in one sendmsg */
	DRAIN_MAX = 16 * 1024 * 1024 /* bytes still read from a peer we can no longer write to */
};

struct shared *shared_room(uint32_t len)
{
	struct shared *b = malloc(sizeof *b + len);

	if (b != NULL)
		*b = (struct shared){.refs = 1, .len = len};
	return b;
}

struct shared *shared_new(struct slice bytes)
{
	if (bytes.len > UINT32_MAX)
		return NULL;
	struct shared *b = shared_room((uint32_t)bytes.len);
	if (b != NULL && bytes.len > 0)
		memcpy(b->bytes, bytes.at, bytes.len);
	return b;
}

struct shared *shared_ref(struct shared *b)
{
	b->refs++;
	return b;
}

void shared_unref(struct shared *b)
{
	if (b != NULL && --b->refs == 0)
		free(b);
}

/* The queue: one chunk in the stream itself, for which no memory is asked; and when there are more, a
 * ring whose room is a power of two, until it is empty. */

/* The queue has changed, and cost before until now. */
static void count(struct stream *s, size_t before)
{
	if (s->total != NULL)
		*s->total = *s->total - before + stream_kept(s);
}

static struct stream_chunk *chunk_at(struct stream *s, uint32_t i)
{
	if (s->queue_room == 0)
		return &s->queue.only;
	return &s->queue.ring[(s->queue_first + i) & (s->queue_room - 1)];
}

static void queue_free(struct stream *s)
{
	if (s->queue_room > 0)
		free(s->queue.ring);
	s->queue_room = s->queue_first = s->queue_count = 0;
}

static bool queue_grow(struct stream *s)
{
	uint32_t room = s->queue_room > 0 ? s->queue_room * 2 : FIRST_ROOM;
	struct stream_chunk *ring = calloc(room, sizeof *ring);

	if (ring == NULL)
		return false;
	for (uint32_t i = 0; i < s->queue_count; i++)
		ring[i] = *chunk_at(s, i);
	if (s->queue_room > 0)
		free(s->queue.ring);
	s->queue.ring = ring;
	s->queue_room = room;
	s->queue_first = 0;
	return true;
}

static bool queue_add(struct stream *s, struct shared *b, uint32_t from, uint32_t len)
{
	size_t before = stream_kept(s);

	if (s->queue_count > 0) {
		struct stream_chunk *last = chunk_at(s, s->queue_count - 1);
		if (last->b == b && last->from + last->len == from && last->len + len >= len) {
			last->len += len;
			s->queued += len;
			count(s, before);
			return true;
		}
	}
	uint32_t room = s->queue_room > 0 ? s->queue_room : 1;
	if (s->queue_count == room && !queue_grow(s))
		return false;
	*chunk_at(s, s->queue_count++) = (struct stream_chunk){shared_ref(b), from, len};
	s->queued += len;
	count(s, before);
	return true;
}

/* The kernel took n bytes from the front. */
static void queue_eat(struct stream *s, size_t n)
{
	size_t before = stream_kept(s);

	s->queued -= n;
	s->bytes_out += n;
	while (n > 0) {
		struct stream_chunk *first = chunk_at(s, 0);
		uint32_t part = (uint32_t)size_min(n, first->len);
		first->from += part;
		first->len -= part;
		n -= part;
		if (first->len > 0)
			break;
		shared_unref(first->b);
		s->queue_first = (s->queue_first + 1) & (s->queue_room - 1);
		s->queue_count--;
	}
	count(s, before);
	if (s->queue_count == 0) {
		assert(s->queued == 0);
		queue_free(s);
	}
}

static void queue_drop(struct stream *s)
{
	size_t before = stream_kept(s);

	for (uint32_t i = 0; i < s->queue_count; i++)
		shared_unref(chunk_at(s, i)->b);
	queue_free(s);
	s->queued = 0;
	count(s, before);
}

void stream_count_in(struct stream *s, size_t *total)
{
	assert(s->total == NULL);
	s->total = total;
	*total += stream_kept(s);
}

void stream_count_out(struct stream *s)
{
	if (s->total != NULL)
		*s->total -= stream_kept(s);
	s->total = NULL;
}

/* What poll waits for follows what is true of the stream: to be called when something of it has changed. */

static void on_poll(uv_poll_t *poll, int status, int events);

static void set_poll(struct stream *s)
{
	int wanted = 0;

	if (s->closing || !s->open)
		return;
	if (s->reading && s->connected)
		wanted |= UV_READABLE;
	if (s->dialling || (s->full && !s->broken))
		wanted |= UV_WRITABLE;
	if (wanted == s->polled)
		return;
	s->polled = (uint8_t)wanted;
	/* Neither can fail for a handle that is open. */
	if (wanted != 0)
		uv_poll_start(&s->poll, wanted, on_poll);
	else
		uv_poll_stop(&s->poll);
}

/* Endings. The owner hears of them in settle, which is never run from inside a stream_ function. */

static void fault(struct stream *s, int status)
{
	if (s->broken)
		return;
	s->broken = true;
	queue_drop(s);
	if (s->end_status == 0 || s->end_status == UV_EOF) {
		s->end_status = status;
		s->ended = false;
	}
	loop_at_turn_end(s->loop, &s->flush);
}

static uint32_t read_max(const struct stream *s)
{
	return s->read_max > 0 ? s->read_max : LOOP_READ_ROOM;
}

/* A peer that died may have said something first; a write that failed must not hide it. */
static void read_last_words(struct stream *s)
{
	struct slice bytes;

	for (size_t total = 0; s->reading && !s->closing && total < DRAIN_MAX; total += bytes.len) {
		bytes = stream_rest(s);
		if (bytes.len == 0)
			return;
		s->ops->on_bytes(s, bytes);
	}
}

/* Into the loop's room. As recv. */
static ssize_t receive(struct stream *s)
{
	ssize_t n;

	do
		n = recv(s->fd, s->loop->read_room, read_max(s), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		s->bytes_in += (uint64_t)n;
	return n;
}

struct slice stream_rest(struct stream *s)
{
	ssize_t n = receive(s);

	return n > 0 ? slice_of(s->loop->read_room, (size_t)n) : slice_of(NULL, 0);
}

static void tell_end(struct stream *s)
{
	if (s->end_status == UV_EPIPE || s->end_status == UV_ECONNRESET)
		read_last_words(s);
	if (s->closing)
		return;
	s->reading = false;
	set_poll(s);
	s->ended = true;
	s->ops->on_end(s, s->end_status);
}

/* Tells the owner what has become true. Any of the calls may close the stream, but not free it. */
static void settle(struct stream *s)
{
	if (s->closing)
		return;
	if (s->dial_over) {
		s->dial_over = false;
		s->connected = s->dial_status == 0;
		set_poll(s);
		loop_at_turn_end(s->loop, &s->flush);
		s->ops->on_connected(s, s->dial_status);
		return;
	}
	if (s->end_status != 0 && !s->ended) {
		tell_end(s);
		return;
	}
	if (s->broken)
		return;
	if (!s->is_slow && s->queued > s->high) {
		s->is_slow = true;
		if (s->ops->on_slow != NULL)
			s->ops->on_slow(s);
	} else if (s->is_slow && s->queued <= s->low) {
		s->is_slow = false;
		if (s->ops->on_drained != NULL)
			s->ops->on_drained(s);
	}
}

/* Writing */

/* What the kernel takes of the parts at the moment; negative: a fault, which is noted. */
static ssize_t give(struct stream *s, struct iovec *parts, size_t count)
{
	const struct msghdr m = {.msg_iov = parts, .msg_iovlen = count};
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	ssize_t n;

	do
		n = count == 1 ? send(s->fd, parts->iov_base, parts->iov_len, flags)
			       : sendmsg(s->fd, &m, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
		return 0;
	if (n < 0)
		fault(s, -errno);
	return n;
}

/* Gives the kernel what it takes of the queue's front. False: that was not all. */
static bool send_front(struct stream *s)
{
	struct iovec parts[IOV_AT_ONCE];
	size_t total = 0;
	uint32_t count = 0;

	for (; count < s->queue_count && count < IOV_AT_ONCE; count++) {
		const struct stream_chunk *c = chunk_at(s, count);
		parts[count] = (struct iovec){c->b->bytes + c->from, c->len};
		total += c->len;
	}
	ssize_t n = give(s, parts, count);
	if (n > 0)
		queue_eat(s, (size_t)n);
	return n >= 0 && (size_t)n == total;
}

static void flush(struct stream *s)
{
	if (s->closing || s->broken || !s->connected || s->full)
		return;
	while (s->queue_count > 0)
		if (!send_front(s)) {
			s->full = !s->broken;
			set_poll(s);
			return;
		}
	if (!s->finishing || s->finished)
		return;
	if (shutdown(s->fd, SHUT_WR) < 0)
		fault(s, -errno);
	else
		s->finished = true;
}

static void on_flush(struct loop_task *task)
{
	struct stream *s = container_of(task, struct stream, flush);

	flush(s);
	settle(s);
}

void stream_write_part(struct stream *s, struct shared *b, uint32_t from, uint32_t len)
{
	assert(from <= b->len && len <= b->len - from);
	if (len == 0 || !s->open || s->broken || s->finishing || s->closing)
		return;
	if (!queue_add(s, b, from, len))
		fault(s, UV_ENOMEM);
	loop_at_turn_end(s->loop, &s->flush);
}

void stream_write(struct stream *s, struct shared *b)
{
	stream_write_part(s, b, 0, b->len);
}

void stream_write_now(struct stream *s, struct slice bytes)
{
	if (!s->open || s->broken || s->finishing || s->closing)
		return;
	if (bytes.len > 0 && s->connected && s->queue_count == 0 && !s->full) {
		struct iovec all = {(void *)(uintptr_t)bytes.at, bytes.len};
		ssize_t n = give(s, &all, 1);

		if (n < 0)
			return;
		s->bytes_out += (uint64_t)n;
		bytes = slice_from(bytes, (size_t)n);
	}
	if (bytes.len == 0)
		return;
	struct shared *rest = shared_new(bytes);
	if (rest == NULL) {
		fault(s, UV_ENOMEM);
		return;
	}
	stream_write(s, rest);
	shared_unref(rest);
}

void stream_flush(struct stream *s)
{
	if (!s->open || s->closing)
		return;
	flush(s);
	loop_at_turn_end(s->loop, &s->flush); /* the owner is told then */
}

void stream_finish(struct stream *s)
{
	if (!s->open || s->closing || s->finishing)
		return;
	s->finishing = true;
	loop_at_turn_end(s->loop, &s->flush);
}

bool stream_is_finished(const struct stream *s)
{
	return s->finished || (s->finishing && s->broken);
}

void stream_limits(struct stream *s, size_t high, size_t low)
{
	s->high = high;
	s->low = low;
	if (s->open && !s->closing)
		loop_at_turn_end(s->loop, &s->flush);
}

/* Reading */

void stream_read_max(struct stream *s, uint32_t bytes)
{
	s->read_max = bytes < LOOP_READ_ROOM ? bytes : LOOP_READ_ROOM;
}

/* One piece. Whether there may be more. */
static bool read_piece(struct stream *s)
{
	ssize_t n = receive(s);

	if (n > 0) {
		size_t room = read_max(s);

		s->ops->on_bytes(s, slice_of(s->loop->read_room, (size_t)n));
		return (size_t)n == room && s->reading && !s->closing;
	}
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0)
		fault(s, -errno);
	else if (s->end_status == 0)
		s->end_status = UV_EOF;
	settle(s);
	return false;
}

/* What one turn has for it; poll tells again of what is left. */
static void read_some(struct stream *s)
{
	unsigned pieces = s->read_max > 0 ? 1 : PIECES_AT_ONCE;

	while (pieces > 0 && read_piece(s))
		pieces--;
}

void stream_read(struct stream *s)
{
	if (!s->open || s->closing || s->reading || s->end_status != 0)
		return;
	s->reading = true;
	set_poll(s);
}

void stream_pause(struct stream *s)
{
	if (!s->open || s->closing || !s->reading)
		return;
	s->reading = false;
	set_poll(s);
}

/* What the kernel has against the socket; it tells once. */
static int socket_status(const struct stream *s)
{
	int error = 0;
	socklen_t len = sizeof error;

	return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : -error;
}

static void dialled(struct stream *s, int status)
{
	s->dialling = false;
	s->dial_over = true;
	s->dial_status = status;
	s->broken = status < 0;
	if (s->broken)
		queue_drop(s);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct stream *s = container_of(poll, struct stream, poll);
	uint64_t bytes_in = s->bytes_in;

	/* A fault, and libuv waits for nothing more. Which fault, the next call says. */
	if (status < 0) {
		s->polled = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (s->dialling) {
		dialled(s, socket_status(s));
		settle(s);
		return;
	}
	if ((events & UV_READABLE) != 0 && s->reading)
		read_some(s);
	if ((events & UV_WRITABLE) != 0 && s->full && !s->closing) {
		s->full = false;
		flush(s);
		settle(s);
	}
	if (status < 0 && !s->closing && !s->ended && s->bytes_in == bytes_in) {
		int why = socket_status(s);
		fault(s, why < 0 ? why : UV_EIO);
	}
	set_poll(s);
}

/* Opening */

static void set_tcp_options(int fd)
{
	const int on = 1;

	/* Best effort: a stream without them is slow or loses a byte of urgent data, no more. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
}

/* On success the descriptor is the stream's. Only a closing can end it from here on. */
static int begin(
	struct stream *s, struct loop *loop, int fd, bool is_tcp, const struct stream_ops *ops)
{
	*s = (struct stream){.fd = fd,
		.loop = loop,
		.ops = ops,
		.high = SIZE_MAX,
		.is_tcp = is_tcp,
		.open = true};
	loop_task_init(&s->flush, on_flush);
	int status = uv_poll_init(&loop->uv, &s->poll, fd); /* makes it non-blocking, too */
	if (status < 0)
		s->open = false;
	return status;
}

int stream_accept(
	struct stream *s, struct loop *loop, uv_stream_t *listening, const struct stream_ops *ops)
{
	int fd = listening->accepted_fd;

	if (fd < 0)
		return UV_EAGAIN;
	listening->accepted_fd = -1; /* libuv goes on when the callback returns */
	int status = begin(s, loop, fd, listening->type == UV_TCP, ops);
	if (status < 0)
		close(fd);
	s->connected = true;
	return status;
}

void stream_refuse(uv_stream_t *listening)
{
	if (listening->accepted_fd < 0)
		return;
	close(listening->accepted_fd);
	listening->accepted_fd = -1;
}

bool stream_is_dead(const struct stream *s, uint64_t ms)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	if (!s->is_tcp || getsockopt(stream_fd(s), IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return false;
	/* Probes of a window that is closed are answered, too. */
	return (info.tcpi_retransmits > 0 || info.tcpi_probes > 1) && info.tcpi_last_ack_recv >= ms;
}

void stream_refuse_with(uv_stream_t *listening, const char *words, size_t len)
{
	int fd = listening->accepted_fd;
	char heard[2048];

	if (fd < 0)
		return;
	/* What he has said already is read: a close with unread input would be a reset, and take the
	 * words away from him. */
	if (send(fd, words, len, MSG_DONTWAIT | MSG_NOSIGNAL) > 0 && shutdown(fd, SHUT_WR) == 0 &&
		recv(fd, heard, sizeof heard, MSG_DONTWAIT) < 0)
		errno = 0;
	stream_refuse(listening);
}

bool stream_waiting_from(const uv_stream_t *listening, struct address *out)
{
	return listening->accepted_fd >= 0 && address_of_peer(listening->accepted_fd, out);
}

int stream_open_fd(struct stream *s, struct loop *loop, int fd, const struct stream_ops *ops)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;

	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return -errno;
	bool is_tcp = name.ss_family != AF_UNIX;
	int status = begin(s, loop, fd, is_tcp, ops);
	if (status < 0)
		return status;
	if (is_tcp)
		set_tcp_options(fd);
	s->connected = true;
	return 0;
}

/* A socket for to that is bound to the host of from (NULL: to none), or a negative UV_E. */
static int socket_for(const struct address *from, const struct address *to)
{
	const int on = 1;
	bool is_unix = to->sa.sa_family == AF_UNIX;

	if (to->len == 0 || (is_unix && from != NULL))
		return UV_EINVAL;
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!is_unix)
		set_tcp_options(fd);
	if (from == NULL)
		return fd;
	struct address here = *from;
	if (here.sa.sa_family == AF_INET)
		here.in.sin_port = 0;
	else
		here.in6.sin6_port = 0;
	/* The kernel picks the port at connect: so it need only be free for this one peer. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (here.sa.sa_family != to->sa.sa_family || bind(fd, &here.sa, here.len) < 0) {
		int status = here.sa.sa_family != to->sa.sa_family ? UV_EINVAL : -errno;
		close(fd);
		return status;
	}
	return fd;
}

static int dial(struct stream *s, struct loop *loop, const struct address *from,
	const struct address *to, const struct stream_ops *ops)
{
	int fd = socket_for(from, to);

	if (fd < 0)
		return fd;
	int status = begin(s, loop, fd, to->sa.sa_family != AF_UNIX, ops);
	if (status < 0) {
		close(fd);
		return status;
	}
	do
		status = connect(fd, &to->sa, to->len) < 0 ? -errno : 0;
	while (status == UV_EINTR);
	if (status == -EINPROGRESS) {
		s->dialling = true;
		set_poll(s);
	} else { /* a socket of this machine, or such as no route: told a little later */
		dialled(s, status);
		loop_at_turn_end(loop, &s->flush);
	}
	return 0;
}

int stream_dial(
	struct stream *s, struct loop *loop, const struct address *to, const struct stream_ops *ops)
{
	return dial(s, loop, NULL, to, ops);
}

int stream_dial_from(struct stream *s, struct loop *loop, const struct address *from,
	const struct address *to, const struct stream_ops *ops)
{
	return dial(s, loop, from, to, ops);
}

/* Closing */

static void on_handle_closed(uv_handle_t *handle)
{
	struct stream *s = container_of((uv_poll_t *)handle, struct stream, poll);

	s->open = false;
	s->ops->on_closed(s);
}

void stream_close(struct stream *s)
{
	if (!s->open || s->closing)
		return;
	s->closing = true;
	s->reading = false;
	loop_task_cancel(&s->flush);
	queue_drop(s);
	uv_close((uv_handle_t *)&s->poll, on_handle_closed);
	close(s->fd);
	s->fd = -1;
}

int stream_fd(const struct stream *s)
{
	return s->open && !s->closing ? s->fd : -1;
}
