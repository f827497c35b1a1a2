#include "common/columns.h"

struct range {
	uint32_t first, last;
};

/* The marks that real names and languages need; not all of Unicode. */
static const struct range zero[] = {
	{0x0300, 0x036f},
	{0x0483, 0x0489},
	{0x0591, 0x05bd},
	{0x0610, 0x061a},
	{0x064b, 0x065f},
	{0x06d6, 0x06dc},
	{0x093c, 0x093c},
	{0x0941, 0x0948},
	{0x094d, 0x094d},
	{0x0e31, 0x0e31},
	{0x0e34, 0x0e3a},
	{0x0e47, 0x0e4e},
	{0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff},
	{0x200b, 0x200f},
	{0x20d0, 0x20ff},
	{0x302a, 0x302d},
	{0x3099, 0x309a},
	{0xfe00, 0xfe0f},
	{0xfe20, 0xfe2f},
	{0x1f3fb, 0x1f3ff},
	{0xe0100, 0xe01ef},
};

static const struct range wide[] = {
	{0x1100, 0x115f},
	{0x2e80, 0x3029},
	{0x302e, 0x303e},
	{0x3041, 0x3098},
	{0x309b, 0xa4cf},
	{0xac00, 0xd7a3},
	{0xf900, 0xfaff},
	{0xfe30, 0xfe6f},
	{0xff01, 0xff60},
	{0xffe0, 0xffe6},
	{0x1f300, 0x1f3fa},
	{0x1f400, 0x1f64f},
	{0x1f680, 0x1f6ff},
	{0x1f900, 0x1faff},
	{0x20000, 0x3fffd},
};

static bool is_in(const struct range *table, size_t rows, uint32_t c)
{
	for (size_t i = 0; i < rows && c >= table[i].first; i++)
		if (c <= table[i].last)
			return true;
	return false;
}

unsigned columns_of(uint32_t c)
{
	if (c < 0x300)
		return 1;
	if (is_in(zero, ARRAY_LEN(zero), c))
		return 0;
	return is_in(wide, ARRAY_LEN(wide), c) ? 2 : 1;
}

size_t columns_last(struct slice text, uint32_t *c)
{
	static const uint8_t mask[] = {0, 0, 0xe0, 0xf0, 0xf8};
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	uint32_t low = 0;

	*c = text.len > 0 ? text.at[text.len - 1] : 0;
	for (size_t n = 1; n <= 4 && n <= text.len; n++) {
		uint8_t byte = text.at[text.len - n];

		if ((byte & 0xc0) == 0x80) {
			low |= (uint32_t)(byte & 0x3f) << (6 * (n - 1));
			continue;
		}
		if (n < 2 || (byte & mask[n]) != lead[n])
			return 1;
		*c = low | (uint32_t)(byte & ~mask[n] & 0xff) << (6 * (n - 1));
		return n;
	}
	return text.len > 0 ? 1 : 0;
}

size_t columns_width(struct slice text)
{
	size_t width = 0;
	uint32_t c;

	while (text.len > 0) {
		text.len -= columns_last(text, &c);
		width += columns_of(c);
	}
	return width;
}
