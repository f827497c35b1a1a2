#include "server/register/answer.h"

#include <stdio.h>
#include <jansson.h>

#include "common/log.h"
#include "server/register/who.h"
#include "server/value.h"

/* Lists are not trusted: their words go to logs and consoles as printable text only. */
static void copy_words(char *out, size_t room, const json_t *text)
{
	out[0] = '\0';
	if (json_is_string(text))
		log_escape(out, room, slice_of(json_string_value(text), json_string_length(text)));
	else if (json_is_integer(text))
		snprintf(out, room, "%" JSON_INTEGER_FORMAT, json_integer_value(text));
}

static bool read_address(const json_t *text, struct address *out)
{
	return json_is_string(text) &&
	       who_parse_ip(slice_of(json_string_value(text), json_string_length(text)), out);
}

static bool read_token(const json_t *text, char out[static ANSWER_TOKEN_MAX + 1])
{
	const char *token = json_string_value(text);

	if (token == NULL || json_string_length(text) != ANSWER_TOKEN_MAX ||
		strspn(token, "0123456789abcdefABCDEF") != ANSWER_TOKEN_MAX)
		return false;
	memcpy(out, token, ANSWER_TOKEN_MAX + 1);
	return true;
}

static void read_call_back(const json_t *call_back, struct answer *out)
{
	const json_t *addresses = json_object_get(call_back, "addresses"), *one;
	size_t i;

	if (!read_token(json_object_get(call_back, "token"), out->token))
		return;
	json_array_foreach(addresses, i, one)
	{
		if (out->call_back_count < ANSWER_CALLBACKS_MAX &&
			read_address(one, &out->call_back[out->call_back_count]))
			out->call_back_count++;
	}
}

static void read_body(const json_t *json, struct answer *out)
{
	const json_t *code = json_object_get(json, "statusSubCode");

	copy_words(out->message, sizeof out->message, json_object_get(json, "statusMessage"));
	copy_words(out->server_id, sizeof out->server_id, json_object_get(json, "serverID"));
	if (json_is_integer(code) && json_integer_value(code) > 0 &&
		json_integer_value(code) < 1000000)
		out->sub_code = (int)json_integer_value(code);
	read_address(json_object_get(json, "sourceAddress"), &out->source);
	if (out->status == 403)
		read_call_back(json_object_get(json, "callBack"), out);
}

void answer_read(int status, struct slice body, struct answer *out)
{
	struct value_fault fault;

	*out = (struct answer){.status = status};
	json_t *json = value_parse(body, &fault);
	if (json_is_object(json))
		read_body(json, out);
	json_decref(json);
}

void answer_missing(const char *why, bool bad_source, struct answer *out)
{
	*out = (struct answer){.bad_source = bad_source};
	log_escape(out->message, sizeof out->message, slice_text(why));
}
