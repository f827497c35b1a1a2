"""Keys, output, and how users come and go: ids 20 to 25 and 39."""

import random

from . import wire
from .cases import MUST, SHOULD
from .mux_bench import NOBODY, case, require
from .wire import EVERYONE, key_text, show


@case("keys.not-given-again", MUST, "section 2 (a number is never handed to another user)")
def not_given_again(t):
    """No key is given a second time, whether its user left, was killed, or left while the server was away."""
    link = t.start()
    seen = []
    for n in range(24):
        user = t.join(link)
        require(user.key not in seen, f"{key_text(user.key)} is given again")
        seen.append(user.key)
        if n % 8 == 3:
            link.send("KILL SUBCLIENT", user.key)
            user.player.expect_end()
            user.player.reset()
            link.expect("KILLED SUBCLIENT", user.key)
        elif n % 8 == 7:
            t.drop()
            user.player.reset()
            link = t.accept()
            t.greet(link)
            while user.key in link.users:  # it may not have noticed yet
                link.expect("LOST SUBCLIENT", user.key)
                break
        else:
            t.leave(user, link)


@case("keys.two-at-once", MUST, "section 2")
def two_at_once(t):
    """Users who are connected at the same time have different keys."""
    t.start()
    users = [t.join() for _ in range(20)]
    require(len({u.key for u in users}) == 20, "two have the same")


@case("keys.listeners-differ", MUST, "section 2 (the last integer is the listener's number)", ("raw",))
def listeners_differ(t):
    """Users of two listeners have different last numbers, those of one the same."""
    t.start()
    one, two, three = t.join(), t.join(raw=True), t.join()
    require(one.key[1:] == three.key[1:] != two.key[1:],
            f"{', '.join(key_text(u.key) for u in (one, two, three))}")


@case("keys.an-old-one-never-reaches-the-next-user", MUST, "section 2")
def old_key(t):
    """Text and saved info for a user who left never reach whoever comes after him."""
    link = t.start()
    for _ in range(10):
        gone = t.join()
        gone.player.reset()
        player = t.player()
        link.send("SEND SUBCLIENT TEXT", gone.key, b"<a secret>\r\n")
        link.send("SAVE SUBCLIENT INFO", gone.key, b"a secret")
        heard = []
        while ("LOST SUBCLIENT", gone.key) not in heard or not any(
                m[0] == "DONE SENDING SUBCLIENT INFO" for m in heard):
            heard.append(link.next())
        key = next(m[1] for m in heard if m[0] == "GOT SUBCLIENT")
        require(key != gone.key, "the key is given again at once")
        link.sync()
        t.answer(link, ("THERE IS NO SUBCLIENT SAVED INFO",), "GET SUBCLIENT SAVED INFO", key)
        link.send("SEND SUBCLIENT TEXT", key, b"<welcome>\r\n")
        player.expect(b"<welcome>")
        require(b"secret" not in player.all, "what was for another is shown to him")
        player.reset()
        link.expect("LOST SUBCLIENT", key)


# ---- output ----

@case("output.to-one", MUST, "section 3 (id 25)")
def to_one(t):
    """Output reaches the user whom it is for, and nobody else."""
    t.start()
    users = [t.join() for _ in range(4)]
    for n, user in enumerate(users):
        t.shown(user, b"<for %d>\r\n" % n)
    for n, user in enumerate(users):
        user.player.drain()
        require(user.player.all.count(b"<for ") == 1, f"user {n} is shown {user.player.all!r}")


@case("output.order-and-completeness", MUST, "section 3 (id 25)")
def order(t):
    """Much output in pieces of all sizes arrives whole, in order and once."""
    link = t.start()
    user = t.join()
    rng = random.Random(1)
    wanted = b"".join(b"%06d\r\n" % n for n in range(8000))
    at = 0
    while at < len(wanted):
        size = rng.choice((1, 2, 100, 1000, wire.PAYLOAD_MAX))
        link.send("SEND SUBCLIENT TEXT", user.key, wanted[at:at + size])
        at += size
        if rng.random() < 0.2:
            user.player.drain()
    user.player.expect(wanted)
    require(user.player.all.count(b"004711\r\n") == 1, "a part came twice")


@case("output.every-byte", MUST, "section 3 (Binary)", ("raw",))
def every_byte(t):
    """On a listener that passes bytes as they are, all 256 values arrive."""
    t.start()
    user = t.join(raw=True)
    t.shown(user, bytes(range(256)) * 4)


@case("output.while-not-ready", MUST, "section 3 (id 4, 25)")
def while_not_ready(t):
    """Output reaches users also while NOT READY."""
    link = t.start()
    user = t.join()
    link.send("NOT READY")
    t.shown(user, b"<not ready>\r\n")


@case("output.before-a-goodbye", MUST, "section 3 (id 6, 25)")
def before_goodbye(t):
    """What was sent before GOING OFFLINE is delivered."""
    link = t.start()
    user = t.join()
    link.send_raw(wire.encode("SEND SUBCLIENT TEXT", user.key, b"<last words>\r\n")
                  + wire.encode("SERVER GOING OFFLINE"))
    link.half_close()
    link.expect_end()
    t.drop()
    user.player.expect(b"<last words>")


@case("output.before-a-crash", MUST, "section 3 (id 25)")
def before_crash(t):
    """Whole messages that a server wrote before it vanished are delivered."""
    link = t.start()
    user = t.join()
    link.send_raw(b"".join(wire.encode("SEND SUBCLIENT TEXT", user.key, b"<%d>" % n)
                           for n in range(100)))
    link.half_close()  # over TCP a close with unread input would take them away
    user.player.expect(b"".join(b"<%d>" % n for n in range(100)))
    t.drop()


@case("broadcast.everyone-once", MUST, "section 2 (0:255 is every user)")
def everyone(t):
    """Text for 0:255 reaches every user once, in order with text for one."""
    link = t.start()
    users = [t.join(raw=bool(t.options.raw) and n % 3 == 0) for n in range(9)]
    for n in range(20):
        link.send("SEND SUBCLIENT TEXT", EVERYONE, b"<all %d>\r\n" % n)
        link.send("SEND SUBCLIENT TEXT", users[n % 9].key, b"<one %d>\r\n" % n)
    require(link.sync() == [], "it is answered")
    for at, user in enumerate(users):
        wanted = b"".join(b"<all %d>\r\n" % n + (b"<one %d>\r\n" % n if n % 9 == at else b"")
                          for n in range(20))
        user.player.expect(wanted)
        require(user.player.all.count(b"<all ") == 20, "a part came twice")


@case("broadcast.not-to-who-left", MUST, "section 2 (0:255 is every user)")
def not_to_who_left(t):
    """Text for 0:255 is no error when some have left, or nobody is there."""
    link = t.start()
    require(t.ask(link, "SEND SUBCLIENT TEXT", EVERYONE, b"<anybody?>\r\n") == [],
            "with nobody there it is answered")
    stays, goes = t.join(), t.join()
    t.leave(goes)
    require(t.ask(link, "SEND SUBCLIENT TEXT", EVERYONE, b"<all>\r\n") == [], "it is answered")
    stays.player.expect(b"<all>")


@case("broadcast.a-list-that-is-not-there", SHOULD, "section 2 (lists are made by the server)")
def no_such_list(t):
    """Text for a list that nobody made reaches nobody."""
    link = t.start()
    user = t.join()
    for number in (1, 9, 65535):
        link.send("SEND SUBCLIENT TEXT", (number, wire.LIST), b"<to a list>\r\n")
    heard = link.sync()
    require(all(m[0] == "NO SUCH SUBCLIENT" for m in heard), f"answers: {heard}")
    t.shown(user, b"<to you>\r\n")
    require(b"<to a list>" not in user.player.all, "it is shown to him")


# ---- leaving ----

@case("lost.told-once", MUST, "section 3 (id 21)")
def lost_once(t):
    """A user who goes away is reported by LOST SUBCLIENT, once, and the others stay."""
    link = t.start()
    users = [t.join() for _ in range(3)]
    t.leave(users[1])
    t.nothing_comes(link, "he was reported as lost")
    for user in (users[0], users[2]):
        user.player.check_connected()
        t.shown(user, b"<still here>\r\n")


@case("lost.behind-his-last-line", MUST, "section 3 (id 21, 24)")
def behind_last_line(t):
    """What a user typed before he went comes before LOST SUBCLIENT, and nothing of his behind it."""
    link = t.start()
    user = t.join()
    user.player.line("first")
    user.player.line("last")
    user.player.close()
    require(t.input_of(user, 11) == b"first\nlast\n", "his last lines are others")
    message = link.next(t.options.patience + t.options.half_close)
    require(message == ("LOST SUBCLIENT", user.key), f"behind his last line comes {show(message)}")
    t.nothing_comes(link, "he is gone")


@case("lost.while-not-ready", MUST, "section 3 (id 5, 21)")
def lost_while_not_ready(t):
    """Who goes while NOT READY is reported by the time of the next READY."""
    link = t.start()
    user, stays = t.join(), t.join()
    link.send("NOT READY")
    link.sync()
    user.player.reset()
    t.quiet_for_a_moment(link)
    link.send("READY")
    while ("LOST SUBCLIENT", user.key) not in link.heard:
        link.next()
    require(link.heard.count(("LOST SUBCLIENT", user.key)) == 1, "he is reported twice")
    t.shown(stays, b"<still here>\r\n")


@case("lost.before-he-was-reported", MUST, "section 3 (id 20, 21)")
def never_reported(t):
    """Who comes and goes while NOT READY is reported with his going, or not at all."""
    link = t.start(ready=False)
    t.player().reset()
    t.quiet_for_a_moment(link)
    link.send("READY")
    there = set()
    while True:
        user = t.player()
        t.quiet_for_a_moment(link)
        for message in link.sync():
            if message[0] == "GOT SUBCLIENT":
                there.add(message[1])
            elif message[0] == "LOST SUBCLIENT":
                there.discard(message[1])
        break
    require(len(there) == 1, f"one is connected, and {len(there)} are reported")
    user.check_connected()


@case("kill.output-first-then-killed", MUST, "section 3 (id 22, 23)")
def kill_output_first(t):
    """KILL SUBCLIENT delivers the output, disconnects him, and is answered by KILLED SUBCLIENT."""
    link = t.start()
    user, stays = t.join(), t.join()
    wanted = b"".join(b"%06d\r\n" % n for n in range(6000))
    link.send_raw(b"".join(wire.encode("SEND SUBCLIENT TEXT", user.key, wanted[at:at + 4000])
                           for at in range(0, len(wanted), 4000))
                  + wire.encode("KILL SUBCLIENT", user.key))
    require(wanted in user.player.expect_end(), "not all of it reached him")
    user.player.reset()
    link.expect("KILLED SUBCLIENT", user.key)
    t.nothing_comes(link, "he is surely gone")
    t.shown(stays, b"<still here>\r\n")


@case("kill.then-no-such-subclient", MUST, "section 3 (id 23, 39)")
def kill_then_unknown(t):
    """After KILLED SUBCLIENT everything about him is answered by NO SUCH SUBCLIENT."""
    link = t.start()
    user = t.join()
    link.send("KILL SUBCLIENT", user.key)
    user.player.expect_end()
    user.player.reset()
    link.expect("KILLED SUBCLIENT", user.key)
    for name, values in ABOUT:
        t.answer(link, ("NO SUCH SUBCLIENT",), name, user.key, *values)


ABOUT = [("KILL SUBCLIENT", ()), ("SEND SUBCLIENT TEXT", (b"x",)), ("SAVE SUBCLIENT INFO", (b"x",)),
         ("GET SUBCLIENT SAVED INFO", ()), ("GET SUBCLIENT DNS", ()), ("GET SUBCLIENT IDENTD", ()),
         ("GET SUBCLIENT IDLETIME", ()), ("GET SUBCLIENT CONNECTTIME", ())]


@case("kill.twice", MUST, "section 3 (id 22, 23, 39)")
def kill_twice(t):
    """A second KILL SUBCLIENT does not make a second KILLED SUBCLIENT."""
    link = t.start()
    user = t.join()
    link.send("KILL SUBCLIENT", user.key)
    link.send("KILL SUBCLIENT", user.key)
    user.player.expect_end()
    user.player.reset()
    while ("KILLED SUBCLIENT", user.key) not in link.heard:
        link.next()
    link.sync()
    about = [m for m in link.heard if m[1:2] == (user.key,) and m[0] in (
        "KILLED SUBCLIENT", "LOST SUBCLIENT")]
    require(len(about) == 1, f"his end is reported as {', '.join(map(show, about))}")


@case("kill.who-has-just-left", MUST, "section 3 (id 21, 22, 23, 39)")
def kill_who_left(t):
    """KILL SUBCLIENT for one who is leaving is answered by 23 or 39, and his end reported."""
    link = t.start()
    for _ in range(10):
        user = t.join()
        user.player.reset()
        link.send("KILL SUBCLIENT", user.key)
        ends = []
        while not ends or ends == ["LOST SUBCLIENT"]:
            message = link.next()
            require(message[1:] == (user.key,), f"then comes {show(message)}")
            ends.append(message[0])
        require(ends in (["KILLED SUBCLIENT"], ["NO SUCH SUBCLIENT"],
                         ["LOST SUBCLIENT", "NO SUCH SUBCLIENT"],
                         ["LOST SUBCLIENT", "KILLED SUBCLIENT"]), f"his end is told as {ends}")
        rest = [m for m in link.sync() if m[0] != "LOST SUBCLIENT"]
        require(not rest, f"and then {', '.join(map(show, rest))}")


@case("kill.many-in-one-write", MUST, "section 3 (id 22)")
def kill_many(t):
    """Ten users who are killed in one write each get their last output."""
    link = t.start()
    users = [t.join() for _ in range(10)]
    link.send_raw(b"".join(wire.encode("SEND SUBCLIENT TEXT", u.key, b"<bye %d>\r\n" % n)
                           + wire.encode("KILL SUBCLIENT", u.key) for n, u in enumerate(users)))
    for n, user in enumerate(users):
        require(b"<bye %d>" % n in user.player.expect_end(), f"user {n} did not get it")
        user.player.reset()
    killed = {link.expect("KILLED SUBCLIENT")[0] for _ in users}
    require(killed == {u.key for u in users}, "others were killed")


@case("kill.while-not-ready", MUST, "section 3 (id 4, 22, 23)")
def kill_while_not_ready(t):
    """KILL SUBCLIENT is carried out and answered also while NOT READY."""
    link = t.start()
    user = t.join()
    link.send("NOT READY")
    link.send_raw(wire.encode("SEND SUBCLIENT TEXT", user.key, b"<bye>\r\n")
                  + wire.encode("KILL SUBCLIENT", user.key))
    require(b"<bye>" in user.player.expect_end(), "his last output did not reach him")
    user.player.reset()
    link.expect("KILLED SUBCLIENT", user.key)


@case("kill.a-key-of-nobody", MUST, "section 3 (id 39)")
def kill_nobody(t):
    """KILL SUBCLIENT for a key of nobody ends nobody."""
    link = t.start()
    users = [t.join() for _ in range(2)]
    t.answer(link, ("NO SUCH SUBCLIENT",), "KILL SUBCLIENT", NOBODY)
    for user in users:
        user.player.check_connected()
        t.shown(user, b"<still here>\r\n")
