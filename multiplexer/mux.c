/* The multiplexer: it owns every user's socket and stays up while the game restarts.
 *
 *   listener ---> subclient <---> layers <---> [ users' sockets ]
 *                    |  ^
 *      input, coming |  | output, kill, save
 *      and going     v  |
 *                serverlink  <--- handlers
 *                    |  ^
 *                    v  |
 *                 proto/link <================> [ the game server ]
 *
 * A listener of kind multiplexer leads to chain instead: other multiplexers, whose users are ours too.
 * outage decides what users are told of the server's coming and going; control is the admins' door. */
#include "multiplexer/mux.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "multiplexer/detached.h"
#include "multiplexer/news.h"

enum { PACE_MS = 25, PACE_SLICES = 10 };
enum { CLOCK_MS = 250, STOPPING_CLOCK_MS = 20, STOP_MAX_MS = 5000 };

const char *mux_notice(const struct mux *mux, enum outage_say say)
{
	const struct options *o = &mux->config.options;

	switch (say) {
	case SAY_RESTART:
		return o->notice_restart;
	case SAY_CRASH:
		return o->notice_crash;
	case SAY_AWAY:
		return o->notice_away;
	case SAY_HANG:
		return o->notice_hang;
	case SAY_BACK:
		return o->notice_back;
	case SAY_NOTHING:
		break;
	}
	return NULL;
}

void mux_tell_all(struct mux *mux, enum outage_say say)
{
	const char *text = mux_notice(mux, say);

	if (text == NULL)
		return;
	LIST_EACH(node, &mux->users)
	subclient_notice(container_of(node, struct subclient, node), text);
}

/* Copies text with {n} as the number. */
static void fill_in(char *out, size_t room, const char *text, unsigned n)
{
	const char *at = strstr(text, "{n}");

	if (at == NULL)
		snprintf(out, room, "%s", text);
	else
		snprintf(out, room, "%.*s%u%s", (int)(at - text), text, n, at + 3);
}

void mux_tell_doubt(struct mux *mux, bool all)
{
	const struct options *o = &mux->config.options;
	char text[1100];

	LIST_EACH(node, &mux->users)
	{
		struct subclient *u = container_of(node, struct subclient, node);

		if (u->doubt == 0 && !all)
			continue;
		fill_in(text, sizeof text,
			u->doubt > 0 ? o->notice_crash_doubt : o->notice_crash_safe, u->doubt);
		subclient_notice(u, text);
	}
}

bool mux_keep_departed(struct mux *mux, struct subclient *u)
{
	unsigned max = mux->config.options.departed_max;

	if (u->departed)
		return true;
	if (mux->stopping || mux->departed >= (u->ever_told ? max : max / 2)) {
		mux->metrics.input_dropped++;
		return false;
	}
	u->departed = true;
	mux->departed++;
	return true;
}

void mux_accept(struct mux *mux, bool localhost_only, const char *who)
{
	if (mux->localhost_only != localhost_only)
		log_info("accepting %s now, says %s",
			localhost_only ? "users from localhost only" : "all users", who);
	mux->localhost_only = localhost_only;
	chain_accept_mode(&mux->chain);
	mux->metrics.localhost_only = localhost_only;
}

/* What the options say of who may connect. */
static void set_admission_limits(struct mux *mux)
{
	const struct options *o = &mux->config.options;

	mux->admission_limits = (struct admission_limits){.per_address = o->address_users,
		.unproven_per_address = o->address_silent,
		.burst = o->connect_burst,
		.per_minute = o->connect_rate,
		.drop_from = o->silent_drop_from,
		.drop_percent = o->silent_drop_percent,
		.drop_all = o->silent_max};
}

void mux_reload(struct mux *mux)
{
	struct config fresh;
	const char *why;

	if (!config_load(&fresh, mux->config_file, &why)) {
		log_error("configuration not read again, the old one stays: %s", why);
		return;
	}
	config_apply_live(&mux->config, &fresh);
	mux->house.compressed_max = (uint32_t)mux->config.options.mccp_users;
	config_free(&fresh);
	set_admission_limits(mux);
	detached_configure(mux);
	mux->queues.pool.limit = pool_limit(mux->config.options.queue_pool);
	queues_check(mux);
	lookups_reload(&mux->lookups);
	if (!serverlink_configure(&mux->server, &why))
		log_error("%s", why);
	tls_helper_reload(&mux->tls);
	log_info("configuration read again");
}

/* Numbers change while the answers are given: each takes them anew. */
static void update_mssp(struct mssp *m)
{
	struct mux *mux = container_of(m, struct mux, mssp);
	static char ports[256], tls[8];
	size_t len = 0;

	tls[0] = '\0';
	for (size_t i = 0; i < mux->config.listener_count && len < sizeof ports - 8; i++) {
		const struct listener_config *l = &mux->config.listeners[i];
		bool v6 = l->address.sa.sa_family == AF_INET6;
		unsigned port = ntohs(v6 ? l->address.in6.sin6_port : l->address.in.sin_port);

		if (mux->listeners[i] == NULL || l->address.sa.sa_family == AF_UNIX ||
			l->negotiate == NEGOTIATE_NEVER || !l->kind->is_telnet)
			continue;
		if (l->tls && tls[0] == '\0')
			snprintf(tls, sizeof tls, "%u", port & 0xffff);
		else if (!l->tls)
			len += (size_t)snprintf(
				ports + len, sizeof ports - len, "%s%u", len > 0 ? " " : "", port);
	}
	ports[len] = '\0';
	m->facts = (struct mssp_facts){.players = (unsigned)mux->metrics.users_now,
		.up_since = (uint64_t)mux->started_at,
		.ports = ports,
		.tls = tls,
		.version = HOLDFAST_VERSION};
}

static void flush_task(struct loop_task *task)
{
	struct mux *mux = container_of(task, struct mux, flush);

	while (!list_is_empty(&mux->unflushed))
		subclient_flush(container_of(mux->unflushed.next, struct subclient, unflushed));
}

static void bury_task(struct loop_task *task)
{
	subclient_bury(container_of(task, struct mux, bury));
}

static void claims_task(struct loop_task *task)
{
	detached_claims(container_of(task, struct mux, claims));
}

static void pump_task(struct loop_task *task)
{
	struct mux *mux = container_of(task, struct mux, pump);

	news_pump(&mux->server);
	chain_pump(&mux->chain);
	if (bans_pump(&mux->bans))
		loop_at_next_turn(mux->loop, task);
}

static bool is_through(const struct mux *mux)
{
	return list_is_empty(&mux->users) && mux->outside == 0 && mux->securing == 0 &&
	       serverlink_is_down(&mux->server) && chain_is_through(&mux->chain);
}

static void pace_cb(uv_timer_t *timer)
{
	struct mux *mux = timer->data;
	bool some = false;

	mux->paces++;
	LIST_EACH(node, &mux->watched)
	{
		struct subclient *u = container_of(node, struct subclient, watched);

		some |= u->paced;
		if ((u->number + mux->paces) % PACE_SLICES == 0)
			subclient_pace(u);
	}
	if (!some)
		uv_timer_stop(timer);
}

void mux_pace(struct mux *mux)
{
	if (!mux->stopping && !uv_is_active((uv_handle_t *)&mux->pace))
		uv_timer_start(&mux->pace, pace_cb, PACE_MS, PACE_MS);
}

static void say_what_is_not_logged(struct mux *mux)
{
	uint64_t n = logquota_left_out(&mux->refusals);

	if (n == 0)
		return;
	mux->metrics.log_left_out += n;
	log_warn("listeners: %llu refusals suppressed in this log in the last second",
		(unsigned long long)n);
}

enum { DEAD_SLICES = 15 };

/* Each is looked at four times within the least time that makes one dead, or nearly so. */
static void drop_the_dead(struct mux *mux, uint64_t now)
{
	uint64_t dead_after = mux->config.options.dead_after;
	uint64_t slices = dead_after / 4000 < DEAD_SLICES ? dead_after / 4000 + 1 : DEAD_SLICES;

	LIST_EACH(node, &mux->users)
	{
		struct subclient *u = container_of(node, struct subclient, node);

		if ((u->number + now / 1000) % slices == 0 && u->state == SUBCLIENT_CONNECTED &&
			!u->layers.detached && stream_is_dead(u->stream, dead_after))
			subclient_drop(u, CLOSING_DEAD);
	}
}

static void clock_cb(uv_timer_t *timer)
{
	struct mux *mux = timer->data;
	uint64_t now = loop_now_ms(mux->loop);

	LIST_EACH(node, &mux->watched)
	subclient_tick(container_of(node, struct subclient, watched));
	chain_clock(&mux->chain);
	if (now - mux->second_ms >= 1000) {
		mux->second_ms = now;
		LIST_EACH(node, &mux->ticking)
		subclient_second(container_of(node, struct subclient, ticking));
		say_what_is_not_logged(mux);
		drop_the_dead(mux, now);
		bans_second(&mux->bans);
		bans_pump(&mux->bans);
		serverlink_tick(&mux->server);
		tls_helper_second(&mux->tls);
		mux_tell_all(
			mux, outage_tick(&mux->outage, mux->config.options.notice_back_after, now));
	}
	if (mux->stopping && (is_through(mux) || now - mux->stopping_ms >= STOP_MAX_MS))
		loop_stop(mux->loop);
}

static void close_listeners(struct mux *mux)
{
	for (size_t i = 0; mux->listeners != NULL && i < mux->config.listener_count; i++)
		if (mux->listeners[i] != NULL)
			listener_close(mux->listeners[i]);
}

void mux_stop(struct mux *mux, const char *reason)
{
	if (mux->stopping) {
		log_warn("asked to end a second time: ending at once");
		loop_stop(mux->loop);
		return;
	}
	log_info("ending: %s", reason);
	mux->stopping = true;
	mux->stopping_ms = loop_now_ms(mux->loop);
	close_listeners(mux);
	LIST_EACH(node, &mux->users)
	subclient_end(container_of(node, struct subclient, node), CLOSING_SHUTDOWN,
		mux->config.options.notice_shutdown);
	chain_stop(&mux->chain);
	LIST_EACH(node, &mux->watched) /* who is no user yet */
	subclient_end(container_of(node, struct subclient, watched), CLOSING_SHUTDOWN,
		mux->config.options.notice_shutdown);
	serverlink_stop(&mux->server);
	uv_timer_start(&mux->clock, clock_cb, STOPPING_CLOCK_MS, STOPPING_CLOCK_MS);
}

static bool open_listeners(struct mux *mux, const char **why)
{
	static char text[400];
	size_t open = 0;

	mux->listeners = calloc(mux->config.listener_count, sizeof(struct listener *));
	if (mux->listeners == NULL) {
		*why = "out of memory";
		return false;
	}
	for (size_t i = 0; i < mux->config.listener_count; i++) {
		const struct listener_config *l = &mux->config.listeners[i];

		mux->listeners[i] = listener_open(mux, l, why);
		if (mux->listeners[i] != NULL) {
			open++;
		} else if (l->optional && open > 0) {
			log_warn("listener %s: left out: %s", l->name, *why);
		} else {
			snprintf(text, sizeof text, "listener %s: %s", l->name, *why);
			*why = text;
			return false;
		}
	}
	return true;
}

static bool open_control(struct mux *mux, const char **why)
{
	char path[512];

	snprintf(path, sizeof path, "%s/multiplexer.sock", mux->run_dir);
	mux->control = control_open(mux->loop,
		&(struct control_config){.path = path,
			.table = mux_commands,
			.rows = mux_command_rows,
			.who = 1,
			.owner = mux},
		why);
	return mux->control != NULL;
}

bool mux_open(struct mux *mux, struct loop *loop, struct config *config, const char *config_file,
	const char *run_dir, const char **why)
{
	*mux = (struct mux){.loop = loop,
		.config = *config,
		.config_file = config_file,
		.run_dir = run_dir,
		.started_ms = loop_now_ms(loop)};
	memset(config, 0, sizeof *config);
	list_init(&mux->users);
	list_init(&mux->ticking);
	list_init(&mux->waiting);
	list_init(&mux->watched);
	queues_open(&mux->queues, mux->config.options.queue_pool);
	list_init(&mux->unflushed);
	list_init(&mux->graves);
	loop_task_init(&mux->bury, bury_task);
	list_init(&mux->claiming);
	loop_task_init(&mux->claims, claims_task);
	mux->house.sessions = &mux->sessions;
	detached_configure(mux);
	loop_task_init(&mux->pump, pump_task);
	loop_task_init(&mux->flush, flush_task);
	mux->started_at = time(NULL);
	mux->mssp.update = update_mssp;
	mux->house.mssp = &mux->mssp;
	mux->house.compressed_max = (uint32_t)mux->config.options.mccp_users;
	outage_start(&mux->outage, mux->started_ms);
	lookups_open(&mux->lookups, loop, &mux->config.options, &mux->metrics);
	mux->clock.data = mux;
	uv_timer_init(&loop->uv, &mux->clock);
	mux->pace.data = mux;
	uv_timer_init(&loop->uv, &mux->pace);
	/* A number from an earlier run must not name somebody in this one. */
	uv_random(NULL, NULL, &mux->roster.last, sizeof mux->roster.last, 0, NULL);
	uv_random(NULL, NULL, mux->incarnation, sizeof mux->incarnation, 0, NULL);
	set_admission_limits(mux);
	mux->admission = admission_new(&mux->admission_limits);
	bool has_server = serverlink_open(&mux->server, mux, why);
	if (mux->admission == NULL || !chain_open(&mux->chain, mux)) {
		*why = "out of memory";
		return false;
	}
	if (!has_server || !bans_open(&mux->bans, mux, why) ||
		!tls_helper_open(&mux->tls, mux, why) || !open_listeners(mux, why) ||
		!open_control(mux, why))
		return false;
	uv_timer_start(&mux->clock, clock_cb, CLOCK_MS, CLOCK_MS);
	return true;
}

void mux_close(struct mux *mux)
{
	close_listeners(mux);
	LIST_EACH(node, &mux->watched)
	subclient_drop(container_of(node, struct subclient, watched), CLOSING_SHUTDOWN);
	LIST_EACH(node, &mux->users)
	subclient_drop(container_of(node, struct subclient, node), CLOSING_SHUTDOWN);
	tls_helper_close(&mux->tls);
	lookups_close(&mux->lookups);
	serverlink_close(&mux->server);
	chain_close(&mux->chain);
	LIST_EACH(node, &mux->waiting)
	{
		struct subclient *u = container_of(node, struct subclient, waiting);

		if (u->state == SUBCLIENT_GONE)
			subclient_forget(u);
		else
			list_remove(node);
	}
	subclient_bury(mux);
	loop_task_cancel(&mux->bury);
	loop_task_cancel(&mux->claims);
	control_close(mux->control);
	mux->control = NULL;
	loop_task_cancel(&mux->pump);
	loop_task_cancel(&mux->queues.squeeze);
	loop_task_cancel(&mux->flush);
	if (!uv_is_closing((uv_handle_t *)&mux->clock)) {
		uv_close((uv_handle_t *)&mux->clock, NULL);
		uv_close((uv_handle_t *)&mux->pace, NULL);
	}
}

void mux_free(struct mux *mux)
{
	for (size_t i = 0; mux->listeners != NULL && i < mux->config.listener_count; i++)
		listener_free(mux->listeners[i]);
	free(mux->listeners);
	mux->listeners = NULL;
	secrets_free(&mux->secrets);
	chain_free(&mux->chain);
	mssp_free(&mux->mssp);
	events_forget(&mux->events);
	bans_free(&mux->bans);
	roster_free(&mux->roster);
	admission_free(mux->admission);
	mux->admission = NULL;
	config_free(&mux->config);
}
