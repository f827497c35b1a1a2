/* The core of registration with a list of the test's own answers, and a time that is a number. */
#ifndef TESTS_UNIT_SERVER_REGISTER_RIG_H
#define TESTS_UNIT_SERVER_REGISTER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "server/register/core.h"
#include "tests/unit/support_ip.h"

#define V4    "198.51.100.4"
#define V6    "2001:db8::4"
#define TOKEN "0123456789abcdef0123456789ABCDEF"

static struct core core;
static uint64_t now, hash;
static char said[40000];
static struct core_step step;

static UNUSED void on_say(void *owner, enum log_level level, const char *text)
{
	(void)owner;
	snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s\n",
		level == LOG_WARN ? "warning: " : "", text);
}

static UNUSED void assert_said(const char *part)
{
	if (strstr(said, part) == NULL)
		fail_msg("'%s' was not said, but:\n%s", part, said);
	said[0] = '\0';
}

static UNUSED void assert_said_nothing(void)
{
	assert_string_equal(said, "");
}

static UNUSED const char *text_of(const struct address *a)
{
	static char text[ADDRESS_IP_MAX];

	address_ip(a, text);
	return text;
}

static UNUSED enum core_do next(void)
{
	core_step(&core, now, hash, &step);
	return step.what;
}

static UNUSED struct core_settings settings(void)
{
	return (struct core_settings){.wanted = true, .who = {.enable_ipv6 = true}};
}

static UNUSED int set_up(void **state)
{
	struct core_settings s = settings();

	(void)state;
	now = 1000;
	hash = 1;
	said[0] = '\0';
	core_open(&core, 42, on_say, NULL);
	core_set(&core, &s, now);
	return 0;
}

static UNUSED struct who_probe probe(const char *seen, const char *local)
{
	struct who_probe p = {.asked = true, .seen = ip(seen), .local = ip(local)};

	if (seen == NULL)
		snprintf(p.why, sizeof p.why, "nobody answers");
	return p;
}

/* Local addresses are private ones: there is NAT in front of both. */
static UNUSED void probed(const char *v4, const char *v6, const char *dual)
{
	struct who_probes probes = {.v4 = probe(v4, v4 != NULL ? "10.0.0.4" : NULL),
		.v6 = probe(v6, v6 != NULL ? "fd00::4" : NULL),
		.dual = probe(dual, dual)};

	assert_int_equal(next(), CORE_PROBE);
	assert_int_equal(next(), CORE_WAIT);
	core_probed(&core, now, &probes);
}

static UNUSED void answer(int status, const char *body)
{
	struct answer a;

	if (status != 0)
		answer_read(status, slice_text(body), &a);
	else
		answer_missing(body, false, &a);
	assert_int_equal(core.calling, true);
	core_answered(&core, now, &a);
}

static UNUSED void call_from(const char *local, const char *as)
{
	assert_int_equal(next(), CORE_PUT);
	assert_string_equal(text_of(&step.local), local);
	assert_string_equal(text_of(&step.as), as);
	assert_int_equal(next(), CORE_WAIT);
}

static UNUSED void to_due(void)
{
	now += core_until_due(&core, now);
}

static UNUSED void registered_by_one(void)
{
	probed(V4, V6, V6);
	call_from("fd00::4", V6);
	answer(200, "{\"serverID\": 17}");
	assert_int_equal(core.state, CORE_REGISTERED);
	assert_said("registered as 2001:db8::4, server 17");
}

/* The list takes calls by both families. */
static UNUSED void registered(void)
{
	registered_by_one();
	to_due();
	call_from("10.0.0.4", V6);
	answer(200, "{\"serverID\": 17}");
	assert_said_nothing();
}

static UNUSED const char *call_back(const char *source, const char *addresses)
{
	static char body[600];

	snprintf(body, sizeof body,
		"{\"statusMessage\":\"call back\",\"statusSubCode\":10910,\"sourceAddress\":\"%s\","
		"\"callBack\":{\"addresses\":[%s],\"token\":\"" TOKEN "\",\"expires\":60}}",
		source, addresses);
	return body;
}

/* What was known of a server that called by IPv4 alone. */
static UNUSED struct core_memory memory_of_v4(void)
{
	struct who_probes probes = {.v4 = probe(V4, "10.0.0.4"), .dual = probe(V4, V4)};
	struct core_memory memory = {.as = ip(V4), .known4 = ip(V4), .server_id = "17"};

	who_decide(&(struct who_settings){.enable_ipv6 = true}, &probes, &memory.who);
	return memory;
}

#endif
