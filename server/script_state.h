/* What the files of the script share: its state, and the way every piece of Lua is run. */
#ifndef SERVER_SCRIPT_STATE_H
#define SERVER_SCRIPT_STATE_H

#include <signal.h>
#include <time.h>

#include <lua.h>
#include <lauxlib.h>

#include "server/game.h"
#include "server/register/listing.h"
#include "server/schedule.h"
#include "server/script.h"

/* Every lua_resume stands between script_enter and script_return: they know which coroutine runs, so
 * that the time limit can stop that one, and put back what was before, since calls nest (an input
 * handler kicks a player, whose leave handler runs at once; spawn; a coroutine of the script's own).
 *
 *   script_input and the like -> l_fire, protected -> script_run, a new coroutine for each handler
 *   script_frame -> script_wake, what waited -> script_go_on      |
 *   spawn -----------------------------------------------------> script_run
 *   coroutine.resume, coroutine.wrap, coroutine.close: a coroutine of the script's own */

enum script_event {
#define EVENT(name, arguments, meaning) EVENT_##name,
#include "server/events.def"
	EVENT_COUNT
};

struct script_limit {
	size_t memory, memory_max; /* bytes */
	uint64_t allocated;        /* bytes, ever */
	uint64_t stopped;          /* calls that ran over their time */
	uint64_t refused,
		seen_refused; /* times there was no memory to be had; when looked at last */
	timer_t timer;        /* of CPU time of this thread; ticks several times a budget */
	bool has_timer;
	volatile sig_atomic_t ticking; /* the timer is armed */
	volatile sig_atomic_t over;  /* the running call is to end: every instruction is an error */
	volatile unsigned long call; /* counts calls */
	unsigned long seen;          /* the call of the last tick... */
	unsigned ticks;              /* ... and how many ticks it lasted since it was first seen */
	volatile uint64_t budget_ms; /* of this call; 0 = none */
};

/* What a map did wrong. */
struct script_faults {
	uint64_t count;
	char last[300];     /* where and what */
	uint64_t second_ms; /* when the second began in which these are counted: */
	unsigned logged_in_second;
	uint64_t suppressed;
	uint64_t told_ms; /* when admins were told last; 0 = never */
	uint64_t untold;
};

/* See script_gc.c. */
struct script_gc {
	bool resting;      /* no cycle is under way */
	bool automatic;    /* Lua's own is at it */
	size_t rest_until; /* bytes in use */
	uint64_t owed;     /* bytes' worth of work */
	uint64_t seen;     /* of limit.allocated */
	uint64_t cycles;
};

struct script {
	struct game *game; /* borrowed: outlives us */
	lua_State *L;      /* owned */
	char *dir, *name;  /* owned: the map's folder, and its last part */
	const char *text;  /* borrowed: what runs instead of DIR/init.lua; or NULL */
	struct script_limit limit;
	struct script_gc gc;
	uint64_t opened_ms;
	lua_State *volatile running; /* the coroutine that runs; NULL = no Lua runs */
	lua_State *handler;          /* the coroutine of ours that runs: only this one may wait */
	lua_State *parked;           /* the handler that has just begun to wait */
	lua_State *spare, *kept; /* one that ended, for the next handler; what the registry keeps */
	bool coroutines_are_known; /* the map has asked which one runs: each is used once */
	int loading;               /* files being run by require, init.lua included */
	struct player *leaving;    /* borrowed: readable while his leave handlers start; or NULL */
	struct schedule schedule;  /* of struct timer, see script_time.c */
	unsigned handlers[EVENT_COUNT];
	struct script_faults faults;
	struct list awaits;           /* struct script_await */
	struct buf *console_answer;   /* borrowed: of the console's command that runs; or NULL */
	unsigned long console_number; /* counts them */
	size_t coroutines;            /* begun by us and not ended: they wait */
	struct outgoing *outgoing;    /* owned: what it asks other servers; NULL = nothing yet */
	struct list calls;            /* struct script_call: those whose end somebody waits for */
	struct script_api *api;       /* owned: its part of the HTTP API, see api/script_api.h */
	struct listing listing;       /* what server lists are told of the map */
};

/* A coroutine whose end somebody waits for; he owns it, and may take node off its list at any time. */
struct script_call {
	struct list node; /* of script.calls until done is called */
	lua_State *co;
	/* It returned results values, on top of co's stack; or error says how it ended, which nobody
	 * else is told. Must not raise. */
	void (*done)(struct script_call *call, lua_State *co, int results, const char *error);
};

struct script *script_of(lua_State *L);

/* Another map runs: this one is being loaded, and until it begins it sees and reaches no player. */
bool script_is_waiting(const struct script *s);

/* ---- script.c ---- */

/* A state with nothing in it: for script_check, game may be NULL. NULL when memory is out. */
struct script *script_new(struct game *game, const char *dir, size_t memory_max);

/* co runs from now on, until script_return puts back what script_enter returned. */
lua_State *script_enter(struct script *s, lua_State *co);
void script_return(struct script *s, lua_State *before);

/* co ended since it was over its time. Then lua_resetthread may not be used on it: Lua has left its
 * hooks off, and nothing could stop what it runs to close. */
bool script_was_stopped(lua_State *co);

/* Starts the function with args arguments on top of L's stack in a coroutine of its own, and pops
 * both. It runs until it first waits; what it raises is logged and counted. May raise only when
 * memory is out. */
void script_run(lua_State *L, int args);
void script_run_call(lua_State *L, int args, struct script_call *call); /* NULL: as script_run */
void script_go_on(lua_State *L, lua_State *co, int args); /* the same for one that waits */

/* ---- script_error.c ---- */

/* Writes the error on top of L's stack and where L stood, on one line: "anteroom/init.lua:12: boom; in
 * go (anteroom/init.lua:12), from anteroom/init.lua:40". Raises and allocates nothing: it also serves
 * when memory is out. */
void script_describe(lua_State *L, char *out, size_t room);

/* Only the second part, and without an error: where L stands. */
void script_describe_place(lua_State *L, char *out, size_t room);

/* That error is counted, and told to the log and to admins in the game; script_fault: this text. */
void script_report(struct script *s, lua_State *L);
void script_fault(struct script *s, const char *text);
void script_faults_beat(struct script *s); /* every frame: tells what was held back */

/* ---- script_gc.c ---- */

void script_gc_open(struct script *s); /* when its files have run */

/* ---- script_limit.c ---- */

void *script_alloc(void *script, void *at, size_t old_size, size_t size); /* a lua_Alloc */
void limit_open(struct script *s);
void limit_close(struct script *s);
void limit_call_begins(struct script *s); /* an outermost call */
void limit_call_ended(struct script *s);
void limit_check(lua_State *L); /* raises if the call is over its time: for C that loops */
void limit_apply(
	struct script *s, lua_State *L); /* L runs from now on: hook it, or take the hook off */

/* ---- one file per table or type: each adds its globals to the table on top of the stack ---- */

void script_open_base(lua_State *L);
void script_open_string(lua_State *L); /* after base, whose functions it replaces */
void script_open_table(lua_State *L);  /* the same */
void script_open_os(lua_State *L);     /* the same */
void script_open_coroutine(lua_State *L);
void script_open_require(lua_State *L);
void script_open_game(lua_State *L);
void script_open_markup(lua_State *L);
void script_open_player(lua_State *L);
void script_open_cvar(lua_State *L);
void script_open_time(lua_State *L);
void script_open_log(lua_State *L);
void script_open_json(lua_State *L);
void script_open_list(lua_State *L);
void script_open_store(lua_State *L);
void script_open_command(lua_State *L);
void script_open_password(lua_State *L);
void script_open_ban(lua_State *L);
void script_open_api(lua_State *L);
void script_open_register(lua_State *L); /* adds to the table `game` */
void script_seal_globals(lua_State *L);  /* last: from now on an undefined global is an error */

/* Loads a file below the map's folder and leaves its function on the stack, or a message: returns
 * as luaL_loadbufferx, LUA_ERRFILE if it cannot be read. Raises only when memory is out. */
int script_load_file(lua_State *L, const char *dir, const char *map, const char *path);

/* Pushes him; the same userdata as long as the script keeps one. */
void script_push_player(lua_State *L, struct player *p);

/* The player whose handle stands at index: NULL, or an error, if he has left. */
struct player *script_find_player(lua_State *L, int index);
struct player *script_check_player(lua_State *L, int index);

/* What is to be shown: a string, or a text of fmt or trusted. Valid as long as the value at index, which
 * may be replaced, is not touched. line: shown with a line end, if it has none. */
struct markup script_check_text(lua_State *L, int index, bool line);

/* The words of it as a line, without mark-up: for a log or a console. With an end, if it has none. */
struct slice script_check_line(lua_State *L, int index);

/* The same words, no more; a zero byte ends them. */
const char *script_check_words(lua_State *L, int index);

/* What is told beside the text, for a list, for everybody, or for one. */
struct told {
	const char *channel;
	bool json;
	struct slice data;
};

/* Makes what a client is told of the value at index as JSON, behind the word package if it is not NULL,
 * and hands it to tell. NULL: to nobody. */
void script_tell(lua_State *L, const char *channel, const char *package, int index,
	void (*tell)(void *whom, const struct told *told), void *whom);

/* The name of a GMCP package at index. */
const char *script_check_package(lua_State *L, int index);

/* Pushes the functions registered for an event: a table, 1..n. */
void script_push_handlers(lua_State *L, enum script_event event);

/* Wakes what is due; for script_frame. */
void script_wake(lua_State *L);

#endif
