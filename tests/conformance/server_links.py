"""Links that are lost, come twice, or end in order: section 4, ids 3 to 6."""

import time

from .cases import MUST, SHOULD, start_command
from .server_bench import case, require
from .wire import Ended, encode, show


@case("links.lost-and-made-anew", MUST, "section 4 (the multiplexer keeps trying)", ("probe",))
def anew(t):
    """After a loss of the link the next one is greeted and served, and its users play on."""
    m = t.start()
    guests = [m.join() for _ in range(3)]
    m.check_all()
    for _ in range(3):
        m = t.again(m)
        m.check_all()
    require(all(g.gone is None for g in guests), "somebody is killed for it")


@case("links.who-left-meanwhile", MUST, "section 4 and id 38", ("probe",))
def left_meanwhile(t):
    """Who is not in the listing of the next link is gone: nothing is said about him."""
    m = t.start()
    stays, goes = m.join(), m.join()
    m.check_all()
    m = t.again(m, [stays])
    m.probe(stays)
    m.probe(stays)
    m.settle()
    require(not m.strays, f"about him it says {', '.join(map(show, m.strays))}")


@case("links.another-user-meanwhile", MUST, "section 2 and 4", ("probe",))
def another_meanwhile(t):
    """Who is in the next listing for the first time plays like the others."""
    m = t.start()
    stays, comes = m.join(), t.guest()
    m.probe(stays)
    m = t.again(m, [comes, stays])
    m.log_in(comes)
    m.check_all()


@case("links.lost-in-the-start", MUST, "section 4", ("probe",))
def lost_in_start(t):
    """A link that is lost anywhere in its start leaves the next one as it should be."""
    guest = t.guest()
    for said in (b"", encode("ACCEPTING ALL"), encode("ACCEPTING ALL") + encode(
            "GOT SUBCLIENT", guest.key, guest.protocol, guest.ip), encode("ACCEPTING ALL") + encode(
            "GOT SUBCLIENT", guest.key, guest.protocol, guest.ip) + encode(
            "DONE SENDING SUBCLIENT INFO", guest.key)):
        m = t.dial()
        m.held = {"TELL ME YOUR ACCEPT MODE", "GET ALL SUBCLIENT INFO"}
        m.until(lambda: "TELL ME YOUR ACCEPT MODE" in m.said or m.link.ended,
                "waiting for TELL ME YOUR ACCEPT MODE")
        try:
            m.link.send_raw(said)
        except OSError:
            pass
        m.link.close()
        time.sleep(0.05)
    m = t.start([guest])
    m.log_in(guest)
    m.probe(guest)


@case("links.a-half-that-is-closed", SHOULD, "section 4", ("probe",))
def half_closed(t):
    """A multiplexer that has ended its side is taken for gone, and the next link served."""
    m = t.start()
    guest = m.join()
    m.probe(guest)
    m.link.half_close()
    m.until_end()
    m = t.again(m)
    m.probe(guest)


@case("links.a-silent-stranger", SHOULD, "section 4", ("probe",))
def silent_stranger(t):
    """Somebody who connects and says nothing does not disturb a multiplexer, before it or behind it."""
    before = t.dial()
    m = t.start()
    guest = m.join()
    behind = t.dial()
    m.probe(guest)
    before.link.close()
    behind.link.close()
    m.probe(guest)


@case("links.a-stranger-with-garbage", SHOULD, "section 1", ("probe",))
def stranger(t):
    """Somebody who talks nonsense beside a multiplexer does not disturb it."""
    m = t.start()
    guest = m.join()
    for data in (b"GET / HTTP/1.1\r\n\r\n" * 50, bytes(5000), b"\xff" * 5000):
        other = t.dial()
        try:
            other.link.send_raw(data)
        except OSError:
            pass
        m.probe(guest)
        other.link.close()
    m.probe(guest)


@case("links.a-second-multiplexer", SHOULD, "section 4", ("probe",))
def second(t):
    """A second multiplexer is served as well, or refused; it does not disturb the first one."""
    m = t.start()
    guest = m.join()
    m.probe(guest)
    other = t.dial()
    try:
        other.until_ready()
    except (Ended, OSError):
        pass  # refused
    else:
        other.probe(other.join())
    m.probe(guest)
    other.link.close()
    m.probe(guest)


# ---- an orderly restart ----

def restart(t, m, guests, while_marked=lambda: None):
    """The server is told to restart; everything it says up to the end of the link."""
    m.held = {"ARE YOU ALIVE"}
    command = start_command(t.options.restart_command)
    try:
        m.until(lambda: "ARE YOU ALIVE" in m.said or m.leaving or m.link.ended,
                "waiting for the server to leave")
        while_marked()
        m.held = set()
        if not m.leaving and not m.link.ended:
            m.link.send("I AM ALIVE")
        m.until(lambda: m.leaving or m.link.ended, "waiting for GOING OFFLINE")
        m.link.half_close()
        m.until_end()
    finally:
        command.wait()
    m.link.close()


@case("restart.says-goodbye", MUST, "section 3 (id 6)", ("probe", "restart_command"))
def goodbye(t):
    """A server that is restarted says GOING OFFLINE, as its last message, and kills nobody."""
    m = t.start()
    guests = [m.join() for _ in range(3)]
    m.check_all()
    restart(t, m, guests)
    require(m.leaving, "the link ends without it")
    require(m.said[-1] == "SERVER GOING OFFLINE", f"behind it comes {m.said[-1]}")
    require("TERMINATE" not in m.said, "it says TERMINATE for a restart")
    require(all(g.gone is None for g in guests), "somebody is killed")
    m = t.start(guests)
    m.check_all()


@case("restart.loses-no-line", SHOULD, "section 3 (id 4, 7): what was sent before the answer to a probe is handled",
      ("probe", "restart_command"))
def loses_nothing(t):
    """Leaving in order a server says NOT READY and ARE YOU ALIVE, and handles all that comes before the answer."""
    m = t.start()
    guests = [m.join() for _ in range(3)]
    m.check_all()
    marks = []

    def more():
        require("NOT READY" in m.said[m.said.index("READY"):], "it does not say NOT READY")
        for guest in guests:
            marks.append((guest, m.begin_probe(guest)))

    restart(t, m, guests, more)
    for guest, mark in marks:
        require(mark in guest.output, "a line that came before I AM ALIVE was not answered")
    m = t.start(guests)
    m.check_all()


@case("restart.keeps-what-was-saved", MUST, "section 4 (saved info outlives the server)",
      ("probe", "save", "restart_command"))
def keeps(t):
    """The next server takes what the one before it saved, and the users play on."""
    m = t.start()
    guests = [m.join() for _ in range(2)]
    for guest in guests:
        m.probe(guest)
        m.type(guest, t.fill(t.options.save))
        m.until(lambda: guest.saves > 0, "waiting for SAVE SUBCLIENT INFO")
    restart(t, m, guests)
    m = t.start(guests)
    m.check_all()


@case("restart.without-an-answer", SHOULD, "section 3 (id 7: it may take the multiplexer for dead)",
      ("probe", "restart_command"))
def unanswered(t):
    """A server whose ARE YOU ALIVE is not answered leaves all the same."""
    m = t.start()
    guest = m.join()
    m.probe(guest)
    m.held = {"ARE YOU ALIVE"}
    command = start_command(t.options.restart_command)
    m.until(lambda: m.leaving or m.link.ended, "waiting for GOING OFFLINE")
    m.link.half_close()
    m.until_end()
    command.wait()
    m.link.close()
    m = t.start([guest])
    m.probe(guest)


