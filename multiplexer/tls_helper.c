#include "multiplexer/tls_helper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "multiplexer/mux.h"
#include "multiplexer/tls/speaker.h"
#include "multiplexer/tls_program.h"

enum {
	CHANNEL_FD = 3,
	CLOCK_MS = 20,
	DAY_S = 24 * 3600,
	WARN_DAYS = 14,
	END_MS = SPEAKER_FLUSH_MS + 1000 /* how long it may take to end */
};

static uint64_t now_ms(const struct tls_helper *t)
{
	return loop_now_ms(t->mux->loop);
}

static void start(struct tls_helper *t);

/* ---- the clock ---- */

static bool has_work(const struct tls_helper *t)
{
	return t->due_ms != 0 || t->kill_ms != 0 || !list_is_empty(&t->waiting);
}

static void clock_cb(uv_timer_t *timer)
{
	struct tls_helper *t = timer->data;

	if (t->due_ms != 0 && now_ms(t) >= t->due_ms)
		start(t);
	if (t->kill_ms != 0 && t->runs && now_ms(t) >= t->kill_ms) {
		log_warn("holdfast-tls (pid %d) does not end: killing it", t->process.pid);
		uv_process_kill(&t->process, SIGKILL);
		t->kill_ms = 0;
	}
	tls_helper_pump(t);
}

static void set_clock(struct tls_helper *t)
{
	bool active = uv_is_active((uv_handle_t *)&t->clock);

	if (uv_is_closing((uv_handle_t *)&t->clock) || active == has_work(t))
		return;
	if (active)
		uv_timer_stop(&t->clock);
	else
		uv_timer_start(&t->clock, clock_cb, CLOCK_MS, CLOCK_MS);
}

/* ---- who waits ---- */

/* As many handshakes a second as tls_handshakes says, at most those of one second at once. */
static bool take_credit(struct tls_helper *t)
{
	uint64_t rate = t->mux->config.options.tls_handshakes, now = now_ms(t);

	t->credit += (now - t->credit_ms) * rate;
	t->credit_ms = now;
	if (t->credit > rate * 1000)
		t->credit = rate * 1000;
	if (t->credit < 1000)
		return false;
	t->credit -= 1000;
	return true;
}

void tls_helper_pump(struct tls_helper *t)
{
	while (!list_is_empty(&t->waiting) && t->linked && t->answered && t->channel.waits == 0 &&
		take_credit(t))
		tls_user_move(container_of(t->waiting.next, struct tls_user, node));
	set_clock(t);
}

/* ---- certificates ---- */

static void name_certificates(struct tls_helper *t)
{
	const struct certificates *c = &t->mux->config.certificates;

	for (size_t i = 0; i < c->count; i++)
		channel_send(&t->channel,
			&(struct tls_message){.type = TLS_CERTIFICATE,
				.text = {slice_text(c->files[i].name),
					slice_text(c->files[i].chain),
					slice_text(c->files[i].key)}},
			NULL, 0);
	channel_send(
		&t->channel, &(struct tls_message){.type = TLS_USE, .number = ++t->asked}, NULL, 0);
}

/* Negative when it has ended. */
static int64_t days_left(const struct tls_shown *c)
{
	int64_t left = c->not_after - (int64_t)time(NULL);

	return left < 0 ? -1 - (-left - 1) / DAY_S : left / DAY_S;
}

static void warn_of_ends(struct tls_helper *t)
{
	t->warned_ms = now_ms(t);
	for (size_t i = 0; i < t->shown_count; i++) {
		const struct tls_shown *c = &t->shown[i];
		int64_t days = days_left(c);

		if (days < 0)
			log_warn("certificate %s (%s) has ended %lld days ago: clients refuse it",
				c->name, c->names, (long long)-days - 1);
		else if (days < WARN_DAYS)
			log_warn("certificate %s (%s) ends in %lld days: renew it, and reload",
				c->name, c->names, (long long)days);
	}
}

static void on_certificate(struct tls_helper *t, const struct tls_message *m)
{
	struct tls_shown *c;

	if (t->coming_count == TLS_CERTIFICATES_MAX)
		return;
	c = &t->shown[t->coming_count++];
	log_escape(c->name, sizeof c->name, m->text[0]);
	log_escape(c->names, sizeof c->names, m->text[1]);
	c->not_after = (int64_t)m->number;
}

static void on_used(struct tls_helper *t, const struct tls_message *m)
{
	size_t told = t->coming_count;

	t->coming_count = 0;
	if (m->number != t->asked)
		return; /* it was asked again meanwhile */
	t->answered = true;
	t->trouble[0] = '\0';
	if (m->kind != 1) {
		log_escape(t->trouble, sizeof t->trouble, m->text[0]);
		log_error("%s; %s", t->trouble,
			t->shown_count > 0 ? "the old certificates stay in use"
					   : "there is none that could be shown");
		tls_helper_pump(t);
		return;
	}
	t->shown_count = told;
	for (size_t i = 0; i < t->shown_count; i++)
		log_info("certificate %s (%s) is in use, for %lld days", t->shown[i].name,
			t->shown[i].names, (long long)days_left(&t->shown[i]));
	warn_of_ends(t);
	tls_helper_pump(t);
}

uint64_t tls_helper_days(const struct tls_helper *t)
{
	int64_t least = t->shown_count > 0 ? INT64_MAX : 0;

	for (size_t i = 0; i < t->shown_count; i++)
		if (days_left(&t->shown[i]) < least)
			least = days_left(&t->shown[i]);
	return least > 0 ? (uint64_t)least : 0;
}

void tls_helper_reload(struct tls_helper *t)
{
	if (t->linked)
		name_certificates(t);
}

/* One that stands still has players who see nothing happen, and nobody else to look after it. */
static void look_for_life(struct tls_helper *t)
{
	uint64_t max = t->mux->config.options.tls_hang_after;

	/* It may be we who stood still, and its answer has been there for long. */
	if (t->linked && t->ping_ms != 0)
		channel_drain(&t->channel);
	if (!t->linked)
		return;
	if (t->ping_ms == 0) {
		t->ping_ms = now_ms(t);
		channel_send(&t->channel, &(struct tls_message){.type = TLS_PING}, NULL, 0);
	} else if (now_ms(t) - t->ping_ms >= max) {
		log_error("holdfast-tls (pid %d) has stood still for %llu s: killing it",
			t->process.pid, (unsigned long long)(now_ms(t) - t->ping_ms) / 1000);
		t->ping_ms = now_ms(t);
		uv_process_kill(&t->process, SIGKILL);
	}
}

void tls_helper_second(struct tls_helper *t)
{
	if (t->mux == NULL)
		return;
	look_for_life(t);
	if (now_ms(t) - t->warned_ms >= (uint64_t)DAY_S * 1000)
		warn_of_ends(t);
}

/* ---- the channel ---- */

static void on_message(struct channel *c, const struct tls_message *m, const int *fds, size_t count)
{
	struct tls_helper *t = container_of(c, struct tls_helper, channel);
	struct tls_user *user = NULL;

	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	if (m->type == TLS_UP || m->type == TLS_ENDED_BY)
		HASH_FIND(by_id, t->by_id, &m->id, sizeof m->id, user);
	if (m->type == TLS_CERTIFICATE_IS)
		on_certificate(t, m);
	else if (m->type == TLS_USED)
		on_used(t, m);
	else if (m->type == TLS_PONG)
		t->ping_ms = 0;
	else if (m->type == TLS_UP && user != NULL)
		tls_user_up(user, m);
	else if (m->type == TLS_ENDED_BY && user != NULL)
		tls_user_ended(user, m);
}

static void lose_users(struct tls_helper *t)
{
	struct tls_user *user, *next;

	t->lost = (unsigned)t->mux->metrics.tls_users_now;
	HASH_ITER(by_id, t->by_id, user, next)
	tls_user_lost(user);
}

/* It is dead, or as good as dead: what is left of it is ended, and on_exit follows. */
static void on_channel_end(struct channel *c)
{
	struct tls_helper *t = container_of(c, struct tls_helper, channel);

	t->linked = t->answered = false;
	t->shown_count = t->coming_count = 0;
	channel_close(c);
	if (t->runs && !t->closing)
		uv_process_kill(&t->process, SIGKILL);
	lose_users(t);
}

static void on_drained(struct channel *c)
{
	tls_helper_pump(container_of(c, struct tls_helper, channel));
}

static void settle(struct tls_helper *t);

static void on_channel_closed(struct channel *c)
{
	settle(container_of(c, struct tls_helper, channel));
}

static const struct channel_ops channel_ops = {
	.on_message = on_message,
	.on_end = on_channel_end,
	.on_drained = on_drained,
	.on_closed = on_channel_closed,
};

/* ---- the process ---- */

/* What it left is away: it may be started again. */
static void settle(struct tls_helper *t)
{
	if (t->runs || t->channel.fd >= 0)
		return;
	if (t->closing) {
		if (t->program >= 0)
			close(t->program);
		t->program = -1;
		if (!uv_is_closing((uv_handle_t *)&t->clock))
			uv_close((uv_handle_t *)&t->clock, NULL);
		return;
	}
	uint64_t delay = backoff_after(&t->backoff, now_ms(t) - t->started_ms);
	log_warn("starting holdfast-tls again in %.1f s", (double)delay / 1000);
	t->mux->metrics.tls_restarts++;
	t->due_ms = now_ms(t) + delay + 1;
	set_clock(t);
}

static void on_process_closed(uv_handle_t *handle)
{
	struct tls_helper *t = handle->data;

	t->runs = false;
	settle(t);
}

static void on_exit_cb(uv_process_t *process, int64_t status, int by)
{
	struct tls_helper *t = process->data;

	/* What it has said before is still there, and then the end. */
	if (t->linked)
		channel_drain(&t->channel);
	if (t->linked)
		on_channel_end(&t->channel);
	if (!t->closing) {
		if (by != 0)
			log_error(
				"holdfast-tls (pid %d) was killed by signal %d; %u players go with it",
				process->pid, by, t->lost);
		else
			log_error("holdfast-tls (pid %d) ended with %d; %u players go with it",
				process->pid, (int)status, t->lost);
	}
	uv_close((uv_handle_t *)process, on_process_closed);
}

static int spawn(struct tls_helper *t, int far)
{
	char path[TLS_PROGRAM_PATH_MAX];
	char *argv[] = {(char *)(uintptr_t) "holdfast-tls", (char *)(uintptr_t) "--run-dir",
		(char *)(uintptr_t)t->mux->run_dir, NULL};
	uv_stdio_container_t stdio[CHANNEL_FD + 1] = {
		{.flags = UV_IGNORE},
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
		{.flags = UV_INHERIT_FD, .data.fd = far},
	};
	uv_process_options_t o = {.exit_cb = on_exit_cb,
		.file = tls_program_path(t->program, path),
		.args = argv,
		.stdio = stdio,
		.stdio_count = CHANNEL_FD + 1};

	t->process.data = t;
	t->runs = true;
	int status = uv_spawn(&t->mux->loop->uv, &t->process, &o);
	if (status < 0) /* the handle has to be closed all the same */
		uv_close((uv_handle_t *)&t->process, on_process_closed);
	return status;
}

static void start(struct tls_helper *t)
{
	int ends[2];

	t->due_ms = 0;
	t->started_ms = now_ms(t);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
		log_error("holdfast-tls cannot be started: %s", strerror(errno));
		settle(t);
		return;
	}
	int status = spawn(t, ends[1]);
	close(ends[1]);
	if (status == 0)
		status = channel_open(&t->channel, t->mux->loop, ends[0], &channel_ops);
	if (status < 0) {
		log_error("holdfast-tls cannot be started: %s", uv_strerror(status));
		close(ends[0]);
		return; /* settle follows: by the handle, or by its exit */
	}
	t->linked = true;
	t->ping_ms = 0;
	log_info("holdfast-tls runs as pid %d", t->process.pid);
	name_certificates(t);
}

bool tls_helper_open(struct tls_helper *t, struct mux *mux, const char **why)
{
	*t = (struct tls_helper){.program = -1, .channel.fd = -1};
	list_init(&t->waiting);
	list_init(&t->shaking);
	if (!config_has_tls(&mux->config))
		return true;
	t->program = tls_program_open(why);
	if (t->program < 0)
		return false;
	t->mux = mux;
	t->credit_ms = t->warned_ms = now_ms(t);
	t->clock.data = t;
	uv_timer_init(&mux->loop->uv, &t->clock);
	start(t);
	return true;
}

void tls_helper_close(struct tls_helper *t)
{
	if (t->mux == NULL || t->closing)
		return;
	t->closing = true;
	t->due_ms = 0;
	t->kill_ms = now_ms(t) + END_MS;
	t->linked = false;
	channel_close(&t->channel);
	set_clock(t);
	settle(t);
}

/* ---- status ---- */

json_t *tls_helper_json(const struct tls_helper *t)
{
	json_t *all;

	if (t->mux == NULL)
		return NULL;
	all = json_array();
	for (size_t i = 0; i < t->shown_count; i++)
		json_array_append_new(all,
			json_pack("{s:s, s:s, s:I}", "certificate", t->shown[i].name, "names",
				t->shown[i].names, "days", (json_int_t)days_left(&t->shown[i])));
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:s*, s:o}", "helper",
		!t->linked            ? "away"
		: !t->answered        ? "starting"
		: t->shown_count == 0 ? "without a certificate"
				      : "up",
		"pid", (json_int_t)(t->runs ? t->process.pid : 0), "users",
		(json_int_t)t->mux->metrics.tls_users_now, "handshaking",
		(json_int_t)t->mux->securing, "restarts", (json_int_t)t->mux->metrics.tls_restarts,
		"trouble", t->trouble[0] != '\0' ? t->trouble : NULL, "certificates", all);
}
