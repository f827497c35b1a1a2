#include "common/http_request.h"

#include <llhttp/llhttp.h>

#include "common/http_target.h"

/* The head is gathered until its empty line, each byte being judged as it comes; then it is taken
 * apart in one piece, so that no callback ever sees a part of a word.
 *
 *   LINE_START --byte--> LINE --CR--> LINE_LF --LF--> LINE_START --CR--> HEAD_LF --LF--> head is in
 *
 *   head is in --> BODY (Content-Length) or CHUNKS or none --> WHOLE */
enum at { AT_LINE_START, AT_LINE, AT_LINE_LF, AT_HEAD_LF, AT_BODY, AT_CHUNKS, AT_WHOLE };

const struct http_limits http_usual_limits = {
	.line = 8192, .head = 8192, .fields = HTTP_FIELDS_ROOM, .body = 65536};

static const char *const method_names[] = {
	[HTTP_METHOD_GET] = "GET",
	[HTTP_METHOD_HEAD] = "HEAD",
	[HTTP_METHOD_POST] = "POST",
	[HTTP_METHOD_PUT] = "PUT",
	[HTTP_METHOD_PATCH] = "PATCH",
	[HTTP_METHOD_DELETE] = "DELETE",
	[HTTP_METHOD_OPTIONS] = "OPTIONS",
};

const char *http_method_name(enum http_method method)
{
	return method_names[method];
}

bool slice_is_word(struct slice a, const char *word)
{
	size_t i = 0;

	for (; i < a.len && word[i] != '\0'; i++) {
		uint8_t x = a.at[i], y = (uint8_t)word[i];

		if (x != y && ((x ^ y) != 0x20 || (x | 0x20) < 'a' || (x | 0x20) > 'z'))
			return false;
	}
	return i == a.len && word[i] == '\0';
}

static struct slice trimmed(struct slice s)
{
	while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = slice_from(s, 1);
	while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool http_list_next(struct slice *list, struct slice *element)
{
	while (list->len > 0) {
		const uint8_t *comma = memchr(list->at, ',', list->len);
		size_t len = comma != NULL ? (size_t)(comma - list->at) : list->len;

		*element = trimmed(slice_of(list->at, len));
		*list = slice_from(*list, len + 1);
		if (element->len > 0)
			return true;
	}
	return false;
}

const struct slice *http_field(const struct http_request *r, const char *name)
{
	const struct slice *found = NULL;

	for (unsigned i = 0; i < r->field_count; i++) {
		if (!slice_is_word(r->fields[i].name, name))
			continue;
		if (found != NULL)
			return NULL;
		found = &r->fields[i].value;
	}
	return found;
}

unsigned http_field_count(const struct http_request *r, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->field_count; i++)
		n += slice_is_word(r->fields[i].name, name);
	return n;
}

bool http_field_has(const struct http_request *r, const char *name, const char *word)
{
	struct slice list, element;

	for (unsigned i = 0; i < r->field_count; i++) {
		if (!slice_is_word(r->fields[i].name, name))
			continue;
		for (list = r->fields[i].value; http_list_next(&list, &element);)
			if (slice_is_word(element, word))
				return true;
	}
	return false;
}

/* "127.0.0.1" or "[::1]": no name. "1.2.3" is none either: no resolver but a local one answers it. */
static bool is_ip(struct slice host)
{
	if (host.len > 0 && host.at[0] == '[')
		return true;
	for (size_t i = 0; i < host.len; i++)
		if (host.at[i] != '.' && (host.at[i] < '0' || host.at[i] > '9'))
			return false;
	return host.len > 0;
}

bool http_host_is_listed(const struct http_request *r, const char *hosts)
{
	char word[256];
	size_t len;

	for (hosts += strspn(hosts, " "); *hosts != '\0'; hosts += strspn(hosts, " ")) {
		len = strcspn(hosts, " ");
		if (len < sizeof word) {
			memcpy(word, hosts, len);
			word[len] = '\0';
			if (strcmp(word, "ip") == 0 ? is_ip(r->host) : slice_is_word(r->host, word))
				return true;
		}
		hosts += len;
	}
	return false;
}

/* ---- the head, as it comes ---------------------------------------------------------------------- */

static enum http_fault within_limits(struct http_parser *p)
{
	if (p->lines == 0)
		return ++p->line_len > p->limits->line ? HTTP_FAULT_TARGET_LONG : HTTP_FAULT_NONE;
	if (++p->fields_len > p->limits->head)
		return HTTP_FAULT_HEAD_LONG;
	return p->lines > p->limits->fields ? HTTP_FAULT_FIELDS_MANY : HTTP_FAULT_NONE;
}

static enum http_fault fault_of_byte(const struct http_parser *p, uint8_t byte)
{
	if (byte == '\n')
		return p->at == AT_LINE_START && p->lines == 0 ? HTTP_FAULT_EMPTY_LINE
							       : HTTP_FAULT_BARE_LF;
	if (byte == '\0')
		return HTTP_FAULT_NUL;
	if (p->at == AT_LINE_START && p->lines > 0 && (byte == ' ' || byte == '\t'))
		return HTTP_FAULT_FOLDED;
	if ((byte < 0x20 && (byte != '\t' || p->lines == 0)) || byte == 0x7f ||
		(byte >= 0x80 && p->lines == 0))
		return HTTP_FAULT_CONTROL;
	return HTTP_FAULT_NONE;
}

/* How many of these bytes, in the midst of a line, are printable ASCII and within the limits: they need but
 * be counted. */
static size_t count_plain(struct http_parser *p, struct slice bytes)
{
	uint32_t *counted = p->lines == 0 ? &p->line_len : &p->fields_len;
	uint32_t limit = p->lines == 0 ? p->limits->line : p->limits->head;
	size_t most = size_min(bytes.len, limit - *counted), n = 0;

	while (n < most && bytes.at[n] >= 0x20 && bytes.at[n] < 0x7f)
		n++;
	*counted += (uint32_t)n;
	return n;
}

/* One byte of the head. *in: it was the last. */
static enum http_fault on_head_byte(struct http_parser *p, uint8_t byte, bool *in)
{
	enum http_fault fault;

	switch ((enum at)p->at) {
	case AT_LINE_START:
	case AT_LINE:
		if (byte == '\r' && p->at == AT_LINE_START) {
			p->at = AT_HEAD_LF;
			return p->lines == 0 ? HTTP_FAULT_EMPTY_LINE : HTTP_FAULT_NONE;
		}
		if (byte == '\r') {
			p->at = AT_LINE_LF;
			p->fields_len += p->lines > 0;
			return HTTP_FAULT_NONE;
		}
		fault = fault_of_byte(p, byte);
		p->at = AT_LINE;
		return fault != HTTP_FAULT_NONE ? fault : within_limits(p);
	case AT_LINE_LF:
		if (byte != '\n')
			return HTTP_FAULT_BARE_CR;
		p->fields_len += p->lines > 0;
		p->lines++;
		p->at = AT_LINE_START;
		/* The end of a line counts too. */
		return p->fields_len > p->limits->head ? HTTP_FAULT_HEAD_LONG : HTTP_FAULT_NONE;
	case AT_HEAD_LF:
		*in = byte == '\n';
		return *in ? HTTP_FAULT_NONE : HTTP_FAULT_BARE_CR;
	case AT_BODY:
	case AT_CHUNKS:
	case AT_WHOLE:
		break;
	}
	return HTTP_FAULT_NONE;
}

/* ---- the head, taken apart ---------------------------------------------------------------------- */

/* METHOD SP target SP HTTP/d.d, by hand: each fault has its own name then. */
static enum http_fault take_request_line(struct http_request *r, struct slice line)
{
	const uint8_t *space = memchr(line.at, ' ', line.len);
	struct slice method, version;

	if (space == NULL)
		return HTTP_FAULT_REQUEST_LINE;
	method = slice_of(line.at, (size_t)(space - line.at));
	line = slice_from(line, method.len + 1);
	space = line.len > 0 ? memchr(line.at, ' ', line.len) : NULL;
	if (method.len == 0 || space == NULL || space == line.at)
		return HTTP_FAULT_REQUEST_LINE;
	r->target = slice_of(line.at, (size_t)(space - line.at));
	version = slice_from(line, r->target.len + 1);
	if (version.len != 8 || memcmp(version.at, "HTTP/", 5) != 0 || version.at[6] != '.' ||
		version.at[5] < '0' || version.at[5] > '9' || version.at[7] < '0' ||
		version.at[7] > '9')
		return HTTP_FAULT_REQUEST_LINE;
	if (version.at[5] != '1' || version.at[7] > '1')
		return HTTP_FAULT_VERSION;
	r->minor = (unsigned)(version.at[7] - '0');
	for (unsigned i = 0; i < HTTP_METHODS; i++) {
		if (slice_is(method, slice_text(method_names[i]))) {
			r->method = (enum http_method)i;
			return HTTP_FAULT_NONE;
		}
	}
	return HTTP_FAULT_METHOD;
}

static int on_name(llhttp_t *l, const char *at, size_t len)
{
	struct http_request *r = l->data;

	if (r->field_count == HTTP_FIELDS_ROOM || len == 0) /* llhttp takes a line without a name */
		return -1;
	r->fields[r->field_count++] = (struct http_field){.name = slice_of(at, len)};
	return 0;
}

static int on_value(llhttp_t *l, const char *at, size_t len)
{
	struct http_request *r = l->data;

	if (r->field_count == 0 || r->fields[r->field_count - 1].value.len > 0)
		return -1; /* in pieces, although it stands there whole: a folded one */
	r->fields[r->field_count - 1].value = trimmed(slice_of(at, len));
	return 0;
}

static int on_fields_end(llhttp_t *l UNUSED)
{
	return HPE_PAUSED; /* what follows is ours */
}

static const llhttp_settings_t llhttp_settings = {
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_fields_end,
};

static enum http_fault fault_of_llhttp(llhttp_errno_t error, const struct http_request *r)
{
	switch (error) {
	case HPE_PAUSED:
		return HTTP_FAULT_NONE;
	case HPE_INVALID_URL:
		return HTTP_FAULT_TARGET;
	case HPE_INVALID_METHOD:
		return HTTP_FAULT_METHOD;
	case HPE_INVALID_VERSION:
		return HTTP_FAULT_VERSION;
	case HPE_INVALID_CONTENT_LENGTH:
		return HTTP_FAULT_LENGTH;
	case HPE_INVALID_TRANSFER_ENCODING:
		return HTTP_FAULT_CODING;
	case HPE_UNEXPECTED_CONTENT_LENGTH:
		return http_field_count(r, "transfer-encoding") > 0 ? HTTP_FAULT_LENGTH_CHUNKED
								    : HTTP_FAULT_LENGTH_MANY;
	default:
		return HTTP_FAULT_FIELD;
	}
}

/* Exactly 1 to 18 digits. */
static bool take_length(struct slice text, uint64_t *length)
{
	if (text.len == 0 || text.len > 18)
		return false;
	*length = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		*length = *length * 10 + (unsigned)(text.at[i] - '0');
	}
	return true;
}

/* RFC 9112 section 6: how long the body is. */
static enum http_fault take_framing(struct http_parser *p)
{
	struct http_request *r = &p->request;
	unsigned lengths = http_field_count(r, "content-length");
	unsigned codings = http_field_count(r, "transfer-encoding");
	uint64_t length;

	p->at = AT_WHOLE;
	if (lengths > 0 && codings > 0)
		return HTTP_FAULT_LENGTH_CHUNKED;
	if (lengths > 1)
		return HTTP_FAULT_LENGTH_MANY;
	if (lengths == 1) {
		if (!take_length(*http_field(r, "content-length"), &length))
			return HTTP_FAULT_LENGTH;
		if (length > p->limits->body)
			return HTTP_FAULT_BODY_LONG;
		p->left = (uint32_t)length;
		r->has_body = length > 0;
		p->at = length > 0 ? AT_BODY : AT_WHOLE;
	} else if (codings > 0) {
		if (codings > 1 || r->minor == 0 ||
			!slice_is_word(*http_field(r, "transfer-encoding"), "chunked"))
			return HTTP_FAULT_CODING;
		memset(&p->chunked, 0, sizeof p->chunked);
		r->has_body = true;
		p->at = AT_CHUNKS;
	} else if (r->minor == 0 &&
		   (r->method == HTTP_METHOD_POST || r->method == HTTP_METHOD_PUT)) {
		return HTTP_FAULT_LENGTH_MISSING; /* RFC 1945 section 7.2.2 */
	}
	return HTTP_FAULT_NONE;
}

/* "name", "name:80", "1.2.3.4:80", "[::1]:80"; an empty Host is allowed by RFC 9110 section 7.2. */
static bool take_host(struct http_request *r, struct slice value)
{
	size_t len = 0, port;

	if (value.len > 0 && value.at[0] == '[') {
		while (len < value.len && value.at[len] != ']') {
			if (len > 0 && strchr("0123456789abcdefABCDEF:.", value.at[len]) == NULL)
				return false;
			len++;
		}
		if (len == value.len || len < 3)
			return false;
		len++;
	} else {
		while (len < value.len && value.at[len] != ':') {
			uint8_t c = value.at[len++];

			if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') &&
				c != '-' && c != '.' && c != '_')
				return false;
		}
	}
	r->host = slice_of(value.at, len);
	if (len == value.len)
		return true;
	if (value.at[len] != ':' || len == 0)
		return false;
	for (port = len + 1; port < value.len; port++)
		if (value.at[port] < '0' || value.at[port] > '9')
			return false;
	return port - len <= 6;
}

/* What the header lines mean for the connection, the body aside. */
static enum http_fault take_meaning(struct http_request *r)
{
	unsigned hosts = http_field_count(r, "host"), expects = http_field_count(r, "expect");

	if (hosts > 1)
		return HTTP_FAULT_HOST_MANY;
	if (hosts == 0 && r->minor > 0)
		return HTTP_FAULT_HOST_MISSING;
	if (hosts == 1 && !take_host(r, *http_field(r, "host")))
		return HTTP_FAULT_HOST;
	if (expects > 0 && r->minor > 0) { /* RFC 9110 section 10.1.1: in HTTP/1.0 it is nothing */
		const struct slice *expect = http_field(r, "expect");

		if (expect == NULL || !slice_is_word(*expect, "100-continue"))
			return HTTP_FAULT_EXPECT;
		r->expects_100 = true;
	}
	r->keep_alive = r->minor > 0 ? !http_field_has(r, "connection", "close")
				     : http_field_has(r, "connection", "keep-alive") &&
					       !http_field_has(r, "connection", "close");
	if (http_field_has(r, "connection", "upgrade") && r->minor > 0 &&
		http_field(r, "upgrade") != NULL)
		r->upgrade = *http_field(r, "upgrade");
	return HTTP_FAULT_NONE;
}

/* Where something in the head stands, after the head may have moved. */
static struct slice moved(struct slice s, const uint8_t *from, const uint8_t *to)
{
	return s.len > 0 ? slice_of(to + (s.at - from), s.len) : s;
}

static enum http_fault take_target(struct http_parser *p)
{
	struct http_request *r = &p->request;
	size_t head_len = p->head.len;
	const uint8_t *before = buf_bytes(&p->head).at;
	const uint8_t *question = memchr(r->target.at, '?', r->target.len);
	size_t path_len = question != NULL ? (size_t)(question - r->target.at) : r->target.len;
	enum http_fault fault;

	if (r->target.at[0] == '*' && r->target.len == 1 && r->method == HTTP_METHOD_OPTIONS) {
		r->path = r->target;
		return HTTP_FAULT_NONE;
	}
	if (r->target.at[0] != '/')
		return memmem(r->target.at, r->target.len, "://", 3) != NULL ? HTTP_FAULT_ABSOLUTE
									     : HTTP_FAULT_TARGET;
	if (memchr(r->target.at, '#', r->target.len) != NULL)
		return HTTP_FAULT_TARGET;
	/* The path is decoded behind the head. It grows by no more than the path, so this is the only
	 * time that the head can move. */
	struct buf path = {0};
	fault = http_path_decode(slice_of(r->target.at, path_len), &path);
	if (fault == HTTP_FAULT_NONE && !buf_add(&p->head, buf_bytes(&path)))
		fault = HTTP_FAULT_NO_MEMORY;
	if (fault == HTTP_FAULT_NONE) {
		const uint8_t *after = p->head.mem + p->head.start;

		r->target = moved(r->target, before, after);
		r->path = slice_of(after + head_len, p->head.len - head_len);
		r->query =
			question != NULL ? slice_from(r->target, path_len + 1) : slice_of(NULL, 0);
	}
	buf_free(&path);
	return fault;
}

/* The whole head lies in p->head. */
static enum http_fault take_head(struct http_parser *p)
{
	struct http_request *r = &p->request;
	struct slice head = buf_bytes(&p->head);
	const uint8_t *line_end = memchr(head.at, '\r', head.len);
	enum http_fault fault;
	llhttp_t llhttp;

	fault = take_request_line(r, slice_of(head.at, (size_t)(line_end - head.at)));
	if (fault == HTTP_FAULT_NONE)
		fault = take_target(p);
	if (fault != HTTP_FAULT_NONE)
		return fault;
	llhttp_init(&llhttp, HTTP_REQUEST, &llhttp_settings);
	llhttp.data = r;
	fault = fault_of_llhttp(
		llhttp_execute(&llhttp, (const char *)p->head.mem + p->head.start, head.len), r);
	if (fault == HTTP_FAULT_NONE && r->field_count != p->lines - 1)
		fault = HTTP_FAULT_FIELD;
	if (fault == HTTP_FAULT_NONE)
		fault = take_meaning(r);
	return fault == HTTP_FAULT_NONE ? take_framing(p) : fault;
}

/* ---- in and out --------------------------------------------------------------------------------- */

void http_parser_init(struct http_parser *p, const struct http_limits *limits)
{
	memset(p, 0, sizeof *p);
	p->limits = limits;
}

void http_parser_free(struct http_parser *p)
{
	buf_free(&p->head);
	buf_free(&p->body);
}

void http_next(struct http_parser *p)
{
	/* But for the fields, which are none: they are a long list. */
	memset(&p->request, 0, offsetof(struct http_request, fields));
	buf_eat(&p->head, p->head.len);
	buf_eat(&p->body, p->body.len);
	p->fault = HTTP_FAULT_NONE;
	p->line_len = p->lines = p->fields_len = p->left = 0;
	p->at = AT_LINE_START;
}

bool http_is_in_body(const struct http_parser *p)
{
	return p->at == AT_BODY || p->at == AT_CHUNKS;
}

static enum http_step bad(struct http_parser *p, enum http_fault fault)
{
	p->fault = fault;
	return HTTP_BAD;
}

static enum http_step feed_head(struct http_parser *p, struct slice *bytes)
{
	bool in = false;
	enum http_fault fault = HTTP_FAULT_NONE;
	size_t n = 0;

	while (n < bytes->len && !in && fault == HTTP_FAULT_NONE) {
		size_t plain = p->at == AT_LINE ? count_plain(p, slice_from(*bytes, n)) : 0;

		if (plain > 0)
			n += plain;
		else
			fault = on_head_byte(p, bytes->at[n++], &in);
	}
	if (!buf_add(&p->head, slice_of(bytes->at, n)))
		return bad(p, HTTP_FAULT_NO_MEMORY);
	*bytes = slice_from(*bytes, n);
	if (fault == HTTP_FAULT_NONE && in)
		fault = take_head(p);
	if (fault != HTTP_FAULT_NONE)
		return bad(p, fault);
	return in ? HTTP_HEAD_IN : HTTP_MORE;
}

static enum http_step feed_body(struct http_parser *p, struct slice *bytes)
{
	size_t n = size_min(p->left, bytes->len);

	if (!buf_add(&p->body, slice_of(bytes->at, n)))
		return bad(p, HTTP_FAULT_NO_MEMORY);
	*bytes = slice_from(*bytes, n);
	p->left -= (uint32_t)n;
	if (p->left > 0)
		return HTTP_MORE;
	p->at = AT_WHOLE;
	return HTTP_WHOLE;
}

static enum http_step feed_chunks(struct http_parser *p, struct slice *bytes)
{
	enum http_fault fault;
	struct slice data;

	for (;;) {
		switch (http_chunked_feed(&p->chunked, p->limits->body, bytes, &data, &fault)) {
		case HTTP_CHUNKED_MORE:
			return HTTP_MORE;
		case HTTP_CHUNKED_DATA:
			if (!buf_add(&p->body, data))
				return bad(p, HTTP_FAULT_NO_MEMORY);
			break;
		case HTTP_CHUNKED_END:
			p->at = AT_WHOLE;
			return HTTP_WHOLE;
		case HTTP_CHUNKED_BAD:
			return bad(p, fault);
		}
	}
}

enum http_step http_feed(struct http_parser *p, struct slice *bytes)
{
	enum http_step step;

	if (p->fault != HTTP_FAULT_NONE)
		return HTTP_BAD;
	switch ((enum at)p->at) {
	case AT_BODY:
		step = feed_body(p, bytes);
		break;
	case AT_CHUNKS:
		step = feed_chunks(p, bytes);
		break;
	case AT_WHOLE:
		step = HTTP_WHOLE;
		break;
	default:
		step = feed_head(p, bytes);
		break;
	}
	if (step == HTTP_WHOLE)
		p->request.body = buf_bytes(&p->body);
	return step;
}

bool http_feed_end(struct http_parser *p)
{
	if (p->fault == HTTP_FAULT_NONE && (p->head.len == 0 || p->at == AT_WHOLE))
		return true;
	if (p->fault == HTTP_FAULT_NONE)
		p->fault = HTTP_FAULT_CUT;
	return false;
}
