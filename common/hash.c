#include "common/hash.h"

#include <sys/random.h>

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* len bytes, at most 8, the first one lowest. */
static uint64_t little_endian(const uint8_t *at, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)at[i] << (8 * i);
	return word;
}

static void absorb(uint64_t v[static 4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t hash_siphash13(uint64_t k0, uint64_t k1, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
		k1 ^ 0x7465646279746573};
	uint64_t last = (uint64_t)(len & 0xff) << 56;

	for (; len >= 8; len -= 8, at += 8)
		absorb(v, little_endian(at, 8));
	absorb(v, last | little_endian(at, len));
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint32_t hash_bytes(const void *at, size_t len)
{
	static uint64_t key[2];
	static bool drawn;

	if (!drawn) {
		/* Never less than asked for: it is under 256 bytes (getrandom(2)). */
		drawn = getrandom(key, sizeof key, 0) == sizeof key;
	}
	return (uint32_t)hash_siphash13(key[0], key[1], at, len);
}
