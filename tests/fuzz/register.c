/* Whatever a server list or whoami answers: what is taken of it is printable, within its bounds, and a
 * call-back only goes to where an address of ours is. The first byte says which answer it is. */
#include "server/register/core.h"
#include "tests/fuzz/fuzz.h"

static void check_words(const char *text, size_t room)
{
	must(memchr(text, '\0', room) != NULL);
	for (; *text != '\0'; text++)
		must(*text >= 0x20 && *text < 0x7f);
}

static struct address ip(const char *text)
{
	struct address a;
	const char *why;

	must(address_parse(text, &a, &why));
	return a;
}

static void say(void *owner UNUSED, enum log_level level UNUSED, const char *text)
{
	must(strlen(text) < 900);
}

/* A server with two addresses that the list knows. */
static void answer_core(const struct answer *answer)
{
	static const struct core_settings settings = {.wanted = true, .who = {.enable_ipv6 = true}};
	struct who_probes probes = {.v4 = {.seen = ip("198.51.100.4:0"), .local = ip("10.0.0.4:0")},
		.v6 = {.seen = ip("[2001:db8::4]:0"), .local = ip("[fd00::4]:0")}};
	struct core core;
	struct core_step step;
	uint64_t now_ms = 1000;

	core_open(&core, 7, say, NULL);
	core_set(&core, &settings, now_ms);
	core_step(&core, now_ms, 1, &step);
	must(step.what == CORE_PROBE);
	core_probed(&core, now_ms, &probes);
	for (int i = 0; i < 4; i++) {
		now_ms += core_until_due(&core, now_ms);
		core_step(&core, now_ms, 1, &step);
		if (step.what == CORE_PROBE) {
			core_probed(&core, now_ms, &probes);
			continue;
		}
		must(step.what == CORE_PUT);
		must(who_same_host(&step.local, &probes.v4.local) ||
			who_same_host(&step.local, &probes.v6.local));
		must(who_same_host(&step.as, &probes.v4.seen) ||
			who_same_host(&step.as, &probes.v6.seen));
		core_answered(&core, now_ms, answer);
		must(core_until_due(&core, now_ms) <= CORE_BACKOFF_MAX_MS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 403, 403, 403, 500, 404, 302, 429};
	struct address seen;
	struct answer answer;
	const char *why;

	if (size == 0)
		return 0;
	struct slice body = slice_of(data + 1, size - 1);
	if (who_read(body, &seen, &why))
		must(address_family(&seen) != FAMILY_NONE && body.len <= 1024);
	answer_read(statuses[data[0] % 8], body, &answer);
	check_words(answer.message, sizeof answer.message);
	check_words(answer.server_id, sizeof answer.server_id);
	must(answer.call_back_count <= ANSWER_CALLBACKS_MAX);
	must(answer.token[0] == '\0' || strlen(answer.token) == ANSWER_TOKEN_MAX);
	must(strspn(answer.token, "0123456789abcdefABCDEF") == strlen(answer.token));
	answer_core(&answer);
	return 0;
}
