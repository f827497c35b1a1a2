#include "multiplexer/listener.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "multiplexer/mux.h"

static const struct listener_kind kinds[] = {
	{.name = "telnet-line",
		.help = "telnet, edited lines",
		.layers = {&layer_compress, &layer_telnet, &layer_line},
		.is_telnet = true,
		.line_mode = true},
	{.name = "telnet-char",
		.help = "telnet, each key at once",
		.layers = {&layer_compress, &layer_telnet_char, &layer_keys},
		.is_telnet = true},
	{.name = "raw", .help = "bytes as they come"},
	{.name = "websocket",
		.help = "browsers: the play page, and WebSocket for it and others",
		.layers = {&layer_websocket, &layer_telnet, &layer_line},
		.handshake = true,
		.no_ident = true,
		.line_mode = true},
	{.name = "multiplexer",
		.help = "another multiplexer, whose users come in through us",
		.is_chain = true},
};

struct listener {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	struct mux *mux;                      /* borrowed: outlives us */
	const struct listener_config *config; /* borrowed: outlives us */
	unsigned users;
};

const struct listener_kind *listener_kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

const char *listener_kind_names(void)
{
	static char names[128];
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds) && len < sizeof names; i++)
		len += (size_t)snprintf(
			names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "", kinds[i].name);
	return names;
}

/* How much the kernel keeps for one user that his side has no room for; the rest waits with us, where
 * it is counted, told and ended in time. His socket inherits it. */
static void keep_kernel_queues_short(int fd)
{
	const int bytes = 16 * 1024;

	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

/* A cable that was pulled tells nobody: who is idle is asked now and then by the kernel (row A07). What was
 * sent to him is another matter: see stream_is_dead. TCP_USER_TIMEOUT is not it, since it also ends who
 * just does not read for a while, for which there are limits of ours. */
static void ask_the_idle(int fd, uint64_t dead_after)
{
	const int on = 1, times = 6;
	const int idle_s = (int)((dead_after / 2 + 999) / 1000);
	const int every_s = (int)((dead_after / (2 * times) + 999) / 1000);

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
}

static void connection_cb(uv_stream_t *stream, int status)
{
	struct listener *l = stream->data;

	if (status < 0) {
		log_warn("listener %s: a connection failed: %s", l->config->name,
			uv_strerror(status));
		return;
	}
	if (l->config->kind->is_chain)
		chain_accept(&l->mux->chain, l->config, stream);
	else
		arrival_accept(l->mux, l, stream);
}

static void failed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

struct listener *listener_open(
	struct mux *mux, const struct listener_config *config, const char **why)
{
	static char text[256];
	char address[ADDRESS_TEXT_MAX];
	struct listener *l = calloc(1, sizeof *l);
	int fd, status;

	*why = "out of memory";
	if (l == NULL)
		return NULL;
	l->mux = mux;
	l->config = config;
	fd = address_listen(&config->address, config->mode, why);
	if (fd < 0) {
		free(l);
		return NULL;
	}
	if (config->address.sa.sa_family == AF_UNIX) {
		uv_pipe_init(&mux->loop->uv, &l->uv.pipe, 0);
		status = uv_pipe_open(&l->uv.pipe, fd);
	} else {
		keep_kernel_queues_short(fd);
		ask_the_idle(fd, mux->config.options.dead_after);
		uv_tcp_init(&mux->loop->uv, &l->uv.tcp);
		status = uv_tcp_open(&l->uv.tcp, fd);
	}
	l->uv.handle.data = l;
	if (status < 0)
		close(fd);
	else
		status = uv_listen(&l->uv.stream, 1024, connection_cb);
	address_text(&config->address, address);
	if (status < 0) {
		snprintf(text, sizeof text, "%s: %s", address, uv_strerror(status));
		*why = text;
		uv_close(&l->uv.handle, failed_cb);
		return NULL;
	}
	log_info("listener %s: %s on %s, number %u", config->name, config->kind->name, address,
		config->number);
	return l;
}

void listener_close(struct listener *l)
{
	if (uv_is_closing(&l->uv.handle))
		return;
	if (l->config->address.sa.sa_family == AF_UNIX)
		unlink(l->config->address.un.sun_path);
	uv_close(&l->uv.handle, NULL);
}

void listener_free(struct listener *l)
{
	free(l);
}

const struct listener_config *listener_config(const struct listener *l)
{
	return l->config;
}

unsigned listener_users(const struct listener *l)
{
	return l->users;
}

void listener_count(struct listener *l, int change)
{
	l->users += (unsigned)change;
}
