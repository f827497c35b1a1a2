#include "common/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FIRST_ROOM = 8,        /* chunks */
	IOV_AT_ONCE = 256,     /* chunks in one writev */
	IN_FLIGHT = 64 * 1024, /* bytes libuv may hold, so that queued is never far from true */
	DRAIN_MAX = 16 * 1024 * 1024 /* bytes still read from a peer we can no longer write to */
};

/* The front of the queue's first chunk, while it waits in libuv for the kernel to have room. */
struct stream_write {
	uv_write_t req;
	struct stream *stream;
	struct shared *b; /* owned: the queue may be dropped before libuv is done */
	uint32_t len;
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

/* Endings. The owner hears of them in settle, which is never run from inside a stream_ function. */

static void fault(struct stream *s, int status)
{
	if (s->broken)
		return;
	s->broken = true;
	queue_drop(s);
	if (s->end_status == 0)
		s->end_status = status;
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

struct slice stream_rest(struct stream *s)
{
	ssize_t n;

	do
		n = recv(stream_fd(s), s->loop->read_room, read_max(s), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return slice_of(NULL, 0);
	s->bytes_in += (uint64_t)n;
	return slice_of(s->loop->read_room, (size_t)n);
}

static void tell_end(struct stream *s)
{
	if (s->end_status == UV_EPIPE || s->end_status == UV_ECONNRESET)
		read_last_words(s);
	if (s->closing)
		return;
	uv_read_stop(&s->uv.stream);
	s->reading = false;
	s->ended = true;
	s->ops->on_end(s, s->end_status);
}

/* Tells the owner what has become true. Any of the calls may close the stream, but not free it. */
static void settle(struct stream *s)
{
	if (s->closing)
		return;
	if (s->dial_status != 0) {
		int status = s->dial_status;
		s->dial_status = 0;
		s->ops->on_connected(s, status);
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

static void flush(struct stream *s);

static void on_written(uv_write_t *req, int status)
{
	struct stream_write *w = container_of(req, struct stream_write, req);
	struct stream *s = w->stream;
	uint32_t len = w->len;

	s->writing = NULL;
	shared_unref(w->b);
	free(w);
	if (s->closing || s->broken)
		return;
	if (status < 0)
		fault(s, status);
	else
		queue_eat(s, len);
	flush(s);
	settle(s);
}

/* Leaves the front of the queue to libuv, which waits until the kernel has room. It also finds the
 * fault that a uv_try_write may have hidden behind UV_EAGAIN. */
static void wait_for_room(struct stream *s)
{
	const struct stream_chunk *first = chunk_at(s, 0);
	struct stream_write *w = calloc(1, sizeof *w);

	if (w == NULL) {
		fault(s, UV_ENOMEM);
		return;
	}
	w->stream = s;
	w->b = shared_ref(first->b);
	w->len = (uint32_t)size_min(first->len, IN_FLIGHT);
	uv_buf_t part = uv_buf_init((char *)w->b->bytes + first->from, w->len);
	int status = uv_write(&w->req, &s->uv.stream, &part, 1, on_written);
	if (status < 0) {
		shared_unref(w->b);
		free(w);
		fault(s, status);
		return;
	}
	s->writing = w;
}

static void flush(struct stream *s)
{
	if (s->closing || s->broken || !s->connected || s->writing != NULL)
		return;
	while (s->queue_count > 0) {
		uv_buf_t bufs[IOV_AT_ONCE];
		uint32_t count = s->queue_count < IOV_AT_ONCE ? s->queue_count : IOV_AT_ONCE;
		size_t total = 0;
		for (uint32_t i = 0; i < count; i++) {
			const struct stream_chunk *c = chunk_at(s, i);
			bufs[i] = uv_buf_init((char *)c->b->bytes + c->from, c->len);
			total += c->len;
		}
		int n = uv_try_write(&s->uv.stream, bufs, count);
		if (n < 0 && n != UV_EAGAIN) {
			fault(s, n);
			return;
		}
		if (n > 0)
			queue_eat(s, (size_t)n);
		if (n < 0 || (size_t)n < total) {
			wait_for_room(s);
			return;
		}
	}
	if (!s->finishing || s->finished)
		return;
	if (shutdown(stream_fd(s), SHUT_WR) < 0)
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

/* What the kernel takes of them; all of them when there is a fault. */
static size_t try_write(struct stream *s, struct slice bytes)
{
	size_t len = size_min(bytes.len, INT_MAX);
	uv_buf_t part = uv_buf_init((char *)(uintptr_t)bytes.at, (unsigned)len);
	int n = uv_try_write(&s->uv.stream, &part, 1);

	if (n < 0 && n != UV_EAGAIN) {
		fault(s, n);
		return bytes.len;
	}
	s->bytes_out += n > 0 ? (uint64_t)n : 0;
	return n > 0 ? (size_t)n : 0;
}

void stream_write_now(struct stream *s, struct slice bytes)
{
	if (!s->open || s->broken || s->finishing || s->closing)
		return;
	if (bytes.len > 0 && s->connected && s->queue_count == 0 && s->writing == NULL)
		bytes = slice_from(bytes, try_write(s, bytes));
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

uint64_t stream_sent(const struct stream *s)
{
	if (s->writing == NULL)
		return s->bytes_out;
	return s->bytes_out + s->writing->len - uv_stream_get_write_queue_size(&s->uv.stream);
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

static void on_room(uv_handle_t *handle, size_t wanted UNUSED, uv_buf_t *buf)
{
	struct stream *s = handle->data;

	uint32_t room = read_max(s);

	if (s->turn_max > 0) {
		if (s->turn != s->loop->turn)
			s->turn_read = 0;
		s->turn = s->loop->turn;
		room = (uint32_t)size_min(room, s->turn_max - s->turn_read);
	}
	/* No room: libuv leaves the socket alone until poll tells of it again. */
	*buf = uv_buf_init(room > 0 ? (char *)s->loop->read_room : NULL, room);
}

void stream_turn_max(struct stream *s, uint32_t bytes)
{
	s->turn_max = bytes;
	s->turn_read = 0;
}

void stream_read_max(struct stream *s, uint32_t bytes)
{
	s->read_max = bytes < LOOP_READ_ROOM ? bytes : LOOP_READ_ROOM;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct stream *s = stream->data;

	if (n > 0) {
		s->bytes_in += (uint64_t)n;
		s->turn_read += (uint32_t)n;
		s->ops->on_bytes(s, slice_of(buf->base, (size_t)n));
		return;
	}
	if (n == 0 ||
		n == UV_ENOBUFS) /* nothing there after all, or its share of the turn is spent */
		return;
	if (n == UV_EOF) {
		if (s->end_status == 0)
			s->end_status = UV_EOF;
	} else {
		fault(s, (int)n);
	}
	settle(s);
}

static void start_reading(struct stream *s)
{
	int status = uv_read_start(&s->uv.stream, on_room, on_read);

	if (status < 0)
		fault(s, status);
}

void stream_read(struct stream *s)
{
	if (!s->open || s->closing || s->reading || s->end_status != 0)
		return;
	s->reading = true;
	if (s->connected)
		start_reading(s);
}

void stream_pause(struct stream *s)
{
	if (!s->open || s->closing || !s->reading)
		return;
	s->reading = false;
	uv_read_stop(&s->uv.stream);
}

/* Opening */

static void set_tcp_options(int fd)
{
	const int on = 1;

	/* Best effort: a stream without them is slow or loses a byte of urgent data, no more. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
}

/* Neither of libuv's init functions can fail for these arguments. */
static void begin(struct stream *s, struct loop *loop, bool is_pipe, const struct stream_ops *ops)
{
	*s = (struct stream){.loop = loop, .ops = ops, .high = SIZE_MAX, .open = true};
	loop_task_init(&s->flush, on_flush);
	if (is_pipe)
		uv_pipe_init(&loop->uv, &s->uv.pipe, 0);
	else
		uv_tcp_init(&loop->uv, &s->uv.tcp);
	s->uv.handle.data = s;
}

/* From begin on only a closing can end a handle. So what fails after it (nothing that was ever
 * seen) is not returned but told by on_end, and then closed by the owner like any other. */
static void begun(struct stream *s, int status)
{
	s->connected = true;
	if (status < 0)
		fault(s, status);
}

int stream_accept(
	struct stream *s, struct loop *loop, uv_stream_t *listening, const struct stream_ops *ops)
{
	if (listening->accepted_fd < 0)
		return UV_EAGAIN;
	begin(s, loop, listening->type == UV_NAMED_PIPE, ops);
	begun(s, uv_accept(listening, &s->uv.stream));
	return 0;
}

void stream_refuse(uv_stream_t *listening)
{
	if (listening->accepted_fd < 0)
		return;
	/* uv_accept needs a handle, and a handle needs memory until a later turn. */
	close(listening->accepted_fd);
	listening->accepted_fd = -1;
}

bool stream_is_dead(const struct stream *s, uint64_t ms)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	if (s->uv.handle.type != UV_TCP ||
		getsockopt(stream_fd(s), IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
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
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	bool is_pipe = name.ss_family == AF_UNIX;
	begin(s, loop, is_pipe, ops);
	if (!is_pipe)
		set_tcp_options(fd);
	begun(s, is_pipe ? uv_pipe_open(&s->uv.pipe, fd) : uv_tcp_open(&s->uv.tcp, fd));
	return 0;
}

static void on_dialled(uv_connect_t *req, int status)
{
	struct stream *s = req->data;

	free(req);
	s->dialling = NULL;
	if (s->closing || s->broken)
		return;
	if (status < 0) {
		s->broken = true;
		queue_drop(s);
		s->ops->on_connected(s, status);
		return;
	}
	s->connected = true;
	loop_at_turn_end(s->loop, &s->flush);
	if (s->reading)
		start_reading(s);
	s->ops->on_connected(s, 0);
}

/* A socket that is bound to the host of from (NULL: to none), or a negative UV_E. */
static int tcp_socket(const struct address *from, const struct address *to)
{
	const int on = 1;

	if (to->len == 0 || to->sa.sa_family == AF_UNIX)
		return UV_EINVAL;
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
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
	bool is_pipe = from == NULL && to->len > 0 && to->sa.sa_family == AF_UNIX;
	uv_connect_t *req = calloc(1, sizeof *req);
	int fd = -1;

	if (req == NULL)
		return UV_ENOMEM;
	if (!is_pipe) {
		fd = tcp_socket(from, to);
		if (fd < 0) {
			free(req);
			return fd;
		}
	}
	begin(s, loop, is_pipe, ops);
	s->dialling = req;
	req->data = s;
	if (is_pipe) {
		uv_pipe_connect(req, &s->uv.pipe, to->un.sun_path, on_dialled);
		return 0;
	}
	int status = uv_tcp_open(&s->uv.tcp, fd);
	if (status < 0)
		close(fd);
	else
		status = uv_tcp_connect(req, &s->uv.tcp, &to->sa, on_dialled);
	if (status < 0) { /* such as no route: libuv says so at once, we a little later */
		free(req);
		s->dialling = NULL;
		s->broken = true;
		s->dial_status = status;
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
	struct stream *s = handle->data;

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
	uv_close(&s->uv.handle, on_handle_closed);
}

int stream_fd(const struct stream *s)
{
	uv_os_fd_t fd;

	if (!s->open || s->closing || uv_fileno(&s->uv.handle, &fd) < 0)
		return -1;
	return fd;
}
