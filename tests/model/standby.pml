/* Two game servers, one of which has the multiplexer, as a model for spin: what becomes of what a user
 * types when the place goes from one to the other. tests/model/README.md says what is checked and what is
 * left out; check.sh runs it. How one link comes and goes is in restart.pml.
 *
 *   user --typed--> multiplexer --up[c]--> server c / 2
 *                        <-----down[c]----
 *
 * A server that hangs is one that takes no step for a while, and then goes on: spin tries that anyway. What
 * happens, at most so often, at any moment: TAKEOVERS (the multiplexer gives the place of a server,
 * which may live, to the other one), CRASHES of a server, which starts again, TIMEOUTS (one that was dialled
 * says nothing and is given up). TCP: what was not read when a side closes is lost, as it may be there.
 * Mutations, which must be found: see check.sh.
 *
 * What a daemon does in one turn is one d_step. */

#ifndef LINES
#define LINES 3
#endif
#ifndef TAKEOVERS
#define TAKEOVERS 0
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 0
#endif
#define PIPE 1 /* messages that the kernel holds on the way up; on the way down: all of one turn */
#define TURN 3
#define NONE 9

mtype = { GREET, LIST, SAVE, READY, TEXT, HANDLED };

#define MESSAGE { mtype, byte, byte } /* what, a line or what is saved, the reign */

/* ---- connections: two of each server, since a new one may come before the old one was found dead ---- */

chan up[4]   = [PIPE] of MESSAGE;
chan down[4] = [TURN] of MESSAGE;
bit used[4], accepted[4], mux_closed[4], server_closed[4];

/* Who closes last clears up. What nobody read is gone. */
inline release(c)
{
	if
	:: mux_closed[c] && server_closed[c] ->
		do
		:: nempty(up[c]) -> up[c]?_,_,_
		:: nempty(down[c]) -> down[c]?_,_,_
		:: empty(up[c]) && empty(down[c]) -> break
		od;
		used[c] = 0; accepted[c] = 0; mux_closed[c] = 0; server_closed[c] = 0
	:: else
	fi
}

/* ---- the ledger: what really happened, by line ---- */

#define ROOM 5
byte given[ROOM];   /* to which server, plus 1 */
bit handled[ROOM];
bit doubted[ROOM];  /* the user was told that it may be lost */

/* ---- the multiplexer ---- */

mtype:link = {
#define STATE(NAME, word, moves, input) LINK_##NAME,
#include "multiplexer/linkstates.def"
	LINK_UNUSED
};

mtype:link link = LINK_DOWN;
byte at;              /* the server that is the link, or dialled next */
byte mc = NONE;       /* the connection */
byte typed, told;     /* the last line; the last one that left for a link */
byte known;           /* up to here all that was told is handled, or the user knows that it may not be */
byte saved;
byte reign, reign_of = NONE;
byte takeovers = TAKEOVERS, timeouts = TIMEOUTS;

inline link_move(to)
{
	if
#define TO(NAME) || to == LINK_##NAME
#define STATE(NAME, word, moves, input) :: link == LINK_##NAME -> assert(false moves)
#include "multiplexer/linkstates.def"
	fi;
	link = to
}

#define MAY_GIVE (link == LINK_OPEN && told < typed && nfull(up[mc]))

inline give()
{
	told++;
	assert(given[told] == 0); /* never to two, nor twice to one */
	given[told] = at + 1;
	up[mc]!TEXT,told,0
}

/* What waits here for a link is held, and comes to the next one. */
inline become_down()
{
	do
	:: known < told ->
		known++;
#ifndef NO_DOUBT /* mutation: as if it had said goodbye */
		doubted[known] = 1
#endif
	:: else -> break
	od;
#ifdef RESEND /* mutation: what may be lost is sent again */
	if
	:: link == LINK_OPEN && told > 0 && doubted[told] -> told--; known--
	:: else
	fi;
#endif
#ifdef TCP
	do
	:: nempty(up[mc]) -> up[mc]?_,_,_
	:: empty(up[mc]) -> break
	od;
#endif
	mux_closed[mc] = 1;
	release(mc);
	mc = NONE;
	link_move(LINK_DOWN)
}

inline mux_handle(what, n)
{
	if
	:: what == GREET ->
#ifndef NO_REIGN /* mutation: the servers are not told that there was another one */
		if
		:: reign_of != NONE && reign_of != at -> reign++
		:: else
		fi;
#endif
		reign_of = at;
		link_move(LINK_HELD);
		up[mc]!LIST,saved,reign
	:: what == SAVE ->
		assert(n >= saved); /* nothing old is saved over what is newer */
		saved = n
	:: what == READY -> link_move(LINK_OPEN)
	:: what == HANDLED ->
		assert(n <= told);
		known = (n > known -> n : known)
	fi
}

bit alive[2] = 1; /* it runs, and listens */

#define FREE(s) (!used[2 * s] || !used[2 * s + 1])

proctype multiplexer()
{
	mtype what;
	byte n, r;
end:	do
	:: d_step { typed < LINES -> typed++ }
	:: d_step { MAY_GIVE -> give() }
	:: d_step { link == LINK_DOWN && alive[at] && FREE(at) ->
		mc = (used[2 * at] -> 2 * at + 1 : 2 * at);
		used[mc] = 1;
		link_move(LINK_DIALING) }
	/* Nobody is there, and it was waited for long enough. */
	:: d_step { link == LINK_DOWN && !alive[at] && alive[1 - at] -> at = 1 - at }
	:: d_step { mc != NONE && nempty(down[mc]) ->
		down[mc]?what,n,r;
		mux_handle(what, n);
		what = 0; n = 0; r = 0 }
	:: d_step { mc != NONE && empty(down[mc]) && server_closed[mc] -> become_down() }
#if TAKEOVERS
	:: d_step { takeovers > 0 && link != LINK_DOWN && alive[1 - at] ->
		takeovers--;
		become_down();
		at = 1 - at }
#endif
#if TIMEOUTS
	:: d_step { timeouts > 0 && link == LINK_DIALING -> timeouts--; become_down(); at = 1 - at }
#endif
#ifdef READS_OLD /* mutation: a connection that is not the link any more is still read */
	:: d_step { mux_closed[0] && nempty(down[0]) && down[0]?[SAVE,_,_] ->
		down[0]?what,n,r; mux_handle(what, n); what = 0; n = 0; r = 0 }
	:: d_step { mux_closed[2] && nempty(down[2]) && down[2]?[SAVE,_,_] ->
		down[2]?what,n,r; mux_handle(what, n); what = 0; n = 0; r = 0 }
#endif
	od
}

/* ---- the servers ---- */

byte crashes = CRASHES;
byte sc[2] = NONE;            /* the link */
bit ready[2], player[2];      /* player: it knows the user; he outlives the link */
byte count[2], knows[2];      /* the last line that the game has of him; the reign that it knows */
byte begun[2];                /* mutation EARLY: a line that was read and is not handled */

inline say(c, what, n)
{
	if
#ifdef READS_OLD
	:: mux_closed[c] ->
		if
		:: nfull(down[c]) -> down[c]!what,n,0
		:: full(down[c])
		fi
#else
	:: mux_closed[c] /* nobody hears it */
#endif
	:: else -> assert(nfull(down[c])); down[c]!what,n,0
	fi
}

inline server_close(c)
{
#ifdef TCP
	do
	:: nempty(down[c]) -> down[c]?_,_,_
	:: empty(down[c]) -> break
	od;
#endif
	server_closed[c] = 1;
	release(c)
}

inline handle_line(s, c, n)
{
	assert(given[n] == s + 1 && !handled[n]);
	assert(player[s] && n > count[s]); /* in order, by what it knows of him */
	handled[n] = 1;
	count[s] = n;
	say(c, SAVE, n)
}

inline server_handle(s, c, what, n, r)
{
	if
	:: what == LIST ->
		if
		:: sc[s] != NONE && sc[s] != c -> server_close(sc[s]) /* it cannot be there twice */
		:: else
		fi;
		sc[s] = c;
		if
		:: player[s] && knows[s] == r /* of whom it knows it knows better */
		:: else -> player[s] = 1; count[s] = n
		fi;
		knows[s] = r;
		assert(count[s] >= n); /* it goes on with what was saved last, whoever did that */
		say(c, SAVE, count[s]);
		ready[s] = 1;
		say(c, READY, 0)
	:: what == TEXT ->
		assert(sc[s] == c && ready[s]);
#ifdef EARLY /* mutation: what was read is told to be handled */
		say(c, HANDLED, n);
		begun[s] = n
#else
		handle_line(s, c, n);
		say(c, HANDLED, n)
#endif
	fi
}

inline link_ended(s, c)
{
	server_close(c);
	if
	:: sc[s] == c -> sc[s] = NONE; ready[s] = 0
	:: else
	fi
}

/* The process is gone, and all that it knew. What it had written is still read. */
inline crash(s)
{
	if
	:: used[2 * s] && !server_closed[2 * s] -> server_close(2 * s)
	:: else
	fi;
	if
	:: used[2 * s + 1] && !server_closed[2 * s + 1] -> server_close(2 * s + 1)
	:: else
	fi;
	sc[s] = NONE; ready[s] = 0; player[s] = 0; count[s] = 0; knows[s] = 0; begun[s] = 0;
	alive[s] = 0
}

#define IS_THERE(c)  (used[c] && accepted[c] && !server_closed[c])
#define HAS_ROOM(c)  (mux_closed[c] || empty(down[c]))

#define CONNECTION(s, x) \
	:: d_step { alive[s] && used[x] && !accepted[x] && !server_closed[x] -> \
		accepted[x] = 1; say(x, GREET, 0) } \
	:: d_step { begun[s] == 0 && IS_THERE(x) && nempty(up[x]) && HAS_ROOM(x) -> \
		up[x]?what,n,r; server_handle(s, x, what, n, r); what = 0; n = 0; r = 0 } \
	:: d_step { begun[s] == 0 && IS_THERE(x) && empty(up[x]) && mux_closed[x] -> link_ended(s, x) }

proctype server(byte s)
{
	mtype what;
	byte n, r;
end:	do
	CONNECTION(s, 2 * s)
	CONNECTION(s, 2 * s + 1)
#ifdef EARLY
	:: d_step { begun[s] != 0 && sc[s] != NONE && HAS_ROOM(sc[s]) ->
		n = begun[s]; begun[s] = 0; handle_line(s, sc[s], n); n = 0 }
#endif
#if CRASHES
	:: d_step { crashes > 0 && alive[s] -> crashes--; crash(s) }
	:: d_step { !alive[s] -> alive[s] = 1 }
#endif
	od
}

/* When nothing can happen any more, everything must have. */
proctype the_end()
{
	byte n = 1;
	timeout;
	assert(link == LINK_OPEN && ready[at] && sc[at] == mc && !ready[1 - at]);
	assert(typed == LINES && told == LINES && empty(up[mc]) && empty(down[mc]));
	do
	:: n <= LINES ->
		assert(handled[n] || doubted[n]); /* none is lost without being told as doubt */
#if !CRASHES && !TAKEOVERS
		assert(!doubted[n]);
#endif
		n++
	:: else -> break
	od;
	assert(count[at] == saved)
}

init
{
	atomic { run multiplexer(); run server(0); run server(1); run the_end() }
}
