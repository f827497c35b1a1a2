"""What users type (id 24): whole, in order, once; and held while the server is not READY."""

import random
import time

from . import wire
from .cases import MUST, SHOULD
from .mux_bench import case, plain_lines, require
from .wire import show


@case("input.a-line", MUST, "section 3 (id 24)")
def a_line(t):
    """A line that a user types comes, with the end of the line."""
    t.start()
    user = t.join()
    for text in ("hello there", "", "a", "x" * 200):
        t.typed(user, text)


@case("input.many-lines-in-order", MUST, "section 3 (id 24)")
def in_order(t):
    """Many lines in one write come whole, in order and once."""
    link = t.start()
    user = t.join()
    wanted = b"".join(b"line %d\r\n" % n for n in range(400))
    user.player.send(wanted)
    require(t.input_of(user, len(plain_lines(wanted))) == plain_lines(wanted), "other lines came")
    t.nothing_comes(link, "that was all he typed")


@case("input.cut-anywhere", MUST, "section 3 (id 24: part of a line, a line, or several)")
def cut_anywhere(t):
    """Lines that a user's network cuts anywhere come as if they were not cut."""
    link = t.start()
    user = t.join()
    rng = random.Random(2)
    wanted = b"".join(b"line %d\r\n" % n for n in range(60))
    at = 0
    while at < len(wanted):
        size = rng.randrange(1, 12)
        user.player.send(wanted[at:at + size])
        at += size
        time.sleep(0.001)
    require(t.input_of(user, len(plain_lines(wanted))) == plain_lines(wanted), "other lines came")
    t.nothing_comes(link, "that was all he typed")


@case("input.pieces-that-fit", MUST, "section 1 (4044 bytes) and id 24")
def pieces(t):
    """Much input at once comes in messages of at most 4044 bytes, and all of it."""
    link = t.start()
    user = t.join()
    wanted = b"".join(b"%04d %s\r\n" % (n, b"x" * 300) for n in range(60))
    user.player.send(wanted)
    require(t.input_of(user, len(plain_lines(wanted))) == plain_lines(wanted), "other lines came")
    require(link.sync() == [], "something more comes")


@case("input.every-byte", MUST, "section 3 (Binary)", ("raw",))
def every_byte(t):
    """On a listener that passes bytes as they are, all 256 values come."""
    link = t.start()
    user = t.join(raw=True)
    wanted = bytes(range(256)) * 40
    user.player.send(wanted)
    require(link.text_of(user.key, len(wanted)) == wanted, "other bytes came")


@case("input.whose-it-is", MUST, "section 3 (id 24)")
def whose(t):
    """Input comes with the key of the one who typed it."""
    link = t.start()
    users = [t.join() for _ in range(5)]
    for n, user in enumerate(users):
        user.player.line(f"I am {n}")
    got = {}
    while sum(map(len, got.values())) < 7 * len(users):
        message = link.next()
        require(message[0] == "GOT SUBCLIENT TEXT", f"then comes {show(message)}")
        got[message[1]] = plain_lines(got.get(message[1], b"") + message[2])
    for n, user in enumerate(users):
        require(got.get(user.key) == b"I am %d\n" % n, f"user {n} typed {got.get(user.key)!r}")


@case("input.held-while-not-ready", MUST, "section 3 (id 4: hold back input)")
def held(t):
    """Nothing that is typed while NOT READY comes then; after READY it comes once, in order."""
    link = t.start()
    users = [t.join() for _ in range(3)]
    link.send("NOT READY")
    link.sync()
    for n in range(10):
        for user in users:
            user.player.line(f"held {n}")
    t.nothing_comes(link, "while NOT READY input is held back")
    link.send("READY")
    wanted = b"".join(b"held %d\n" % n for n in range(10))
    got = {user.key: b"" for user in users}
    while any(len(data) < len(wanted) for data in got.values()):
        message = link.next()
        require(message[0] == "GOT SUBCLIENT TEXT", f"then comes {show(message)}")
        got[message[1]] = plain_lines(got[message[1]] + message[2])
    require(all(data == wanted for data in got.values()), f"what comes is {got}")
    t.nothing_comes(link, "that was all that was typed")
    t.typed(users[0], "and on")


@case("input.half-a-line-while-not-ready", MUST, "section 3 (id 4, 24)")
def half_a_line(t):
    """A line that is begun while READY and ended while NOT READY comes whole after READY."""
    link = t.start()
    user = t.join()
    user.player.send(b"begun ")
    t.quiet_for_a_moment(link)
    link.send("NOT READY")
    link.sync()
    user.player.send(b"and ended\r\n")
    t.quiet_for_a_moment(link)
    link.send("READY")
    t.quiet_for_a_moment(link)
    link.sync()
    data = b"".join(m[2] for m in link.heard if m[0] == "GOT SUBCLIENT TEXT")
    require(plain_lines(data) == b"begun and ended\n", f"what comes is {data!r}")


@case("input.nothing-behind-the-marker", MUST, "section 3 (id 4, 7)")
def marker(t):
    """Behind NOT READY and the answer to ARE YOU ALIVE no more input comes; none is lost or repeated."""
    link = t.start()
    user = t.join()
    data = b""
    for n in range(400):
        user.player.send(b"%d\r\n" % n)
        if n == 200:
            link.send("NOT READY")
            for message in link.sync():
                require(message[0] == "GOT SUBCLIENT TEXT", f"then comes {show(message)}")
                data += message[2]
    t.nothing_comes(link, "the marker came")
    link.send("READY")
    wanted = b"".join(b"%d\n" % n for n in range(400))
    data = plain_lines(data)
    data += t.input_of(user, len(wanted) - len(data))
    require(data == wanted, "what comes in all is not what was typed")


@case("input.held-over-a-restart", MUST, "section 3 (id 6) and 4")
def over_restart(t):
    """What is typed while no server is there comes to the next one, once and in order."""
    t.start()
    user = t.join()
    t.goodbye()
    for n in range(20):
        user.player.line(f"away {n}")
    link = t.greet(t.accept(), ready=False)
    require(user.key in link.users, "he is not listed")
    t.nothing_comes(link, "this server is not READY")
    for n in range(20, 30):
        user.player.line(f"away {n}")
    link.send("READY")
    wanted = b"".join(b"away %d\n" % n for n in range(30))
    require(t.input_of(user, len(wanted)) == wanted, "what comes is not what was typed")
    t.nothing_comes(link, "that was all that was typed")


@case("input.held-over-a-crash", MUST, "section 4 (a server that dies is treated as if it had sent 6)")
def over_crash(t):
    """What is typed after a server vanished comes to the next one, once and in order."""
    t.start()
    user = t.join()
    t.typed(user, "before")
    t.drop()
    t.listening.settimeout(t.options.redial)
    link = t.accept()  # that it dials again shows that it noticed
    for n in range(20):
        user.player.line(f"away {n}")
    t.greet(link, ready=False)
    link.send("READY")
    wanted = b"".join(b"away %d\n" % n for n in range(20))
    require(t.input_of(user, len(wanted)) == wanted, "what comes is not what was typed")
    t.nothing_comes(link, "that was all that was typed")


@case("input.of-who-comes-while-not-ready", MUST, "section 3 (id 20, 24)")
def comes_while_not_ready(t):
    """What is typed by one who is not reported yet comes behind his report."""
    link = t.start(ready=False)
    player = t.player()
    player.line("early")
    t.nothing_comes(link, "while NOT READY logins and input are held back")
    link.send("READY")
    user = t.newcomer(link, player)
    require(t.input_of(user, 6) == b"early\n", "his line is another")


@case("input.of-who-left-while-not-ready", SHOULD, "section 3 (id 5, 21, 24)")
def left_while_not_ready(t):
    """What somebody typed before he left while NOT READY still comes, before LOST SUBCLIENT."""
    link = t.start()
    user = t.join()
    link.send("NOT READY")
    link.sync()
    user.player.line("last")
    t.quiet_for_a_moment(link)
    user.player.close()
    t.quiet_for_a_moment(link)
    link.send("READY")
    require(t.input_of(user, 5) == b"last\n", "his last line is another")
    message = link.next(t.options.patience + t.options.half_close)
    require(message == ("LOST SUBCLIENT", user.key), f"then comes {show(message)}")


@case("input.none-behind-killed", MUST, "section 3 (id 23: only now is the user surely gone)")
def none_behind_killed(t):
    """Behind KILLED SUBCLIENT no input of that user comes."""
    link = t.start()
    user = t.join()
    user.player.send(b"typing\r\n" * 50)
    link.send("KILL SUBCLIENT", user.key)
    user.player.expect_end()
    user.player.reset()
    while True:
        message = link.next()
        if message == ("KILLED SUBCLIENT", user.key):
            break
        require(message[0] == "GOT SUBCLIENT TEXT", f"then comes {show(message)}")
    t.nothing_comes(link, "he is surely gone")


@case("input.much-while-away", SHOULD, "section 3 (id 4)")
def much(t):
    """Far more than a multiplexer would keep is held back in the network, not lost."""
    link = t.start()
    user = t.join()
    link.send("NOT READY")
    link.sync()
    wanted = b"".join(b"%06d\r\n" % n for n in range(12000))
    user.player.socket.setblocking(False)
    sent = 0
    while sent < len(wanted) and wire.wait_io(user.player.socket, t.options.settle, False, True)[1]:
        sent += user.player.socket.send(wanted[sent:sent + 4096])
    t.nothing_comes(link, "while NOT READY input is held back")
    link.send("READY")
    data = b""
    while len(data) < len(plain_lines(wanted)):
        if sent < len(wanted):
            user.player.drain()
            if wire.wait_io(user.player.socket, 0, False, True)[1]:
                sent += user.player.socket.send(wanted[sent:sent + 4096])
            if not link.new and not link.read_some(0.05):
                continue
        message = link.next()
        require(message[0] == "GOT SUBCLIENT TEXT", f"then comes {show(message)}")
        data = data + plain_lines(message[2])
    user.player.socket.settimeout(t.options.patience)
    require(data == plain_lines(wanted), "what comes is not what was typed")
