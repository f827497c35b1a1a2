/* Whatever an identd says, however the network cuts it: the verdict is the same, nothing is read
 * behind a line, and a name has only the characters that may be shown. The first byte says where to
 * cut; {} in the input stands for the ports that are asked about. */
#include "common/buf.h"
#include "multiplexer/lookup_ident_reply.h"
#include "tests/fuzz/fuzz.h"

static enum ident_verdict feed(struct ident_reply *r, struct slice bytes, size_t piece)
{
	enum ident_verdict v = IDENT_MORE;

	*r = (struct ident_reply){.theirs = 40001, .ours = 4000};
	while (bytes.len > 0 && v == IDENT_MORE) {
		size_t n = size_min(piece, bytes.len);

		v = ident_reply_feed(r, slice_of(bytes.at, n));
		bytes = slice_from(bytes, n);
	}
	return v;
}

static void check_name(const char *name)
{
	size_t len = strlen(name);

	must(len > 0 && len <= LOOKUP_PERSON_MAX);
	must(strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		len);
	must(strcmp(name, LOOKUP_UNRESOLVED) != 0 && strcmp(name, LOOKUP_UNSUPPORTED) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = {0};
	struct ident_reply whole, cut;

	if (size < 2)
		return 0;
	for (size_t i = 1; i < size; i++) {
		bool ports = data[i] == '{' && i + 1 < size && data[i + 1] == '}';

		must(ports ? buf_addf(&text, "40001,4000") : buf_add_byte(&text, data[i]));
		i += ports;
	}
	enum ident_verdict v = feed(&whole, buf_bytes(&text), text.len);
	must(v == feed(&cut, buf_bytes(&text), 1 + data[0] % 61u));
	if (v == IDENT_NAME) {
		must(strcmp(whole.name, cut.name) == 0);
		check_name(whole.name);
	}
	must(v != IDENT_MORE || text.len <= IDENT_REPLY_MAX);
	buf_free(&text);

	/* The same bytes as a name from DNS. */
	char name[512], out[LOOKUP_HOST_MAX + 1];
	size_t len = size_min(size - 1, sizeof name - 1);
	memcpy(name, data + 1, len);
	name[len] = '\0';
	if (lookup_host_name(name, out))
		must(strlen(out) > 0 &&
			strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(out));
	return 0;
}
