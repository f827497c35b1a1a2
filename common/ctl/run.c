/* Two children, one table of signals, one clock. Blocking is allowed here, but never for long. */
#include "common/ctl/run.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/address.h"
#include "common/backoff.h"
#include "common/ctl/client.h"
#include "common/ctl/ending.h"
#include "common/ctl/invite.h"
#include "common/log.h"
#include "common/supervisor.h"

enum {
	TOGETHER_MS = 200, /* signals that come so close together are one wish */
	LOOK_MS = 50,      /* how often we look whether the multiplexer listens */
	ASK_MS = 1000,     /* how long it may take to answer */
	LISTEN_MS = 10000, /* after that the server is started all the same */
	LIST_MS = 3000,    /* the same, when only the list does not listen yet */
	INVITE_MS = 5000,  /* how long the invitation waits for the game */
	GOODBYE_MS = 3000, /* how long the server may take to notice the multiplexer's end itself */
	AFTERMATH_MS = 6000, /* how long a multiplexer that no longer answers may take to end */
	END_MS = 20000,      /* how long both may take in all before they are killed */
	ARGV_MAX = 12,
	NEVER = -1
};

struct child {
	const char *name;
	const char *argv[ARGV_MAX]; /* NULL at its end */
	bool has_console;           /* it gets our standard input, if that is a terminal */
	pid_t pid;                  /* 0 = does not run */
	uint64_t started_ms;
};

/* What the run waits for. */
enum stage {
	STAGE_LISTEN, /* the multiplexer to answer and the list to listen, before the server is started */
	STAGE_INVITE, /* the game to be up, before we say how to connect */
	STAGE_UP,
	STAGE_ENDING, /* both children to end */
	STAGE_KILLING /* likewise, after SIGKILL */
};

struct run {
	const struct run_config *config;
	struct child multiplexer, server, list; /* list: only if it was asked for */
	struct backoff backoff, list_backoff;
	enum stage stage;
	uint64_t stage_ms;      /* since when */
	uint64_t asked_ms;      /* the first signal that asked us to end; 0 = none */
	uint64_t server_due_ms; /* when to start the server; 0 = not now */
	uint64_t list_due_ms;   /* the same of the list */
	bool server_told;       /* it was sent its SIGTERM */
	bool list_told;
	bool server_lived; /* it ran well once, so a bad start later is worth another try */
	int signals;       /* a signalfd */
	sigset_t mask_before;
	int exit_code;
	char records[512]; /* of the list */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void enter(struct run *run, enum stage stage)
{
	run->stage = stage;
	run->stage_ms = now_ms();
}

/* ---- starting ---------------------------------------------------------------------------------- */

static void child_init(struct child *c, const char *name, const char *path, const char *run_dir,
	const char *config, const char *maps)
{
	int n = 0;

	*c = (struct child){.name = name};
	c->argv[n++] = path;
	c->argv[n++] = "--run-dir";
	c->argv[n++] = run_dir;
	if (config != NULL) {
		c->argv[n++] = "--config";
		c->argv[n++] = config;
	}
	if (maps != NULL) {
		c->argv[n++] = "--maps";
		c->argv[n++] = maps;
	}
}

static void list_init_of(struct run *run)
{
	const struct run_config *config = run->config;
	int n = 0;

	run->list.name = "list";
	snprintf(run->records, sizeof run->records, "%s/list.db", config->run_dir);
	run->list.argv[n++] = config->list;
	run->list.argv[n++] = "--listen";
	run->list.argv[n++] = config->list_at;
	run->list.argv[n++] = "--records";
	run->list.argv[n++] = run->records;
}

/* In the child, after fork. Never returns. Nothing ties the child's life to ours: should somebody kill
 * us, the players stay, and the next run says who still runs. */
static void become(const struct run *run, const struct child *c)
{
	sigset_t mask = run->mask_before;

	/* Ctrl-C at the terminal is for us alone: we end both in the order in which players read one
	 * goodbye and nothing else. The one that reads there must stay among the terminal's processes,
	 * so the signal is blocked for it. The other may write there from outside. */
	if (c->has_console) {
		sigaddset(&mask, SIGINT);
	} else {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
	}
	if (!c->has_console || !isatty(STDIN_FILENO)) {
		int fd = open("/dev/null", O_RDONLY);

		if (fd >= 0)
			dup2(fd, STDIN_FILENO);
		if (fd > STDIN_FILENO)
			close(fd);
	}
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	execv(c->argv[0], (char *const *)(uintptr_t)c->argv);
	log_error("%s: %s cannot be started: %s", c->name, c->argv[0], strerror(errno));
	_exit(ENDING_NO_PROGRAM);
}

static void child_start(struct run *run, struct child *c)
{
	c->pid = fork();
	if (c->pid == 0)
		become(run, c);
	c->started_ms = now_ms();
	if (c->pid < 0) {
		log_error("%s: no process can be made: %s", c->name, strerror(errno));
		c->pid = 0;
	}
}

static void child_signal(struct child *c, int number)
{
	if (c->pid > 0)
		kill(c->pid, number);
}

/* ---- asking the multiplexer ------------------------------------------------------------------ */

/* The multiplexer's status, a new reference; NULL while it does not answer, or another does. */
static json_t *multiplexer_status(const struct run *run)
{
	static const char *const words[] = {"status"};
	char path[512];
	const char *why;
	json_t *reply, *status;

	snprintf(path, sizeof path, "%s/multiplexer.sock", run->config->run_dir);
	reply = client_ask(path, 1, words, ASK_MS, &why);
	status = json_incref(json_object_get(reply, "answer"));
	json_decref(reply);
	if (json_integer_value(json_object_get(status, "pid")) == run->multiplexer.pid)
		return status;
	json_decref(status);
	return NULL;
}

/* It ends: it says so, or it is silent. */
static bool multiplexer_is_ending(const struct run *run)
{
	json_t *status = run->multiplexer.pid > 0 ? multiplexer_status(run) : NULL;
	bool ending = status == NULL || json_is_true(json_object_get(status, "ending"));

	json_decref(status);
	return ending;
}

/* ---- the list ---------------------------------------------------------------------------------- */

/* Where it listens first, of "8090", "+8090", "127.0.0.1:8090, [::1]:8090". False: we do not know. */
static bool list_address(const char *listens, struct address *out)
{
	const char *from = listens + strspn(listens, " +"), *why;
	char first[ADDRESS_TEXT_MAX], text[ADDRESS_TEXT_MAX + 16];

	snprintf(first, sizeof first, "%.*s", (int)strcspn(from, " ,"), from);
	snprintf(text, sizeof text, "%s%s", strchr(first, ':') == NULL ? "127.0.0.1:" : "", first);
	return address_parse(text, out, &why);
}

/* The game asks it as soon as it starts, and would find nobody there. */
static bool list_is_coming(const struct run *run)
{
	struct address at;

	if ((run->list.pid == 0 && run->list_due_ms == 0) ||
		!list_address(run->config->list_at, &at))
		return false;
	int fd = socket(at.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool coming = fd >= 0 && connect(fd, &at.sa, at.len) != 0;
	if (fd >= 0)
		close(fd);
	return coming;
}

/* ---- ending ------------------------------------------------------------------------------------ */

/* Begins the end: the multiplexer first, because it says goodbye to the players and tells the
 * server. */
static void end_all(struct run *run, int exit_code)
{
	if (run->stage >= STAGE_ENDING)
		return;
	enter(run, STAGE_ENDING);
	run->exit_code = exit_code;
	run->server_due_ms = 0;
	child_signal(&run->multiplexer, SIGTERM);
	if (run->multiplexer.pid == 0) {
		child_signal(&run->server, SIGTERM);
		run->server_told = true;
	}
}

static void kill_all(struct run *run, const char *why)
{
	if (run->stage == STAGE_KILLING)
		return;
	log_warn("%s: killing what still runs", why);
	child_signal(&run->multiplexer, SIGKILL);
	child_signal(&run->server, SIGKILL);
	child_signal(&run->list, SIGKILL);
	enter(run, STAGE_KILLING);
}

static void on_signal(struct run *run, const struct signalfd_siginfo *info)
{
	if (info->ssi_signo == SIGCHLD)
		return;
	if (info->ssi_signo == SUPERVISOR_END) {
		log_info("the game's console said quit: ending both daemons");
		end_all(run, 0);
		return;
	}
	if (run->asked_ms == 0) {
		run->asked_ms = now_ms();
		log_info("asked to end (SIG%s): ending both daemons; once more kills them",
			sigabbrev_np((int)info->ssi_signo));
		end_all(run, 0);
	} else if (now_ms() - run->asked_ms >= TOGETHER_MS) {
		kill_all(run, "asked a second time");
	}
}

static void on_multiplexer_ended(struct run *run, int status)
{
	char text[ENDING_TEXT_MAX];

	ending_text(status, text);
	if (run->stage >= STAGE_ENDING) {
		log_info("multiplexer: %s", text);
	} else if (ending_code(status) == ENDING_OK) {
		log_info("multiplexer: %s%s", text,
			run->server.pid > 0 ? "; ending the server too" : "");
		end_all(run, 0);
	} else if (run->stage == STAGE_LISTEN) {
		log_error("multiplexer: %s; nothing was started", text);
		end_all(run, 1);
	} else {
		log_error("multiplexer: %s; every player was disconnected; ending the server too",
			text);
		end_all(run, 1);
	}
	run->stage_ms = now_ms(); /* the server has its own time to notice */
}

static void on_server_ended(struct run *run, int status)
{
	int code = ending_code(status);
	uint64_t now = now_ms();
	uint64_t lived_ms = now - run->server.started_ms;
	uint64_t delay_ms;
	char text[ENDING_TEXT_MAX], when[32] = "now";

	ending_text(status, text);
	if (run->stage >= STAGE_ENDING) {
		log_info("server: %s", text);
		return;
	}
	if (code == ENDING_QUIT) {
		log_info("server: %s; ending the multiplexer too", text);
		end_all(run, 0);
		return;
	}
	if (!run->server_lived &&
		(code == ENDING_USAGE || code == ENDING_CONFIG || code == ENDING_NO_PROGRAM)) {
		log_error("server: %s; trying again would not help", text);
		end_all(run, 1);
		return;
	}
	delay_ms = backoff_after(&run->backoff, lived_ms);
	if (code == ENDING_OK && multiplexer_is_ending(run)) {
		/* It was told so, most likely. If not, the game comes back a little later. */
		log_info("server: %s, and the multiplexer is ending", text);
		run->server_due_ms = now + AFTERMATH_MS;
		return;
	}
	if (delay_ms > 0)
		snprintf(when, sizeof when, "in %.1f s", (double)delay_ms / 1000);
	log_warn("server: %s after %.1f s; the players stay; starting it again %s", text,
		(double)lived_ms / 1000, when);
	run->server_due_ms = now + delay_ms;
}

/* The game and its players do without it. */
static void on_list_ended(struct run *run, int status)
{
	uint64_t now = now_ms();
	char text[ENDING_TEXT_MAX];

	ending_text(status, text);
	if (run->stage >= STAGE_ENDING) {
		log_info("list: %s", text);
		return;
	}
	run->list_due_ms =
		now + 200 + backoff_after(&run->list_backoff, now - run->list.started_ms);
	log_warn("list: %s; starting it again", text);
}

static void reap(struct run *run)
{
	int status;

	if (run->multiplexer.pid > 0 && waitpid(run->multiplexer.pid, &status, WNOHANG) > 0) {
		run->multiplexer.pid = 0;
		on_multiplexer_ended(run, status);
	}
	if (run->server.pid > 0 && waitpid(run->server.pid, &status, WNOHANG) > 0) {
		run->server.pid = 0;
		on_server_ended(run, status);
	}
	if (run->list.pid > 0 && waitpid(run->list.pid, &status, WNOHANG) > 0) {
		run->list.pid = 0;
		on_list_ended(run, status);
	}
}

/* The list ends last: the server says goodbye to it. */
static bool has_ended(struct run *run)
{
	if (run->stage < STAGE_ENDING || run->multiplexer.pid != 0 || run->server.pid != 0)
		return false;
	if (run->list.pid != 0 && !run->list_told)
		child_signal(&run->list, SIGTERM);
	run->list_told = true;
	return run->list.pid == 0;
}

/* ---- how it stands ----------------------------------------------------------------------------- */

static void invite(const struct run *run, const json_t *status, bool game_is_up)
{
	const json_t *listeners = json_object_get(status, "listeners");
	const struct run_config *c = run->config;
	char text[INVITE_TEXT_MAX];
	const json_t *l;
	size_t i;

	if (game_is_up)
		log_info("Holdfast is up.");
	else
		log_warn("Holdfast is up, but the game is not yet: see what the server says.");
	json_array_foreach(listeners, i, l)
	{
		const char *kind = json_string_value(json_object_get(l, "kind"));
		const char *address = json_string_value(json_object_get(l, "address"));
		char word[64];

		if (kind == NULL || address == NULL || strcmp(kind, "multiplexer") == 0)
			continue;
		snprintf(word, sizeof word, "%s%s", kind,
			json_is_true(json_object_get(l, "tls")) ? "+tls" : "");
		log_info("Play:             %s", invite_text(word, address, text));
	}
	log_info("Restart the game: %s --run-dir %s restart", c->self, c->run_dir);
	log_info("Look at it:       %s --run-dir %s status", c->self, c->run_dir);
	if (isatty(STDIN_FILENO))
		log_info(
			"Game's console:   type help here; or, to edit lines: %s --run-dir %s server",
			c->self, c->run_dir);
	if (c->list_at != NULL)
		log_info("Server list:      %s", invite_text("websocket", c->list_at, text));
	log_info("Stop both:        Ctrl-C");
}

/* Moves on when something we wait for has come, or is late. */
static void look(struct run *run)
{
	uint64_t waited_ms = now_ms() - run->stage_ms;
	json_t *status;

	if (run->stage == STAGE_LISTEN) {
		status = multiplexer_status(run);
		if (status == NULL && waited_ms < LISTEN_MS)
			return;
		if (status == NULL)
			log_warn(
				"multiplexer: it gives no answer; starting the server all the same");
		json_decref(status);
		if (waited_ms < LIST_MS && list_is_coming(run))
			return;
		enter(run, STAGE_INVITE);
		run->server_due_ms = now_ms();
	} else if (run->stage == STAGE_INVITE) {
		const char *link;
		bool up;

		status = multiplexer_status(run);
		link = json_string_value(
			json_object_get(json_object_get(status, "server"), "link"));
		up = link != NULL && strcmp(link, "open") == 0;
		if (up || waited_ms >= INVITE_MS) {
			invite(run, status, up);
			run->server_lived = run->server_lived || up;
			enter(run, STAGE_UP);
		}
		json_decref(status);
	}
}

/* Does what is due. Returns how long poll may sleep. */
static int tick(struct run *run)
{
	uint64_t now;

	if (run->stage == STAGE_LISTEN || run->stage == STAGE_INVITE)
		look(run);
	now = now_ms(); /* behind look(), which may wait and sets times of its own */
	if (run->server.pid > 0 && now - run->server.started_ms >= BACKOFF_SHORT_LIFE_MS)
		run->server_lived = true;
	if (run->server_due_ms != 0 && now >= run->server_due_ms) {
		run->server_due_ms = 0;
		child_start(run, &run->server);
		if (run->server.pid == 0)
			run->server_due_ms = now + 1000;
	}
	if (run->list_due_ms != 0 && now >= run->list_due_ms && run->stage < STAGE_ENDING) {
		run->list_due_ms = 0;
		child_start(run, &run->list);
	}
	if (run->stage == STAGE_ENDING) {
		uint64_t waited_ms = now - run->stage_ms;

		if (!run->server_told && run->multiplexer.pid == 0 && waited_ms >= GOODBYE_MS) {
			child_signal(&run->server, SIGTERM);
			run->server_told = true;
		}
		if (waited_ms >= END_MS)
			kill_all(run, "they do not end");
		return LOOK_MS;
	}
	if (run->stage == STAGE_LISTEN || run->stage == STAGE_INVITE)
		return LOOK_MS;
	if (run->server_due_ms != 0)
		return run->server_due_ms > now ? (int)(run->server_due_ms - now) : 0;
	return run->server_lived && run->list_due_ms == 0 ? NEVER : LOOK_MS;
}

static bool take_signals(struct run *run)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SUPERVISOR_END);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, &run->mask_before) != 0)
		return false;
	run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return run->signals >= 0;
}

static bool is_program(const char *path)
{
	if (access(path, X_OK) == 0)
		return true;
	log_error("%s cannot be run: %s; build it with make, or name it with --multiplexer, "
		  "--server or --list",
		path, strerror(errno));
	return false;
}

int run_daemons(const struct run_config *config)
{
	struct run run = {.config = config};

	if (!is_program(config->multiplexer) || !is_program(config->server) ||
		(config->list_at != NULL && !is_program(config->list)))
		return 1;
	if (!take_signals(&run)) {
		log_error("signals cannot be taken: %s", strerror(errno));
		return 1;
	}
	child_init(&run.multiplexer, "multiplexer", config->multiplexer, config->run_dir,
		config->config_multiplexer, NULL);
	child_init(&run.server, "server", config->server, config->run_dir, config->config_server,
		config->maps);
	run.server.has_console = true;
	supervisor_begin();
	if (config->list_at != NULL)
		run.list_due_ms = now_ms();
	list_init_of(&run);
	enter(&run, STAGE_LISTEN);
	child_start(&run, &run.multiplexer);
	if (run.multiplexer.pid == 0)
		return 1;
	for (;;) {
		struct signalfd_siginfo info;
		struct pollfd p = {.fd = run.signals, .events = POLLIN};

		reap(&run);
		if (has_ended(&run))
			break;
		poll(&p, 1, tick(&run));
		while (read(run.signals, &info, sizeof info) == sizeof info)
			on_signal(&run, &info);
	}
	log_info("both daemons have ended");
	close(run.signals);
	return run.exit_code;
}
