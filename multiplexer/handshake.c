#include "multiplexer/handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

static const char *const names[] = {
	"",
#define SUBPROTOCOL(NAME, name, help) name,
#include "multiplexer/subprotocols.def"
};

const char *subprotocol_name(enum subprotocol s)
{
	return names[s];
}

/* The next word of a list with blanks; false at its end. */
static bool next_word(const char **list, struct slice *word)
{
	size_t len;

	*list += strspn(*list, " ");
	len = strcspn(*list, " ");
	*word = slice_of(*list, len);
	*list += len;
	return len > 0;
}

/* "scheme://host[:port]", and nothing behind it. */
static bool split_origin(struct slice origin, struct slice *authority)
{
	const uint8_t *at = memmem(origin.at, origin.len, "://", 3);

	if (at == NULL || at == origin.at)
		return false;
	*authority = slice_from(origin, (size_t)(at - origin.at) + 3);
	return authority->len > 0 && memchr(authority->at, '/', authority->len) == NULL;
}

bool origins_check(const char *origins, const char **why)
{
	struct slice word, authority;
	bool some = false;

	*why = "is none of same, none, any and https://HOST";
	while (next_word(&origins, &word)) {
		some = true;
		if (!slice_is_word(word, "same") && !slice_is_word(word, "none") &&
			!slice_is_word(word, "any") && !split_origin(word, &authority))
			return false;
	}
	if (!some)
		*why = "is empty: then nobody could connect";
	return some;
}

static bool equal_folded(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		uint8_t x = a.at[i], y = b.at[i];

		x |= x >= 'A' && x <= 'Z' ? 0x20 : 0;
		y |= y >= 'A' && y <= 'Z' ? 0x20 : 0;
		if (x != y)
			return false;
	}
	return true;
}

static bool origin_may(const struct http_request *r, const char *origins, bool loopback)
{
	const struct slice *origin = http_field(r, "origin"), *host = http_field(r, "host");
	struct slice word, authority;

	while (next_word(&origins, &word)) {
		if (slice_is_word(word, "any"))
			return true;
		if (origin == NULL) {
			if (slice_is_word(word, "none"))
				return true;
		} else if (slice_is_word(word, "same")) {
			if (host != NULL && host->len > 0 && split_origin(*origin, &authority) &&
				equal_folded(authority, *host) &&
				(!loopback || http_host_is_listed(r, "localhost ip")))
				return true;
		} else if (equal_folded(word, *origin)) {
			return true;
		}
	}
	return false;
}

static int base64_digit(uint8_t c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* The base64 of 16 bytes. */
static bool is_key(struct slice key)
{
	if (key.len != 24 || key.at[22] != '=' || key.at[23] != '=')
		return false;
	for (size_t i = 0; i < 22; i++)
		if (base64_digit(key.at[i]) < 0)
			return false;
	return (base64_digit(key.at[21]) & 15) == 0; /* no bit behind the last byte */
}

bool handshake_is_meant(const struct http_request *r)
{
	return http_field_has(r, "upgrade", "websocket") ||
	       http_field_count(r, "sec-websocket-key") > 0 ||
	       http_field_count(r, "sec-websocket-version") > 0;
}

static enum subprotocol choose(const struct http_request *r)
{
	for (unsigned s = 1; s < SUBPROTOCOLS; s++)
		if (http_field_has(r, "sec-websocket-protocol", names[s]))
			return (enum subprotocol)s;
	return SUBPROTOCOL_NONE;
}

struct handshake handshake_check(const struct http_request *r, const char *origins, bool loopback)
{
	const struct slice *version = http_field(r, "sec-websocket-version");
	const struct slice *key = http_field(r, "sec-websocket-key");

#define REFUSE(status, text)                                                      \
	return (struct handshake)                                                 \
	{                                                                         \
		status, "this is no WebSocket handshake: " text, SUBPROTOCOL_NONE \
	}
	if (r->method != HTTP_METHOD_GET)
		REFUSE(400, "the method is not GET");
	if (r->minor == 0)
		REFUSE(400, "it is HTTP/1.0");
	if (r->has_body)
		REFUSE(400, "it has a body");
	if (!http_field_has(r, "upgrade", "websocket"))
		REFUSE(426, "there is no Upgrade: websocket");
	if (!http_field_has(r, "connection", "upgrade"))
		REFUSE(400, "there is no Connection: Upgrade");
	if (http_field_count(r, "sec-websocket-version") == 0)
		REFUSE(426, "there is no Sec-WebSocket-Version");
	if (version == NULL)
		REFUSE(400, "there is more than one Sec-WebSocket-Version");
	if (!slice_is(*version, slice_text("13")))
		REFUSE(426, "the Sec-WebSocket-Version is not 13");
	if (http_field_count(r, "sec-websocket-key") == 0)
		REFUSE(400, "there is no Sec-WebSocket-Key");
	if (key == NULL)
		REFUSE(400, "there is more than one Sec-WebSocket-Key");
	if (!is_key(*key))
		REFUSE(400, "the Sec-WebSocket-Key is not 16 bytes in base64");
	if (http_field_count(r, "origin") > 1)
		REFUSE(400, "there is more than one Origin");
#undef REFUSE
	if (!origin_may(r, origins, loopback))
		return (struct handshake){
			403, "the page that asks may not play here", SUBPROTOCOL_NONE};
	return (struct handshake){101, "", choose(r)};
}

void handshake_accept_key(struct slice key, char out[HANDSHAKE_ACCEPT_ROOM])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t text[24 + sizeof guid], hash[SHA_DIGEST_LENGTH];
	size_t len = size_min(key.len, 24);

	memcpy(text, key.at, len);
	memcpy(text + len, guid, sizeof guid - 1);
	SHA1(text, len + sizeof guid - 1, hash);
	EVP_EncodeBlock((unsigned char *)out, hash, sizeof hash);
}

void handshake_accept(
	struct http_answer *a, const struct http_request *r, const struct handshake *h)
{
	char accept[HANDSHAKE_ACCEPT_ROOM];

	handshake_accept_key(*http_field(r, "sec-websocket-key"), accept);
	http_answer_field(a, "Upgrade", slice_text("websocket"));
	http_answer_field(a, "Connection", slice_text("Upgrade"));
	http_answer_field(a, "Sec-WebSocket-Accept", slice_text(accept));
	if (h->subprotocol != SUBPROTOCOL_NONE)
		http_answer_field(
			a, "Sec-WebSocket-Protocol", slice_text(subprotocol_name(h->subprotocol)));
	http_answer_body(a, NULL, slice_of(NULL, 0));
}
