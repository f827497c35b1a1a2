#include "server/list/page.h"

#include <stdio.h>

const char page_style[] =
	":root { color-scheme: light dark; }\n"
	"body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }\n"
	"table { border-collapse: collapse; width: 100%; }\n"
	"caption { text-align: left; padding: 0.5rem 0; }\n"
	"th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.8rem 0.4rem 0;"
	" border-bottom: 1px solid #8886; }\n"
	"td.number, th.number { text-align: right; }\n"
	".about { display: block; font-weight: normal; }\n"
	"@media (max-width: 40rem) { thead { position: absolute; left: -99rem; }"
	" tr, td, th[scope=row] { display: block; border: 0; padding: 0.1rem 0; }"
	" tr { border-bottom: 1px solid #8886; padding: 0.6rem 0; }"
	" td.number { text-align: left; }"
	" td[data-is]::before { content: attr(data-is) \": \"; } }\n";

static void add(struct page *p, const char *text)
{
	if (!buf_add(p->out, slice_text(text)))
		p->no_memory = true;
}

/* What a server says of itself, where text stands. */
static void add_text(struct page *p, const char *text)
{
	for (; text != NULL && *text != '\0'; text++) {
		char one[2] = {*text, '\0'};

		if (*text == '&')
			add(p, "&amp;");
		else if (*text == '<')
			add(p, "&lt;");
		else if (*text == '>')
			add(p, "&gt;");
		else if (*text == '"')
			add(p, "&quot;");
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			add(p, " ");
		else
			add(p, one);
	}
}

static const char *said(const struct record *r, const char *field)
{
	return json_string_value(json_object_get(r->status, field));
}

static long long count_of(const struct record *r, const char *field)
{
	return (long long)json_integer_value(json_object_get(r->status, field));
}

void page_begin(struct page *p)
{
	add(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	       "<title>Game servers</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n"
	       "</head>\n<body>\n<main>\n<h1>Game servers");
	if (p->game != NULL) {
		add(p, ": ");
		add_text(p, p->game);
	}
	add(p, "</h1>\n<table>\n<caption>Servers that are there now, those with the most players "
	       "first.</caption>\n<thead>\n<tr><th scope=\"col\">Name</th>"
	       "<th scope=\"col\" class=\"number\">Players</th><th scope=\"col\">Connect to</th>"
	       "<th scope=\"col\">Game</th><th scope=\"col\">Notes</th></tr>\n</thead>\n<tbody>\n");
}

static void add_players(struct page *p, const struct record *r)
{
	char text[64];

	snprintf(text, sizeof text, "%lld", count_of(r, "currentPlayers"));
	add(p, text);
	if (count_of(r, "maxPlayers") > 0) {
		snprintf(text, sizeof text, " of %lld", count_of(r, "maxPlayers"));
		add(p, text);
	}
}

/* The family that it prefers stands first. */
static void add_addresses(struct page *p, const struct record *r)
{
	bool six_first = count_of(r, "preferAF") == 6;
	bool some = false;

	for (int i = 0; i < FAMILIES; i++) {
		const char *ip = r->address[six_first ? FAMILIES - 1 - i : i];
		char text[ADDRESS_IP_MAX + 40];

		if (ip[0] == '\0')
			continue;
		snprintf(text, sizeof text, "%s<code>%s port %u</code>", some ? ", or " : "", ip,
			r->port);
		add(p, text);
		some = true;
	}
}

static void add_notes(struct page *p, const struct record *r)
{
	bool locked = json_is_true(json_object_get(r->status, "password"));
	const char *mode = said(r, "gameMode");

	add(p, r->connectable ? "Reached by this list." : "Not reached by this list.");
	if (locked)
		add(p, " Needs a password.");
	if (mode != NULL && mode[0] != '\0') {
		add(p, " Mode: ");
		add_text(p, mode);
		add(p, ".");
	}
}

void page_row(struct page *p, const struct record *r, int64_t now)
{
	const char *name = said(r, "name"), *about = said(r, "description");
	char text[64];

	add(p, "<tr><th scope=\"row\">");
	add_text(p, name != NULL && name[0] != '\0' ? name : "(without a name)");
	if (about != NULL && about[0] != '\0') {
		add(p, " <span class=\"about\">");
		add_text(p, about);
		add(p, "</span>");
	}
	add(p, "</th><td class=\"number\" data-is=\"Players\">");
	add_players(p, r);
	add(p, "</td><td data-is=\"Connect to\">");
	add_addresses(p, r);
	add(p, "</td><td data-is=\"Game\">");
	add_text(p, r->game);
	add(p, "</td><td data-is=\"Notes\">");
	add_notes(p, r);
	snprintf(text, sizeof text, " Seen %lld seconds ago.", (long long)(now - r->last_update));
	add(p, text);
	add(p, "</td></tr>\n");
	p->rows++;
}

static void add_link(struct page *p, const char *text, size_t start)
{
	char number[32];

	add(p, "<a href=\"/?start=");
	snprintf(number, sizeof number, "%zu", start);
	add(p, number);
	if (p->game != NULL) {
		add(p, "&amp;game=");
		add_text(p, p->game);
	}
	add(p, "\">");
	add(p, text);
	add(p, "</a> ");
}

void page_end(struct page *p, size_t total)
{
	char text[100];

	add(p, "</tbody>\n</table>\n");
	snprintf(text, sizeof text, "<p>%zu server%s in all.</p>\n", total, total == 1 ? "" : "s");
	add(p, total == 0 ? "<p>No server is there at the moment.</p>\n" : text);
	if (p->start > 0 || p->start + p->rows < total) {
		add(p, "<nav aria-label=\"Pages\">");
		if (p->start > 0)
			add_link(p, "Servers before these",
				p->start > PAGE_ROWS ? p->start - PAGE_ROWS : 0);
		if (p->start + p->rows < total)
			add_link(p, "Servers after these", p->start + p->rows);
		add(p, "</nav>\n");
	}
	add(p, "</main>\n</body>\n</html>\n");
}
