#include "common/utf8.h"

bool utf8_byte(struct utf8 *u, uint8_t byte)
{
	if (u->need > 0) {
		if (byte < u->low || byte > u->high)
			return false;
		u->need--;
		u->low = 0x80;
		u->high = 0xbf;
		return true;
	}
	if (byte < 0x80)
		return true;
	if (byte < 0xc2 || byte > 0xf4)
		return false;
	u->need = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
	u->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
	u->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
	return true;
}

size_t utf8_check(struct utf8 *u, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (u->need == 0 && bytes.at[i] < 0x80)
			continue;
		if (!utf8_byte(u, bytes.at[i]))
			return i;
	}
	return bytes.len;
}

bool utf8_is_valid(struct slice bytes)
{
	struct utf8 u = {0};

	return utf8_check(&u, bytes) == bytes.len && utf8_is_between(&u);
}
