#include "multiplexer/recall.h"

#include <stdlib.h>
#include <strings.h>

#include "multiplexer/gmcp.h"

static bool is_same(struct slice a, struct slice b)
{
	return a.len == b.len && strncasecmp((const char *)a.at, (const char *)b.at, a.len) == 0;
}

static bool is_momentary(struct slice package)
{
	static const char *const first[] = {"Comm.", "Core.", "Client."};

	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		size_t len = strlen(first[i]);

		if (package.len >= len && is_same(slice_of(package.at, len), slice_text(first[i])))
			return true;
	}
	return false;
}

static void remove_at(struct recall *r, uint8_t i)
{
	r->bytes -= (uint32_t)r->bodies[i].len;
	buf_free(&r->bodies[i]);
	r->count--;
	memmove(&r->bodies[i], &r->bodies[i + 1], (r->count - i) * sizeof *r->bodies);
	memset(&r->bodies[r->count], 0, sizeof *r->bodies);
}

void recall_free(struct recall *r)
{
	while (r->count > 0)
		remove_at(r, (uint8_t)(r->count - 1));
	free(r->bodies);
	r->bodies = NULL;
}

/* Where a package stands; count when it is not there. */
static uint8_t find(const struct recall *r, struct slice package)
{
	struct slice json;
	uint8_t i = 0;

	while (i < r->count && !is_same(gmcp_name(recall_at(r, i), &json), package))
		i++;
	return i;
}

bool recall_has(const struct recall *r, struct slice package)
{
	return find(r, package) < r->count;
}

void recall_forget(struct recall *r, struct slice package)
{
	uint8_t i = find(r, package);

	if (i < r->count)
		remove_at(r, i);
}

void recall_keep(struct recall *r, struct slice body)
{
	struct slice json, package = gmcp_name(body, &json);

	if (package.len == 0 || is_momentary(package))
		return;
	recall_forget(r, package);
	if (r->bodies == NULL)
		r->bodies = calloc(RECALL_MAX, sizeof *r->bodies);
	if (r->bodies == NULL || body.len > RECALL_BYTES)
		return;
	while (r->count == RECALL_MAX || r->bytes + body.len > RECALL_ROOM)
		remove_at(r, 0);
	if (!buf_add(&r->bodies[r->count], body))
		return;
	r->bytes += (uint32_t)body.len;
	r->count++;
}
