#include "common/banlist.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/utf8.h"

/* ---- the clock ---- */

struct ban_clock ban_clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (struct ban_clock){.ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000,
		.wall = (uint32_t)time(NULL)};
}

bool ban_is_on(const struct ban *b, const struct ban_clock *now)
{
	return !b->lifted && (b->until_ms == 0 || now->ms < b->until_ms);
}

static bool is_over(const struct ban *b, const struct ban_clock *now)
{
	return b->until_ms != 0 && now->ms >= b->until_ms;
}

uint32_t ban_left(const struct ban *b, const struct ban_clock *now)
{
	if (b->until_ms == 0)
		return 0;
	if (is_over(b, now))
		return 1;
	return (uint32_t)((b->until_ms - now->ms + 999) / 1000);
}

/* ---- readers ---- */

void banreader_init(struct banreader *r)
{
	list_init(&r->node);
	r->at = NULL;
}

bool banreader_reads(const struct banreader *r)
{
	return !list_is_empty(&r->node);
}

void banreader_start(struct banreader *r, struct banlist *l)
{
	if (!banreader_reads(r))
		list_add_last(&l->readers, &r->node);
	r->at = l->all.next;
}

void banreader_stop(struct banreader *r, struct banlist *l)
{
	list_remove(&r->node);
	/* The next one at this place has told nothing yet. */
	LIST_EACH(node, &l->all)
	{
		struct ban *b = container_of(node, struct ban, node);

		if (b->from == r)
			b->from = NULL;
	}
}

const struct ban *banreader_next(struct banreader *r, const struct banlist *l)
{
	while (banreader_reads(r) && r->at != &l->all) {
		const struct ban *b = container_of(r->at, struct ban, node);

		r->at = r->at->next;
		if (b->from != r)
			return b;
	}
	return NULL;
}

/* ---- the table ---- */

void banlist_init(struct banlist *l, uint32_t max)
{
	*l = (struct banlist){.max = max};
	list_init(&l->all);
	list_init(&l->readers);
}

struct ban *banlist_get(const struct banlist *l, const struct net *net)
{
	struct ban *b;

	HASH_FIND(hh, l->by_net, net, sizeof *net, b);
	return b;
}

static void count(struct banlist *l, const struct ban *b, int change)
{
	if (b->lifted) {
		l->lifted += (uint32_t)change;
	} else {
		l->bans += (uint32_t)change;
		l->with_bits[b->net.bits] += (uint32_t)change;
	}
}

/* Out of the order of changes; no reader may stand on it. */
static void unlink_it(struct banlist *l, struct ban *b)
{
	LIST_EACH(node, &l->readers)
	{
		struct banreader *r = container_of(node, struct banreader, node);

		if (r->at == &b->node)
			r->at = b->node.next;
	}
	list_remove(&b->node);
}

/* The youngest change: readers that were through have it before them. */
static void link_last(struct banlist *l, struct ban *b)
{
	list_add_last(&l->all, &b->node);
	LIST_EACH(node, &l->readers)
	{
		struct banreader *r = container_of(node, struct banreader, node);

		if (r->at == &l->all)
			r->at = &b->node;
	}
}

static void forget(struct banlist *l, struct ban *b)
{
	count(l, b, -1);
	unlink_it(l, b);
	HASH_DELETE(hh, l->by_net, b);
	free(b);
}

void banlist_free(struct banlist *l)
{
	LIST_EACH(node, &l->all)
	forget(l, container_of(node, struct ban, node));
}

void banlist_expire(struct banlist *l, const struct ban_clock *now)
{
	uint64_t next_ms = 0;

	if (l->expires_ms == 0 || now->ms < l->expires_ms)
		return;
	LIST_EACH(node, &l->all)
	{
		struct ban *b = container_of(node, struct ban, node);

		if (is_over(b, now)) {
			l->changes += !b->lifted;
			forget(l, b);
		} else if (b->until_ms != 0 && (next_ms == 0 || b->until_ms < next_ms)) {
			next_ms = b->until_ms;
		}
	}
	l->expires_ms = next_ms;
}

/* ip with only its first bits. */
static struct net network_of(const uint8_t ip[static ADDRESS_IP_BYTES], unsigned bits)
{
	struct net n = {.bits = (uint8_t)bits};

	memcpy(n.ip, ip, bits / 8);
	if (bits % 8 != 0)
		n.ip[bits / 8] = (uint8_t)(ip[bits / 8] & 0xff << (8 - bits % 8));
	return n;
}

struct ban *banlist_find(
	const struct banlist *l, const struct address *a, const struct ban_clock *now)
{
	struct address plain = *a;
	uint8_t ip[ADDRESS_IP_BYTES];

	address_unmap(&plain);
	if (l->bans == 0 || !address_ip_bytes(&plain, ip))
		return NULL;
	for (int bits = 128; bits >= 0; bits--) {
		if (l->with_bits[bits] == 0)
			continue;
		struct net n = network_of(ip, (unsigned)bits);
		struct ban *b = banlist_get(l, &n);
		if (b != NULL && ban_is_on(b, now))
			return b;
	}
	return NULL;
}

/* ---- changes ---- */

/* One line of UTF-8, whatever somebody gave, cut between two characters. */
static void take_text(char *out, size_t room, const char *text)
{
	size_t len = strlen(text), from = 0, to = 0;

	while (from < len && to < room - 1) {
		struct utf8 u = {0};
		size_t n = 1;
		bool ok = utf8_byte(&u, (uint8_t)text[from]);

		while (ok && !utf8_is_between(&u) && from + n < len)
			ok = utf8_byte(&u, (uint8_t)text[from + n++]);
		if (!ok || !utf8_is_between(&u)) {
			out[to++] = '?';
			from++;
		} else if (to + n >= room) {
			break;
		} else if (n == 1 && ((uint8_t)text[from] < ' ' || text[from] == 0x7f)) {
			out[to++] = ' ';
			from++;
		} else {
			memcpy(out + to, text + from, n);
			/* U+0080 to U+009F: controls of terminals too */
			if (n == 2 && (uint8_t)out[to] == 0xc2 && (uint8_t)out[to + 1] < 0xa0)
				out[to] = out[to + 1] = ' ';
			to += n;
			from += n;
		}
	}
	out[to] = '\0';
}

static uint64_t until(const struct ban *wanted, const struct ban_clock *now)
{
	uint32_t seconds = wanted->seconds > BAN_SECONDS_MAX ? 0 : wanted->seconds;

	if (wanted->lifted && (seconds == 0 || seconds > BAN_MEMORY_S))
		seconds = BAN_MEMORY_S;
	return seconds == 0 ? 0 : now->ms + (uint64_t)seconds * 1000;
}

/* Room for one more of its sort: a lifted one gives way to a younger one, a ban to none. */
static bool has_room(struct banlist *l, const struct ban *wanted, const struct ban *there)
{
	if (there != NULL && there->lifted == wanted->lifted)
		return true;
	if (!wanted->lifted)
		return l->bans < l->max;
	if (l->lifted < l->max)
		return true;
	LIST_EACH(node, &l->all)
	{
		struct ban *b = container_of(node, struct ban, node);

		if (!b->lifted || b == there)
			continue;
		forget(l, b);
		return true;
	}
	return l->max > 0;
}

static struct ban *add(struct banlist *l, const struct net *net)
{
	struct ban *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	b->net = *net;
	HASH_ADD(hh, l->by_net, net, sizeof b->net, b);
	if (b->hh.tbl == NULL) {
		free(b);
		return NULL;
	}
	list_init(&b->node);
	return b;
}

static uint32_t made_of(
	const struct ban *wanted, const struct ban *there, const struct ban_clock *now)
{
	if (wanted->made != 0)
		return wanted->made;
	if (there != NULL && there->made >= now->wall && there->made < UINT32_MAX)
		return there->made + 1;
	return now->wall;
}

enum ban_result banlist_put(struct banlist *l, const struct ban *wanted, const void *from,
	const struct ban_clock *now, const char **why)
{
	static char text[100];
	struct ban *b = banlist_get(l, &wanted->net);

	if (b != NULL && is_over(b, now)) {
		l->changes++;
		forget(l, b);
		b = NULL;
	}
	if (b != NULL && wanted->made != 0 && wanted->made <= b->made)
		return wanted->made < b->made ? BAN_OLD : BAN_SAME;
	if (!has_room(l, wanted, b)) {
		snprintf(text, sizeof text, "there are %u bans, as many as there may be", l->bans);
		*why = text;
		return BAN_REFUSED;
	}
	uint32_t made = made_of(wanted, b, now);
	struct ban w = *wanted;
	if (wanted->lifted && wanted->made == 0 && b != NULL)
		w.seconds = ban_left(b, now); /* as long as a list that missed it has the ban */
	if (b != NULL) {
		count(l, b, -1);
		unlink_it(l, b);
	} else if ((b = add(l, &wanted->net)) == NULL) {
		*why = "out of memory";
		return BAN_REFUSED;
	}
	b->lifted = wanted->lifted;
	b->keep = wanted->keep;
	b->made = made;
	b->until_ms = until(&w, now);
	b->from = from;
	take_text(b->reason, sizeof b->reason, wanted->reason);
	take_text(b->by, sizeof b->by, wanted->by);
	count(l, b, 1);
	link_last(l, b);
	l->changes++;
	if (b->until_ms != 0 && (l->expires_ms == 0 || b->until_ms < l->expires_ms))
		l->expires_ms = b->until_ms;
	if (l->on_change != NULL)
		l->on_change(l, b);
	return BAN_TAKEN;
}

/* ---- words ---- */

static bool is_parsed(const char *text, struct net *out)
{
	const char *why;

	return net_parse(text, out, &why);
}

static bool holds_this_machine(const struct net *n)
{
	struct net local;

	return (is_parsed("127.0.0.0/8", &local) && net_meets(n, &local)) ||
	       (is_parsed("::1", &local) && net_meets(n, &local));
}

bool ban_parse_net(const char *text, bool forced, struct net *out, const char **why)
{
	static char words[200];
	char name[NET_TEXT_MAX];
	struct net n;

	if (!net_parse(text, &n, why))
		return false;
	bool wide = net_is_ipv4(&n) ? n.bits < 96 + 8 : n.bits < 16;
	*why = words;
	net_text(&n, name);
	if (!forced && wide) {
		snprintf(words, sizeof words,
			"%s is very large (IPv4 below /8 or IPv6 below /16): say `force` if it is meant",
			name);
		return false;
	}
	if (!forced && holds_this_machine(&n)) {
		snprintf(words, sizeof words,
			"%s holds this machine's own addresses, and everybody who comes by a proxy on it "
			"that says nothing: say `force` if it is meant",
			name);
		return false;
	}
	*out = n;
	return true;
}

bool ban_parse_time(const char *text, uint32_t *seconds)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}, {'\0', 1}};
	size_t digits = strspn(text, "0123456789");

	if (strcmp(text, "forever") == 0) {
		*seconds = 0;
		return true;
	}
	if (digits == 0 || digits > 9 || (text[digits] != '\0' && text[digits + 1] != '\0'))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		uint64_t s = strtoull(text, NULL, 10) * units[i].seconds;

		if (text[digits] != units[i].letter || s == 0)
			continue;
		*seconds = s > BAN_SECONDS_MAX ? 0 : (uint32_t)s;
		return true;
	}
	return false;
}

bool ban_means_time(const char *text)
{
	return text[0] == '-' || (text[0] >= '0' && text[0] <= '9');
}

json_t *ban_json(const struct ban *b, const struct ban_clock *now)
{
	char net[NET_TEXT_MAX];
	json_t *o = json_pack("{s:s, s:s?, s:s, s:I, s:I}", "net", net_text(&b->net, net), "reason",
		b->reason[0] != '\0' ? b->reason : NULL, "by", b->by, "age_s",
		(json_int_t)(now->wall > b->made ? now->wall - b->made : 0), "turned_away",
		(json_int_t)b->hits);

	json_object_set_new(
		o, "seconds_left", b->until_ms != 0 ? json_integer(ban_left(b, now)) : json_null());
	return o;
}

json_t *banlist_json(const struct banlist *l, const struct ban_clock *now)
{
	json_t *all = json_array();

	LIST_EACH(node, &l->all)
	{
		const struct ban *b = container_of(node, struct ban, node);

		if (ban_is_on(b, now))
			json_array_append_new(all, ban_json(b, now));
	}
	return all;
}

char *ban_words(const struct ban *b, char out[static BAN_WORDS_MAX])
{
	if (b->reason[0] != '\0')
		snprintf(out, BAN_WORDS_MAX, "You are banned from here: %s", b->reason);
	else
		snprintf(out, BAN_WORDS_MAX, "You are banned from here.");
	return out;
}
