#include "server/api/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const enum http_method registrable[] = {
	HTTP_METHOD_GET, HTTP_METHOD_POST, HTTP_METHOD_PUT, HTTP_METHOD_PATCH, HTTP_METHOD_DELETE};

void routes_open(struct routes *r)
{
	*r = (struct routes){0};
	list_init(&r->list);
}

static void route_free(struct routes *r, struct route *route)
{
	list_remove(&route->node);
	if (route->hh.tbl != NULL)
		HASH_DEL(r->by_uri, route);
	for (size_t i = 0; i < HTTP_METHODS; i++)
		free(route->scripts[i].text);
	free(route->uri);
	free(route);
}

void routes_close(struct routes *r)
{
	LIST_EACH(at, &r->list)
	{
		struct route *route = container_of(at, struct route, node);

		route_free(r, route);
	}
	r->count = 0;
}

bool routes_method(const char *word, enum http_method *out)
{
	for (size_t i = 0; i < ARRAY_LEN(registrable); i++) {
		if (strcasecmp(word, http_method_name(registrable[i])) == 0) {
			*out = registrable[i];
			return true;
		}
	}
	return false;
}

/* ---- paths -------------------------------------------------------------------------------------- */

/* Takes "/part" off the front of *path. False at its end. */
static bool next_part(struct slice *path, struct slice *part)
{
	if (path->len == 0)
		return false;
	const uint8_t *slash = path->len > 1 ? memchr(path->at + 1, '/', path->len - 1) : NULL;
	size_t len = slash != NULL ? (size_t)(slash - path->at) : path->len;

	*part = slice_of(path->at + 1, len - 1);
	*path = slice_from(*path, len);
	return true;
}

/* "{name}": the name; empty for any other part. */
static struct slice name_of(struct slice part)
{
	if (part.len < 3 || part.at[0] != '{' || part.at[part.len - 1] != '}')
		return slice_of(NULL, 0);
	return slice_of(part.at + 1, part.len - 2);
}

static unsigned count_parts(struct slice uri)
{
	struct slice part;
	unsigned count = 0;

	while (next_part(&uri, &part))
		count += name_of(part).len > 0;
	return count;
}

static bool is_good_uri(struct slice uri)
{
	return uri.len > 0 && uri.len <= ROUTE_URI_MAX && uri.at[0] == '/' &&
	       memchr(uri.at, '\0', uri.len) == NULL && count_parts(uri) <= ROUTE_PARTS_MAX;
}

/* Whether path is as uri says; its parts then are in m. */
static bool fits(struct slice uri, struct slice path, struct route_match *m)
{
	struct slice wanted, given;

	m->part_count = 0;
	while (next_part(&uri, &wanted)) {
		struct slice name = name_of(wanted);

		if (!next_part(&path, &given))
			return false;
		if (name.len == 0 && !slice_is(wanted, given))
			return false;
		if (name.len == 0)
			continue;
		if (given.len == 0)
			return false;
		m->parts[m->part_count].name = name;
		m->parts[m->part_count++].value = given;
	}
	return path.len == 0;
}

/* ---- the table ---------------------------------------------------------------------------------- */

static struct route *find_uri(const struct routes *r, struct slice uri)
{
	struct route *route;

	HASH_FIND(hh, r->by_uri, uri.at, uri.len, route);
	return route;
}

static struct route *route_new(struct routes *r, struct slice uri)
{
	struct route *route = r->count < ROUTES_MAX ? calloc(1, sizeof *route) : NULL;

	if (route == NULL)
		return NULL;
	route->uri = strndup((const char *)uri.at, uri.len);
	list_init(&route->node);
	if (route->uri != NULL)
		HASH_ADD_KEYPTR(hh, r->by_uri, route->uri, uri.len, route);
	if (route->hh.tbl == NULL) {
		route_free(r, route);
		return NULL;
	}
	route->has_parts = count_parts(uri) > 0;
	list_add_last(&r->list, &route->node);
	r->count++;
	return route;
}

enum route_code routes_add(
	struct routes *r, struct slice uri, const char *method, const struct route_script *script)
{
	enum http_method m;

	if (!is_good_uri(uri) || !routes_method(method, &m))
		return ROUTE_INVALID;
	struct route *route = find_uri(r, uri);
	if (route != NULL && (route->methods & 1u << m) != 0)
		return ROUTE_EXISTS;
	if (script->function < 0 && (script->text == NULL || script->text[0] == '\0'))
		return ROUTE_INVALID;
	if (route == NULL && (route = route_new(r, uri)) == NULL)
		return ROUTE_FAULT;
	route->scripts[m] = *script;
	route->methods |= 1u << m;
	return ROUTE_DONE;
}

enum route_code routes_remove(struct routes *r, struct slice uri, const char *method, int *function)
{
	enum http_method m;

	if (uri.len == 0 || !routes_method(method, &m))
		return ROUTE_INVALID;
	struct route *route = find_uri(r, uri);
	if (route == NULL || (route->methods & 1u << m) == 0)
		return ROUTE_EXISTS;
	*function = route->scripts[m].function;
	free(route->scripts[m].text);
	route->scripts[m] = (struct route_script){.function = ROUTE_NO_FUNCTION};
	route->methods &= ~(1u << m);
	if (route->methods == 0) {
		route_free(r, route);
		r->count--;
	}
	return ROUTE_DONE;
}

/* The method whose script answers. */
static enum http_method answering(enum http_method method)
{
	return method == HTTP_METHOD_HEAD ? HTTP_METHOD_GET : method;
}

/* Whether route, which has the path, has the method as well; what it takes is added to m->methods. */
static bool takes(const struct route *route, enum http_method method, struct route_match *m)
{
	m->methods |= route->methods;
	if ((route->methods & 1u << method) == 0)
		return false;
	m->route = route;
	m->script = &route->scripts[method];
	return true;
}

static bool find_with_parts(
	const struct routes *r, struct slice path, enum http_method method, struct route_match *m)
{
	LIST_EACH(at, &r->list)
	{
		const struct route *route = container_of(at, struct route, node);

		if (route->has_parts && fits(slice_text(route->uri), path, m) &&
			takes(route, method, m))
			return true;
	}
	m->part_count = 0;
	return false;
}

bool routes_find(
	const struct routes *r, struct slice path, enum http_method method, struct route_match *m)
{
	const struct route *exact = find_uri(r, path);

	m->script = NULL;
	m->route = NULL;
	m->part_count = m->methods = 0;
	bool found = (exact != NULL && !exact->has_parts && takes(exact, answering(method), m)) ||
		     find_with_parts(r, path, answering(method), m);
	if ((m->methods & 1u << HTTP_METHOD_GET) != 0)
		m->methods |= 1u << HTTP_METHOD_HEAD;
	return found;
}

char *routes_allow(unsigned methods, char out[static 64])
{
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < HTTP_METHODS; i++)
		if ((methods & 1u << i) != 0)
			len += (size_t)snprintf(out + len, 64 - len, "%s%s", len > 0 ? ", " : "",
				http_method_name((enum http_method)i));
	return out;
}
