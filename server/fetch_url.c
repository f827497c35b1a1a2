#include "server/fetch_url.h"

#include <string.h>
#include <strings.h>

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK && text[0] != '\0';

	curl_free(text);
	return has;
}

static bool is_http(CURLU *url)
{
	char *scheme = NULL;
	bool is = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	curl_free(scheme);
	return is;
}

CURLU *fetch_url_read(const char *text, const char **why)
{
	CURLU *url = curl_url();
	size_t len = strlen(text);

	*why = url == NULL ? "not enough memory" : NULL;
	if (len > FETCH_URL_MAX)
		*why = "the URL is too long";
	for (size_t i = 0; i < len && *why == NULL; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			*why = "the URL has a blank or an unprintable character in it";
	if (*why == NULL && curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != 0)
		*why = "that is no URL: one looks like https://example.org/path";
	if (*why == NULL && !is_http(url))
		*why = "the URL must begin with http:// or https://";
	if (*why == NULL && !has_part(url, CURLUPART_HOST))
		*why = "the URL has no host";
	if (*why == NULL && (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD)))
		*why = "the URL may hold no name and no password";
	if (*why == NULL)
		return url;
	curl_url_cleanup(url);
	return NULL;
}

bool fetch_url_check(const char *url, const char **why)
{
	CURLU *read = fetch_url_read(url, why);

	curl_url_cleanup(read);
	return read != NULL;
}

bool fetch_url_same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char *of_a = NULL, *of_b = NULL;
	bool same = curl_url_get(a, part, &of_a, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    curl_url_get(b, part, &of_b, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    strcasecmp(of_a, of_b) == 0;

	curl_free(of_a);
	curl_free(of_b);
	return same;
}

bool fetch_url_same_origin(CURLU *a, CURLU *b)
{
	return fetch_url_same_part(a, b, CURLUPART_SCHEME) &&
	       fetch_url_same_part(a, b, CURLUPART_HOST) &&
	       fetch_url_same_part(a, b, CURLUPART_PORT);
}
