#include "multiplexer/session.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <uv.h>

enum { HEAD = 4 }; /* length times 2, and 1 when it is a text; as the machine writes it */

/* ---- tokens ---- */

static void void_key(struct sessions *all, struct session_key *k)
{
	if (k->hh.tbl != NULL)
		HASH_DELETE(hh, all->keys, k);
	memset(k, 0, sizeof *k);
}

/* k gets a digest. False when memory is out. */
static bool set_key(struct session *s, struct session_key *k, const uint8_t digest[SESSION_DIGEST])
{
	void_key(s->all, k);
	memcpy(k->digest, digest, SESSION_DIGEST);
	k->session = s;
	HASH_ADD(hh, s->all->keys, digest, SESSION_DIGEST, k);
	return k->hh.tbl != NULL;
}

struct session *session_new(struct sessions *all, void *owner)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->all = all;
	s->owner = owner;
	all->count++;
	return s;
}

void session_free(struct session *s)
{
	if (s == NULL)
		return;
	void_key(s->all, &s->now);
	void_key(s->all, &s->before);
	s->all->bytes -= s->room;
	s->all->count--;
	free(s->ring);
	free(s);
}

bool session_issue(struct session *s, char token[SESSION_TOKEN_LEN + 1])
{
	uint8_t random[SESSION_TOKEN_BYTES], digest[SESSION_DIGEST];

	if (uv_random(NULL, NULL, random, sizeof random, 0, NULL) != 0)
		return false;
	/* 24 bytes are 32 letters without padding; in an address or a header + and / would be trouble. */
	EVP_EncodeBlock((unsigned char *)token, random, sizeof random);
	for (size_t i = 0; i < SESSION_TOKEN_LEN; i++)
		token[i] = token[i] == '+' ? '-' : token[i] == '/' ? '_' : token[i];
	explicit_bzero(random, sizeof random);
	SHA256((const unsigned char *)token, SESSION_TOKEN_LEN, digest);
	return set_key(s, &s->now, digest);
}

void session_confirm(struct session *s)
{
	void_key(s->all, &s->before);
}

struct session *sessions_find(const struct sessions *all, struct slice token)
{
	uint8_t digest[SESSION_DIGEST];
	struct session_key *k = NULL;

	if (token.len != SESSION_TOKEN_LEN)
		return NULL;
	SHA256(token.at, token.len, digest);
	HASH_FIND(hh, all->keys, digest, SESSION_DIGEST, k);
	return k != NULL ? k->session : NULL;
}

void session_use(struct session *s, struct slice token)
{
	uint8_t digest[SESSION_DIGEST];

	SHA256(token.at, token.len, digest);
	void_key(s->all, &s->now); /* it is this one, or one of which he does not know */
	set_key(s, &s->before, digest);
}

/* ---- the ring ---- */

/* Copies between the ring and flat bytes, from at bytes behind its beginning. */
static void copy_out(const struct session *s, uint32_t skip, void *out, uint32_t len)
{
	uint32_t from = (s->at + skip) & (s->room - 1);
	uint32_t part = s->room - from < len ? s->room - from : len;

	memcpy(out, s->ring + from, part);
	memcpy((uint8_t *)out + part, s->ring, len - part);
}

static void copy_in(struct session *s, const void *bytes, uint32_t len)
{
	uint32_t to = (s->at + s->used) & (s->room - 1);
	uint32_t part = s->room - to < len ? s->room - to : len;

	if (len == 0)
		return;
	memcpy(s->ring + to, bytes, part);
	memcpy(s->ring, (const uint8_t *)bytes + part, len - part);
	s->used += len;
}

static uint32_t head_at(const struct session *s, uint32_t skip)
{
	uint32_t head;

	copy_out(s, skip, &head, HEAD);
	return head;
}

static void let_go(struct session *s)
{
	uint32_t len = head_at(s, 0) >> 1;

	s->first += len;
	s->used -= HEAD + len;
	s->at = (s->at + HEAD + len) & (s->room - 1);
}

/* Twice the room, or more; false when it may not be, or memory is out. */
static bool grow(struct session *s, size_t wanted)
{
	struct sessions *all = s->all;
	size_t room = s->room > 0 ? s->room : SESSION_ROOM_MIN;
	uint8_t *ring;

	while (room < wanted)
		room *= 2;
	if (room > SESSION_ROOM_MIN && all->bytes - s->room + room > all->pool)
		return false;
	ring = malloc(room);
	if (ring == NULL)
		return false;
	if (s->used > 0)
		copy_out(s, 0, ring, s->used);
	free(s->ring);
	s->ring = ring;
	all->bytes += room - s->room;
	s->room = (uint32_t)room;
	s->at = 0;
	return true;
}

void session_record(struct session *s, bool is_text, struct slice payload)
{
	size_t need = HEAD + payload.len, keep = s->all->keep;
	uint32_t head;

	while (s->used > 0 && s->used + need > keep)
		let_go(s);
	if (need <= keep && s->used + need > s->room && !grow(s, s->used + need)) {
		if (s->room == 0)
			grow(s, SESSION_ROOM_MIN);
		while (s->used > 0 && s->used + need > s->room)
			let_go(s);
	}
	s->next += payload.len;
	if (need > size_min(keep, s->room)) {
		s->first = s->next; /* used is 0: all before it was let go */
		s->at = s->used = 0;
		return;
	}
	head = (uint32_t)payload.len << 1 | is_text;
	copy_in(s, &head, HEAD);
	copy_in(s, payload.at, (uint32_t)payload.len);
}

struct session_place session_seek(const struct session *s, uint64_t seq)
{
	struct session_place p = {s->first, 0};

	while (p.skip < s->used) {
		uint32_t len = head_at(s, p.skip) >> 1;

		if (p.seq + len > seq)
			break;
		p.seq += len;
		p.skip += HEAD + len;
	}
	return p;
}

struct shared *session_next(const struct session *s, struct session_place *place, bool *is_text)
{
	struct shared *b;
	uint32_t head;

	if (place->skip >= s->used)
		return NULL;
	head = head_at(s, place->skip);
	b = shared_room(head >> 1);
	if (b == NULL)
		return NULL;
	copy_out(s, place->skip + HEAD, b->bytes, head >> 1);
	*is_text = (head & 1) != 0;
	place->seq += head >> 1;
	place->skip += HEAD + (head >> 1);
	return b;
}
