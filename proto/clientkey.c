#include "proto/clientkey.h"

#include <stdio.h>

#include "proto/wire.h"

bool clientkey_is(const struct clientkey *a, const struct clientkey *b)
{
	return a->depth == b->depth && a->depth <= CLIENTKEY_DEPTH_MAX &&
	       memcmp(a->number, b->number, a->depth * sizeof a->number[0]) == 0;
}

bool clientkey_is_list(const struct clientkey *k)
{
	return k->depth == 2 && k->number[1] == CLIENTKEY_LIST && k->number[0] <= 65535;
}

bool clientkey_grow(struct clientkey *k, uint32_t listener)
{
	if (k->depth < 1 || k->depth >= CLIENTKEY_DEPTH_MAX)
		return false;
	k->number[k->depth++] = listener;
	return true;
}

bool clientkey_strip(struct clientkey *k)
{
	if (k->depth < 2 || k->depth > CLIENTKEY_DEPTH_MAX)
		return false;
	k->number[--k->depth] = 0;
	return true;
}

char *clientkey_text(const struct clientkey *k, char out[static CLIENTKEY_TEXT_MAX])
{
	size_t len = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < k->depth && i < CLIENTKEY_DEPTH_MAX; i++)
		len += (size_t)snprintf(out + len, CLIENTKEY_TEXT_MAX - len, "%s%u",
			i > 0 ? ":" : "", k->number[i]);
	return out;
}

bool clientkey_parse(const char *text, struct clientkey *k)
{
	struct clientkey parsed = {0};

	do {
		uint64_t n = 0;

		if (*text < '0' || *text > '9' || parsed.depth == CLIENTKEY_DEPTH_MAX)
			return false;
		while (*text >= '0' && *text <= '9' && n <= UINT32_MAX)
			n = n * 10 + (uint64_t)(*text++ - '0');
		if (n > UINT32_MAX)
			return false;
		parsed.number[parsed.depth++] = (uint32_t)n;
	} while (*text == ':' && text++ != NULL);
	if (*text != '\0')
		return false;
	*k = parsed;
	return true;
}

size_t clientkey_write(const struct clientkey *k, uint8_t out[static CLIENTKEY_WIRE_MAX])
{
	if (k->depth < 1 || k->depth > CLIENTKEY_DEPTH_MAX)
		return 0;
	wire_put32(out, k->depth);
	for (uint32_t i = 0; i < k->depth; i++)
		wire_put32(out + 4 + 4 * i, k->number[i]);
	return 4 + 4 * (size_t)k->depth;
}

bool clientkey_read(struct slice bytes, struct clientkey *k, const char **why)
{
	if (bytes.len < 4) {
		*why = "a key of less than 4 bytes";
		return false;
	}
	uint32_t depth = wire_get32(bytes.at);
	if (depth < 1 || depth > CLIENTKEY_DEPTH_MAX) {
		*why = depth < 1 ? "a key of depth 0" : "a key of a depth over 10";
		return false;
	}
	if (bytes.len != 4 + 4 * (size_t)depth) {
		*why = "a key whose length does not fit its depth";
		return false;
	}
	k->depth = depth;
	for (uint32_t i = 0; i < depth; i++)
		k->number[i] = wire_get32(bytes.at + 4 + 4 * i);
	return true;
}
