#include "server/list/registry.h"

#include <stdio.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "common/log.h"

static void random_bytes(void *out, size_t len)
{
	while (getrandom(out, len, 0) != (ssize_t)len)
		;
}

void registry_open(struct registry *r, struct records *records, unsigned servers_each)
{
	memset(r, 0, sizeof *r);
	r->records = records;
	r->servers_each = servers_each;
	r->random = random_bytes;
}

/* ---- answers ---- */

static const struct {
	enum sub_code code;
	unsigned status;
	const char *text;
} codes[] = {
#define SUB_CODE(NAME, number, status, text) {SUB_##NAME, status, text},
#include "server/list/sub_codes.def"
};

void registry_refuse(struct registry_answer *out, enum sub_code code, const char *text)
{
	size_t i = 0;

	while (codes[i].code != code)
		i++;
	*out = (struct registry_answer){.status = codes[i].status,
		.code = code,
		.body = json_pack("{s:s, s:i}", "statusMessage",
			text != NULL ? text : codes[i].text, "statusSubCode", (int)code)};
}

static void store_fault(struct registry_answer *out, const char *why)
{
	log_warn("%s", why);
	registry_refuse(out, SUB_STORE, NULL);
}

static void accept_call(struct registry_answer *out, const struct record *r, bool tell_address)
{
	*out = (struct registry_answer){.status = 200,
		.body = json_pack(
			"{s:s, s:I}", "statusMessage", "registered", "serverID", (json_int_t)r->id),
		.created = tell_address ? r->id : 0};
}

/* ---- names ---- */

static bool part_is_good(const char *text, size_t len)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	return len >= 1 && len <= 31 && strspn(text, good) >= len;
}

bool registry_game_is_good(const char *game)
{
	const char *slash = strchr(game, '/');

	return slash != NULL && part_is_good(game, (size_t)(slash - game)) &&
	       part_is_good(slash + 1, strlen(slash + 1));
}

/* ---- call-backs ---- */

static void ask_for_call_back(struct registry *r, const struct registry_call *call,
	const struct record *of, struct registry_answer *out)
{
	struct call_back *c = &r->call_backs[r->next++ % REGISTRY_CALL_BACKS];
	uint8_t bytes[16];
	json_t *addresses = json_array();

	r->random(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(c->token + 2 * i, 3, "%02x", bytes[i]);
	c->record = of->id;
	c->until = call->now + REGISTRY_CALL_BACK_S;
	snprintf(c->first, sizeof c->first, "%s", call->from);
	for (int i = 0; i < FAMILIES; i++)
		if (of->address[i][0] != '\0')
			json_array_append_new(addresses, json_string(of->address[i]));
	registry_refuse(out, SUB_CALL_BACK, NULL);
	json_object_set_new(out->body, "sourceAddress", json_string(call->from));
	json_object_set_new(out->body, "callBack",
		json_pack("{s:o, s:s, s:i}", "addresses", addresses, "token", c->token, "expires",
			REGISTRY_CALL_BACK_S));
}

/* Every token is good once. */
static bool take_call_back(
	struct registry *r, const struct registry_call *call, int64_t record, struct call_back *out)
{
	for (size_t i = 0; i < REGISTRY_CALL_BACKS; i++) {
		struct call_back *c = &r->call_backs[i];

		/* In a time that does not tell how much of it was right. */
		if (c->token[0] == '\0' || strlen(call->token) != sizeof c->token - 1 ||
			CRYPTO_memcmp(c->token, call->token, sizeof c->token - 1) != 0)
			continue;
		*out = *c;
		memset(c, 0, sizeof *c);
		return out->record == record && out->until >= call->now;
	}
	return false;
}

/* The address that called first is the server's from now on; the one of that family that it had before is
 * not. Another record that has it is the same server under a younger identity: it goes. */
static bool authorise(struct registry *r, struct record *of, const char *ip, const char **why)
{
	struct record other;
	bool found = records_find(r->records, of->game, ip, of->port, &other, why);

	if (!found && *why != NULL)
		return false;
	if (found) {
		bool gone = other.id == of->id || records_drop(r->records, other.id, why);

		record_free(&other);
		if (!gone)
			return false;
	}
	char *address = of->address[record_family(ip)];
	if (address[0] != '\0')
		log_info("server %lld: %s instead of %s", (long long)of->id, ip, address);
	else
		log_info("server %lld: %s as well", (long long)of->id, ip);
	snprintf(address, sizeof of->address[0], "%s", ip);
	return true;
}

/* ---- PUT ---- */

static void write_status(struct record *of, const struct registry_call *call, json_t *status)
{
	if (!record_is_current(of, call->now))
		of->this_start = call->now;
	json_decref(of->status);
	of->status = json_incref(status);
	of->last_update = call->now;
	of->gone = false;
	snprintf(of->updated_from, sizeof of->updated_from, "%s", call->from);
}

static void add_server(struct registry *r, const struct registry_call *call, json_t *status,
	struct registry_answer *out)
{
	struct record new = {.port = call->port, .first_seen = call->now};
	const char *why;

	if (strcmp(call->ip, call->from) != 0) {
		registry_refuse(out, SUB_NOT_SOURCE, NULL);
		return;
	}
	if (r->servers_each != 0 && records_count_from(r->records, call->from,
					    call->now - REGISTRY_RECENT_S) >= r->servers_each) {
		registry_refuse(out, SUB_TOO_MANY, NULL);
		return;
	}
	snprintf(new.game, sizeof new.game, "%s", call->game);
	snprintf(new.address[record_family(call->ip)], sizeof new.address[0], "%s", call->ip);
	snprintf(new.registered_from, sizeof new.registered_from, "%s", call->from);
	write_status(&new, call, status);
	if (records_put(r->records, &new, &why)) {
		log_info("server %lld: new, %s port %u (%s)", (long long)new.id, call->ip,
			call->port, call->game);
		accept_call(out, &new, true);
	} else {
		store_fault(out, why);
	}
	record_free(&new);
}

static void update_server(struct registry *r, const struct registry_call *call, struct record *of,
	json_t *status, struct registry_answer *out)
{
	struct call_back back;
	bool called_back = call->token != NULL;
	const char *why = "";

	if (called_back && !take_call_back(r, call, of->id, &back)) {
		registry_refuse(out, SUB_TOKEN, NULL);
		return;
	}
	write_status(of, call, status);
	bool ok = records_begin(r->records, &why) &&
		  (!called_back || authorise(r, of, back.first, &why)) &&
		  records_put(r->records, of, &why) && records_commit(r->records, &why);
	if (ok) {
		accept_call(out, of, called_back);
	} else {
		records_rollback(r->records);
		store_fault(out, why);
	}
}

void registry_put(struct registry *r, const struct registry_call *call, json_t *status,
	struct registry_answer *out)
{
	const char *fault = record_status_fault(status), *why;
	struct record of;

	if (fault != NULL) {
		registry_refuse(out, SUB_FIELD, fault);
		return;
	}
	if (!records_find(r->records, call->game, call->ip, call->port, &of, &why)) {
		if (why != NULL)
			store_fault(out, why);
		else
			add_server(r, call, status, out);
		return;
	}
	if (record_has(&of, call->from))
		update_server(r, call, &of, status, out);
	else
		ask_for_call_back(r, call, &of, out);
	record_free(&of);
}

/* ---- DELETE and GET ---- */

/* False when there is none: then *out says so. */
static bool find(struct registry *r, const struct registry_call *call, struct record *of,
	struct registry_answer *out)
{
	const char *why;

	if (records_find(r->records, call->game, call->ip, call->port, of, &why))
		return true;
	if (why != NULL)
		store_fault(out, why);
	else
		registry_refuse(out, SUB_UNKNOWN, NULL);
	return false;
}

void registry_delete(
	struct registry *r, const struct registry_call *call, struct registry_answer *out)
{
	struct record of;
	const char *why;

	if (!find(r, call, &of, out))
		return;
	if (!record_has(&of, call->from)) {
		registry_refuse(out, SUB_NOT_SOURCE,
			"only an address of the server may take it off the list");
	} else {
		of.gone = true;
		if (records_put(r->records, &of, &why)) {
			accept_call(out, &of, false);
			json_object_set_new(
				out->body, "statusMessage", json_string("off the list"));
			log_info("server %lld: has said goodbye", (long long)of.id);
		} else {
			store_fault(out, why);
		}
	}
	record_free(&of);
}

void registry_get(struct registry *r, const struct registry_call *call, struct registry_answer *out)
{
	struct record of;

	if (!find(r, call, &of, out))
		return;
	if (record_is_current(&of, call->now))
		*out = (struct registry_answer){.status = 200,
			.body = json_pack("{s:o}", "serverStatus", record_json(&of))};
	else
		registry_refuse(out, SUB_UNKNOWN, "this server is not there at the moment");
	record_free(&of);
}
