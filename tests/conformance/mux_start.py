"""Section 4: how a link begins, what a listing holds, and that the clock ticks."""

import ipaddress
import time

from .cases import MUST, SHOULD
from .mux_bench import case, require
from .wire import Deviation, Silence, read_listing, show

PROTOCOLS = {b"telnet-line", b"telnet-char", b"raw", b"websocket"}


@case("start.dials", MUST, "section 4 (the multiplexer connects and keeps trying)")
def dials(t):
    """The multiplexer dials the server by itself, and says nothing but TICK before it is asked."""
    link = t.fresh()
    until = time.monotonic() + t.options.settle
    while time.monotonic() < until:
        link.read_some(until - time.monotonic())
    require(not link.ended, "it closes a link on which nothing was said yet")
    require(not link.heard, f"before anything was asked it says {link.said_last()}")
    t.greet(link)


@case("start.as-a-new-server-does", MUST, "section 4 (a new server)")
def as_a_new_server(t):
    """NOT READY, TELL ME YOUR ACCEPT MODE, GET ALL SUBCLIENT INFO in one write are answered by 13 or 14, then the listing"""
    link = t.fresh()
    for name in ("NOT READY", "TELL ME YOUR ACCEPT MODE", "GET ALL SUBCLIENT INFO"):
        link.send(name)
    t.mode(link)
    link.expect("DONE SENDING ALL SUBCLIENT INFO")
    link.send("READY")
    require(link.sync() == [], "something more comes")


@case("start.without-questions", MUST, "section 3 (id 5)")
def without_questions(t):
    """READY is enough: users are reported also to a server that asked for nothing."""
    link = t.fresh()
    link.send("READY")
    user = t.join(link)
    t.shown(user, b"<hello>\r\n")
    t.typed(user, "hello")


@case("start.not-ready-and-ready-again", MUST, "section 3 (id 4, 5)")
def again(t):
    """READY and NOT READY may be repeated, and change nothing the second time."""
    link = t.start()
    for _ in range(3):
        link.send("READY")
    user = t.join()
    for _ in range(3):
        link.send("NOT READY")
        link.send("NOT READY")
        link.send("READY")
    require(link.sync() == [], "they are answered")
    t.typed(user, "hello")


@case("listing.empty", MUST, "section 3 (id 38, 48)")
def empty(t):
    """A listing of nobody is DONE SENDING ALL SUBCLIENT INFO alone."""
    link = t.start()
    link.send("GET ALL SUBCLIENT INFO")
    link.expect("DONE SENDING ALL SUBCLIENT INFO")
    require(link.sync() == [], "something comes behind it")


@case("listing.order-and-content", MUST, "section 3 (a listing, per user: 20, 40, 41, 42, 43, 44 or 45, 47)")
def content(t):
    """Each user has 20, 40, 41, 42, 43, 44 or 45, 47, in this order; then there is one 48."""
    link = t.start()
    users = [t.join() for _ in range(5)]
    link.send("SAVE SUBCLIENT INFO", users[2].key, b"\0of the third\xff")
    link.expect("SAVED SUBCLIENT INFO", users[2].key)
    for state in ("ready", "after a restart", "after a crash"):
        if state == "ready":
            link.send("GET ALL SUBCLIENT INFO")
            listing = read_listing(link)
        else:
            link = t.restart(ready=False) if state == "after a restart" else t.crash(ready=False)
            listing = link.users
        require(set(listing) == {u.key for u in users},
                f"{state}: listed are {sorted(listing)}, connected {sorted(u.key for u in users)}")
        for user in users:
            row = listing[user.key]
            require((row.protocol, row.ip) == (user.protocol, user.ip),
                    f"{state}: protocol or ip is another than in his acceptance")
            require(row.saved == (b"\0of the third\xff" if user is users[2] else None),
                    f"{state}: the saved info of {user.key} is {row.saved!r}")
            require(row.connected < 3600 and row.idle <= row.connected + 1,
                    f"{state}: connected for {row.connected} s, idle for {row.idle} s")




@case("listing.twice", MUST, "section 3 (id 38)")
def twice(t):
    """Two requests are answered by two whole listings."""
    link = t.start()
    users = {t.join().key for _ in range(3)}
    link.send("GET ALL SUBCLIENT INFO")
    link.send("GET ALL SUBCLIENT INFO")
    for _ in range(2):
        require(set(read_listing(link)) == users, "a listing is not complete")
    require(link.sync() == [], "a third one comes")


@case("listing.who-left-is-not-in-it", MUST, "section 3 (id 38)")
def who_left(t):
    """A user who left is not listed, neither to this server nor to the next."""
    link = t.start()
    stays, goes = t.join(), t.join()
    t.leave(goes)
    link.send("GET ALL SUBCLIENT INFO")
    require(set(read_listing(link)) == {stays.key}, "who left is listed")
    link = t.crash(ready=False)
    require(set(link.users) == {stays.key}, "who left is listed to the next server")


@case("listing.or-acceptance-but-once", MUST, "section 3 (id 20) and 4 (accepted)")
def but_once(t):
    """To a new server every user is made known exactly once, by the listing or by an acceptance."""
    t.start()
    known = t.join()
    t.drop()
    unknown = t.player()
    link = t.greet(t.accept(), ready=False)
    told = list(link.users)
    link.send("READY")
    while len(told) < 2:
        told.append(t.newcomer(link, unknown).key)
    t.nothing_comes(link, "both were made known")
    require(known.key in link.users, "a user of the time before is not in the listing")
    require(len(set(told)) == 2, f"told were {told}")


@case("tick.in-every-state", MUST, "section 3 (id 1)")
def ticks(t):
    """TICK comes while not READY, while READY, and while not READY again."""
    link = t.start(ready=False)
    for state in (None, "READY", "NOT READY"):
        if state:
            link.send(state)
        seen, until = link.ticks, time.monotonic() + t.options.tick
        while link.ticks == seen:
            if not link.read_some(until - time.monotonic()) and time.monotonic() > until:
                raise Silence(f"no TICK for {t.options.tick:g} s {'after ' + state if state else ''}")


@case("alive.answered-in-order", MUST, "section 3 (id 7, 8)")
def in_order(t):
    """ARE YOU ALIVE is answered each time, in its place between other answers."""
    link = t.start()
    user = t.join()
    for _ in range(50):
        link.send("ARE YOU ALIVE")
        link.send("GET SUBCLIENT SAVED INFO", user.key)
        link.send("ARE YOU ALIVE")
        link.send("SAVE SUBCLIENT INFO", user.key, b"x")
        link.send("DELETE SUBCLIENT SAVED INFO", user.key)
    for _ in range(50):
        link.expect("I AM ALIVE")
        link.expect("THERE IS NO SUBCLIENT SAVED INFO", user.key)
        link.expect("I AM ALIVE")
        link.expect("SAVED SUBCLIENT INFO", user.key)
        link.expect("DELETED SUBCLIENT SAVED INFO", user.key)


@case("alive.soon", MUST, "section 3 (id 7: ideally one second)")
def soon(t):
    """ARE YOU ALIVE is answered within five seconds."""
    link = t.start()
    began = time.monotonic()
    link.sync()
    require(time.monotonic() - began < 5, "it takes longer")


@case("acceptance.what-is-told", MUST, "section 3 (id 20, 47) and 2")
def acceptance(t):
    """A user is reported by GOT SUBCLIENT with a key, a protocol and an address, and DONE behind it."""
    t.start()
    user = t.join()
    require(len(user.key) >= 2, f"a key of depth {len(user.key)} (section 2)")
    require(t.options.chained or len(user.key) == 2,
            f"a key of depth {len(user.key)} though multiplexers are not chained (section 2)")
    require(1 <= user.key[-1] <= 240, f"a listener of number {user.key[-1]} (section 2)")
    address_of(user)


def address_of(user):
    try:
        return ipaddress.ip_address(user.ip.decode("ascii"))
    except ValueError:
        raise Deviation(f"the address is {user.ip!r}: neither dotted decimal nor IPv6") from None


@case("acceptance.protocol-word", SHOULD, "section 3 (protocol words)")
def protocol_word(t):
    """The protocol is one of the words telnet-line, telnet-char, raw, websocket, maybe with +tls."""
    t.start()
    for raw in (False, True) if t.options.raw else (False,):
        word = t.join(raw=raw).protocol
        require(word.split(b"+tls")[0] in PROTOCOLS and word.count(b"+") <= 1, f"it is {word!r}")


@case("acceptance.address-of-the-player", SHOULD, "section 3 (id 20)")
def address_of_player(t):
    """The address is the one that the player connected from."""
    t.start()
    user = t.join()
    if isinstance(t.options.player, str):
        return
    mine = ipaddress.ip_address(user.player.socket.getsockname()[0])
    require(address_of(user) == mine, f"{user.ip!r} instead of {mine}")


@case("acceptance.in-order-of-arrival", SHOULD, "section 3 (id 20)")
def order_of_arrival(t):
    """Users are reported in the order in which they connected."""
    link = t.start()
    for n in range(5):
        user = t.newcomer(link, t.player())
        t.shown(user, b"<%d>\r\n" % n)
        require(link.sync() == [], f"user {n} is reported again")


@case("acceptance.only-while-ready", MUST, "section 3 (id 4: hold back input and logins)")
def only_while_ready(t):
    """While NOT READY nobody is reported; after READY each is, once, in order of arrival."""
    link = t.start(ready=False)
    players = [t.player() for _ in range(3)]
    t.nothing_comes(link, "while NOT READY logins are held back")
    link.send("READY")
    users = [t.newcomer(link, None) for _ in players]
    require(len({u.key for u in users}) == 3, "two users have one key")
    for n, (user, player) in enumerate(zip(users, players)):
        link.send("SEND SUBCLIENT TEXT", user.key, b"<you are %d>\r\n" % n)
    for n, player in enumerate(players):
        player.expect(b"<you are %d>" % n)
    rest = link.sync()
    require(not rest, f"and then {', '.join(map(show, rest))}")
