/* Whether the numbers that c-ares gives its questions can be guessed, and with them answers forged. */
#ifndef MULTIPLEXER_LOOKUP_DNS_IDS_H
#define MULTIPLEXER_LOOKUP_DNS_IDS_H

#include "common/defs.h"

enum { DNS_IDS = 8 };

/* Makes two c-ares channels ask DNS_IDS questions each, of nobody (nothing is sent), and looks at
 * their numbers. Without a source of random numbers c-ares 1.18 repeats them (row E05). */
bool dns_ids_are_random(const char **why);

/* The judgement alone: no row repeats the other, and neither counts up or stands still. */
bool dns_ids_differ(const uint16_t a[static DNS_IDS], const uint16_t b[static DNS_IDS]);

#endif
