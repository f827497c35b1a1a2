#include "proto/features.h"

#include <stdio.h>

static const struct {
	const char *word;
	unsigned first, last;
} features[] = {
#define FEATURE(NAME, word, first, last, meaning) {#word, first, last},
#include "proto/features.def"
};

static unsigned bit_of_word(struct slice word)
{
	for (unsigned i = 0; i < FEATURES_COUNT; i++)
		if (slice_is(word, slice_text(features[i].word)))
			return 1u << i;
	return 0;
}

unsigned features_parse(struct slice words)
{
	unsigned bits = 0;

	while (words.len > 0) {
		const uint8_t *blank = memchr(words.at, ' ', words.len);
		size_t len = blank != NULL ? (size_t)(blank - words.at) : words.len;

		bits |= bit_of_word(slice_of(words.at, len));
		words = slice_from(words, len + 1);
	}
	return bits;
}

char *features_text(unsigned bits, char out[static FEATURES_TEXT_MAX])
{
	size_t len = 0;

	for (unsigned i = 0; i < FEATURES_COUNT; i++)
		if ((bits & 1u << i) != 0)
			len += (size_t)snprintf(out + len, FEATURES_TEXT_MAX - len, "%s%s",
				len > 0 ? " " : "", features[i].word);
	if (len == 0)
		snprintf(out, FEATURES_TEXT_MAX, "none");
	return out;
}

unsigned features_of_message(unsigned id)
{
	for (unsigned i = 0; i < FEATURES_COUNT; i++)
		if (id >= features[i].first && id <= features[i].last)
			return 1u << i;
	return 0;
}
