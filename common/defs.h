/* The few words every file of Holdfast uses: a slice of bytes, and the macros C should have had. */
#ifndef COMMON_DEFS_H
#define COMMON_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Some bytes that belong to somebody else. Not terminated; at may be NULL when len is 0. */
struct slice {
	const uint8_t *at; /* borrowed: the function that takes a slice says for how long */
	size_t len;        /* bytes */
};

static inline struct slice slice_of(const void *at, size_t len)
{
	return (struct slice){(const uint8_t *)at, len};
}

/* The bytes of a terminated string, without its terminator. */
static inline struct slice slice_text(const char *text)
{
	return slice_of(text, strlen(text));
}

static inline bool slice_is(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* The part from byte n on; empty if there are not that many. */
static inline struct slice slice_from(struct slice s, size_t n)
{
	return n < s.len ? slice_of(s.at + n, s.len - n) : slice_of(NULL, 0);
}

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, args)          __attribute__((format(printf, fmt, args)))
#define UNUSED                          __attribute__((unused))

static inline size_t size_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

#endif
