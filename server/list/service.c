#include "server/list/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/http_target.h"
#include "common/jsontext.h"
#include "common/log.h"
#include "server/api/limiter.h"
#include "server/list/filter.h"
#include "server/list/metrics.h"
#include "server/list/page.h"
#include "server/list/probe.h"
#include "server/list/registry.h"

enum { ROUND_MS = 10 * 60 * 1000 }; /* so often old records go, and servers are tried again */

struct service {
	struct loop *loop;
	struct http_server *http;
	struct records *records;
	struct registry registry;
	struct limiter *limiter;
	struct probes *probes;
	uv_timer_t round;
	unsigned handles; /* http and round: freed when both have closed */
	struct list_metrics metrics;
};

static int64_t now_s(void)
{
	return (int64_t)time(NULL);
}

/* ---- answers ---- */

static void answer_open(struct http_answer *a, const struct http_exchange *x, unsigned status)
{
	http_answer_open(a, x->asked, status, time(NULL));
	http_answer_field(a, "Cache-Control", slice_text("no-store"));
	http_answer_field(a, "X-Content-Type-Options", slice_text("nosniff"));
}

static void answer(struct http_exchange *x, unsigned status, const char *type, struct slice body)
{
	struct http_answer a;

	answer_open(&a, x, status);
	if (status == 429)
		http_answer_field(&a, "Retry-After", slice_text("10"));
	http_answer_body(&a, type, body);
	http_exchange_end(x, &a);
}

/* Takes body. */
static void answer_json(struct http_exchange *x, unsigned status, json_t *body)
{
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(body);
	if (text != NULL)
		answer(x, status, "application/json", slice_text(text));
	else
		answer(x, 503, NULL, slice_text(""));
	free(text);
}

/* Takes its body. */
static void answer_registry(
	struct service *s, struct http_exchange *x, const struct registry_answer *out)
{
	list_metrics_refused(&s->metrics, out->code);
	answer_json(x, out->status, out->body);
}

static void refuse(struct service *s, struct http_exchange *x, enum sub_code code, const char *text)
{
	struct registry_answer out;

	registry_refuse(&out, code, text);
	answer_registry(s, x, &out);
}

static void refuse_method(struct service *s, struct http_exchange *x, const char *allow)
{
	struct http_answer a;

	s->metrics.refused[REFUSED_METHOD]++;
	answer_open(&a, x, 405);
	http_answer_field(&a, "Allow", slice_text(allow));
	http_answer_text(&a, "this method does nothing here");
	http_exchange_end(x, &a);
}

/* ---- /v1/game/GAMEDEV/GAME/server/IP/PORT/status ---- */

/* Takes the next part off *path; false when there is none, or it is longer than the room. */
static bool take_part(struct slice *path, char *out, size_t room)
{
	const uint8_t *end;

	if (path->len == 0 || path->at[0] != '/')
		return false;
	*path = slice_from(*path, 1);
	end = path->len > 0 ? memchr(path->at, '/', path->len) : NULL;
	size_t len = end != NULL ? (size_t)(end - path->at) : path->len;
	if (len == 0 || len >= room)
		return false;
	memcpy(out, path->at, len);
	out[len] = '\0';
	*path = slice_from(*path, len);
	return true;
}

static bool take_word(struct slice *path, const char *word)
{
	char part[32];

	return take_part(path, part, sizeof part) && strcmp(part, word) == 0;
}

/* Numeric, in whatever spelling; out is canonical. */
static bool read_ip(const char *text, char out[static ADDRESS_IP_MAX], struct address *at)
{
	char whole[ADDRESS_IP_MAX + 8];
	const char *why;

	if (strlen(text) >= ADDRESS_IP_MAX || text[0] == '*')
		return false;
	snprintf(whole, sizeof whole, strchr(text, ':') != NULL ? "[%s]:1" : "%s:1", text);
	if (!address_parse(whole, at, &why))
		return false;
	address_unmap(at);
	address_ip(at, out);
	return at->sa.sa_family == AF_INET || at->sa.sa_family == AF_INET6;
}

static bool read_port(const char *text, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*out = (unsigned)n;
	return text[0] >= '1' && text[0] <= '9' && *end == '\0' && n <= 65535 && strlen(text) <= 5;
}

static void try_to_reach(struct service *s, int64_t id)
{
	struct address at[FAMILIES];
	char text[ADDRESS_IP_MAX + 16];
	struct record r;
	const char *why;
	unsigned count = 0;

	if (!records_get(s->records, id, &r, &why))
		return;
	for (int i = 0; i < FAMILIES; i++) {
		if (r.address[i][0] == '\0')
			continue;
		snprintf(text, sizeof text, i == FAMILY_V6 ? "[%s]:%u" : "%s:%u", r.address[i],
			r.port);
		if (address_parse(text, &at[count], &why))
			count++;
	}
	if (probes_add(s->probes, id, at, count))
		s->metrics.probes++;
	else
		s->metrics.probes_dropped++;
	record_free(&r);
}

static void on_tried(void *owner, int64_t id, bool answered)
{
	struct service *s = owner;
	struct record r;
	const char *why;

	s->metrics.reached += answered;
	if (!records_get(s->records, id, &r, &why))
		return;
	if (r.connectable != answered) {
		r.connectable = answered;
		log_info("server %lld: %s", (long long)id,
			answered ? "players can reach it" : "cannot be reached from here");
		if (!records_put(s->records, &r, &why))
			log_warn("%s", why);
	}
	record_free(&r);
}

/* Nothing that a list is told is deep. */
static const struct jsontext_most body_most = {.bytes = 64 * 1024, .values = 4096, .depth = 8};

static void on_put(struct service *s, struct http_exchange *x, const struct registry_call *call)
{
	struct slice body = x->request->body;
	struct registry_answer out;

	s->metrics.puts++;
	if (!limiter_take(s->limiter, &x->from, loop_now_ms(s->loop))) {
		refuse(s, x, SUB_RATE, NULL);
		return;
	}
	json_t *all = jsontext_read(body, JSON_REJECT_DUPLICATES, &body_most, NULL);
	if (all == NULL) {
		refuse(s, x, SUB_BODY, NULL);
		return;
	}
	registry_put(&s->registry, call, json_object_get(all, "serverStatus"), &out);
	json_decref(all);
	s->metrics.registered += out.status == 200;
	s->metrics.call_backs += out.code == SUB_CALL_BACK;
	if (out.created != 0)
		try_to_reach(s, out.created);
	answer_registry(s, x, &out);
}

static void on_status(struct service *s, struct http_exchange *x, const struct registry_call *call)
{
	struct registry_answer out;

	switch (x->request->method) {
	case HTTP_METHOD_PUT:
		on_put(s, x, call);
		return;
	case HTTP_METHOD_DELETE:
		s->metrics.deletes++;
		registry_delete(&s->registry, call, &out);
		break;
	case HTTP_METHOD_GET:
	case HTTP_METHOD_HEAD:
		s->metrics.queries++;
		registry_get(&s->registry, call, &out);
		break;
	default:
		refuse_method(s, x, "GET, HEAD, PUT, DELETE");
		return;
	}
	answer_registry(s, x, &out);
}

static void on_server(
	struct service *s, struct http_exchange *x, struct slice path, const char *game)
{
	char ip_part[ADDRESS_IP_MAX], port_part[16], ip[ADDRESS_IP_MAX], from[ADDRESS_IP_MAX];
	const struct slice *token = http_field(x->request, "x-callback-token");
	char token_text[REGISTRY_TOKEN_MAX + 1];
	struct registry_call call = {.game = game, .ip = ip, .from = from, .now = now_s()};
	struct address at;

	if (!take_part(&path, ip_part, sizeof ip_part) || !read_ip(ip_part, ip, &at)) {
		refuse(s, x, SUB_ADDRESS, NULL);
		return;
	}
	if (!take_part(&path, port_part, sizeof port_part) || !read_port(port_part, &call.port)) {
		refuse(s, x, SUB_PORT, NULL);
		return;
	}
	if (!take_word(&path, "status") || path.len > 0) {
		refuse(s, x, SUB_PATH, NULL);
		return;
	}
	address_ip(&x->from, from);
	if (token != NULL) {
		snprintf(token_text, sizeof token_text, "%.*s",
			(int)size_min(token->len, REGISTRY_TOKEN_MAX), (const char *)token->at);
		call.token = token_text;
	}
	on_status(s, x, &call);
}

/* ---- /v1/game/GAMEDEV/GAME/servers ---- */

struct query {
	struct filter filter;
	json_t *found;
	size_t passed;
};

static bool each_server(void *owner, const struct record *r)
{
	struct query *q = owner;
	json_t *server = record_json(r);

	if (filter_passes(&q->filter, server)) {
		if (q->passed >= q->filter.start && json_array_size(q->found) < q->filter.limit)
			json_array_append(q->found, server);
		q->passed++;
	}
	json_decref(server);
	return true;
}

static bool read_query(struct slice text, struct filter *f, const char **why)
{
	struct slice key, value;
	struct http_query parts;

	*why = "out of memory";
	bool ok = http_query_open(&parts, text);
	while (ok && http_query_next(&parts, &key, &value))
		ok = filter_read(f, key, value, why);
	http_query_close(&parts);
	return ok;
}

static void on_servers(struct service *s, struct http_exchange *x, const char *game)
{
	struct query q = {.filter = {.limit = FILTER_LIMIT}, .found = json_array()};
	const char *why;

	s->metrics.queries++;
	if (x->request->method != HTTP_METHOD_GET && x->request->method != HTTP_METHOD_HEAD)
		refuse_method(s, x, "GET, HEAD");
	else if (!read_query(x->request->query, &q.filter, &why))
		refuse(s, x, why[0] == 'f' ? SUB_FILTERS : SUB_PAGE, why);
	else if (!records_current(s->records, game, now_s(), each_server, &q, &why))
		refuse(s, x, SUB_STORE, NULL);
	else
		answer_json(x, 200,
			json_pack("{s:O, s:I}", "serverList", q.found, "total",
				(json_int_t)q.passed));
	filter_free(&q.filter);
	json_decref(q.found);
}

static void on_game(struct service *s, struct http_exchange *x, struct slice path)
{
	char dev[RECORD_GAME_MAX / 2], name[RECORD_GAME_MAX / 2], game[RECORD_GAME_MAX], what[16];

	if (!take_part(&path, dev, sizeof dev) || !take_part(&path, name, sizeof name)) {
		refuse(s, x, SUB_GAME, NULL);
		return;
	}
	snprintf(game, sizeof game, "%s/%s", dev, name);
	if (!registry_game_is_good(game))
		refuse(s, x, SUB_GAME, NULL);
	else if (!take_part(&path, what, sizeof what))
		refuse(s, x, SUB_PATH, NULL);
	else if (strcmp(what, "servers") == 0 && path.len == 0)
		on_servers(s, x, game);
	else if (strcmp(what, "server") == 0)
		on_server(s, x, path, game);
	else
		refuse(s, x, SUB_PATH, NULL);
}

/* ---- the rest ---- */

static void on_whoami(struct service *s UNUSED, struct http_exchange *x)
{
	char ip[ADDRESS_IP_MAX];

	address_ip(&x->from, ip);
	answer_json(x, 200, json_pack("{s:s}", "yourIP", ip));
}

struct listing {
	struct page page;
	size_t total;
	int64_t now;
};

static bool each_row(void *owner, const struct record *r)
{
	struct listing *l = owner;

	if (l->total >= l->page.start && l->page.rows < PAGE_ROWS)
		page_row(&l->page, r, l->now);
	l->total++;
	return true;
}

static void read_page_query(struct slice text, struct page *page, char *game, size_t room)
{
	struct slice key, value;
	struct http_query parts;
	struct filter f = {.limit = 1};
	const char *why;

	if (!http_query_open(&parts, text))
		return;
	while (http_query_next(&parts, &key, &value)) {
		if (slice_is(key, slice_text("game")) && value.len < room) {
			snprintf(game, room, "%.*s", (int)value.len, (const char *)value.at);
			page->game = registry_game_is_good(game) ? game : NULL;
		} else if (slice_is(key, slice_text("start")) &&
			   filter_read(&f, key, value, &why)) {
			page->start = f.start;
		}
	}
	http_query_close(&parts);
}

static void on_page(struct service *s, struct http_exchange *x)
{
	struct buf out = {0};
	struct listing l = {.page = {.out = &out}, .now = now_s()};
	char game[RECORD_GAME_MAX];
	struct http_answer a;
	const char *why = "out of memory";

	s->metrics.pages++;
	read_page_query(x->request->query, &l.page, game, sizeof game);
	page_begin(&l.page);
	bool ok = records_current(s->records, l.page.game, l.now, each_row, &l, &why);
	page_end(&l.page, l.total);
	if (!ok || l.page.no_memory) {
		log_warn("%s", why);
		refuse(s, x, SUB_STORE, NULL);
	} else {
		answer_open(&a, x, 200);
		http_answer_field(&a, "Content-Security-Policy",
			slice_text("default-src 'none'; style-src 'self'; frame-ancestors 'none'; "
				   "base-uri 'none'; form-action 'none'"));
		http_answer_body(&a, "text/html; charset=utf-8", buf_bytes(&out));
		http_exchange_end(x, &a);
	}
	buf_free(&out);
}

static bool count_one(void *owner, const struct record *r UNUSED)
{
	(*(uint64_t *)owner)++;
	return true;
}

static void on_metrics(struct service *s, struct http_exchange *x)
{
	struct list_metrics now = s->metrics;
	struct http_server_counts http;
	struct buf out = {0};
	const char *why;

	records_current(s->records, NULL, now_s(), count_one, &now.servers, &why);
	http_server_counts(s->http, &http);
	now.connections = http.connections;
	now.connections_full = http.full;
	now.malformed = http.malformed;
	now.late = http.late;
	if (list_metrics_text(&out, &now))
		answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", buf_bytes(&out));
	else
		answer(x, 503, NULL, slice_text(""));
	buf_free(&out);
}

static void on_style(struct service *s UNUSED, struct http_exchange *x)
{
	answer(x, 200, "text/css; charset=utf-8", slice_text(page_style));
}

static const struct {
	const char *path;
	void (*run)(struct service *s, struct http_exchange *x);
} places[] = {
	{"/", on_page},
	{"/style.css", on_style},
	{"/whoami", on_whoami},
	{"/v1/whoami", on_whoami},
	{"/metrics", on_metrics},
};

static void on_request(void *owner, struct http_exchange *x)
{
	struct service *s = owner;
	struct slice path = x->request->path;
	static const char game[] = "/v1/game";
	enum { GAME_LEN = sizeof game - 1 };

	if (path.len > GAME_LEN && memcmp(path.at, game, GAME_LEN) == 0 &&
		path.at[GAME_LEN] == '/') {
		on_game(s, x, slice_from(path, GAME_LEN));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (!slice_is(path, slice_text(places[i].path)))
			continue;
		if (x->request->method == HTTP_METHOD_GET || x->request->method == HTTP_METHOD_HEAD)
			places[i].run(s, x);
		else
			refuse_method(s, x, "GET, HEAD");
		return;
	}
	refuse(s, x, SUB_PATH, NULL);
}

/* ---- life ---- */

static void free_when_closed(struct service *s)
{
	if (--s->handles > 0)
		return;
	records_close(s->records);
	limiter_free(s->limiter);
	free(s);
}

static void on_closed(void *owner)
{
	free_when_closed(owner);
}

static void round_closed_cb(uv_handle_t *handle)
{
	free_when_closed(handle->data);
}

static bool each_try(void *owner, const struct record *r)
{
	try_to_reach(owner, r->id);
	return true;
}

static void round_cb(uv_timer_t *timer)
{
	struct service *s = timer->data;
	const char *why;

	records_expire(s->records, now_s());
	if (!records_current(s->records, NULL, now_s(), each_try, s, &why))
		log_warn("%s", why);
}

static const struct http_server_ops ops = {.on_request = on_request, .on_closed = on_closed};

struct service *service_open(struct loop *loop, const struct service_config *config,
	const int *sockets, unsigned count, const char **why)
{
	struct service *s = calloc(1, sizeof *s);

	*why = "out of memory";
	if (s != NULL) {
		s->loop = loop;
		s->records = records_open(config->records, why);
		s->limiter = limiter_new(config->calls_a_second);
		s->probes = probes_open(loop, on_tried, s);
	}
	struct http_server_config http = {.ops = &ops,
		.owner = s,
		.limits = &http_usual_limits,
		.deadlines = &http_usual_deadlines,
		.clients = 1000,
		.per_address = 50,
		.queue_ms = 10000,
		.write_ms = 10000};
	bool ready = s != NULL && s->records != NULL && s->limiter != NULL && s->probes != NULL;
	if (ready)
		s->http = http_server_open(loop, &http, sockets, count, why);
	if (ready && s->http != NULL) {
		registry_open(&s->registry, s->records, config->servers_each);
		uv_timer_init(&loop->uv, &s->round);
		s->round.data = s;
		uv_timer_start(&s->round, round_cb, 0, ROUND_MS);
		s->handles = 2;
		return s;
	}
	if (s != NULL) {
		records_close(s->records);
		limiter_free(s->limiter);
		probes_close(s->probes);
	}
	free(s);
	return NULL;
}

void service_close(struct service *s)
{
	if (s == NULL)
		return;
	probes_close(s->probes);
	http_server_close(s->http);
	uv_close((uv_handle_t *)&s->round, round_closed_cb);
}
