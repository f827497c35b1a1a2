#include "multiplexer/config.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "multiplexer/config_line.h"
#include "multiplexer/handshake.h"
#include "multiplexer/listener.h"
#include "multiplexer/lookup_dns_resolver.h"
#include "multiplexer/upstream.h"
#include "proto/clientkey.h"

const struct option option_table[] = {
#define OPTION(TYPE, name, preset, min, max, flags, help) \
	{#name, OPT_##TYPE, offsetof(struct options, name), preset, min, max, flags, help},
#include "multiplexer/options.def"
};
const size_t option_rows = ARRAY_LEN(option_table);

/* libconfuse hands its callbacks no pointer of ours, so what is being read stands here, while it is. */
static struct reading {
	struct config *config;
	char error[800];
	char server_at[300]; /* FILE:LINE of server, and of server_key; empty = not there */
	char key_at[300];
	char tls_at[300]; /* FILE:LINE of the first listener that has tls; empty = none */
} reading;

static void note_place(char *out, size_t room, const cfg_t *cfg)
{
	const char *file = cfg != NULL ? cfg->filename : NULL;

	if (file != NULL)
		snprintf(out, room, "%s:%d", file, config_line(file, cfg->line));
	else
		snprintf(out, room, "configuration");
}

__attribute__((format(printf, 2, 0))) static void on_error(
	cfg_t *cfg, const char *fmt, va_list args)
{
	char text[400], place[300];

	if (reading.error[0] != '\0')
		return; /* the first one is the one to mend */
	vsnprintf(text, sizeof text, fmt, args);
	note_place(place, sizeof place, cfg);
	snprintf(reading.error, sizeof reading.error, "%s: %s", place, text);
}

/* What the table cannot say about a value; NULL = nothing wrong. */
static const char *fault_of_option(const struct option *o, const char *text)
{
	static struct upstream upstreams[UPSTREAMS_MAX];
	struct nets nets;
	const char *why;

	if (strcmp(o->name, "resolver") == 0)
		return dns_resolver_parse(text, &why) ? NULL : why;
	if (strcmp(o->name, "ident_skip") == 0)
		return nets_parse(text, &nets, &why) ? NULL : why;
	if (strcmp(o->name, "server") != 0 || text[0] == '\0')
		return NULL;
	return upstream_parse_all(text, upstreams, &why) > 0 ? NULL : why;
}

static int check_option(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct option *o = option_find(option_table, option_rows, opt->name);
	const char *text = cfg_opt_getstr(opt);
	const char *why, *fault;

	if (!option_set(o, &reading.config->options, text, &why)) {
		cfg_error(cfg, "%s", why);
		return -1;
	}
	fault = fault_of_option(o, text);
	if (fault != NULL) {
		cfg_error(cfg, "%s: '%s' %s", o->name, text, fault);
		return -1;
	}
	if (strcmp(o->name, "server") == 0)
		note_place(reading.server_at, sizeof reading.server_at, cfg);
	else if (strcmp(o->name, "server_key") == 0)
		note_place(reading.key_at, sizeof reading.key_at, cfg);
	return 0;
}

static int check_listener_field(cfg_t *cfg, cfg_opt_t *opt)
{
	struct listener_config scratch = {0};
	const char *why;
	size_t i = 0;

	while (strcmp(listener_config_field(i), opt->name) != 0)
		i++;
	bool ok = listener_config_take(&scratch, i, cfg_opt_getstr(opt), &why);
	if (!ok)
		cfg_error(cfg, "%s", why);
	listener_config_free(&scratch);
	return ok ? 0 : -1;
}

static bool add_listener(struct config *config, const char *name, struct listener_config **out)
{
	size_t n = config->listener_count;
	struct listener_config *grown = realloc(config->listeners, (n + 1) * sizeof *grown);

	if (grown == NULL)
		return false;
	config->listeners = grown;
	if (!listener_config_init(&grown[n], name))
		return false;
	*out = &grown[n];
	config->listener_count++;
	return true;
}

/* Port 0 is another one each time. */
static bool is_same_place(const struct address *a, const struct address *b)
{
	char one[ADDRESS_TEXT_MAX], other[ADDRESS_TEXT_MAX];

	address_text(a, one);
	address_text(b, other);
	if (a->sa.sa_family != AF_UNIX && strcmp(strrchr(one, ':'), ":0") == 0)
		return false;
	return strcmp(one, other) == 0;
}

/* What the one that was read last has, and another one has too. */
static bool stands_alone(const struct config *config, cfg_t *cfg)
{
	const struct listener_config *l = &config->listeners[config->listener_count - 1];
	char address[ADDRESS_TEXT_MAX];

	for (const struct listener_config *o = config->listeners; o < l; o++) {
		address_text(&o->address, address);
		if (o->number == l->number)
			cfg_error(cfg, "listener '%s' has number %u, as listener '%s' has", l->name,
				l->number, o->name);
		else if (is_same_place(&o->address, &l->address))
			cfg_error(cfg, "listener '%s' has the address %s, as listener '%s' has",
				l->name, address, o->name);
		else
			continue;
		return false;
	}
	return true;
}

/* A whole section was read: its fields were checked one by one, now together. */
static int check_listener(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	struct config *config = reading.config;
	struct listener_config *l;

	if (!add_listener(config, cfg_title(section), &l)) {
		cfg_error(cfg, "out of memory");
		return -1;
	}
	for (size_t i = 0; listener_config_field(i) != NULL; i++) {
		const char *text = cfg_getstr(section, listener_config_field(i)), *why;

		if (text != NULL && !listener_config_take(l, i, text, &why)) {
			cfg_error(section, "%s", why);
			return -1;
		}
	}
	if (l->kind == NULL || l->address.len == 0) {
		cfg_error(cfg, "listener '%s' has no %s", l->name,
			l->kind == NULL ? "kind: add kind = \"telnet-line\""
					: "address: add address = \"127.0.0.1:4000\"");
		return -1;
	}
	const char *fault = listener_config_fault(l);
	if (fault != NULL) {
		cfg_error(cfg, "listener '%s': %s", l->name, fault);
		return -1;
	}
	if (l->tls && reading.tls_at[0] == '\0')
		note_place(reading.tls_at, sizeof reading.tls_at, section);
	if (l->number == 0)
		l->number = (unsigned)config->listener_count;
	if (!stands_alone(config, cfg))
		return -1;
	if (l->number > CLIENTKEY_LISTENER_MAX) {
		cfg_error(cfg, "more than %d listeners", CLIENTKEY_LISTENER_MAX);
		return -1;
	}
	return 0;
}

static int check_certificate(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *chain = cfg_getstr(section, "chain"), *key = cfg_getstr(section, "key");

	if (chain == NULL || key == NULL) {
		cfg_error(cfg,
			"certificate '%s' has no %s: it needs chain = 'FILE' and key = 'FILE', which "
			"`holdfastctl cert self-signed DIR` makes",
			cfg_title(section), chain == NULL ? "chain" : "key");
		return -1;
	}
	if (strlen(chain) > 1000 || strlen(key) > 1000 || strlen(cfg_title(section)) > 100) {
		cfg_error(cfg, "certificate '%s': a name is too long", cfg_title(section));
		return -1;
	}
	if (certificates_add(&reading.config->certificates, slice_text(cfg_title(section)),
		    slice_text(chain), slice_text(key)))
		return 0;
	cfg_error(cfg, "more than %d certificates, or out of memory", TLS_CERTIFICATES_MAX);
	return -1;
}

static bool read_file(struct config *config, const char *file)
{
	cfg_opt_t files[] = {
		CFG_STR("chain", NULL, CFGF_NONE),
		CFG_STR("key", NULL, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t fields[LISTENER_FIELDS_MAX + 1];
	cfg_opt_t rows[] = {
#define OPTION(TYPE, name, preset, min, max, flags, help) CFG_STR(#name, NULL, CFGF_NONE),
#include "multiplexer/options.def"
		CFG_SEC("listener", fields, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_SEC("certificate", files, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_FUNC("include", &cfg_include),
		CFG_END(),
	};
	size_t count = 0;
	for (; listener_config_field(count) != NULL; count++)
		fields[count] = (cfg_opt_t)CFG_STR(listener_config_field(count), NULL, CFGF_NONE);
	fields[count] = (cfg_opt_t)CFG_END();
	cfg_t *cfg = cfg_init(rows, CFGF_NONE);

	if (cfg == NULL) {
		snprintf(reading.error, sizeof reading.error, "out of memory");
		return false;
	}
	cfg_set_error_function(cfg, on_error);
	for (size_t i = 0; i < option_rows; i++)
		cfg_set_validate_func(cfg, option_table[i].name, check_option);
	cfg_set_validate_func(cfg, "listener", check_listener);
	cfg_set_validate_func(cfg, "certificate", check_certificate);
	for (size_t i = 0; i < count; i++) {
		char path[64];

		snprintf(path, sizeof path, "listener|%s", listener_config_field(i));
		cfg_set_validate_func(cfg, path, check_listener_field);
	}
	reading.config = config;
	config_line_learn();
	int result = cfg_parse(cfg, file);
	if (result == CFG_FILE_ERROR)
		snprintf(reading.error, sizeof reading.error, "%s: %s", file, strerror(errno));
	else if (result != CFG_SUCCESS && reading.error[0] == '\0')
		snprintf(reading.error, sizeof reading.error, "%s: not a configuration file", file);
	cfg_free(cfg);
	reading.config = NULL;
	return result == CFG_SUCCESS && reading.error[0] == '\0';
}

static bool has_tcp(const char *server)
{
	return strncmp(server, "tcp:", 4) == 0 || strstr(server, " tcp:") != NULL ||
	       strstr(server, "\ttcp:") != NULL;
}

/* Over TCP everybody could be the game: there is no link without a key, on loopback neither. */
static bool load_key(struct config *config)
{
	const struct options *o = &config->options;
	const char *why;

	if (o->server_key[0] == '\0' && has_tcp(o->server)) {
		snprintf(reading.error, sizeof reading.error,
			"%s: server: '%s' needs a server_key; holdfastctl key new FILE makes one",
			reading.server_at, o->server);
		return false;
	}
	if (o->server_key[0] == '\0')
		return true;
	config->key = linkkey_load(o->server_key, &why);
	if (config->key == NULL)
		snprintf(reading.error, sizeof reading.error, "%s: server_key: %s", reading.key_at,
			why);
	return config->key != NULL;
}

bool config_has_tls(const struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++)
		if (config->listeners[i].tls)
			return true;
	return false;
}

static bool has_certificates(const struct config *config)
{
	if (!config_has_tls(config) || config->certificates.count > 0)
		return true;
	snprintf(reading.error, sizeof reading.error,
		"%s: tls needs certificate main { chain = 'FILE'  key = 'FILE' }; `holdfastctl cert "
		"self-signed DIR` makes one to begin with",
		reading.tls_at);
	return false;
}

static bool add_built_in(struct config *config)
{
	static const struct {
		const char *name, *kind, *address;
		bool optional;
	} built_in[] = {
		{"telnet", "telnet-line", "127.0.0.1:4000", false},
		{"telnet6", "telnet-line", "[::1]:4000", true},
		{"web", "websocket", "127.0.0.1:4080", true},
		{"web6", "websocket", "[::1]:4080", true},
	};
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(built_in); i++) {
		struct listener_config *l;

		if (!add_listener(config, built_in[i].name, &l) ||
			!address_parse(built_in[i].address, &l->address, &why))
			return false;
		l->kind = listener_kind_find(built_in[i].kind);
		l->number = (unsigned)(i + 1);
		l->optional = built_in[i].optional;
	}
	return true;
}

/* What the layers are told: when all listeners are read, and will not move in memory any more. */
static void open_doors(struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++) {
		struct listener_config *l = &config->listeners[i];

		l->door = (struct layers_door){
			.origins = l->origins != NULL ? l->origins : ORIGINS_PRESET,
			.loopback =
				l->address.sa.sa_family != AF_UNIX && address_is_local(&l->address),
		};
	}
}

bool config_load(struct config *config, const char *file, const char **why)
{
	struct config fresh = {0};
	bool ok = true;

	reading.error[0] = reading.tls_at[0] = '\0';
	option_presets(option_table, option_rows, &fresh.options);
	if (file != NULL)
		ok = read_file(&fresh, file);
	ok = ok && load_key(&fresh) && has_certificates(&fresh);
	if (ok && fresh.listener_count == 0)
		ok = add_built_in(&fresh);
	if (!ok) {
		config_free(&fresh);
		*why = reading.error[0] != '\0' ? reading.error : "out of memory";
		return false;
	}
	open_doors(&fresh);
	*config = fresh;
	return true;
}

void config_free(struct config *config)
{
	option_free(option_table, option_rows, &config->options);
	linkkey_free(config->key);
	certificates_free(&config->certificates);
	for (size_t i = 0; i < config->listener_count; i++)
		listener_config_free(&config->listeners[i]);
	free(config->listeners);
	memset(config, 0, sizeof *config);
}

void config_print(const struct config *config)
{
	char text[2048];

	for (size_t i = 0; i < option_rows; i++) {
		const struct option *o = &option_table[i];

		printf("# %s\n%s = \"%s\"\n", o->help, o->name,
			option_text(o, &config->options, text, sizeof text));
	}
	for (size_t i = 0; i < config->certificates.count; i++) {
		const struct certificate_files *f = &config->certificates.files[i];

		printf("certificate \"%s\" {\n\tchain = \"%s\"\n\tkey = \"%s\"\n}\n", f->name,
			f->chain, f->key);
	}
	for (size_t i = 0; i < config->listener_count; i++)
		listener_config_print(&config->listeners[i]);
}

unsigned config_apply_live(struct config *running, struct config *fresh)
{
	struct linkkey *old_key = running->key;
	struct certificates old_certificates = running->certificates;
	unsigned left = 0;

	for (size_t i = 0; i < option_rows; i++) {
		const struct option *o = &option_table[i];
		char old[2048], new[2048];
		const char *why;

		option_text(o, &running->options, old, sizeof old);
		option_text(o, &fresh->options, new, sizeof new);
		if (strcmp(old, new) == 0)
			continue;
		if ((o->flags & OPT_LIVE) == 0 || !option_set(o, &running->options, new, &why)) {
			log_warn(
				"%s: the change from '%s' to '%s' needs a restart of the multiplexer",
				o->name, old, new);
			left++;
		} else {
			log_info("%s: changed from '%s' to '%s'", o->name, old, new);
		}
	}
	running->key = fresh->key; /* the file may have changed behind its name */
	fresh->key = old_key;
	running->certificates = fresh->certificates;
	fresh->certificates = old_certificates;
	bool differ = running->listener_count != fresh->listener_count;
	for (size_t i = 0; !differ && i < fresh->listener_count; i++)
		differ = listener_config_differs(&running->listeners[i], &fresh->listeners[i]);
	for (size_t i = 0; !differ && i < fresh->listener_count; i++) {
		running->listeners[i].dns = fresh->listeners[i].dns;
		running->listeners[i].ident = fresh->listeners[i].ident;
		running->listeners[i].proxies = fresh->listeners[i].proxies;
	}
	if (differ) {
		log_warn("listeners: the changes need a restart of the multiplexer");
		left++;
	}
	return left;
}
