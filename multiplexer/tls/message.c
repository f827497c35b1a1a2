#include "multiplexer/tls/message.h"

static const char *const faults[] = {
#define TLS_FAULT(NAME, name, help) help,
#include "multiplexer/tls/faults.def"
};

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

bool tls_message_add(const struct tls_message *m, struct buf *out)
{
	uint8_t head[TLS_MESSAGE_HEAD] = {m->type, m->kind};
	size_t texts = TLS_MESSAGE_TEXTS, len = sizeof head;

	while (texts > 0 && m->text[texts - 1].len == 0)
		texts--;
	for (size_t i = 0; i < texts; i++)
		len += 2 + m->text[i].len;
	if (len > TLS_MESSAGE_MAX)
		return false;
	put(head + 2, m->id, 4);
	put(head + 6, m->number, 8);
	bool ok = buf_add(out, slice_of(head, sizeof head));
	for (size_t i = 0; ok && i < texts; i++) {
		uint8_t size[2];

		put(size, m->text[i].len, 2);
		ok = buf_add(out, slice_of(size, 2)) && buf_add(out, m->text[i]);
	}
	return ok;
}

bool tls_message_read(struct slice bytes, struct tls_message *m)
{
	if (bytes.len < TLS_MESSAGE_HEAD || bytes.len > TLS_MESSAGE_MAX)
		return false;
	*m = (struct tls_message){.type = bytes.at[0],
		.kind = bytes.at[1],
		.id = (uint32_t)get(bytes.at + 2, 4),
		.number = get(bytes.at + 6, 8)};
	bytes = slice_from(bytes, TLS_MESSAGE_HEAD);
	for (size_t i = 0; bytes.len > 0; i++) {
		if (bytes.len < 2 || i == TLS_MESSAGE_TEXTS)
			return false;
		size_t len = (size_t)get(bytes.at, 2);
		if (len > bytes.len - 2)
			return false;
		m->text[i] = slice_of(bytes.at + 2, len);
		bytes = slice_from(bytes, 2 + len);
	}
	return true;
}

const char *tls_fault_text(enum tls_fault fault)
{
	return fault < TLS_FAULTS ? faults[fault] : faults[TLS_FAULT_OTHER];
}
