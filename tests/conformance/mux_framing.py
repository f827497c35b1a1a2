"""Section 1 and 2: bytes on the link, well formed and not."""

import time

from . import faults, wire
from .cases import MUST, SHOULD
from .mux_bench import NOBODY, SUITE, case, require
from .wire import Deviation, encode, pack


@case("framing.split-in-two", MUST, "section 1")
def split_in_two(t):
    """A message has the same effect wherever it is cut in two."""
    link = t.start()
    user = t.join()
    for cut in range(1, len(encode("SEND SUBCLIENT TEXT", user.key, b"<001>\r\n"))):
        mark = b"<%03d>" % cut
        message = encode("SEND SUBCLIENT TEXT", user.key, mark + b"\r\n")
        link.socket.sendall(message[:cut])
        time.sleep(0.002)
        link.socket.sendall(message[cut:])
        require(link.sync() == [], f"cut behind byte {cut}, a message is answered")
        user.player.expect(mark)
    require(b"<002>" not in user.player.all.replace(b"<002>", b"", 1), "a text was shown twice")


@case("framing.byte-by-byte", MUST, "section 1")
def byte_by_byte(t):
    """Messages that come a byte at a time are understood."""
    link = t.start()
    user = t.join()
    data = (encode("SAVE SUBCLIENT INFO", user.key, b"abc") + encode("ARE YOU ALIVE")
            + encode("SEND SUBCLIENT TEXT", user.key, b"<bytes>\r\n"))
    for at in range(len(data)):
        link.socket.sendall(data[at:at + 1])
        time.sleep(0.001)
    link.expect("SAVED SUBCLIENT INFO", user.key)
    link.expect("I AM ALIVE")
    user.player.expect(b"<bytes>")


@case("framing.many-in-one-write", MUST, "section 1")
def many_in_one_write(t):
    """Many messages in one write are each carried out, in order."""
    link = t.start()
    user = t.join()
    wanted = b"".join(b"<%d>" % n for n in range(300))
    link.send_raw(b"".join(encode("SEND SUBCLIENT TEXT", user.key, b"<%d>" % n) for n in range(300)))
    user.player.expect(wanted)


@case("framing.largest-message", MUST, "section 1 (4044 bytes, 4096 in all)")
def largest(t):
    """The largest payload is taken, and an unknown message of the largest length skipped."""
    link = t.start()
    user = t.join()
    text = b"x" * (wire.PAYLOAD_MAX - 3) + b"y\r\n"
    link.send("SEND SUBCLIENT TEXT", user.key, text)
    user.player.expect(text)
    link.send_raw(pack(200, b"a" * (wire.LENGTH_MAX - 4 - 2)))
    require(link.sync() == [], "an unknown message is answered")


@case("framing.unknown-ids", MUST, "section 1 (an unknown id is skipped by its length)")
def unknown_ids(t):
    """Messages of unknown ids are skipped by their length, whatever arguments they have."""
    link = t.start()
    user = t.join()
    for number in range(256):
        if number in wire.MESSAGES or 64 <= number < 96:
            continue
        link.send_raw(pack(number) + pack(number, b"anything") + pack(number, b"a", b"b", b"c", b"d"))
    require(link.sync() == [], "an unknown message is answered")
    t.shown(user, b"<still here>\r\n")


@case("framing.never-stops-reading", SHOULD, "section 3 (each request is answered)")
def never_stops_reading(t):
    """The multiplexer goes on reading while its answers are not read."""
    link = t.start()
    user = t.join()
    count = 4000
    link.send("SAVE SUBCLIENT INFO", user.key, b"x" * 1000)
    link.expect("SAVED SUBCLIENT INFO", user.key)
    link.socket.settimeout(t.options.patience)
    try:
        link.socket.sendall(encode("GET SUBCLIENT SAVED INFO", user.key) * count)
    except OSError as why:
        raise Deviation(f"it does not read while we do not: {why}") from None
    link.send_raw(encode("SEND SUBCLIENT TEXT", user.key, b"<heard>\r\n"))
    user.player.expect(b"<heard>")
    for _ in range(count):
        link.expect("SUBCLIENT SAVED INFO IS", user.key)


# ---- what must be refused ----

def refuse(t, data):
    """The link ends; nothing behind the fault is carried out; every user stays."""
    link = t.start()
    user = t.join()
    t.shown(user, b"<before>\r\n")
    link.send("SAVE SUBCLIENT INFO", user.key, b"kept")
    link.expect("SAVED SUBCLIENT INFO", user.key)
    try:
        link.send_raw(data + encode("SEND SUBCLIENT TEXT", user.key, b"<behind>\r\n"))
    except OSError:
        pass  # it may have closed already
    try:
        link.expect_end()
    except Deviation:
        raise Deviation("the link is not closed (section 1)") from None
    t.drop()
    link = t.greet(t.accept())
    require(user.key in link.users, "after the refusal a user is not listed any more (section 1)")
    require(link.users[user.key].saved == b"kept", "after the refusal his saved info is another")
    t.shown(user, b"<after>\r\n")
    t.typed(user, "and on")
    require(b"<behind>" not in user.player.all, "what stood behind the fault was carried out")
    t.restart()  # in order: many links that end at once might be dialled more slowly


for NAME, WHAT, DATA in faults.refused(text=25, saved=26, key=22, bare=7):
    SUITE.add(f"refused.{NAME}", MUST, "section 1 (refuse)",
              f"The link is closed at {WHAT}, and no user is dropped", refuse, (), (DATA,))
for NAME, WHAT, DATA in faults.doubtful(text=25, key=22, bare=7):
    SUITE.add(f"refused.{NAME}", SHOULD, "section 1 and 3",
              f"The link is closed at {WHAT}, and no user is dropped", refuse, (), (DATA,))
for NUMBER in sorted(wire.PLAIN & wire.UP - wire.DOWN):
    SUITE.add(f"refused.direction.{NUMBER}", MUST, "section 1 (a known id in the wrong direction)",
              f"The link is closed at {wire.MESSAGES[NUMBER][0]} ({NUMBER}) from a server, and no user "
              "is dropped", refuse, (), (faults.sample(NUMBER),))


@case("framing.noise", MUST, "section 1 (no user is dropped)")
def random_bytes(t):
    """Whatever bytes come, no user is dropped and the next server is dialled."""
    t.start()
    user = t.join()
    for seed in range(8):
        try:
            t.link.send_raw(encode("NOT READY") + faults.noise(seed))
            t.link.half_close()
            t.link.expect_end()
        except OSError:
            pass
        t.drop()
        link = t.greet(t.accept())
        require(user.key in link.users, "after random bytes a user is not listed any more")
    t.shown(user, b"<after>\r\n")


@case("framing.half-a-message-at-the-end", MUST, "section 1")
def half_at_the_end(t):
    """A part of a message at the end of a connection is never carried out."""
    link = t.start()
    user = t.join()
    link.send_raw(encode("SEND SUBCLIENT TEXT", user.key, b"<whole>\r\n")
                  + encode("SEND SUBCLIENT TEXT", user.key, b"<never>\r\n")[:-1])
    user.player.expect(b"<whole>")
    link = t.crash()
    t.shown(user, b"<next>\r\n")
    require(b"<never>" not in user.player.all and b"<neve" not in user.player.all,
            "half a message was carried out")


@case("keys.every-depth", MUST, "section 2 and id 39")
def every_depth(t):
    """A well-formed key of any depth that is nobody's is answered by NO SUCH SUBCLIENT."""
    link = t.start()
    user = t.join()
    for key in [tuple(range(7, 7 + depth)) for depth in range(1, 11)] + [
            NOBODY, (0,), (0, 0), (user.key[0],), user.key + (7,), (7,) + user.key,
            (user.key[0] ^ 1, *user.key[1:]), (*user.key[:-1], user.key[-1] % 240 + 1)]:
        if key == user.key:
            continue
        t.answer(link, ("NO SUCH SUBCLIENT",), "SEND SUBCLIENT TEXT", key, b"<not for him>")
    t.shown(user, b"<for him>\r\n")
    require(b"<not" not in user.player.all, "text for another key was shown to him")
