"""Servers that go and come, and who may connect: ids 6, 10 to 14, section 4."""

import time

from .cases import MUST, SHOULD, PeerGone
from .mux_answers import ABOUT_A_USER, ABOUT_NOBODY
from .mux_bench import case, require
from .wire import Deviation, encode, show


def check_same(t, link, users):
    """The same users are listed, are connected, are shown what is sent, and are heard."""
    require(set(link.users) == {u.key for u in users}, f"listed are {sorted(link.users)}")
    for n, user in enumerate(users):
        user.player.check_connected()
        t.shown(user, b"<here %d>\r\n" % n)
        t.typed(user, f"here {n}")


@case("server.goes-offline", MUST, "section 3 (id 6)")
def goes_offline(t):
    """After GOING OFFLINE the link ends, every user stays, and the multiplexer dials again."""
    link = t.start()
    users = [t.join() for _ in range(3)]
    link.send("SERVER GOING OFFLINE")
    link.half_close()
    link.expect_end()
    link.close()
    t.link = None
    check_same(t, t.greet(t.accept()), users)


@case("server.goes-offline-and-only-says-so", SHOULD, "section 3 (id 6: the multiplexer keeps every user and reconnects)")
def only_says_so(t):
    """GOING OFFLINE is enough: the multiplexer dials again when the server closes, whatever it had sent."""
    link = t.start()
    users = [t.join() for _ in range(2)]
    link.send("SERVER GOING OFFLINE")
    link.close()
    t.link = None
    check_same(t, t.greet(t.accept()), users)


@case("server.goes-offline-while-not-ready", MUST, "section 3 (id 4, 6)")
def not_ready_offline(t):
    """GOING OFFLINE is understood while NOT READY."""
    t.start()
    users = [t.join() for _ in range(2)]
    t.restart(ready=False)
    check_same(t, t.restart(), users)


@case("server.vanishes", MUST, "section 4 (a server that dies without 6 is treated as if it had sent 6)")
def vanishes(t):
    """A link that ends without a word costs no user, and the multiplexer dials again."""
    t.start()
    users = [t.join() for _ in range(3)]
    for _ in range(3):
        t.crash(ready=False)
    check_same(t, t.crash(), users)


@case("server.vanishes-in-its-start", MUST, "section 4")
def vanishes_in_start(t):
    """A server that vanishes between its first words and READY changes nothing for the next one."""
    link = t.start()
    users = [t.join() for _ in range(3)]
    link.send("SAVE SUBCLIENT INFO", users[0].key, b"kept")
    link.expect("SAVED SUBCLIENT INFO")
    for words in ([], ["NOT READY"], ["NOT READY", "TELL ME YOUR ACCEPT MODE"],
                  ["NOT READY", "GET ALL SUBCLIENT INFO"], ["READY"]):
        t.drop()
        link = t.accept()
        link.send_raw(b"".join(encode(word) for word in words))
    t.drop()
    link = t.greet(t.accept())
    require(link.users[users[0].key].saved == b"kept", "the saved info is another")
    check_same(t, link, users)


@case("server.is-away-for-a-while", MUST, "section 4 (the multiplexer keeps trying)")
def away(t):
    """While nobody listens every user stays and new ones are let in; then the server is dialled."""
    t.start()
    users = [t.join() for _ in range(2)]
    t.goodbye()
    t.stop_listening()
    time.sleep(1)
    newcomer = t.player()
    time.sleep(1)
    for user in users:
        user.player.check_connected()
    newcomer.check_connected()
    t.listen_again()
    link = t.greet(t.accept())
    users.append(t.newcomer(link, newcomer))
    link.users[users[-1].key] = None
    check_same(t, link, users)


@case("server.one-link-at-a-time", SHOULD, "section 4")
def one_link(t):
    """While a link is up the multiplexer does not dial a second one."""
    t.start()
    t.listening.settimeout(max(t.options.settle, 1))
    try:
        sock, _ = t.listening.accept()
    except OSError:
        return
    sock.close()
    raise Deviation("it has dialled a second link")


@case("server.who-came-meanwhile", MUST, "section 3 (id 20) and 4")
def came_meanwhile(t):
    """Who connects while no server is there is told to the next one, once."""
    t.start()
    known = t.join()
    t.goodbye()
    t.stop_listening()
    players = [t.player() for _ in range(3)]
    t.quiet_time()
    t.listen_again()
    link = t.greet(t.accept())
    told = [key for key in link.users if key != known.key]
    while len(told) < 3:
        told.append(t.newcomer(link, None).key)
    require(len(set(told)) == 3, f"told are {told}")
    t.nothing_comes(link, "all were told")
    for player in players:
        player.check_connected()


@case("server.who-left-meanwhile", MUST, "section 3 (id 21, 38) and 4")
def left_meanwhile(t):
    """Who leaves while no server is there is not listed to the next one."""
    t.start()
    stays, goes = t.join(), t.join()
    t.goodbye()
    t.stop_listening()
    goes.player.reset()
    t.quiet_time()
    t.listen_again()
    link = t.greet(t.accept())
    there = set(link.users)
    for message in link.sync():
        require(message == ("LOST SUBCLIENT", goes.key), f"then comes {show(message)}")
        there.discard(goes.key)
    require(there == {stays.key}, f"listed are {sorted(link.users)}")


@case("server.anything-behind-its-goodbye", SHOULD, "section 3 (id 6: keeps every user)")
def behind_goodbye(t):
    """Whatever a server says behind GOING OFFLINE, every user stays."""
    link = t.start()
    users = [t.join() for _ in range(2)]
    data = encode("SERVER GOING OFFLINE")
    for name, (values, _) in ABOUT_A_USER.items():
        if name != "KILL SUBCLIENT":
            data += encode(name, users[0].key, *values)
    for name in ABOUT_NOBODY:
        if not name.startswith("ACCEPT"):
            data += encode(name)
    try:
        link.send_raw(data)
        link.half_close()
        link.expect_end()
    except OSError:
        pass
    t.drop()
    check_same(t, t.greet(t.accept()), users)


# ---- accept modes ----

@case("accept.told-and-changed", MUST, "section 3 (id 10 to 14)")
def told_and_changed(t):
    """10 is answered by 13, 11 by 14, and 12 says what the last of them was."""
    link = t.start()
    for order, answer in (("ACCEPT ALL", "ACCEPTING ALL"),
                          ("ACCEPT LOCALHOST ONLY", "ACCEPTING LOCALHOST ONLY"),
                          ("ACCEPT LOCALHOST ONLY", "ACCEPTING LOCALHOST ONLY"),
                          ("ACCEPT ALL", "ACCEPTING ALL")):
        for message in (order, "TELL ME YOUR ACCEPT MODE"):
            heard = t.ask(link, message)
            require(heard == [(answer,)], f"the answer to {message} is {heard}")


@case("accept.outlives-the-server", MUST, "section 4 (localhost-only is a mode of the multiplexer)")
def mode_outlives(t):
    """Localhost-only is still on for the next server, after a goodbye and after a crash."""
    link = t.start()
    t.ask(link, "ACCEPT LOCALHOST ONLY")
    require(t.restart().mode == "ACCEPTING LOCALHOST ONLY", "after a goodbye it is off")
    require(t.crash().mode == "ACCEPTING LOCALHOST ONLY", "after a crash it is off")
    t.ask(t.link, "ACCEPT ALL")
    require(t.crash().mode == "ACCEPTING ALL", "after ACCEPT ALL and a crash it is on")


@case("accept.drops-nobody", MUST, "section 3 (id 10: nobody connected is dropped)")
def drops_nobody(t):
    """Changing the mode drops nobody who is connected."""
    link = t.start()
    users = [t.join() for _ in range(3)]
    for order in ("ACCEPT LOCALHOST ONLY", "ACCEPT ALL"):
        t.ask(link, order)
        for user in users:
            t.shown(user, b"<here>\r\n")
            user.player.check_connected()


@case("accept.refuses-who-comes-from-elsewhere", MUST, "section 3 (id 10, 11)", ("elsewhere",))
def elsewhere(t):
    """In localhost-only mode new users from elsewhere are refused, local ones and those before are not."""
    link = t.start()
    before = t.newcomer(link, t.player(t.options.elsewhere, True))
    t.ask(link, "ACCEPT LOCALHOST ONLY")
    try:
        refused = t.player(t.options.elsewhere, True)
        refused.expect_end()
    except OSError:
        pass  # the listener is disabled
    require(link.sync() == [], "he who was refused is told to the server")
    if t.options.local:
        t.newcomer(link, t.player(t.options.local, True))
    before.player.check_connected()
    t.shown(before, b"<still here>\r\n")
    t.ask(link, "ACCEPT ALL")
    t.newcomer(link, t.player(t.options.elsewhere, True))


@case("redial.after-many-short-lives", SHOULD, "section 4 (keeps trying)")
def short_lives(t):
    """A server that vanishes again and again is still dialled."""
    t.start()
    user = t.join()
    for n in range(15):
        t.drop()
        try:
            t.accept()
        except PeerGone as why:
            raise Deviation(f"after {n} links that ended at once: {why}") from None
    t.drop()
    check_same(t, t.greet(t.accept()), [user])
