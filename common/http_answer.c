#include "common/http_answer.h"

#include <stdio.h>

enum {
	HTTP_DATE_ROOM = 32,
	USUAL_ROOM = 512 /* bytes that most answers fit into */
};

const char *http_status_phrase(unsigned status)
{
	switch (status) {
#define HTTP_STATUS(code, phrase) \
	case code:                \
		return phrase;
#include "common/http_status.def"
	default:
		return "";
	}
}

static void write_date(time_t now, char out[HTTP_DATE_ROOM])
{
	/* Not strftime: its names of days and months follow the locale. */
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm t;

	if (gmtime_r(&now, &t) == NULL)
		memset(&t, 0, sizeof t);
	snprintf(out, HTTP_DATE_ROOM, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
		days + 3 * t.tm_wday, (unsigned)t.tm_mday % 100, months + 3 * t.tm_mon,
		(unsigned)(t.tm_year + 1900) % 10000, (unsigned)t.tm_hour % 100,
		(unsigned)t.tm_min % 100, (unsigned)t.tm_sec % 100);
}

const char *http_date(time_t now)
{
	static _Thread_local struct {
		time_t at;
		char text[HTTP_DATE_ROOM];
	} last;

	if (last.at != now || last.text[0] == '\0')
		write_date(now, last.text);
	last.at = now;
	return last.text;
}

struct http_asked http_asked_by(const struct http_request *r)
{
	return (struct http_asked){
		.head = r->method == HTTP_METHOD_HEAD,
		.keep = r->keep_alive,
		.is_10 = r->minor == 0,
	};
}

static void add(struct http_answer *a, struct slice bytes)
{
	if (!a->no_memory && !buf_add(&a->out, bytes))
		a->no_memory = true;
}

static void add_text(struct http_answer *a, const char *text)
{
	add(a, slice_text(text));
}

static void add_int(struct http_answer *a, int64_t number)
{
	if (!a->no_memory && !buf_add_int(&a->out, number))
		a->no_memory = true;
}

static void add_line(struct http_answer *a, const char *name, struct slice value)
{
	add_text(a, name);
	add_text(a, ": ");
	add(a, value);
	add_text(a, "\r\n");
}

void http_answer_open_in(struct http_answer *a, struct buf *room, const struct http_asked *asked,
	unsigned status, time_t now)
{
	*a = (struct http_answer){.out = *room, .asked = *asked, .status = status};
	*room = (struct buf){0};
	a->no_memory = !buf_reserve(&a->out, USUAL_ROOM);
	add_text(a, "HTTP/1.1 ");
	add_int(a, status);
	add_text(a, " ");
	add_text(a, http_status_phrase(status));
	add_text(a, "\r\nDate: ");
	add_text(a, http_date(now));
	add_text(a, "\r\n");
	if (status == 101)
		return; /* the handshake says Connection: Upgrade */
	if (!asked->keep)
		add_text(a, "Connection: close\r\n");
	else if (asked->is_10)
		add_text(a, "Connection: keep-alive\r\n");
}

void http_answer_open(
	struct http_answer *a, const struct http_asked *asked, unsigned status, time_t now)
{
	struct buf none = {0};

	http_answer_open_in(a, &none, asked, status, now);
}

void http_answer_free(struct http_answer *a)
{
	buf_free(&a->out);
}

static bool may_stand(struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((value.at[i] < 0x20 && value.at[i] != '\t') || value.at[i] >= 0x7f)
			return false;
	return true;
}

static bool is_name(const char *name)
{
	const char *at = name;

	while ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
		(*at >= '0' && *at <= '9') || *at == '-' || *at == '_')
		at++;
	return at > name && *at == '\0';
}

bool http_answer_field(struct http_answer *a, const char *name, struct slice value)
{
	if (!is_name(name) || !may_stand(value))
		return false;
	add_line(a, name, value);
	return true;
}

void http_answer_lines(struct http_answer *a, const char *lines)
{
	add_text(a, lines);
}

static bool is_bodiless(unsigned status)
{
	return status < 200 || status == 204 || status == 304;
}

void http_answer_body(struct http_answer *a, const char *type, struct slice body)
{
	bool has_body = !is_bodiless(a->status);

	if (has_body) {
		if (type != NULL)
			http_answer_field(a, "Content-Type", slice_text(type));
		add_text(a, "Content-Length: ");
		add_int(a, (int64_t)body.len);
		add_text(a, "\r\n");
	}
	add_text(a, "\r\n");
	if (!a->asked.head && has_body)
		add(a, body);
}

void http_answer_stream(struct http_answer *a, const char *type)
{
	http_answer_field(a, "Content-Type", slice_text(type));
	a->chunked = !a->asked.is_10;
	if (a->chunked)
		add_text(a, "Transfer-Encoding: chunked\r\n");
	else if (a->asked.keep)
		/* Its end is the end of the connection. Of two Connection lines "close" wins. */
		add_text(a, "Connection: close\r\n");
	if (a->asked.is_10)
		a->asked.keep = false;
	add_text(a, "\r\n");
}

void http_answer_piece(struct http_answer *a, struct slice bytes)
{
	char size[24];

	if (bytes.len == 0 || a->asked.head)
		return; /* an empty chunk would be the end */
	if (a->chunked) {
		snprintf(size, sizeof size, "%zx\r\n", bytes.len);
		add_text(a, size);
	}
	add(a, bytes);
	if (a->chunked)
		add_text(a, "\r\n");
}

void http_answer_end(struct http_answer *a)
{
	if (a->chunked && !a->asked.head)
		add_text(a, "0\r\n\r\n");
}

void http_answer_text(struct http_answer *a, const char *text)
{
	struct buf body = {0};

	if (!buf_addf(&body, "%u %s: %s.\n", a->status, http_status_phrase(a->status), text))
		a->no_memory = true;
	http_answer_body(a, "text/plain; charset=utf-8", buf_bytes(&body));
	buf_free(&body);
}
