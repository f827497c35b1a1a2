/* What becomes of a request:
 *
 *   fetch_begin -> waiting -> next: its turn has come, curl has it (curlmulti.h) -> reap
 *   reap: a redirect begins again, all else is the answer, and the next one's turn comes
 *
 * curl looks names up in a thread of its own, one for each request; CURLOPT_QUICK_EXIT leaves a thread
 * to itself that a silent name server holds up. Redirects are followed here, not by curl, since it would
 * take our headers along. Every request has its own connection: who may go where is judged when it is
 * made (open_socket), so none may be taken over from a request that was allowed more. */
#include "server/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/internet.h"
#include "server/curlmulti.h"
#include "server/fetch_url.h"

struct fetcher {
	struct curlmulti curl;
	bool closing;
	struct list active, waiting; /* struct fetch */
	size_t active_count, waiting_count;
};

struct fetch {
	struct list node;
	struct fetcher *fetcher;
	CURL *easy;                 /* owned */
	CURLU *url;                 /* owned: where to now */
	struct curl_slist *headers; /* owned: the caller's, while they may be shown */
	char *method;               /* owned */
	char *content_type;         /* owned: a header line; NULL = none */
	struct buf body, answer;
	char from[ADDRESS_IP_MAX + 8]; /* "host!192.0.2.1"; "" = any */
	enum family family;
	bool public_only;
	bool slow_counts; /* the answer has begun */
	unsigned redirects_left;
	bool follow;
	uint64_t connect_ms, total_ms, deadline_ms;
	size_t answer_max, header_bytes;
	fetch_cb cb;
	void *owner;
	char refused[200]; /* why we gave it up ourselves; "" = we did not */
	char error[CURL_ERROR_SIZE];
};

/* <linux/in6.h> has it, which does not go with <netinet/in.h>. */
#ifndef IPV6_PREFER_SRC_PUBLIC
#define IPV6_PREFER_SRC_PUBLIC 0x0002
#endif

static void next(struct fetcher *fr);

/* ---- what comes in ------------------------------------------------------------------------------ */

/* From the address that stays, of those that a machine has of IPv6: lists know us by it. */
static int new_socket(const struct curl_sockaddr *to)
{
	const int lasting = IPV6_PREFER_SRC_PUBLIC;
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);

	if (fd >= 0 && to->family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &lasting, sizeof lasting);
	return fd;
}

/* The one place where it is judged where a request goes: the address is what the connection will have,
 * whatever the name said a moment ago (rows M01 and M02). */
static curl_socket_t open_socket(void *user, curlsocktype purpose UNUSED, struct curl_sockaddr *to)
{
	struct fetch *f = user;
	struct address a = {.len = (socklen_t)size_min(to->addrlen, sizeof a.un)};
	const char *what = NULL;
	char ip[ADDRESS_IP_MAX];

	memcpy(&a.un, &to->addr, a.len);
	f->refused[0] = '\0'; /* of another address of the same name */
	if (f->public_only) {
		what = internet_why_not(&a);
		if (what == NULL && internet_is_own(&a))
			what = "this machine itself";
	}
	if (what == NULL)
		return new_socket(to);
	address_ip(&a, ip);
	snprintf(f->refused, sizeof f->refused, "%s is %s, where scripts may not connect to", ip,
		what);
	return CURL_SOCKET_BAD;
}

static void count_slowness(struct fetch *f)
{
	if (f->slow_counts)
		return;
	f->slow_counts = true;
	curl_easy_setopt(f->easy, CURLOPT_LOW_SPEED_LIMIT, (long)FETCH_SLOW_BYTES);
	curl_easy_setopt(f->easy, CURLOPT_LOW_SPEED_TIME, (long)FETCH_SLOW_SECONDS);
}

static size_t header_cb(char *line UNUSED, size_t size, size_t n, void *user)
{
	struct fetch *f = user;

	count_slowness(f);
	f->header_bytes += size * n;
	if (f->header_bytes <= FETCH_HEADERS_MAX)
		return size * n;
	snprintf(f->refused, sizeof f->refused, "the answer has over %d KiB of headers",
		FETCH_HEADERS_MAX / 1024);
	return 0;
}

static void refuse_large(struct fetch *f)
{
	snprintf(f->refused, sizeof f->refused, "the answer has over %zu bytes", f->answer_max);
}

static size_t body_cb(char *bytes, size_t size, size_t n, void *user)
{
	struct fetch *f = user;

	if (f->answer.len + size * n > f->answer_max)
		refuse_large(f);
	else if (!buf_add(&f->answer, slice_of(bytes, size * n)))
		snprintf(f->refused, sizeof f->refused, "not enough memory");
	return f->refused[0] == '\0' ? size * n : 0;
}

/* ---- what goes out ------------------------------------------------------------------------------ */

#define SET(option, value) ok = ok && curl_easy_setopt(f->easy, (option), (value)) == CURLE_OK

static bool set_method(struct fetch *f)
{
	bool ok = true;

	if (strcmp(f->method, "HEAD") == 0)
		SET(CURLOPT_NOBODY, 1L);
	else if (f->body.len > 0 || strcmp(f->method, "POST") == 0) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body.len);
		SET(CURLOPT_POSTFIELDS,
			f->body.len > 0 ? (const char *)buf_bytes(&f->body).at : "");
		SET(CURLOPT_CUSTOMREQUEST, f->method);
	} else if (strcmp(f->method, "GET") != 0)
		SET(CURLOPT_CUSTOMREQUEST, f->method);
	return ok;
}

static bool set_where(struct fetch *f)
{
	static const long families[] = {
		[FAMILY_NONE] = CURL_IPRESOLVE_WHATEVER,
		[FAMILY_V4] = CURL_IPRESOLVE_V4,
		[FAMILY_V6] = CURL_IPRESOLVE_V6,
	};
	bool ok = true;

	SET(CURLOPT_CURLU, f->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_PROXY, ""); /* nor what the environment says (row M03) */
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L); /* of one family, for one request: no other's */
	SET(CURLOPT_IPRESOLVE, families[f->family]);
	if (f->from[0] != '\0')
		SET(CURLOPT_INTERFACE, f->from);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, f);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L); /* row M06 */
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	return ok;
}

static bool set_limits(struct fetch *f, uint64_t left_ms)
{
	bool ok = true;

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* row M05 */
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)f->connect_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)left_ms);
	SET(CURLOPT_HEADERFUNCTION, header_cb);
	SET(CURLOPT_HEADERDATA, f);
	SET(CURLOPT_WRITEFUNCTION, body_cb);
	SET(CURLOPT_WRITEDATA, f);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)f->answer_max);
	SET(CURLOPT_BUFFERSIZE, 16L * 1024);
	return ok;
}

/* Tells curl all about the way to f->url, and lets it begin. */
static bool go(struct fetch *f)
{
	uint64_t now_ms = loop_now_ms(f->fetcher->curl.loop);
	bool ok = true;

	if (f->deadline_ms == 0)
		f->deadline_ms = now_ms + f->total_ms;
	f->slow_counts = false;
	f->error[0] = '\0';
	buf_free(&f->answer);
	curl_easy_reset(f->easy);
	SET(CURLOPT_PRIVATE, f);
	SET(CURLOPT_ERRORBUFFER, f->error);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_USERAGENT, "holdfast-server/" HOLDFAST_VERSION);
	SET(CURLOPT_HTTPHEADER, f->headers);
	ok = ok && set_method(f) && set_where(f) &&
	     set_limits(f, f->deadline_ms > now_ms ? f->deadline_ms - now_ms : 1);
	return ok && curl_multi_add_handle(f->fetcher->curl.multi, f->easy) == CURLM_OK;
}

/* ---- how it ends -------------------------------------------------------------------------------- */

static void fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	list_remove(&f->node);
	curl_easy_cleanup(f->easy);
	curl_url_cleanup(f->url);
	curl_slist_free_all(f->headers);
	buf_free(&f->body);
	buf_free(&f->answer);
	free(f->method);
	free(f->content_type);
	free(f);
}

static void end_address(struct fetch *f, CURLINFO ip_info, CURLINFO port_info, struct address *out)
{
	const char *why, *ip = NULL;
	char text[ADDRESS_TEXT_MAX];
	long port = 0;

	*out = (struct address){0};
	if (curl_easy_getinfo(f->easy, ip_info, &ip) != CURLE_OK || ip == NULL || ip[0] == '\0' ||
		curl_easy_getinfo(f->easy, port_info, &port) != CURLE_OK)
		return;
	snprintf(
		text, sizeof text, strchr(ip, ':') != NULL ? "[%.60s]:%ld" : "%.60s:%ld", ip, port);
	address_parse(text, out, &why);
}

/* The fetch is gone when its owner is told. */
static void tell(struct fetch *f, CURLcode code)
{
	struct fetch_answer answer = {.bad_source = code == CURLE_INTERFACE_FAILED};
	struct fetcher *fr = f->fetcher;
	char why[CURL_ERROR_SIZE + 8];
	long status = 0;

	if (code == CURLE_FILESIZE_EXCEEDED)
		refuse_large(f); /* it said so itself */
	if (code == CURLE_OK) {
		curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
		answer.status = (int)status;
		answer.body = buf_bytes(&f->answer);
	} else {
		snprintf(why, sizeof why, "%s",
			f->refused[0] != '\0' ? f->refused
			: f->error[0] != '\0' ? f->error
					      : curl_easy_strerror(code));
		answer.why = why;
	}
	end_address(f, CURLINFO_LOCAL_IP, CURLINFO_LOCAL_PORT, &answer.local);
	end_address(f, CURLINFO_PRIMARY_IP, CURLINFO_PRIMARY_PORT, &answer.remote);
	list_remove(&f->node);
	fr->active_count--;
	f->cb(f->owner, &answer);
	fetch_free(f);
}

/* NULL is none. */
static bool add_header(struct fetch *f, const char *line)
{
	if (line == NULL)
		return true;
	if (strpbrk(line, "\r\n") != NULL)
		return false;
	struct curl_slist *more = curl_slist_append(f->headers, line);
	if (more != NULL)
		f->headers = more;
	return more != NULL;
}

/* As browsers do it: what was to be changed is not changed a second time elsewhere, but for 307, 308. */
static bool becomes_get(const struct fetch *f, long status)
{
	if (strcmp(f->method, "GET") == 0 || strcmp(f->method, "HEAD") == 0)
		return false;
	return status == 303 ||
	       ((status == 301 || status == 302) && strcmp(f->method, "POST") == 0);
}

/* Makes f one for the place that the answer names. False with *why a sentence. */
static bool turn_to(struct fetch *f, const char *location, long status, const char **why)
{
	CURLU *url = fetch_url_read(location, why);

	if (url == NULL)
		return false;
	bool other = !fetch_url_same_origin(f->url, url),
	     safe = fetch_url_same_part(f->url, url, CURLUPART_SCHEME);
	char *scheme = NULL;
	if (!safe && curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK)
		safe = strcmp(scheme, "https") == 0;
	curl_free(scheme);
	if (!safe) {
		*why = "it leads from https to http";
		curl_url_cleanup(url);
		return false;
	}
	curl_url_cleanup(f->url);
	f->url = url;
	if (becomes_get(f, status)) {
		buf_free(&f->body);
		free(f->content_type);
		f->content_type = NULL;
		strcpy(f->method, "GET"); /* shorter than any that changes something */
	}
	if (other) {
		curl_slist_free_all(f->headers);
		f->headers = NULL;
		return add_header(f, f->content_type);
	}
	return true;
}

/* Whether the answer is a redirect that is followed; if it cannot be, *code and f->refused say why. */
static bool follow(struct fetch *f, CURLcode *code)
{
	char *location = NULL;
	long status = 0;
	const char *why = "not enough memory";

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(f->easy, CURLINFO_REDIRECT_URL, &location);
	if (!f->follow || location == NULL || status < 301 || status == 304 || status > 308)
		return false;
	if (f->redirects_left == 0) {
		snprintf(f->refused, sizeof f->refused, "over %d redirects", FETCH_REDIRECTS_MAX);
		*code = CURLE_TOO_MANY_REDIRECTS;
		return false;
	}
	f->redirects_left--;
	if (turn_to(f, location, status, &why) && go(f))
		return true;
	snprintf(f->refused, sizeof f->refused, "a redirect that is not followed: %s", why);
	*code = CURLE_TOO_MANY_REDIRECTS;
	return false;
}

/* Takes the finished from curl. Their owners may begin, cancel and close as they like meanwhile. */
static void reap(struct curlmulti *m)
{
	struct fetcher *fr = container_of(m, struct fetcher, curl);
	CURLMsg *message;
	int left;

	while (!fr->closing && (message = curl_multi_info_read(fr->curl.multi, &left)) != NULL) {
		struct fetch *f = NULL;
		CURLcode code = message->data.result;
		CURL *easy = message->easy_handle;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&f);
		curl_multi_remove_handle(fr->curl.multi, easy);
		if (code == CURLE_OK && follow(f, &code))
			continue;
		tell(f, code);
	}
	if (!fr->closing)
		next(fr);
}

/* ---- requests ----------------------------------------------------------------------------------- */

/* Has those begin whose turn it is. One that cannot is told so like any other that failed: by curl,
 * in a later turn. */
static void next(struct fetcher *fr)
{
	while (!fr->closing && fr->active_count < FETCH_AT_ONCE && !list_is_empty(&fr->waiting)) {
		struct fetch *f = container_of(fr->waiting.next, struct fetch, node);

		list_remove(&f->node);
		list_add_last(&fr->active, &f->node);
		fr->waiting_count--;
		fr->active_count++;
		if (!go(f)) {
			snprintf(f->refused, sizeof f->refused, "not enough memory");
			tell(f, CURLE_OUT_OF_MEMORY);
		}
	}
}

static bool copy_headers(struct fetch *f, const struct fetch_request *r)
{
	if (r->content_type != NULL &&
		asprintf(&f->content_type, "Content-Type: %s", r->content_type) < 0) {
		f->content_type = NULL;
		return false;
	}
	bool ok = add_header(f, f->content_type);
	for (const char *const *line = r->headers; ok && line != NULL && *line != NULL; line++)
		ok = add_header(f, *line);
	return ok;
}

static struct fetch *fetch_new(const struct fetch_request *r, const char **why)
{
	struct fetch *f = calloc(1, sizeof *f);
	char ip[ADDRESS_IP_MAX];

	*why = "not enough memory";
	if (f == NULL)
		return NULL;
	list_init(&f->node);
	f->family = r->family;
	f->public_only = r->public_only;
	f->follow = r->follow;
	f->redirects_left = FETCH_REDIRECTS_MAX;
	f->connect_ms = r->connect_ms > 0 ? r->connect_ms : FETCH_CONNECT_MS;
	f->total_ms = r->total_ms > 0 ? r->total_ms : FETCH_TOTAL_MS;
	f->answer_max = r->answer_max > 0 ? r->answer_max : FETCH_ANSWER_MAX;
	if (r->from != NULL && r->from->len > 0) {
		address_ip(r->from, ip);
		snprintf(f->from, sizeof f->from, "host!%s", ip);
	}
	f->easy = curl_easy_init();
	f->method = strdup(r->method);
	if (f->easy != NULL && f->method != NULL && buf_add(&f->body, r->body) &&
		copy_headers(f, r))
		f->url = fetch_url_read(r->url, why);
	if (f->url != NULL)
		return f;
	fetch_free(f);
	return NULL;
}

struct fetch *fetch_begin(struct fetcher *fr, const struct fetch_request *request, fetch_cb cb,
	void *owner, const char **why)
{
	*why = "too many requests wait already";
	if (fr->closing || fr->waiting_count >= FETCH_WAITING_MAX)
		return NULL;
	struct fetch *f = fetch_new(request, why);
	if (f == NULL)
		return NULL;
	f->fetcher = fr;
	f->cb = cb;
	f->owner = owner;
	list_add_last(&fr->waiting, &f->node);
	fr->waiting_count++;
	/* Its turn, and the turn of others, comes with the timer: nobody is told from in here. */
	curlmulti_wake(&fr->curl);
	return f;
}

void fetch_cancel(struct fetch *f)
{
	struct fetcher *fr = f->fetcher;
	bool waits = f->deadline_ms == 0;

	if (waits) {
		fr->waiting_count--;
	} else {
		curl_multi_remove_handle(fr->curl.multi, f->easy);
		fr->active_count--;
		curlmulti_wake(&fr->curl); /* for the next */
	}
	fetch_free(f);
}

/* ---- life --------------------------------------------------------------------------------------- */

static void on_closed(struct curlmulti *m)
{
	free(container_of(m, struct fetcher, curl));
}

struct fetcher *fetcher_open(struct loop *loop)
{
	struct fetcher *fr = calloc(1, sizeof *fr);

	if (fr == NULL)
		return NULL;
	fr->curl.on_done = reap;
	fr->curl.on_closed = on_closed;
	if (!curlmulti_open(&fr->curl, loop)) {
		free(fr);
		return NULL;
	}
	list_init(&fr->active);
	list_init(&fr->waiting);
	return fr;
}

void fetcher_close(struct fetcher *fr)
{
	if (fr == NULL || fr->closing)
		return;
	fr->closing = true;
	LIST_EACH(node, &fr->active)
	{
		struct fetch *f = container_of(node, struct fetch, node);

		curl_multi_remove_handle(fr->curl.multi, f->easy);
		fetch_free(f);
	}
	LIST_EACH(node, &fr->waiting)
	fetch_free(container_of(node, struct fetch, node));
	curlmulti_close(&fr->curl);
}
