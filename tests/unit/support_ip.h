/* Addresses as tests write them. */
#ifndef TESTS_UNIT_SUPPORT_IP_H
#define TESTS_UNIT_SUPPORT_IP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "common/address.h"

/* What address_parse reads, or a host alone, whose port is 7 then. NULL is no address. */
static UNUSED struct address ip(const char *text)
{
	char with_port[ADDRESS_TEXT_MAX];
	struct address a = {0};
	const char *why;

	if (text == NULL || address_parse(text, &a, &why))
		return a;
	snprintf(with_port, sizeof with_port, strchr(text, ':') != NULL ? "[%s]:7" : "%s:7", text);
	if (!address_parse(with_port, &a, &why))
		fail_msg("%s: %s", text, why);
	return a;
}

#endif
