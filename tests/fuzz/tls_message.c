/* A datagram between the multiplexer and the process that speaks TLS: refused, or written back the same. */
#include <stdlib.h>

#include "multiplexer/tls/message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_message m, again;
	struct buf b = {0};

	if (!tls_message_read(slice_of(data, size), &m))
		return 0;
	if (!tls_message_add(&m, &b) || b.len > size || !tls_message_read(buf_bytes(&b), &again))
		abort();
	if (m.type != again.type || m.kind != again.kind || m.id != again.id ||
		m.number != again.number)
		abort();
	for (size_t i = 0; i < TLS_MESSAGE_TEXTS; i++)
		if (!slice_is(m.text[i], again.text[i]))
			abort();
	buf_free(&b);
	return 0;
}
