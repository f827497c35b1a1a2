#include "multiplexer/lookup_ident_reply.h"

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct slice *at)
{
	while (at->len > 0 && is_blank(at->at[0]))
		*at = slice_from(*at, 1);
}

/* Blanks, the character, and *at is behind it. */
static bool skip(struct slice *at, char c)
{
	skip_blanks(at);
	if (at->len == 0 || at->at[0] != (uint8_t)c)
		return false;
	*at = slice_from(*at, 1);
	return true;
}

static bool read_port(struct slice *at, uint16_t *port)
{
	uint32_t n = 0;
	size_t digits = 0;

	skip_blanks(at);
	for (; digits < at->len && at->at[digits] >= '0' && at->at[digits] <= '9'; digits++) {
		n = n * 10 + (uint32_t)(at->at[digits] - '0');
		if (n > UINT16_MAX)
			return false;
	}
	*at = slice_from(*at, digits);
	*port = (uint16_t)n;
	return digits > 0;
}

/* Up to the colon, which is skipped; blanks at both ends are not part of it. */
static bool read_word(struct slice *at, struct slice *word)
{
	skip_blanks(at);
	const uint8_t *colon = at->len > 0 ? memchr(at->at, ':', at->len) : NULL;
	if (colon == NULL)
		return false;
	*word = slice_of(at->at, (size_t)(colon - at->at));
	*at = slice_from(*at, word->len + 1);
	while (word->len > 0 && is_blank(word->at[word->len - 1]))
		word->len--;
	return true;
}

/* theirs , ours : USERID : system[,charset] : name */
static bool read_line(struct ident_reply *r)
{
	struct slice at = slice_of(r->line, r->len), kind, system;
	uint16_t theirs, ours;

	return read_port(&at, &theirs) && skip(&at, ',') && read_port(&at, &ours) &&
	       skip(&at, ':') && theirs == r->theirs && ours == r->ours && read_word(&at, &kind) &&
	       slice_is(kind, slice_text("USERID")) && read_word(&at, &system) && system.len > 0 &&
	       lookup_person_name(at, r->name);
}

enum ident_verdict ident_reply_feed(struct ident_reply *r, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.at[i] == '\n' || bytes.at[i] == '\r')
			return read_line(r) ? IDENT_NAME : IDENT_NONE;
		if (r->len == IDENT_REPLY_MAX)
			return IDENT_NONE;
		r->line[r->len++] = bytes.at[i];
	}
	return IDENT_MORE;
}
