#include "server/script_state.h"

#include <stdlib.h>

#include "server/tell.h"
#include "server/value.h"

/* What scripts tell clients beside the text: a value as JSON, to one or to many. */

const char *script_check_package(lua_State *L, int index)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t len;
	const char *package = luaL_checklstring(L, index, &len);

	if (len == 0 || strspn(package, letters) != len)
		luaL_error(L, "gmcp: '%s' is no name of a package", package);
	return package;
}

/* Nothing of Lua is called while memory is held that Lua does not know; nil is no value. */
void script_tell(lua_State *L, const char *channel, const char *package, int index,
	void (*tell)(void *whom, const struct told *told), void *whom)
{
	struct value_fault fault;
	json_t *json = NULL;

	if (!lua_isnil(L, index) && (json = value_json(L, index, &fault)) == NULL)
		luaL_error(L, "%s: %s", channel, fault.text);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	bool ok = json == NULL || text != NULL;
	struct buf data = {0};

	if (package != NULL)
		ok = ok && buf_addf(&data, "%s%s", package, text != NULL ? " " : "");
	if (text != NULL)
		ok = ok && buf_add(&data, slice_text(text));
	size_t len = data.len;

	if (ok && len <= TELL_MAX && tell != NULL)
		tell(whom, &(struct told){channel, package == NULL, buf_bytes(&data)});
	buf_free(&data);
	free(text);
	json_decref(json);
	if (!ok)
		luaL_error(L, "%s: out of memory", channel);
	if (len > TELL_MAX)
		luaL_error(L, "%s: %d bytes, %d are the most", channel, (int)len, TELL_MAX);
}
