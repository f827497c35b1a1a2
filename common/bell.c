#include "common/bell.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct bell *b = container_of(poll, struct bell, poll);
	uint64_t rings;

	/* Before anything is looked at: who rings later is heard again. */
	if (read(b->fd, &rings, sizeof rings) == sizeof rings)
		b->on_ring(b);
}

int bell_open(struct bell *b, struct loop *loop, void (*on_ring)(struct bell *b))
{
	*b = (struct bell){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .on_ring = on_ring};
	if (b->fd < 0)
		return -errno;
	int status = uv_poll_init(&loop->uv, &b->poll, b->fd);
	if (status < 0) {
		close(b->fd);
		return status;
	}
	uv_poll_start(&b->poll, UV_READABLE, on_readable); /* cannot fail for these arguments */
	return 0;
}

void bell_ring(struct bell *b)
{
	const uint64_t once = 1;

	/* It fails only where 2^64 rings wait, which are heard as one. */
	if (write(b->fd, &once, sizeof once) < 0)
		return;
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct bell *b = container_of((uv_poll_t *)handle, struct bell, poll);

	close(b->fd);
	b->on_closed(b);
}

void bell_close(struct bell *b, void (*on_closed)(struct bell *b))
{
	b->on_closed = on_closed;
	uv_close((uv_handle_t *)&b->poll, on_poll_closed);
}
