/* The core decides, this does it: three questions at once (whoami), then one call at a time.
 *
 *   timer --> settings changed? --> core_step --> ask / call --> on_who, on_call --> core
 *
 * Calls never wait for the game nor the game for them; the fetcher is one of our own, so that what scripts
 * ask others does not hold them up. */
#include "server/register/registrar.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/internet.h"
#include "server/fetch.h"
#include "server/game.h"
#include "server/register/memory.h"
#include "server/register/listing.h"
#include "server/register/settings.h"
#include "server/register/status.h"
#include "server/script_state.h"

enum {
	TICK_MS = 250,
	TICKS_PER_DOUBT = 8, /* whether our addresses are still ours */
	WHOAMI_MS = 5000,
	WHOAMI_MAX = 1024, /* bytes of an answer */
	CALL_MS = 10 * 1000,
	CALL_MAX = 64 * 1024, /* the same */
	LEAVE_MS = 1000
};

struct question {
	struct registrar *registrar;
	struct fetch *fetch; /* NULL: answered, or not asked */
	enum family family;
	struct who_probe *probe;
};

struct registrar {
	struct game *game;       /* borrowed: outlives us */
	struct fetcher *fetcher; /* owned: NULL until there is something to fetch */
	uv_timer_t timer;
	struct settings settings;
	struct core core;
	struct question questions[3];
	struct who_probes probes;
	struct fetch *call, *leave;
	bool leaving, left;
	unsigned ticks;
	char memory_path[512];
	char place[SETTINGS_URL_MAX + 140]; /* what the core knows is about this */
	struct core_memory kept;            /* as it is in the file */
	const char **names; /* owned: room for the names of players, of listing_now */
	size_t names_room;
};

/* ---- what is told ------------------------------------------------------------------------------- */

static void say(void *owner UNUSED, enum log_level level, const char *text)
{
	log_line(level, "register: %s", text);
}

/* What an owner must see who watches the console, and not the log. */
static void say_on_console(const char *text)
{
	if (isatty(STDOUT_FILENO) && !isatty(STDERR_FILENO))
		dprintf(STDOUT_FILENO, "register: %s\n", text);
}

static void collect_names(struct registrar *r, struct listing_now *now)
{
	LIST_EACH(node, &r->game->players)
	{
		const struct player *p = container_of(node, struct player, node);

		if (p->state != PLAYER_HERE)
			continue;
		now->count++;
		if (p->name == NULL)
			continue;
		if (now->named == r->names_room) {
			size_t room = r->names_room * 2 + 16;
			const char **names = realloc(r->names, room * sizeof *names);

			if (names == NULL)
				continue;
			r->names = names;
			r->names_room = room;
		}
		r->names[now->named++] = p->name;
	}
	now->players = r->names;
}

/* What the map says of itself. */
static const struct listing *map_listing(const struct registrar *r)
{
	static const struct listing nothing;

	return r->game->script != NULL ? &r->game->script->listing : &nothing;
}

static struct listing_now collect(struct registrar *r)
{
	struct listing_now now = {
		.cvars = &r->game->cvars.set, .map = r->game->map.name, .kag = r->settings.kag};

	collect_names(r, &now);
	return now;
}

static void keep(struct registrar *r)
{
	struct core_memory now;
	const char *why;

	core_memorise(&r->core, &now);
	if (r->core.state != CORE_REGISTERED || memcmp(&r->kept, &now, sizeof now) == 0)
		return;
	r->kept = now;
	if (!memory_write(r->memory_path, r->place, &now, &why))
		log_warn("register: who we are cannot be kept: %s", why);
}

/* ---- who are we --------------------------------------------------------------------------------- */

static bool is_asking(const struct registrar *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->questions); i++)
		if (r->questions[i].fetch != NULL)
			return true;
	return false;
}

static void asked(struct registrar *r)
{
	if (is_asking(r))
		return;
	core_probed(&r->core, loop_now_ms(r->game->loop), &r->probes);
	if (r->core.forced) {
		r->game->cvars.set.sv_register = false;
		settings_read(&r->game->cvars.set, &r->settings);
		say_on_console(r->core.why);
	}
}

static void on_who(void *owner, const struct fetch_answer *answer)
{
	struct question *q = owner;
	struct who_probe *probe = q->probe;

	q->fetch = NULL;
	if (answer->status == 200) {
		who_judge(probe, q->family, answer->body);
		probe->local = answer->local.len > 0 ? answer->local : probe->seen;
	} else if (answer->status > 0) {
		snprintf(probe->why, sizeof probe->why, "the answer was %d", answer->status);
	} else {
		snprintf(probe->why, sizeof probe->why, "%.150s", answer->why);
	}
	asked(q->registrar);
}

static bool open_fetcher(struct registrar *r)
{
	if (r->fetcher == NULL)
		r->fetcher = fetcher_open(r->game->loop);
	return r->fetcher != NULL;
}

static void ask(struct registrar *r)
{
	static const enum family families[] = {FAMILY_V4, FAMILY_V6, FAMILY_NONE};
	struct who_probe *probes[] = {&r->probes.v4, &r->probes.v6, &r->probes.dual};
	const struct address *from[] = {&r->settings.core.who.ip, &r->settings.core.who.ipv6, NULL};
	size_t count = r->settings.core.who.enable_ipv6 ? 3 : 1;

	r->probes = (struct who_probes){0};
	for (size_t i = 0; i < count; i++) {
		struct question *q = &r->questions[i];
		const char *why = "not enough memory";

		*q = (struct question){.registrar = r, .family = families[i], .probe = probes[i]};
		probes[i]->asked = true;
		if (open_fetcher(r))
			q->fetch = fetch_begin(r->fetcher,
				&(struct fetch_request){.method = "GET",
					.url = r->settings.whoami[i],
					.family = families[i],
					.from = from[i],
					.total_ms = WHOAMI_MS,
					.answer_max = WHOAMI_MAX},
				on_who, q, &why);
		if (q->fetch == NULL)
			snprintf(probes[i]->why, sizeof probes[i]->why, "%s", why);
	}
	asked(r);
}

/* ---- calls -------------------------------------------------------------------------------------- */

static void answered(struct registrar *r, const struct answer *answer)
{
	r->game->metrics.register_calls++;
	if (answer->status < 200 || answer->status > 299)
		r->game->metrics.register_failed++;
	core_answered(&r->core, loop_now_ms(r->game->loop), answer);
	keep(r);
}

static void on_call(void *owner, const struct fetch_answer *answer)
{
	struct registrar *r = owner;
	struct answer read;

	r->call = NULL;
	if (answer->status > 0)
		answer_read(answer->status, answer->body, &read);
	else
		answer_missing(answer->why, answer->bad_source, &read);
	answered(r, &read);
}

static void not_called(struct registrar *r, const char *why)
{
	struct answer read;

	answer_missing(why, false, &read);
	answered(r, &read);
}

static void call(struct registrar *r, const struct core_step *step)
{
	struct listing_now now = collect(r);
	const char *why = "not enough memory", *headers[2] = {NULL, NULL};
	char url[SETTINGS_URL_MAX + 250], token[ANSWER_TOKEN_MAX + 20];
	const struct who *w = &r->core.who;

	now.v4 = w->v4.usable ? &w->v4.external : NULL;
	now.v6 = w->v6.usable ? &w->v6.external : NULL;
	if (step->token[0] != '\0') {
		snprintf(token, sizeof token, "X-Callback-Token: %s", step->token);
		headers[0] = token;
	}
	char *body = listing_body(map_listing(r), &now);
	if (body != NULL && open_fetcher(r))
		r->call = fetch_begin(r->fetcher,
			&(struct fetch_request){.method = "PUT",
				.url = settings_url(&r->settings, &step->as, url, sizeof url),
				.headers = headers,
				.content_type = "application/json",
				.body = slice_text(body),
				.family = step->family,
				.from = &step->local,
				.total_ms = CALL_MS,
				.answer_max = CALL_MAX},
			on_call, r, &why);
	free(body);
	if (r->call == NULL)
		not_called(r, why);
}

static void leave_is_done(struct registrar *r)
{
	r->left = true;
	if (r->leaving)
		game_unlisted(r->game);
}

static void on_leave(void *owner, const struct fetch_answer *answer UNUSED)
{
	struct registrar *r = owner;

	r->leave = NULL;
	leave_is_done(r);
}

static void say_leave(struct registrar *r, const struct core_step *step)
{
	char url[SETTINGS_URL_MAX + 250];
	const char *why;

	if (r->leave == NULL && open_fetcher(r))
		r->leave = fetch_begin(r->fetcher,
			&(struct fetch_request){.method = "DELETE",
				.url = settings_url(&r->settings, &step->as, url, sizeof url),
				.family = step->family,
				.from = &step->local,
				.total_ms = LEAVE_MS},
			on_leave, r, &why);
}

/* ---- life --------------------------------------------------------------------------------------- */

static void cancel(struct registrar *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->questions); i++) {
		if (r->questions[i].fetch != NULL)
			fetch_cancel(r->questions[i].fetch);
		r->questions[i].fetch = NULL;
	}
	if (r->call != NULL)
		fetch_cancel(r->call);
	r->call = NULL;
}

static void change_place(struct registrar *r, const char *place)
{
	snprintf(r->place, sizeof r->place, "%s", place);
	memset(&r->kept, 0, sizeof r->kept);
	core_forget(&r->core);
	if (memory_read(r->memory_path, place, &r->kept))
		core_remember(&r->core, &r->kept);
}

static void read_settings(struct registrar *r)
{
	struct settings fresh;
	char place[sizeof r->place];

	settings_read(&r->game->cvars.set, &fresh);
	if (settings_same(&fresh, &r->settings))
		return;
	cancel(r);
	r->settings = fresh;
	settings_place(&fresh, place, sizeof place);
	if (fresh.core.wanted && strcmp(place, r->place) != 0)
		change_place(r, place);
	core_set(&r->core, &fresh.core, loop_now_ms(r->game->loop));
}

static void doubt(struct registrar *r)
{
	const struct who *w = &r->core.who;

	if (r->core.state == CORE_REGISTERED &&
		((w->v4.usable && !internet_is_own(&w->v4.local)) ||
			(w->v6.usable && !internet_is_own(&w->v6.local))))
		core_doubt(&r->core, loop_now_ms(r->game->loop));
}

static void tick_cb(uv_timer_t *timer)
{
	struct registrar *r = timer->data;
	struct core_step step;

	if (r->leaving)
		return;
	read_settings(r);
	if (++r->ticks % TICKS_PER_DOUBT == 0)
		doubt(r);
	uint64_t hash = 0;
	if (r->settings.core.wanted) {
		struct listing_now now = collect(r);

		hash = listing_hash(map_listing(r), &now);
	}
	core_step(&r->core, loop_now_ms(r->game->loop), hash, &step);
	if (step.what == CORE_PROBE)
		ask(r);
	else if (step.what == CORE_PUT)
		call(r, &step);
	else if (step.what == CORE_DELETE)
		say_leave(r, &step);
}

struct registrar *registrar_open(struct game *game)
{
	struct registrar *r = calloc(1, sizeof *r);
	uint64_t seed = uv_hrtime() ^ ((uint64_t)getpid() << 32);

	if (r == NULL)
		return NULL;
	r->game = game;
	snprintf(r->memory_path, sizeof r->memory_path, "%s/register", game->config.run_dir);
	core_open(&r->core, seed, say, r);
	uv_timer_init(&game->loop->uv, &r->timer);
	r->timer.data = r;
	uv_timer_start(&r->timer, tick_cb, 0, TICK_MS);
	return r;
}

void registrar_leave(struct registrar *r)
{
	struct core_step step;

	if (r == NULL || r->leaving)
		return;
	r->leaving = true;
	cancel(r);
	if (core_leave(&r->core, &step))
		say_leave(r, &step);
	r->left = r->leave == NULL;
}

bool registrar_is_leaving(const struct registrar *r)
{
	return r != NULL && r->leaving && !r->left;
}

json_t *registrar_status(const struct registrar *r)
{
	return register_status(
		&r->core, &r->settings, &r->game->cvars.set, loop_now_ms(r->game->loop));
}

static void closed_cb(uv_handle_t *handle)
{
	struct registrar *r = handle->data;

	free(r->names);
	free(r);
}

void registrar_close(struct registrar *r)
{
	if (r == NULL)
		return;
	r->leaving = r->left = true;
	fetcher_close(r->fetcher);
	r->fetcher = NULL;
	uv_close((uv_handle_t *)&r->timer, closed_cb);
}
