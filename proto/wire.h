/* Integers as they lie on the wire: little-endian, unaligned. The one place that knows it. */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include "common/defs.h"

static inline uint16_t wire_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t wire_get32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static inline void wire_put16(uint8_t *at, uint16_t n)
{
	at[0] = (uint8_t)n;
	at[1] = (uint8_t)(n >> 8);
}

static inline void wire_put32(uint8_t *at, uint32_t n)
{
	wire_put16(at, (uint16_t)n);
	wire_put16(at + 2, (uint16_t)(n >> 16));
}

#endif
