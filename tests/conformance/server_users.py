"""Users who come, type, save, and go, as the server sees them: ids 20 to 30."""

from . import wire
from .cases import MUST, SHOULD
from .server_bench import case, require
from .wire import encode, show


@case("users.come-and-play", MUST, "section 3 (id 20, 47)", ("probe",))
def come(t):
    """A user who was accepted is heard and answered, with names in his acceptance or without."""
    m = t.start()
    for names in (False, True):
        m.probe(m.join(names=names))
    require(not m.strays, f"about keys of nobody it says {m.strays}")


@case("users.answers-reach-who-asked", MUST, "section 3 (id 24, 25)", ("probe",))
def who_asked(t):
    """Each of forty users gets his own answer."""
    m = t.start()
    guests = [m.join() for _ in range(40)]
    marks = [m.begin_probe(guest) for guest in guests]
    for guest, mark in zip(guests, marks):
        m.until(lambda: mark in guest.output, f"waiting for {mark!r}")
    require(not m.strays, f"about keys of nobody it says {m.strays}")


@case("users.a-line-in-pieces", MUST, "section 3 (id 24: part of a line, a line, or several)", ("probe",))
def pieces(t):
    """A line that comes a byte at a time, between the bytes of another user's, is one line."""
    m = t.start()
    one, two = m.join(), m.join()
    lines = [t.next_probe(), t.next_probe()]
    first, second = (line.encode() + b"\n" for line, _ in lines)
    for n in range(max(len(first), len(second))):
        for guest, data in ((one, first), (two, second)):
            if data[n:n + 1]:
                m.link.send("GOT SUBCLIENT TEXT", guest.key, data[n:n + 1])
    for guest, (_, mark) in ((one, lines[0]), (two, lines[1])):
        m.until(lambda: mark in guest.output, f"waiting for {mark!r}")


@case("users.lines-in-one-message", MUST, "section 3 (id 24: part of a line, a line, or several)",
      ("probe",))
def several(t):
    """Several lines in one message, the last of them unfinished, are several lines in order."""
    m = t.start()
    guest = m.join()
    probes = [t.next_probe() for _ in range(12)]
    data = "".join(line + "\n" for line, _ in probes).encode()
    m.link.send("GOT SUBCLIENT TEXT", guest.key, data[:-3])
    m.link.send("GOT SUBCLIENT TEXT", guest.key, data[-3:])
    at = 0
    for _, mark in probes:
        m.until(lambda: mark in guest.output[at:], f"waiting for {mark!r} behind the one before")
        at = guest.output.index(mark, at) + len(mark)


@case("users.lost", MUST, "section 3 (id 21)", ("probe",))
def lost(t):
    """After LOST SUBCLIENT nothing more is said about him, but for what was on its way."""
    m = t.start()
    stays, goes = m.join(), m.join()
    m.probe(goes)
    m.begin_probe(goes)
    m.leave(goes)
    m.probe(stays)  # the server has handled his going by now
    m.strays.clear()
    for _ in range(5):
        m.probe(stays)
    m.settle()
    require(not m.strays, f"about him it says {', '.join(map(show, m.strays))}")


@case("users.lost-in-the-middle-of-a-line", MUST, "section 3 (id 21, 24)", ("probe",))
def lost_in_line(t):
    """Half a line of somebody who left is not the beginning of another's."""
    m = t.start()
    goes = m.join()
    m.link.send("GOT SUBCLIENT TEXT", goes.key, b"half a line of somebody who is gone")
    m.leave(goes)
    guest = m.join()
    m.probe(guest)
    require(b"somebody who is gone" not in guest.output, "it is his")


@case("users.lost-before-he-was-done", MUST, "section 3 (id 20, 21, 47)", ("probe",))
def lost_before_done(t):
    """A user who is lost between GOT SUBCLIENT and DONE, or right behind it, is no trouble."""
    m = t.start()
    stays = m.join()
    for done in (False, True):
        guest = t.guest()
        m.link.send("GOT SUBCLIENT", guest.key, guest.protocol, guest.ip)
        m.guests[guest.key] = guest
        if done:
            m.link.send("DONE SENDING SUBCLIENT INFO", guest.key)
        m.leave(guest)
    m.probe(stays)


@case("users.come-and-go-often", MUST, "section 3 (id 20, 21)", ("probe",))
def often(t):
    """Two hundred users who come and go are no trouble to one who stays."""
    m = t.start()
    stays = m.join()
    for n in range(200):
        guest = m.join()
        if n % 50 == 0:
            m.probe(guest)
        m.leave(guest)
    m.probe(stays)
    m.strays.clear()
    m.probe(stays)
    require(not m.strays, f"about those who left it says {', '.join(map(show, m.strays))}")


@case("users.no-such-subclient", MUST, "section 3 (id 39: he is gone)", ("probe",))
def no_such(t):
    """After NO SUCH SUBCLIENT nothing more is said to that user."""
    m = t.start()
    stays, goes = m.join(), m.join()
    m.probe(goes)
    m.end(goes, "nobody")
    m.link.send("NO SUCH SUBCLIENT", goes.key)
    m.probe(stays)
    m.strays.clear()
    m.type(goes, "am I here?")
    m.probe(stays)
    require(not m.strays, f"about him it says {', '.join(map(show, m.strays))}")


@case("users.killed", MUST, "section 3 (id 22, 23)", ("probe", "quit"))
def killed(t):
    """A user whom the game ends is killed once; behind KILLED SUBCLIENT nothing more is said about him."""
    m = t.start()
    stays, goes = m.join(), m.join()
    m.probe(goes)
    m.type(goes, t.fill(t.options.quit))
    m.until(lambda: goes.gone == "killed", "waiting for KILL SUBCLIENT")
    m.probe(stays)
    m.strays.clear()
    m.probe(stays)
    m.settle()
    require(not m.strays, f"about him it says {', '.join(map(show, m.strays))}")
    require(m.said.count("KILL SUBCLIENT") == 1, "he is killed more than once")


@case("users.types-while-he-is-killed", MUST, "section 3 (id 22 to 24)", ("probe", "quit"))
def types_while_killed(t):
    """Input that crosses KILL SUBCLIENT is no trouble, and neither is a LOST that does."""
    m = t.start()
    stays, goes, leaves = m.join(), m.join(), m.join()
    m.held = {"KILL SUBCLIENT"}
    for guest in (goes, leaves):
        m.probe(guest)
        m.type(guest, t.fill(t.options.quit))
    m.until(lambda: m.said.count("KILL SUBCLIENT") == 2, "waiting for KILL SUBCLIENT twice")
    m.type(goes, "one more line")
    m.leave(leaves)  # he has gone by himself: the answer to KILL is 39
    m.link.send("NO SUCH SUBCLIENT", leaves.key)
    m.end(goes, "killed")
    m.link.send("KILLED SUBCLIENT", goes.key)
    m.probe(stays)
    m.strays.clear()
    m.probe(stays)
    require(not m.strays, f"about them it says {', '.join(map(show, m.strays))}")


@case("saves.answered-or-not", MUST, "section 3 (id 26, 28, 29)", ("probe", "save"))
def saves(t):
    """The game goes on whether a save is answered by 28 or by 29."""
    for answer in ("SAVED SUBCLIENT INFO", "COULD NOT SAVE SUBCLIENT INFO"):
        m = t.start(save_answer=answer)
        guest = m.join()
        m.probe(guest)
        m.type(guest, t.fill(t.options.save))
        m.until(lambda: guest.saves > 0, "waiting for SAVE SUBCLIENT INFO")
        m.probe(guest)
        m.link.close()


@case("saves.never-answered", SHOULD, "section 3 (id 26)", ("probe", "save"))
def saves_unanswered(t):
    """The game does not stand still while a save is not answered."""
    m = t.start(save_answer=None)
    guest = m.join()
    for _ in range(3):
        before = guest.saves
        m.type(guest, t.fill(t.options.save))
        m.until(lambda: guest.saves > before, "waiting for SAVE SUBCLIENT INFO")
        m.probe(guest)


@case("saves.for-who-is-gone", MUST, "section 3 (id 26, 39)", ("probe", "save"))
def saves_gone(t):
    """A save that is answered by NO SUCH SUBCLIENT ends that user for the game."""
    m = t.start(save_answer="NO SUCH SUBCLIENT")
    stays, goes = m.join(), m.join()
    m.probe(goes)
    m.type(goes, t.fill(t.options.save))
    m.until(lambda: goes.gone == "nobody", "waiting for SAVE SUBCLIENT INFO")
    m.probe(stays)
    m.strays.clear()
    m.probe(stays)
    require(not m.strays, f"about him it says {', '.join(map(show, m.strays))}")


@case("saves.come-back", MUST, "section 4 (saved info outlives the server) and id 44", ("probe", "save"))
def come_back(t):
    """What the game saved it takes back when the link is made anew."""
    m = t.start()
    guest = m.join()
    m.probe(guest)
    m.type(guest, t.fill(t.options.save))
    m.until(lambda: guest.saved is not None, "waiting for SAVE SUBCLIENT INFO")
    m = t.again(m)
    m.probe(guest)
    require(not m.strays, f"about keys of nobody it says {m.strays}")


@case("users.much-at-once", SHOULD, "section 3 (id 1: a server may loop on a blocking read)", ("probe",))
def much(t):
    """A flood of TICKs and of messages about nobody is worked through."""
    m = t.start()
    guest = m.join()
    m.link.send_raw((encode("TICK") + encode("GOT SUBCLIENT TEXT", (1, 2), b"x" * 100 + b"\n")) * 20000)
    m.probe(guest)
    require(wire.ID["READY"] and not m.link.ended, "the link is gone")
