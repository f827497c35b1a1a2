"""Section 4: how a server begins, and that it takes a listing of users of all kinds."""

import time

from . import wire
from .cases import MUST, SHOULD
from .server_bench import Guest, case, require
from .wire import encode


@case("start.order", MUST, "section 4 (a new server)")
def order(t):
    """A new link is greeted with NOT READY, TELL ME YOUR ACCEPT MODE, GET ALL SUBCLIENT INFO, in this order."""
    m = t.start()
    first = [name for name in m.said if name != "ARE YOU ALIVE"]
    require(first[:4] == ["NOT READY", "TELL ME YOUR ACCEPT MODE", "GET ALL SUBCLIENT INFO", "READY"],
            f"it says {', '.join(first)}")


@case("start.not-ready-at-once", MUST, "section 3 (id 4: sent at once on a new link)")
def at_once(t):
    """NOT READY comes by itself, before we have said anything."""
    m = t.dial()
    m.held = {"TELL ME YOUR ACCEPT MODE", "GET ALL SUBCLIENT INFO", "ARE YOU ALIVE"}
    m.until(lambda: m.said, "waiting for NOT READY")
    require(m.said[0] == "NOT READY", f"the first message is {m.said[0]}")


@case("start.ready-only-behind-the-listing", MUST, "section 3 (id 48: the place to send 5)")
def ready_last(t):
    """READY does not come before DONE SENDING ALL SUBCLIENT INFO, and comes then."""
    m = t.dial()
    guest = t.guest()
    m.guests[guest.key] = guest
    m.held = {"GET ALL SUBCLIENT INFO"}
    m.until(lambda: "GET ALL SUBCLIENT INFO" in m.said, "waiting for GET ALL SUBCLIENT INFO")
    m.tell_listed(guest)
    m.settle()
    require(not m.is_ready, "READY comes before the listing was done")
    m.link.send("DONE SENDING ALL SUBCLIENT INFO")
    m.until_ready()


@case("start.localhost-only", MUST, "section 3 (id 12, 13)")
def localhost_only(t):
    """A multiplexer that accepts localhost only is as good as another."""
    t.start(localhost_only=True)


@case("start.ticks", MUST, "section 3 (id 1)")
def ticks(t):
    """TICK is understood at any time, also before the first answer and within a listing."""
    m = t.dial()
    m.link.send("TICK")
    m.held = {"GET ALL SUBCLIENT INFO"}
    m.until(lambda: "GET ALL SUBCLIENT INFO" in m.said, "waiting for GET ALL SUBCLIENT INFO")
    guest = t.guest()
    m.guests[guest.key] = guest
    m.link.send("TICK")
    m.link.send("GOT SUBCLIENT", guest.key, guest.protocol, guest.ip)
    m.link.send("TICK")
    m.tell_saved(guest)
    m.link.send("DONE SENDING SUBCLIENT INFO", guest.key)
    m.link.send("TICK")
    m.link.send("DONE SENDING ALL SUBCLIENT INFO")
    m.until_ready()


def kinds(t):
    return [
        t.guest(), t.guest(protocol="telnet-char", ip="2001:db8::7"), t.guest(protocol="raw", ip="::1"),
        t.guest(protocol="websocket+tls", dns="host.example.org", ident="somebody"),
        t.guest(protocol="telnet-line+tls", dns="unsupported", ident="unsupported"),
        t.guest(protocol="carrier-pigeon"), t.guest(dns="a" * 255),
    ]


@case("start.users-of-all-kinds", MUST, "section 3 (a listing) and id 20", ("probe",))
def all_kinds(t):
    """Listed users of all protocols, addresses and names play on."""
    m = t.start(kinds(t))
    for guest in m.guests.values():
        m.log_in(guest)
    m.check_all()
    require(not m.strays, f"about keys of nobody it says {m.strays}")


@case("start.no-saved-info-to-be-had", MUST, "section 3 (id 46: a server treats it as 45)", ("probe",))
def could_not_get(t):
    """COULD NOT GET SUBCLIENT SAVED INFO in a listing is as good as none."""
    m = t.start([t.guest()], no_saved_info="COULD NOT GET SUBCLIENT SAVED INFO")
    for guest in list(m.guests.values()):
        m.log_in(guest)
    m.check_all()


@case("start.saved-info-of-somebody-else", SHOULD, "section 3 (id 44)", ("probe",))
def strange_saved_info(t):
    """Saved info that the game cannot read ends neither the server nor the link."""
    m = t.start([t.guest(saved=data) for data in (
        b"\0", b"x" * wire.PAYLOAD_MAX, bytes(range(256)), b"{}", b"[" * 4000, b"\xff\xfe")] + [t.guest()])
    stays = list(m.guests.values())[-1]
    m.log_in(stays)
    m.probe(stays)


@case("start.many-users", MUST, "section 3 (a listing)", ("probe",))
def many(t):
    """A listing of 300 users is taken, and the first and the last of them play."""
    guests = [t.guest() for _ in range(300)]
    m = t.start(guests)
    for guest in (guests[0], guests[150], guests[-1]):
        m.log_in(guest)
        m.probe(guest)


@case("start.byte-by-byte", MUST, "section 1")
def byte_by_byte(t):
    """Answers that come a byte at a time are understood."""
    m = t.dial()
    m.held = {"TELL ME YOUR ACCEPT MODE", "GET ALL SUBCLIENT INFO"}
    m.until(lambda: "TELL ME YOUR ACCEPT MODE" in m.said, "waiting for TELL ME YOUR ACCEPT MODE")
    slowly(m, encode("TICK") + encode("ACCEPTING ALL"))
    m.until(lambda: "GET ALL SUBCLIENT INFO" in m.said, "waiting for GET ALL SUBCLIENT INFO")
    guest = t.guest()
    m.guests[guest.key] = guest
    slowly(m, encode("GOT SUBCLIENT", guest.key, guest.protocol, guest.ip)
           + encode("THERE IS NO SUBCLIENT SAVED INFO", guest.key)
           + encode("DONE SENDING SUBCLIENT INFO", guest.key)
           + encode("DONE SENDING ALL SUBCLIENT INFO"))
    m.until_ready()


def slowly(m, data):
    for at in range(len(data)):
        m.link.socket.sendall(data[at:at + 1])
        time.sleep(0.001)


@case("start.chained-keys", MUST, "section 2 (deeper than 2 where multiplexers are chained)", ("probe",))
def chained(t):
    """Users with keys of every depth from 2 to 10 play, listed and accepted."""
    m = t.start([t.guest(depth=depth) for depth in range(2, 11)])
    for guest in list(m.guests.values()):
        m.log_in(guest)
    for depth in range(2, 11):
        m.join(t.guest(depth=depth))
    m.check_all()
    require(not m.strays, f"about keys of nobody it says {m.strays}")


@case("start.keys-that-are-alike", MUST, "section 2 (a key is all of its numbers)", ("probe",))
def alike(t):
    """Keys that differ in one number, or are the beginning of another, are different users."""
    n = t.guest().key[0]
    guests = [Guest((n, 1)), Guest((n, 2)), Guest((n + 0x80000000, 1)), Guest((n, 1, 1)),
              Guest((n, 1, 2)), Guest((0, n)), Guest((0xffffffff, 240))]
    m = t.start(guests)
    for guest in guests:
        m.log_in(guest)
    marks = [m.probe(guest) for guest in guests]
    for guest, mark in zip(guests, marks):
        for other in guests:
            require(other is guest or mark not in other.output, "an answer reached another user as well")
