/* Where a request may go: URLs of http and https, read by curl. */
#ifndef SERVER_FETCH_URL_H
#define SERVER_FETCH_URL_H

#include <curl/curl.h>

#include "common/defs.h"

enum { FETCH_URL_MAX = 2000 }; /* bytes */

/* Whether url can be fetched: http or https, a host, no name or password in it, at most FETCH_URL_MAX
 * bytes, nothing unprintable. False with *why a sentence (static). */
bool fetch_url_check(const char *url, const char **why);

/* The same, to be freed with curl_url_cleanup; NULL instead of false. */
CURLU *fetch_url_read(const char *text, const char **why);

/* Ports that a URL leaves out are those of its scheme. */
bool fetch_url_same_part(CURLU *a, CURLU *b, CURLUPart part);
bool fetch_url_same_origin(CURLU *a, CURLU *b); /* scheme, host and port */

#endif
