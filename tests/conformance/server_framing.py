"""Section 1 and 2, towards the server: bytes on the link, well formed and not."""

import random
import time

from . import faults, wire
from .cases import MUST, SHOULD
from .server_bench import NOBODY, SUITE, case, require
from .wire import Deviation, encode, pack


@case("framing.split-in-two", MUST, "section 1", ("probe",))
def split_in_two(t):
    """A message has the same effect wherever it is cut in two."""
    m = t.start()
    guest = m.join()
    line, _ = t.next_probe()
    for cut in range(1, len(encode("GOT SUBCLIENT TEXT", guest.key, line.encode() + b"\n"))):
        line, mark = t.next_probe()
        data = encode("GOT SUBCLIENT TEXT", guest.key, line.encode() + b"\n")
        m.link.socket.sendall(data[:cut])
        time.sleep(0.002)
        m.link.socket.sendall(data[cut:])
        m.until(lambda: mark in guest.output, f"waiting for {mark!r}, cut behind byte {cut}")


@case("framing.many-in-one-write", MUST, "section 1", ("probe",))
def many_in_one_write(t):
    """Many messages in one write are each handled, in order."""
    m = t.start()
    guest = m.join()
    m.probe(guest)
    data, marks = b"", []
    for _ in range(60):
        line, mark = t.next_probe()
        data += encode("TICK") + encode("GOT SUBCLIENT TEXT", guest.key, line.encode() + b"\n")
        marks.append(mark)
    m.link.send_raw(data)
    at = 0
    for mark in marks:
        m.until(lambda: mark in guest.output[at:], f"waiting for {mark!r} behind the one before")
        at = guest.output.index(mark, at) + len(mark)


@case("framing.random-pieces", MUST, "section 1", ("probe",))
def random_pieces(t):
    """A stream of many messages may be cut anywhere."""
    m = t.start()
    guests = [m.join() for _ in range(3)]
    data, marks = b"", []
    for n in range(40):
        line, mark = t.next_probe()
        data += encode("GOT SUBCLIENT TEXT", guests[n % 3].key, line.encode() + b"\n")
        marks.append((guests[n % 3], mark))
    rng = random.Random(5)
    at = 0
    while at < len(data):
        size = rng.randrange(1, 40)
        m.link.socket.sendall(data[at:at + size])
        at += size
        time.sleep(0.001)
    for guest, mark in marks:
        m.until(lambda: mark in guest.output, f"waiting for {mark!r}")


@case("framing.unknown-ids", MUST, "section 1 (an unknown id is skipped by its length)", ("probe",))
def unknown_ids(t):
    """Messages of unknown ids are skipped by their length, whatever arguments they have."""
    m = t.start()
    guest = m.join()
    for number in range(256):
        if number not in wire.MESSAGES and not 64 <= number < 96:
            m.link.send_raw(pack(number) + pack(number, b"anything")
                            + pack(number, b"a", b"b", b"c", b"d"))
    m.link.send_raw(pack(200, b"a" * (wire.LENGTH_MAX - 4 - 2)))
    m.probe(guest)


@case("framing.largest-message", MUST, "section 1 (4044 bytes)", ("probe",))
def largest(t):
    """Input and saved info of 4044 bytes are taken."""
    guest = t.guest()
    m = t.start([guest, t.guest(saved=b"x" * wire.PAYLOAD_MAX)])
    m.log_in(guest)
    m.link.send("GOT SUBCLIENT TEXT", guest.key, b"x" * (wire.PAYLOAD_MAX - 1) + b"\n")
    m.probe(guest)


def refuse(t, data):
    """The link ends; nothing behind the fault is handled; the next link is served."""
    guest = t.guest()
    m = t.start([guest])
    m.log_in(guest)
    before = m.probe(guest) if t.options.probe else None
    behind = None
    if t.options.probe:
        line, behind = t.next_probe()
        data += encode("GOT SUBCLIENT TEXT", guest.key, line.encode() + b"\n")
    try:
        m.link.send_raw(data)
    except OSError:
        pass  # it may have closed already
    try:
        m.until_end()
    except Deviation:
        raise Deviation("the link is not closed (section 1)") from None
    require(guest.gone is None, "a user is killed for it (section 1)")
    m = t.again(m)
    if before:
        m.probe(guest)
        require(behind not in guest.output, "what stood behind the fault was handled")
    require(guest.gone is None, "a user is killed on the next link (section 1)")


for NAME, WHAT, DATA in faults.refused(text=24, saved=44, key=21, bare=8):
    SUITE.add(f"refused.{NAME}", MUST, "section 1 (refuse)",
              f"The link is closed at {WHAT}, and the next one served", refuse, (), (DATA,))
for NAME, WHAT, DATA in faults.doubtful(text=24, key=21, bare=8):
    SUITE.add(f"refused.{NAME}", SHOULD, "section 1 and 3",
              f"The link is closed at {WHAT}, and the next one served", refuse, (), (DATA,))
for NUMBER in sorted(wire.PLAIN & wire.DOWN - wire.UP):
    SUITE.add(f"refused.direction.{NUMBER}", MUST, "section 1 (a known id in the wrong direction)",
              f"The link is closed at {wire.MESSAGES[NUMBER][0]} ({NUMBER}) from a multiplexer, and the "
              "next one served", refuse, (), (faults.sample(NUMBER),))


@case("refused.before-the-start-is-through", MUST, "section 1")
def refuse_early(t):
    """Garbage instead of the first answer ends that link only; the next one is served."""
    for seed in range(6):
        m = t.dial()
        try:
            m.link.send_raw(faults.noise(seed))
            m.link.half_close()
            m.until_end()
        except OSError:
            pass
        m.link.close()
    t.start()


@case("framing.half-a-message-at-the-end", MUST, "section 1", ("probe",))
def half_at_the_end(t):
    """A part of a message at the end of a connection is never handled."""
    m = t.start()
    guest = m.join()
    m.probe(guest)
    line, mark = t.next_probe()
    m.link.send_raw(encode("GOT SUBCLIENT TEXT", guest.key, line.encode() + b"\n")[:-1])
    m = t.again(m)
    m.type(guest, "")  # would end the line, had the half been taken
    m.probe(guest)
    require(mark not in guest.output, "half a message was handled")


@case("keys.of-nobody", MUST, "section 2 and 3", ("probe",))
def keys_of_nobody(t):
    """Messages about well-formed keys of nobody, of any depth, change nothing."""
    m = t.start()
    guest = m.join()
    for key in [tuple(range(7, 7 + depth)) for depth in range(1, 11)] + [
            NOBODY, (guest.key[0],), guest.key + (7,), (7,) + guest.key, wire.EVERYONE]:
        m.link.send("GOT SUBCLIENT TEXT", key, b"anybody?\n")
        m.link.send("LOST SUBCLIENT", key)
    m.probe(guest)
    strays = [s for s in m.strays if s[0] != "SEND SUBCLIENT TEXT"]
    require(not strays, f"about them it says {strays}")
