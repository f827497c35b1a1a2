/* Whatever a stranger sends to the TCP port of a link: he never gets through, hears little, and however
 * the bytes are cut it ends the same way. The first two bytes say where to cut; the rest is the wire. */
#include "common/buf.h"
#include "common/tls.h"
#include "tests/fuzz/fuzz.h"

static bool on_send(void *owner, struct slice wire)
{
	return buf_add(owner, wire);
}

/* Returns how much was answered. */
static size_t try(struct tls_context *context, struct slice wire, size_t cut, enum tls_result *last)
{
	struct buf out = {0};
	struct tls *t = tls_new(context, TLS_ACCEPTS, on_send, &out);
	struct slice parts[] = {slice_of(wire.at, cut), slice_from(wire, cut)};
	size_t got, len;

	must(t != NULL);
	for (size_t i = 0; i < 2; i++) {
		uint8_t room[64];

		*last = tls_read(t, &parts[i], room, sizeof room, &got);
		must(*last == TLS_MORE || *last == TLS_FAULT);
		must(*last == TLS_FAULT || parts[i].len == 0);
	}
	must(!tls_is_up(t));
	must(*last != TLS_FAULT || tls_why(t)[0] != '\0');
	must(!tls_write(t, slice_text("secret")));
	len = out.len;
	tls_free(t);
	buf_free(&out);
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_context *context;
	enum tls_result whole, cut;
	const char *why;

	if (context == NULL)
		context = tls_context_psk(
			"game", slice_text("0123456789abcdef0123456789abcdef"), &why);
	if (size < 2)
		return 0;
	size_t at = (data[0] + 256u * data[1]) % (size - 1);
	struct slice wire = slice_of(data + 2, size - 2);
	size_t a = try(context, wire, 0, &whole), b = try(context, wire, at, &cut);
	must(whole == cut && a == b);
	must(a < 2000);
	return 0;
}
