/* The PROXY header at the start of any connection: every beginning, as bytes arrive. */
#include <stdlib.h>

#include "multiplexer/proxy.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header whole, h;
	const char *why;
	enum proxy_verdict verdict = proxy_parse(slice_of(data, size), &whole, &why);

	if (verdict == PROXY_MORE && size >= PROXY_V2_MAX)
		abort(); /* it would be waited for without end */
	if (verdict == PROXY_DONE && (whole.len == 0 || whole.len > size))
		abort();
	if (verdict != PROXY_DONE || size > 4096)
		return 0;
	/* However it is cut, it is the same header. */
	for (size_t len = 0; len < whole.len; len++)
		if (proxy_parse(slice_of(data, len), &h, &why) != PROXY_MORE)
			abort();
	return 0;
}
