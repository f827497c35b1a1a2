#include "server/register/core.h"

#include <stdarg.h>
#include <stdio.h>

static void say(struct core *c, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void say(struct core *c, enum log_level level, const char *fmt, ...)
{
	char text[900];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	c->say(c->owner, level, text);
}

/* xorshift64: for jitter, nothing else. */
static uint64_t random_below(struct core *c, uint64_t n)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random % n;
}

static const char *ip_text(const struct address *a)
{
	static char texts[4][ADDRESS_IP_MAX];
	static unsigned next;
	char *text = texts[next++ % 4];

	address_ip(a, text);
	return text;
}

/* The addresses that we are seen as: "192.0.2.1 and 2001:db8::1". */
static const char *own_text(const struct core *c)
{
	static char text[2 * ADDRESS_IP_MAX + 8];
	const struct who *w = &c->who;

	snprintf(text, sizeof text, "%s%s%s", w->v4.usable ? ip_text(&w->v4.external) : "",
		w->v4.usable && w->v6.usable ? " and " : "",
		w->v6.usable ? ip_text(&w->v6.external) : "");
	return text;
}

/* Each change of state is logged once, with its reason; the reason in words is kept up to date. */
static void become(struct core *c, enum core_state state, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void become(struct core *c, enum core_state state, const char *fmt, ...)
{
	bool is_new = c->state != state;
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->why, sizeof c->why, fmt, args);
	va_end(args);
	c->state = state;
	if (is_new && (state == CORE_REFUSED || state == CORE_AWAY))
		say(c, LOG_WARN, "not registered: %s", c->why);
}

static uint64_t beat(struct core *c)
{
	return CORE_BEAT_MS - CORE_BEAT_MS / 10 + random_below(c, CORE_BEAT_MS / 5 + 1);
}

/* 1, 2, 4 ... minutes and up to half as much again, an hour at most. */
static void back_off(struct core *c, uint64_t now_ms)
{
	unsigned doublings = c->failures < 7 ? c->failures : 6;
	uint64_t wait = (uint64_t)CORE_BACKOFF_MS << doublings;

	wait += random_below(c, wait / 2);
	c->failures++;
	c->due_ms = now_ms + (wait < CORE_BACKOFF_MAX_MS ? wait : CORE_BACKOFF_MAX_MS);
}

void core_open(struct core *c, uint64_t seed,
	void (*tell)(void *owner, enum log_level level, const char *text), void *owner)
{
	*c = (struct core){.state = CORE_OFF, .random = seed | 1, .say = tell, .owner = owner};
}

void core_set(struct core *c, const struct core_settings *settings, uint64_t now_ms)
{
	c->settings = *settings;
	c->forced = false;
	c->failures = c->early = 0;
	c->tried_other = c->asked_again = c->merging = c->merge_tried = c->anew = false;
	c->called_back_for = FAMILY_NONE;
	c->token[0] = '\0';
	c->listed = c->listed || c->calling; /* it may have been taken */
	c->calling = c->probing = false;
	c->probe_due = true;
	c->due_ms = now_ms;
	if (!settings->wanted)
		become(c, CORE_OFF, "%s", settings->why_not);
	else if (c->state != CORE_REGISTERED)
		become(c, CORE_ASKING, "asking who we are");
}

void core_remember(struct core *c, const struct core_memory *memory)
{
	c->who = memory->who;
	c->who_known = c->who_remembered = memory->who.first != FAMILY_NONE;
	c->as = memory->as;
	c->known4 = memory->known4;
	c->known6 = memory->known6;
	snprintf(c->server_id, sizeof c->server_id, "%s", memory->server_id);
}

void core_forget(struct core *c)
{
	c->as = c->known4 = c->known6 = (struct address){0};
	c->server_id[0] = '\0';
	c->listed = false;
}

void core_memorise(const struct core *c, struct core_memory *out)
{
	memset(out, 0, sizeof *out);
	out->who = c->who;
	out->as = c->as;
	out->known4 = c->known4;
	out->known6 = c->known6;
	snprintf(out->server_id, sizeof out->server_id, "%s", c->server_id);
}

/* ---- what is due -------------------------------------------------------------------------------- */

static struct address *known_of(struct core *c, enum family f)
{
	return f == FAMILY_V4 ? &c->known4 : &c->known6;
}

/* Whether the list takes calls that go by this family. */
static bool is_known(struct core *c, enum family f)
{
	return who_same_host(known_of(c, f), &who_end_of(&c->who, f)->external);
}

/* The one that calls go by first, if the list takes them from there. */
static enum family best_family(struct core *c)
{
	enum family other = who_other(&c->who, c->who.first);

	return !is_known(c, c->who.first) && other != FAMILY_NONE && is_known(c, other)
		       ? other
		       : c->who.first;
}

static void fill_call(const struct core *c, enum family from, struct core_step *out)
{
	out->family = from;
	out->local = who_end_of(&c->who, from)->local;
	out->as = c->as;
}

static void call(struct core *c, uint64_t now_ms, uint64_t hash, struct core_step *out)
{
	bool back = c->token[0] != '\0';

	if (c->as.len == 0)
		c->as = who_end_of(&c->who, c->family)->external;
	out->what = CORE_PUT;
	c->called_back_for = back ? c->called_family : FAMILY_NONE;
	fill_call(c, c->family, out);
	memcpy(out->token, c->token, sizeof out->token);
	c->token[0] = '\0';
	c->calling = true;
	c->called_ms = now_ms;
	c->called_family = c->family;
	c->called_hash = hash;
}

bool core_leave(struct core *c, struct core_step *out)
{
	*out = (struct core_step){.what = CORE_WAIT};
	if (!c->listed || !c->who_known || c->as.len == 0)
		return false;
	c->listed = false;
	out->what = CORE_DELETE;
	fill_call(c, best_family(c), out);
	return true;
}

void core_step(struct core *c, uint64_t now_ms, uint64_t hash, struct core_step *out)
{
	*out = (struct core_step){.what = CORE_WAIT};
	if (c->probing || c->calling)
		return;
	if (!c->settings.wanted || c->forced) {
		core_leave(c, out);
		return;
	}
	bool change = c->state == CORE_REGISTERED && !c->probe_due && hash != c->called_hash &&
		      now_ms >= c->called_ms + CORE_CHANGE_MS;
	if (now_ms < c->due_ms && !change)
		return;
	if (!change && now_ms >= c->probed_ms + CORE_PROBE_MS)
		c->probe_due = true; /* what changes far away tells nobody */
	if (c->probe_due) {
		c->probing = true;
		c->probed_ms = now_ms;
		out->what = CORE_PROBE;
	} else {
		call(c, now_ms, hash, out);
	}
}

void core_doubt(struct core *c, uint64_t now_ms)
{
	if (c->state != CORE_REGISTERED || c->probe_due || c->probing ||
		now_ms < c->probed_ms + CORE_DOUBT_MS)
		return;
	c->probe_due = true;
	c->due_ms = now_ms;
}

uint64_t core_until_due(const struct core *c, uint64_t now_ms)
{
	return c->probing || c->calling || c->due_ms <= now_ms ? 0 : c->due_ms - now_ms;
}

/* ---- who we are --------------------------------------------------------------------------------- */

static void say_bad(struct core *c, const struct who_probe *probe, const char *how)
{
	if (probe->bad)
		say(c, LOG_WARN, "asked %s who we are, and was answered nonsense: %s", how,
			probe->why);
}

static void say_moved(
	struct core *c, const struct who_end *before, const struct who_end *now, const char *family)
{
	if (before->usable && now->usable && !who_same_host(&before->external, &now->external))
		say(c, LOG_INFO, "our %s address is now %s, no longer %s", family,
			ip_text(&now->external), ip_text(&before->external));
}

static void call_now(struct core *c, uint64_t now_ms)
{
	c->probe_due = false;
	c->tried_other = c->merging = c->merge_tried = false;
	c->family = c->who.first;
	c->due_ms = now_ms;
}

static void try_early(struct core *c, uint64_t now_ms)
{
	uint64_t wait = (uint64_t)CORE_EARLY_MS << c->early;

	if (c->early < CORE_EARLY_TIMES) {
		c->early++;
		c->due_ms = now_ms + wait + random_below(c, wait / 2);
	} else {
		back_off(c, now_ms);
	}
}

/* Nobody answered: the list may be there all the same, and we may be who we were. */
static void nobody_said(struct core *c, uint64_t now_ms, const struct who_probes *probes)
{
	if (c->who_known) {
		call_now(c, now_ms);
		return;
	}
	become(c, CORE_AWAY, "nobody could be asked who we are. IPv4: %s. IPv6: %s",
		probes->v4.why[0] != '\0' ? probes->v4.why : "not asked",
		!c->settings.who.enable_ipv6 ? "sv_enableipv6 is 0"
		: probes->v6.why[0] != '\0'  ? probes->v6.why
					     : "not asked");
	try_early(c, now_ms);
}

void core_probed(struct core *c, uint64_t now_ms, const struct who_probes *probes)
{
	struct who before = c->who;

	c->probing = false;
	say_bad(c, &probes->v4, "over IPv4");
	say_bad(c, &probes->v6, "over IPv6");
	say_bad(c, &probes->dual, "over either family");
	if (probes->v4.seen.len == 0 && probes->v6.seen.len == 0) {
		nobody_said(c, now_ms, probes);
		return;
	}
	who_decide(&c->settings.who, probes, &c->who);
	c->who_known = c->who.first != FAMILY_NONE;
	c->who_remembered = false;
	if (c->who.forced[0] != '\0') {
		c->forced = true;
		become(c, CORE_OFF, "%s", c->who.forced);
		say(c, LOG_WARN, "%s", c->who.forced);
	} else if (!c->who_known) {
		become(c, CORE_AWAY, "no family can be used. IPv4: %s. IPv6: %s", c->who.v4.why,
			c->who.v6.why);
		try_early(c, now_ms);
	} else {
		say_moved(c, &before.v4, &c->who.v4, "IPv4");
		say_moved(c, &before.v6, &c->who.v6, "IPv6");
		call_now(c, now_ms);
	}
}

/* ---- answers ------------------------------------------------------------------------------------ */

/* The list knows both families now, or it is tried once, with the next beat. */
static void plan_next(struct core *c)
{
	enum family other = who_other(&c->who, c->called_family);

	c->due_ms = c->called_ms + beat(c);
	if (c->called_back_for != FAMILY_NONE || c->merging)
		c->family = best_family(c);
	c->merging = false;
	if (other == FAMILY_NONE || is_known(c, other) || c->merge_tried)
		return;
	c->merging = c->merge_tried = true;
	c->family = other;
	c->due_ms = c->called_ms + CORE_CHANGE_MS;
}

static void note_id(struct core *c)
{
	const char *told = c->last.server_id;

	if (told[0] == '\0')
		return;
	if (c->server_id[0] != '\0' && strcmp(c->server_id, told) != 0)
		say(c, LOG_WARN,
			"the list now knows us as server %s, no longer as %s: we are new to it",
			told, c->server_id);
	snprintf(c->server_id, sizeof c->server_id, "%s", told);
}

static void taken(struct core *c)
{
	bool was = c->state == CORE_REGISTERED;
	enum family used = c->called_family, back_for = c->called_back_for;

	c->listed = true;
	c->failures = 0;
	c->tried_other = c->asked_again = c->anew = false;
	*known_of(c, used) = who_end_of(&c->who, used)->external;
	if (back_for != FAMILY_NONE)
		*known_of(c, back_for) = who_end_of(&c->who, back_for)->external;
	if (who_find(&c->who, &c->as) == NULL)
		c->as = who_end_of(&c->who, back_for != FAMILY_NONE ? back_for : used)->external;
	note_id(c);
	become(c, CORE_REGISTERED, "%s", "");
	if (!was)
		say(c, LOG_INFO, "registered as %s%s%s", ip_text(&c->as),
			c->server_id[0] != '\0' ? ", server " : "", c->server_id);
	if (back_for != FAMILY_NONE)
		say(c, LOG_INFO, "the list knows our address %s now",
			ip_text(known_of(c, back_for)));
	plan_next(c);
}

/* That the other family is not known is no reason to be worried: the call is made as before. */
static bool stop_merging(struct core *c, uint64_t now_ms)
{
	if (!c->merging)
		return false;
	c->merging = false;
	c->family = best_family(c);
	c->due_ms = now_ms;
	return true;
}

/* 5xx, too many requests, or nobody there. Addresses may have changed meanwhile. */
static void failed(struct core *c, uint64_t now_ms)
{
	const struct answer *a = &c->last;
	enum family other = who_other(&c->who, c->called_family);

	if (stop_merging(c, now_ms))
		return;
	if (a->status == 0 && a->bad_source && !c->asked_again) {
		say(c, LOG_INFO, "the address %s is no longer ours: asking who we are",
			ip_text(&who_end_of(&c->who, c->called_family)->local));
		c->asked_again = true;
		c->probe_due = true;
		c->due_ms = now_ms;
		return;
	}
	if (a->status == 0 && other != FAMILY_NONE && !c->tried_other) {
		c->tried_other = true;
		c->family = other;
		c->due_ms = now_ms;
		return;
	}
	if (a->status == 0)
		become(c, CORE_AWAY, "the list cannot be reached: %s", a->message);
	else
		become(c, CORE_AWAY, "the list answered %d%s%s", a->status,
			a->message[0] != '\0' ? ": " : "", a->message);
	c->probe_due = true;
	back_off(c, now_ms);
}

static void refused(struct core *c, uint64_t now_ms, const char *because)
{
	const struct answer *a = &c->last;
	char code[24] = "";

	if (stop_merging(c, now_ms))
		return;
	if (a->sub_code != 0)
		snprintf(code, sizeof code, " (%d)", a->sub_code);
	become(c, CORE_REFUSED, "%s%sthe list answered %d%s%s%s", because,
		because[0] != '\0' ? ": " : "", a->status, code, a->message[0] != '\0' ? ": " : "",
		a->message);
	c->due_ms = c->called_ms + beat(c);
	c->tried_other = false;
	c->family = c->who.first;
}

/* The family that the list wants to be called by, if its address there is ours; not the one that has just
 * called. */
static enum family find_call_back(const struct core *c)
{
	for (unsigned i = 0; i < c->last.call_back_count; i++) {
		const struct who_end *end = who_find(&c->who, &c->last.call_back[i]);
		enum family f = end == &c->who.v4 ? FAMILY_V4 : FAMILY_V6;

		if (end != NULL && f != c->called_family)
			return f;
	}
	return FAMILY_NONE;
}

static void begin_anew(struct core *c, uint64_t now_ms)
{
	become(c, CORE_ASKING, "registering anew");
	c->as = who_end_of(&c->who, c->called_family)->external;
	c->known4 = c->known6 = (struct address){0};
	c->server_id[0] = '\0';
	c->family = c->called_family;
	c->merging = false;
	c->anew = true;
	c->due_ms = now_ms + CORE_CHANGE_MS;
}

static void lose_identity(struct core *c, uint64_t now_ms)
{
	char wanted[ANSWER_CALLBACKS_MAX * ADDRESS_IP_MAX] = "";

	for (unsigned i = 0; i < c->last.call_back_count; i++)
		snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s%s",
			i > 0 ? ", " : "", ip_text(&c->last.call_back[i]));
	say(c, LOG_WARN,
		"the identity is lost: the list wants to be called from %.300s, and we are %s. "
		"Registering anew as %s",
		wanted[0] != '\0' ? wanted : "an address that it does not name", own_text(c),
		ip_text(&who_end_of(&c->who, c->called_family)->external));
	begin_anew(c, now_ms);
}

static void call_back(struct core *c, uint64_t now_ms, enum family by)
{
	say(c, LOG_INFO, "the list wants to be called from %s, which is ours: calling",
		ip_text(&who_end_of(&c->who, by)->external));
	memcpy(c->token, c->last.token, sizeof c->token);
	c->family = by;
	c->due_ms = now_ms;
}

/* A 403 chooses a source address of ours, never a destination; and one call-back for each call. */
static void forbidden(struct core *c, uint64_t now_ms)
{
	const struct answer *a = &c->last;
	const struct address *own = &who_end_of(&c->who, c->called_family)->external;
	bool moved =
		address_family(&a->source) == c->called_family && !who_same_host(&a->source, own);
	bool other_path = !who_same_host(&c->as, own);
	enum family by = find_call_back(c);

	if (c->called_back_for != FAMILY_NONE) {
		refused(c, now_ms, "called back as it wanted");
	} else if (moved && !c->asked_again) {
		say(c, LOG_INFO, "the list sees us as %s, not as %s: asking who we are",
			ip_text(&a->source), ip_text(own));
		c->asked_again = c->probe_due = true;
		c->due_ms = now_ms;
	} else if (a->sub_code == ANSWER_NOT_YOU && other_path && !c->merging) {
		say(c, LOG_INFO, "the list does not know a server at %s", ip_text(&c->as));
		begin_anew(c, now_ms);
	} else if (a->sub_code == ANSWER_NOT_YOU && !c->merging && !c->asked_again) {
		c->asked_again = c->probe_due = true;
		c->due_ms = now_ms;
	} else if (a->token[0] == '\0') {
		refused(c, now_ms, "");
	} else if (by != FAMILY_NONE) {
		call_back(c, now_ms, by);
	} else if ((other_path || !c->anew) && !c->merging) {
		lose_identity(c, now_ms);
	} else {
		refused(c, now_ms, "");
	}
}

void core_answered(struct core *c, uint64_t now_ms, const struct answer *answer)
{
	c->calling = false;
	c->last = *answer;
	c->answered_ms = now_ms;
	if (!c->settings.wanted || c->forced) {
		c->listed = c->listed || (answer->status >= 200 && answer->status < 300);
		return;
	}
	if (answer->status >= 200 && answer->status < 300)
		taken(c);
	else if (answer->status == 0 || answer->status >= 500 || answer->status == 429)
		failed(c, now_ms);
	else if (answer->status == 403)
		forbidden(c, now_ms);
	else
		refused(c, now_ms,
			answer->status >= 300 && answer->status < 400 ? "redirects are not followed"
								      : "");
}
