"""Section 5, from below: a server without a hello is as good as one that says it."""

from . import wire
from .cases import EXTENSION, SHOULD, Skip
from .server_bench import case, require
from .wire import MESSAGES

INCARNATION = b"conformance suit"


@case("extensions.only-the-hello", SHOULD, "section 5 (only after the hello and its answer)", ("probe",))
def only_hello(t):
    """A multiplexer that does not answer the hello is told nothing of section 5 but the hello, and that first."""
    m = t.start()
    guest = m.join()
    m.probe(guest)
    m.settle()
    said = [number for number, _ in m.link.skipped]
    require(set(said) <= {64}, f"it says {[MESSAGES.get(n, (n,))[0] for n in said]}")
    require(said.count(64) <= 1, "it says the hello more than once")


def hello(t, features, guests=()):
    """A link on which both said hello; m.features is what both have."""
    m = t.dial(frozenset(MESSAGES))
    m.guests = {g.key: g for g in guests}
    m.held = {"TELL ME YOUR ACCEPT MODE", "GET ALL SUBCLIENT INFO"}
    m.until(lambda: "GET ALL SUBCLIENT INFO" in m.said, "waiting for GET ALL SUBCLIENT INFO")
    if m.link.hello is None:
        raise Skip("it says no SERVER HELLO")
    theirs = set(m.link.hello[2].decode().split())
    m.features = theirs & set(features.split())
    m.link.send("MULTIPLEXER HELLO", 1, " ".join(sorted(m.features)) or "none", INCARNATION)
    m.held = {"HEARTBEAT", "HANDLED"}
    m.tell_mode()
    m.tell_all()
    m.until_ready()
    return m


@case("extensions.hello", EXTENSION, "section 5 (id 64, 65)", ("probe",))
def says_hello(t):
    """The hello is the first message; agreed on nothing, everything stays plain AgNet."""
    m = hello(t, "")
    require(m.link.hello[1] >= 1, f"version {m.link.hello[1]}")
    m.probe(m.join())
    m.settle()
    beyond = [name for name in m.said if wire.ID[name] >= 64]
    require(not beyond, f"though nothing was agreed on it says {beyond}")


@case("extensions.heartbeat", EXTENSION, "section 5 (id 82, 83)", ("probe",))
def heartbeat(t):
    """HEARTBEAT is answered with its number."""
    m = hello(t, "heartbeat")
    if "heartbeat" not in m.features:
        raise Skip("it does not have heartbeat")
    for number in (0, 7, 0xffffffff):
        m.link.send("HEARTBEAT", number)
    m.until(lambda: m.said.count("HEARTBEAT ANSWER") == 3, "waiting for three answers")
    answers = [x[1] for x in m.link.heard if x[0] == "HEARTBEAT ANSWER"]
    require(answers == [0, 7, 0xffffffff], f"the answers are {answers}")


@case("extensions.handled", EXTENSION, "section 5 (id 84)", ("probe",))
def handled(t):
    """HANDLED only grows, never past what was sent, and reaches it."""
    m = hello(t, "handled")
    if "handled" not in m.features:
        raise Skip("it does not have handled")
    guest = m.join()
    for _ in range(5):
        m.probe(guest)
    counts = []

    def enough():
        counts[:] = [x[1] for x in m.link.heard if x[0] == "HANDLED"]
        return len(counts) >= 2
    m.until(enough, "waiting for HANDLED")
    require(counts == sorted(counts), f"it says {counts}")
    require(counts[-1] < 100, f"it has handled {counts[-1]} messages, which is more than were sent")


@case("extensions.caps-and-events", EXTENSION, "section 5 (id 72, 74)", ("probe",))
def caps_and_events(t):
    """Caps and events of any content, JSON or not, are no trouble."""
    m = hello(t, "caps events")
    guest = m.join()
    for data in (b"{}", b'{"client":"x","w":80}', b"[[[[", b"\xff\xfe", b"null", b"[" * 4000):
        if "caps" in m.features:
            m.link.send("SUBCLIENT CAPS ARE", guest.key, data)
        if "events" in m.features:
            for flags in (0, 1, 2, 3, 0xffffffff):
                m.link.send("GOT SUBCLIENT EVENT", guest.key, "gmcp", flags, data)
    m.probe(guest)
