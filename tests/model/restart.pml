/* The restart of the game server as a model for spin: every order in which two daemons, their pipes
 * and three users can act is tried, not only those that a test happens to see. tests/model/README.md
 * says what is checked and what is left out; check.sh runs it.
 *
 *   users --typed--> multiplexer --muxq--> up[c] ----> server
 *         <--seen---             <-down[c] <-srvq[c]-
 *
 * Names of states, and the moves between them, are those of the C: both .def files are included.
 * A message is: what it is, a key, and a number (of a line, or what is saved); `who` is the user who is
 * meant. No daemon may look at `who`: it is there for the assertions.
 *
 * What happens, at most so often, at any moment: RESTARTS orderly ones, CRASHES of the server, CUTS of
 * the link by the multiplexer while the server lives on. PAUSE: the extension instead of the marker.
 * Mutations, which must be found: see check.sh.
 *
 * What a daemon does in one turn is one d_step: from its beginning there is one way through it only. */

#ifndef LINES
#define LINES 2 /* of the user who stays */
#endif
#ifndef OTHERS
#define OTHERS 1 /* of each of the two others */
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef CUTS
#define CUTS 0
#endif
#ifndef PIPE
#define PIPE 1 /* messages that the kernel holds, each way */
#endif
#define HIGH  1  /* of muxq: above, input is held */
#define HELD_MAX 2 /* lines of a user; then his stream is not read */
#define QMAX  12 /* never reached */
#define USERS 3  /* 0 stays; 1 may leave; 2 comes when 1 has left */
#define NONE  9

#ifdef NO_KEY /* mutation: the place of the user is his key */
#define KEY(u) (u == 2 -> 1 : u)
#else
#define KEY(u) u
#endif

mtype:link = {
#define STATE(NAME, word, moves, input) LINK_##NAME,
#include "multiplexer/linkstates.def"
	LINK_UNUSED
};

mtype:server = {
#define STATE(NAME, word, moves) SERVER_##NAME,
#include "server/muxstates.def"
	SERVER_UNUSED
};

mtype:msg = {
	NOT_READY, READY, GOING_OFFLINE, ARE_YOU_ALIVE, TELL_MODE, GET_ALL, SEND_TEXT, SAVE, PAUSE_MSG,
	I_AM_ALIVE, MODE, GOT, LOST, TEXT, NO_SUCH, DONE_ALL, PAUSED
};

#define MESSAGE { mtype:msg, byte, byte, byte } /* what, key, number, who */

/* ---- the connections: two, since a new one may come before the server has closed the old one ---- */

chan up[2]   = [PIPE] of MESSAGE;
chan down[2] = [PIPE] of MESSAGE;
bit used[2], accepted[2];
bit mux_ended[2], mux_closed[2];       /* its sending half; all of it */
bit server_ended[2], server_closed[2];

#define MUX_EOF(c)    (empty(down[c]) && (server_ended[c] || server_closed[c]))
#define SERVER_EOF(c) (empty(up[c]) && (mux_ended[c] || mux_closed[c]))

/* Who closes last clears up. What nobody read is gone. */
inline release(c)
{
	if
	:: mux_closed[c] && server_closed[c] ->
		do
		:: nempty(up[c]) -> up[c]?_,_,_,_
		:: nempty(down[c]) -> down[c]?_,_,_,_
		:: empty(up[c]) && empty(down[c]) -> break
		od;
		used[c] = 0; accepted[c] = 0; mux_ended[c] = 0; mux_closed[c] = 0;
		server_ended[c] = 0; server_closed[c] = 0
	:: else
	fi
}

/* ---- the ledger: what really happened ---- */

byte typed[USERS], handled[USERS], seen[USERS]; /* the last line */
byte lost_until[USERS]; /* lines up to here were on a link that broke: they may be missing */
bit came[USERS], left[USERS];
byte max_a;

#define LIMIT(u) (u == 0 -> LINES : OTHERS)

inline note_handled(u, n)
{
	assert(n > handled[u]); /* in order, and never twice */
	max_a = (handled[u] > lost_until[u] -> handled[u] : lost_until[u]);
	assert(n - 1 <= max_a); /* and nothing left out that was not on a broken link */
	handled[u] = n
}

inline note_seen(u, n)
{
	assert(n > seen[u]);
#if !CRASHES && !CUTS
	assert(n == seen[u] + 1);
#endif
	seen[u] = n
}

/* ---- the multiplexer ---- */

mtype:link link = LINK_DOWN;
byte mc = NONE;                  /* its connection */
chan muxq = [QMAX] of MESSAGE;   /* what waits for the kernel */
bit mux_finishing, was_open;
byte told[USERS];                /* the last line that left for the link */
byte held_from[USERS], held[USERS];
bit here[USERS], gone[USERS];    /* connected; has left, which is still to be told */
bit known[USERS], ever_told[USERS];
byte saved[USERS];
chan waiting = [USERS] of { byte };
byte listings, listed;
byte cuts = CUTS;

inline link_move(to)
{
	if
#define TO(NAME) || to == LINK_##NAME
#define STATE(NAME, word, moves, input) :: link == LINK_##NAME -> assert(false moves)
#include "multiplexer/linkstates.def"
	fi;
	link = to
}

#define FULL     (len(muxq) > HIGH)
#define CAN_TELL (link == LINK_HELD || link == LINK_OPEN)

inline tell(what, u, n)
{
	if
	:: mux_finishing
	:: else -> assert(nfull(muxq)); muxq!what,KEY(u),n,u
	fi
}

inline wait_in_order(u)
{
	if
	:: waiting??[eval(u)]
	:: else -> waiting!u
	fi
}

inline forget(u)
{
#ifdef LEAVER_IS_HEARD /* more than we promise */
	assert(held[u] == 0 || !ever_told[u]);
#endif
	if
	:: waiting??[eval(u)] -> waiting??eval(u)
	:: else
	fi;
	gone[u] = 0; known[u] = 0; held[u] = 0
}

inline tell_text(u, n)
{
	told[u] = n;
	tell(TEXT, u, n)
}

#ifdef NO_HOLD /* mutation: NOT READY does not hold the input */
#define FLOWS CAN_TELL
#else
#define FLOWS (link == LINK_OPEN)
#endif
#ifdef OVERTAKE /* mutation: what is held is not looked at */
#define NOTHING_OLDER(u) true
#else
#define NOTHING_OLDER(u) (held[u] == 0)
#endif

inline news_input(u)
{
	typed[u]++;
	if
	:: FLOWS && known[u] && NOTHING_OLDER(u) && !FULL -> tell_text(u, typed[u])
	:: else ->
		if
		:: held[u] == 0 -> held_from[u] = typed[u]
		:: else
		fi;
		held[u]++;
		wait_in_order(u)
	fi
}

inline news_left(u)
{
	here[u] = 0;
	if
	:: known[u] && CAN_TELL -> gone[u] = 1; wait_in_order(u)
	:: else -> forget(u)
	fi
}

inline tell_waiting(u)
{
	waiting?u;
	if
	:: here[u] && !known[u] -> tell(GOT, u, 0); known[u] = 1; ever_told[u] = 1
	:: else
	fi;
	do
	:: held[u] > 0 -> tell_text(u, held_from[u]); held_from[u]++; held[u]--
	:: else -> break
	od;
	if
	:: gone[u] -> tell(LOST, u, 0); forget(u)
	:: else
	fi
}

#define LISTING_WAITS (CAN_TELL && listings > 0 && !FULL)
#define NEWS_WAIT     (link == LINK_OPEN && listings == 0 && len(waiting) > 0 && !FULL)

inline pump()
{
	do
	:: LISTING_WAITS && listed < USERS ->
		if
		:: here[listed] && ever_told[listed] ->
			tell(GOT, listed, saved[listed]); known[listed] = 1
		:: else
		fi;
		listed++
	:: LISTING_WAITS && listed == USERS -> tell(DONE_ALL, 0, 0); listings--; listed = 0
	:: NEWS_WAIT -> tell_waiting(u)
	:: else -> break
	od;
	u = 0
}

/* What waits in muxq is lost with the link; what is held is not. */
inline become_down(goodbye)
{
	u = 0;
	do
	:: u < USERS ->
		if
		:: !goodbye && was_open ->
			lost_until[u] = told[u];
#ifdef REPLAY /* mutation: the last line that may be lost is sent again */
			if
			:: told[u] > 0 && held[u] == 0 -> held_from[u] = told[u]; held[u] = 1
			:: else
			fi
#endif
		:: else
		fi;
		if
		:: gone[u] -> forget(u)
		:: else
		fi;
		known[u] = 0;
		u++
	:: else -> break
	od;
	do
	:: nempty(muxq) -> muxq?_,_,_,_
	:: nempty(waiting) -> waiting?_
	:: empty(muxq) && empty(waiting) -> break
	od;
	u = 0;
	do
	:: u < USERS ->
		if
		:: here[u] -> waiting!u
		:: else
		fi;
		u++
	:: else -> break
	od;
	u = 0;
	listings = 0; listed = 0; was_open = 0; mux_finishing = 0;
	link_move(LINK_DOWN);
	mux_closed[mc] = 1;
	release(mc);
	mc = NONE
}

/* Whom a key means: u, or NONE. */
inline find(k)
{
	u = 0;
	do
	:: u < USERS && here[u] && known[u] && KEY(u) == k -> break
	:: u < USERS && !(here[u] && known[u] && KEY(u) == k) -> u++
	:: u == USERS -> u = NONE; break
	od
}

inline mux_handle(what, k, n, who)
{
	if
	:: what == NOT_READY || what == PAUSE_MSG ->
		if
		:: link == LINK_HELD
		:: else -> link_move(LINK_HELD)
		fi;
		if
		:: what == PAUSE_MSG -> tell(PAUSED, 0, 0)
		:: else
		fi
	:: what == READY -> link_move(LINK_OPEN); was_open = 1
	:: what == GOING_OFFLINE -> link_move(LINK_LEAVING); mux_finishing = 1
	:: what == ARE_YOU_ALIVE -> tell(I_AM_ALIVE, 0, 0)
	:: what == TELL_MODE -> tell(MODE, 0, 0)
	:: what == GET_ALL -> listings++
	:: what == SEND_TEXT || what == SAVE ->
		find(k);
		if
		:: u == NONE -> assert(nfull(muxq)); muxq!NO_SUCH,k,0,who
		:: else ->
			assert(u == who); /* never for somebody else */
			if
			:: what == SAVE -> saved[u] = n
			:: else -> note_seen(u, n)
			fi
		fi;
		u = 0
	:: else -> assert(false)
	fi
}

#ifdef STOP_READING /* mutation: who cannot write does not read */
#define MUX_READS (empty(muxq))
#define SERVER_READS(c) (empty(srvq[c]))
#else
#define MUX_READS true
#define SERVER_READS(c) true
#endif

bit alive = 1; /* there is a server, and it listens */

proctype multiplexer()
{
	mtype:msg what;
	byte k, n, who, u, c;
end:	do
	:: d_step { link == LINK_DOWN && alive && !(used[0] && used[1]) -> link_move(LINK_DIALING) }
	:: d_step { link == LINK_DIALING && !alive -> link_move(LINK_DOWN) }
	:: d_step { link == LINK_DIALING && alive ->
		mc = (used[0] -> 1 : 0);
		used[mc] = 1;
		link_move(LINK_HELD) }
	:: d_step { mc != NONE && nempty(down[mc]) && MUX_READS ->
		down[mc]?what,k,n,who;
		mux_handle(what, k, n, who);
		what = 0; k = 0; n = 0; who = 0 }
	:: d_step { mc != NONE && MUX_EOF(mc) && link == LINK_LEAVING &&
		(empty(muxq) || server_closed[mc]) -> become_down(true) }
	:: d_step { mc != NONE && MUX_EOF(mc) && link != LINK_LEAVING ->
#if !CRASHES && !CUTS
		assert(!was_open);
#endif
		become_down(false) }
	:: d_step { mc != NONE && nempty(muxq) && nfull(up[mc]) && !server_closed[mc] ->
		muxq?what,k,n,who;
		up[mc]!what,k,n,who;
		what = 0; k = 0; n = 0; who = 0 }
	:: d_step { mc != NONE && mux_finishing && empty(muxq) && !mux_ended[mc] -> mux_ended[mc] = 1 }
	:: d_step { mc != NONE && (LISTING_WAITS || NEWS_WAIT) -> pump() }
#if CUTS
	:: d_step { mc != NONE && cuts > 0 -> cuts--; become_down(false) }
#endif
	od
}

/* What the multiplexer does when something comes from a user; it is one thread. */
proctype users()
{
	byte u;
end:	do
	:: d_step { !came[0] -> u = 0; came[u] = 1; here[u] = 1; wait_in_order(u) }
	:: d_step { !came[1] -> u = 1; came[u] = 1; here[u] = 1; wait_in_order(u); u = 0 }
	:: d_step { left[1] && !came[2] -> u = 2; came[u] = 1; here[u] = 1; wait_in_order(u); u = 0 }
	:: d_step { here[0] && typed[0] < LIMIT(0) && held[0] < HELD_MAX -> u = 0; news_input(u) }
	:: d_step { here[1] && typed[1] < LIMIT(1) && held[1] < HELD_MAX -> u = 1; news_input(u); u = 0 }
	:: d_step { here[2] && typed[2] < LIMIT(2) && held[2] < HELD_MAX -> u = 2; news_input(u); u = 0 }
	:: d_step { here[1] && !left[1] -> u = 1; left[u] = 1; news_left(u); u = 0 }
	od
}

/* ---- the server ---- */

mtype:server state = SERVER_ALONE;
byte sc = NONE; /* the link */
chan srvq[2] = [QMAX] of MESSAGE;
bit finishing[2];
bit player[USERS], fresh[USERS]; /* by key; fresh: named by the listing that is going on */
byte owner[USERS], count[USERS]; /* whom the record is of, in truth; what the game knows of him */
byte stops = RESTARTS, crashes = CRASHES;

inline server_move(to)
{
	if
#define TO(NAME) || to == SERVER_##NAME
#define STATE(NAME, word, moves) :: state == SERVER_##NAME -> assert(false moves)
#include "server/muxstates.def"
	fi;
	state = to
}

inline say(c, what, k, n, w)
{
	assert(nfull(srvq[c]));
	srvq[c]!what,k,n,w
}

inline server_close(c)
{
	do
	:: len(srvq[c]) > 0 -> srvq[c]?_,_,_,_
	:: else -> break
	od;
	finishing[c] = 0;
	server_closed[c] = 1;
	release(c)
}

/* The process is gone, and all that it knew. The next one starts. */
inline server_end()
{
	c = 0;
	do
	:: c < 2 ->
		if
		:: used[c] && !server_closed[c] -> server_close(c)
		:: else
		fi;
		c++
	:: else -> break
	od;
	i = 0;
	do
	:: i < USERS -> player[i] = 0; fresh[i] = 0; owner[i] = 0; count[i] = 0; i++
	:: else -> break
	od;
	i = 0; c = 0;
	sc = NONE;
	state = SERVER_ALONE;
	alive = 0
}

/* All input is handled. */
inline leave()
{
	i = 0;
	do
	:: i < USERS ->
		if
		:: player[i] -> say(sc, SAVE, i, count[i], owner[i])
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	say(sc, GOING_OFFLINE, 0, 0, 0);
	finishing[sc] = 1;
	server_move(SERVER_LEAVING)
}

inline stop()
{
	stops--;
	if
	:: sc == NONE -> server_end()
	:: else ->
		server_move(SERVER_MARKED);
#ifdef PAUSE
		say(sc, PAUSE_MSG, 0, 0, 0)
#else
		say(sc, NOT_READY, 0, 0, 0);
#ifdef NO_MARKER /* mutation: it leaves when it has said NOT READY */
		leave()
#else
		say(sc, ARE_YOU_ALIVE, 0, 0, 0)
#endif
#endif
	fi
}

inline listing_ends()
{
	i = 0;
	do
	:: i < USERS ->
		if
		:: player[i] && !fresh[i] -> player[i] = 0; count[i] = 0; owner[i] = 0
		:: else
		fi;
		fresh[i] = 0;
		i++
	:: else -> break
	od;
	i = 0;
	server_move(SERVER_READY);
	say(sc, READY, 0, 0, 0)
}

inline server_handle(what, k, n, who)
{
	if
	:: what == MODE
	:: what == GOT ->
		fresh[k] = 1;
		if
		:: player[k] /* kept over the loss of a link */
		:: else ->
			player[k] = 1; owner[k] = who; count[k] = n;
#if CRASHES || CUTS
			assert(n <= handled[who])
#else
			assert(n == handled[who]) /* the new server knows what the old one knew */
#endif
		fi
	:: what == DONE_ALL ->
		if
		:: state == SERVER_LISTING -> listing_ends()
		:: else
		fi
	:: what == LOST || what == NO_SUCH -> player[k] = 0; owner[k] = 0; count[k] = 0; fresh[k] = 0
	:: what == TEXT ->
		assert(state == SERVER_READY || state == SERVER_MARKED); /* it can still be handled */
		if
		:: player[k] ->
			assert(owner[k] == who);
			note_handled(who, n);
			count[k] = n;
			say(sc, SEND_TEXT, k, n, who)
		:: else
		fi
	:: what == I_AM_ALIVE || what == PAUSED ->
		if
		:: state == SERVER_MARKED -> leave()
		:: else
		fi
	:: else -> assert(false)
	fi
}

inline candidate_handle(c, what)
{
	assert(what == MODE);
	if
	:: sc == NONE && state == SERVER_ALONE ->
		sc = c;
		server_move(SERVER_LISTING);
		fresh[0] = 0; fresh[1] = 0; fresh[2] = 0
	:: else -> server_close(c) /* the first one keeps the link */
	fi
}

inline link_ended(c)
{
	if
	:: c != sc -> server_close(c)
	:: else ->
		server_close(c);
		sc = NONE;
		if
		:: state == SERVER_MARKED || state == SERVER_LEAVING -> server_end()
		:: else -> server_move(SERVER_ALONE)
		fi
	fi
}

/* The ways of one connection into and out of the server. */
#define CONNECTION(x) \
	:: d_step { used[x] && !accepted[x] && !server_closed[x] && alive -> \
		accepted[x] = 1; \
		say(x, NOT_READY, 0, 0, 0); say(x, TELL_MODE, 0, 0, 0); say(x, GET_ALL, 0, 0, 0) } \
	:: d_step { accepted[x] && !server_closed[x] && nempty(srvq[x]) && mux_closed[x] -> \
		srvq[x]?_,_,_,_ } \
	:: d_step { accepted[x] && !server_closed[x] && nempty(srvq[x]) && !mux_closed[x] && \
		nfull(down[x]) -> \
		srvq[x]?what,k,n,who; down[x]!what,k,n,who; what = 0; k = 0; n = 0; who = 0 } \
	:: d_step { finishing[x] && empty(srvq[x]) && !server_ended[x] -> server_ended[x] = 1 } \
	:: d_step { accepted[x] && !server_closed[x] && nempty(up[x]) && SERVER_READS(x) -> \
		up[x]?what,k,n,who; c = x; \
		if \
		:: sc == c -> server_handle(what, k, n, who) \
		:: else -> candidate_handle(c, what) \
		fi; \
		what = 0; k = 0; n = 0; who = 0; c = 0 } \
	:: d_step { accepted[x] && !server_closed[x] && SERVER_EOF(x) -> c = x; link_ended(c); c = 0 }

proctype server()
{
	mtype:msg what;
	byte k, n, who, c, i;
end:	do
	CONNECTION(0)
	CONNECTION(1)
	:: d_step { !alive -> alive = 1 }
#if RESTARTS
	:: d_step { alive && stops > 0 && state != SERVER_MARKED && state != SERVER_LEAVING -> stop() }
#endif
#if CRASHES
	:: d_step { alive && crashes > 0 -> crashes--; server_end() }
#endif
	od
}

/* When nothing can happen any more, everything must have. Nobody goes round in circles for ever:
 * each step uses up something, so that this is where every run ends. */
proctype the_end()
{
	byte u;
	timeout;
	assert(link == LINK_OPEN && state == SERVER_READY);
	assert(empty(muxq) && empty(waiting) && empty(up[mc]) && empty(down[mc]) && empty(srvq[mc]));
	do
	:: u < USERS ->
		assert(came[u] && (left[u] || typed[u] == LIMIT(u)) && held[u] == 0);
		assert(left[u] || handled[u] == typed[u] || lost_until[u] == typed[u]);
#if !CRASHES && !CUTS
		assert(left[u] || seen[u] == typed[u]);
#endif
		u++
	:: else -> break
	od
}

init
{
	atomic { run multiplexer(); run users(); run server(); run the_end() }
}
