"""Every message of a multiplexer in every state of the link: none of them may end it, and the game
goes on. Made from the tables below, which are section 3 again."""

from .cases import MUST, SHOULD
from .server_bench import NOBODY, SUITE, require
from .wire import ID

# message: (values behind the key, or None if it has no key; whether its user is gone by it)
MESSAGES = {
    "TICK": (None, False), "I AM ALIVE": (None, False), "ACCEPTING ALL": (None, False),
    "ACCEPTING LOCALHOST ONLY": (None, False), "DONE SENDING ALL SUBCLIENT INFO": (None, False),
    "GOT SUBCLIENT": (("raw", "192.0.2.9"), False),
    "LOST SUBCLIENT": ((), True), "KILLED SUBCLIENT": ((), True), "NO SUCH SUBCLIENT": ((), True),
    "GOT SUBCLIENT TEXT": ((b"hello\n",), False),
    "SAVED SUBCLIENT INFO": ((), False), "COULD NOT SAVE SUBCLIENT INFO": ((), False),
    "DELETED SUBCLIENT SAVED INFO": ((), False),
    "SUBCLIENT DNS IS": (("host.example.org",), False), "SUBCLIENT IDENTD IS": (("me",), False),
    "SUBCLIENT IDLETIME IS": ((0,), False), "SUBCLIENT CONNECTTIME IS": ((0xffffffff,), False),
    "SUBCLIENT SAVED INFO IS": ((b"nobody asked for this",), False),
    "THERE IS NO SUBCLIENT SAVED INFO": ((), False), "COULD NOT GET SUBCLIENT SAVED INFO": ((), False),
    "DONE SENDING SUBCLIENT INFO": ((), False),
}
# Ends the server: server_end.py.
ENDINGS = {"MUX GOING OFFLINE"}

STATES = {  # name: (level, what it is)
    "listing": (SHOULD, "within a listing"),
    "ready": (MUST, "after READY"),
}
# Within a listing these end it.
NOT_IN_A_LISTING = {"DONE SENDING ALL SUBCLIENT INFO", "ACCEPTING LOCALHOST ONLY"}
# What makes known, or ends, somebody who is not there: no server has to expect that.
ODD = {"GOT SUBCLIENT", "DONE SENDING ALL SUBCLIENT INFO", "DONE SENDING SUBCLIENT INFO"}


def begin(t, state, guests):
    """A link in that state; to be ended by `through`."""
    if state == "ready":
        m = t.start(guests)
        return m
    m = t.dial()
    m.guests = {g.key: g for g in guests}
    m.held = {"GET ALL SUBCLIENT INFO"}
    m.until(lambda: "GET ALL SUBCLIENT INFO" in m.said, "waiting for GET ALL SUBCLIENT INFO")
    for guest in guests:
        m.tell_listed(guest)
    return m


def message(t, state, name):
    values, gone = MESSAGES[name]
    stays, about = t.guest(), t.guest()
    m = begin(t, state, [stays, about])
    if values is None:
        m.link.send(name)
        m.link.send(name)
    else:
        m.link.send(name, about.key, *values)
        if gone:
            m.end(about, "told")
        if name not in ODD:
            m.link.send(name, NOBODY, *values)
    if state == "listing":
        m.held = set()
        m.link.send("DONE SENDING ALL SUBCLIENT INFO")
        m.until_ready()
    m.log_in(stays)
    m.probe(stays)
    if gone:
        m.strays.clear()
        m.probe(stays)
        require(not m.strays, f"after {name} it says about him {m.strays}")
    elif name != "GOT SUBCLIENT":  # which may well be another user, with the same key
        m.log_in(about)
        m.probe(about)


for STATE, (LEVEL, WHERE) in STATES.items():
    for NAME, (VALUES, GONE) in MESSAGES.items():
        if STATE == "listing" and NAME in NOT_IN_A_LISTING:
            continue
        SUITE.add(f"messages.{STATE}.{NAME.lower().replace(' ', '-')}",
                  SHOULD if NAME in ODD else LEVEL, f"section 3 (id {ID[NAME]})",
                  f"{NAME} {WHERE}: " + ("that user is gone for it, the others play on" if GONE
                                         else "everybody plays on"),
                  message, ("probe",), (STATE, NAME))


def up_messages():
    """What the tables above hold: it has to be all that section 3 lets a multiplexer say."""
    return set(MESSAGES) | ENDINGS
