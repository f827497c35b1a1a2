"""The place of the multiplexer: we dial, hold the users' side of everything, and answer as we must."""

import itertools
import time

from . import wire
from .cases import PeerGone, Skip, Suite
from .wire import Deviation, Ended, Silence, key_text, show

SUITE = Suite("AgNet, a game server under test: we are the multiplexer and its users")
case = SUITE.case

NOBODY = (4000000001, 239)
LISTENER = 7


class Guest:
    """A user of ours. `output` is all text that was sent to him."""

    def __init__(self, key, protocol="telnet-line", ip="192.0.2.7", saved=None, dns="unresolved",
                 ident="unresolved"):
        self.key, self.protocol, self.ip = key, protocol, ip
        self.saved, self.dns, self.ident = saved, dns, ident
        self.output = b""
        self.saves = 0         # how often something was saved for him
        self.gone = None       # how he ended: lost, killed, nobody


class Multiplexer:
    """One link, and what a multiplexer does with what the server says."""

    def __init__(self, bench, link):
        self.bench = bench
        self.link = link
        self.guests = {}         # key: Guest, who is connected
        self.past = {}           # key: Guest, who was
        self.said = []           # names of what the server said, in order
        self.strays = []         # what it said about keys that we do not have
        self.is_ready = False
        self.leaving = False     # it has said GOING OFFLINE
        self.localhost_only = False
        self.held = set()        # names of what is not answered now; by whoever has put it there
        self.no_saved_info = "THERE IS NO SUBCLIENT SAVED INFO"
        self.save_answer = "SAVED SUBCLIENT INFO"

    # -- what the server says --

    def take(self, message):
        name, *values = message
        if wire.ID[name] not in wire.DOWN:
            raise Deviation(f"a server does not say {show(message)} (section 3)")
        self.said.append(name)
        if name in self.held:
            return
        if len(values) and isinstance(values[0], tuple):
            self.take_about_user(name, *values)
        elif name == "NOT READY":
            self.is_ready = False
        elif name == "READY":
            self.is_ready = True
        elif name == "ARE YOU ALIVE":
            self.link.send("I AM ALIVE")
        elif name in ("ACCEPT LOCALHOST ONLY", "ACCEPT ALL", "TELL ME YOUR ACCEPT MODE"):
            if name != "TELL ME YOUR ACCEPT MODE":
                self.localhost_only = name == "ACCEPT LOCALHOST ONLY"
            self.tell_mode()
        elif name == "GET ALL SUBCLIENT INFO":
            self.tell_all()
        elif name == "SERVER GOING OFFLINE":
            self.leaving = True

    def take_about_user(self, name, key, *values):
        guest = self.guests.get(key)
        if name == "SEND SUBCLIENT TEXT" and key == wire.EVERYONE:
            for each in self.guests.values():
                each.output += values[0]
            return
        if guest is None:
            self.strays.append((name, key, *values))
            self.link.send("NO SUCH SUBCLIENT", key)
            return
        send = self.link.send
        if name == "SEND SUBCLIENT TEXT":
            guest.output += values[0]
        elif name == "KILL SUBCLIENT":
            self.end(guest, "killed")
            send("KILLED SUBCLIENT", key)
        elif name == "SAVE SUBCLIENT INFO":
            guest.saves += 1
            if self.save_answer == "SAVED SUBCLIENT INFO":
                guest.saved = values[0]
            if self.save_answer:
                send(self.save_answer, key)
            if self.save_answer == "NO SUCH SUBCLIENT":
                self.end(guest, "nobody")
        elif name == "DELETE SUBCLIENT SAVED INFO":
            guest.saved = None
            send("DELETED SUBCLIENT SAVED INFO", key)
        elif name == "GET SUBCLIENT DNS":
            send("SUBCLIENT DNS IS", key, guest.dns)
        elif name == "GET SUBCLIENT IDENTD":
            send("SUBCLIENT IDENTD IS", key, guest.ident)
        elif name == "GET SUBCLIENT IDLETIME":
            send("SUBCLIENT IDLETIME IS", key, 7)
        elif name == "GET SUBCLIENT CONNECTTIME":
            send("SUBCLIENT CONNECTTIME IS", key, 70)
        elif name == "GET SUBCLIENT SAVED INFO":
            self.tell_saved(guest)

    def end(self, guest, how):
        guest.gone = how
        self.past[guest.key] = self.guests.pop(guest.key)

    # -- what we say --

    def tell_mode(self):
        self.link.send("ACCEPTING LOCALHOST ONLY" if self.localhost_only else "ACCEPTING ALL")

    def tell_saved(self, guest):
        if guest.saved is None:
            self.link.send(self.no_saved_info, guest.key)
        else:
            self.link.send("SUBCLIENT SAVED INFO IS", guest.key, guest.saved)

    def tell_listed(self, guest):
        send, key = self.link.send, guest.key
        send("GOT SUBCLIENT", key, guest.protocol, guest.ip)
        send("SUBCLIENT DNS IS", key, guest.dns)
        send("SUBCLIENT IDENTD IS", key, guest.ident)
        send("SUBCLIENT IDLETIME IS", key, 7)
        send("SUBCLIENT CONNECTTIME IS", key, 86400)
        self.tell_saved(guest)
        send("DONE SENDING SUBCLIENT INFO", key)

    def tell_all(self):
        for guest in list(self.guests.values()):
            self.tell_listed(guest)
        self.link.send("DONE SENDING ALL SUBCLIENT INFO")

    def join(self, guest=None, names=False):
        """Somebody comes."""
        guest = guest or self.bench.guest()
        self.guests[guest.key] = guest
        self.link.send("GOT SUBCLIENT", guest.key, guest.protocol, guest.ip)
        if names:
            self.link.send("SUBCLIENT DNS IS", guest.key, guest.dns)
            self.link.send("SUBCLIENT IDENTD IS", guest.key, guest.ident)
        self.link.send("DONE SENDING SUBCLIENT INFO", guest.key)
        self.log_in(guest)
        return guest

    def log_in(self, guest):
        for line in self.bench.options.login:
            self.type(guest, self.bench.fill(line))

    def leave(self, guest):
        self.end(guest, "lost")
        self.link.send("LOST SUBCLIENT", guest.key)

    def type(self, guest, line):
        self.link.send("GOT SUBCLIENT TEXT", guest.key, line.encode() + b"\n")

    # -- waiting --

    def pump(self, seconds):
        """Carries out what there is; False when nothing came in that time."""
        if not self.link.new and not self.link.read_some(seconds):
            return False
        while self.link.new:
            self.take(self.link.new.pop(0))
        return True

    def until(self, condition, what):
        deadline = time.monotonic() + self.link.patience
        while not condition():
            if not self.pump(deadline - time.monotonic()) and not condition():
                if self.link.ended:
                    raise Ended(f"the link was closed; {what}; last said: {self.link.said_last()}")
                if time.monotonic() > deadline:
                    raise Silence(f"{what}; last said: {self.link.said_last()}")

    def settle(self):
        """Carries out all that comes within --settle."""
        deadline = time.monotonic() + self.bench.options.settle
        while time.monotonic() < deadline and not self.link.ended:
            self.pump(deadline - time.monotonic())

    def until_ready(self):
        self.until(lambda: self.is_ready, "waiting for READY")

    def until_end(self):
        self.until(lambda: self.link.ended, "waiting for the end of the link")

    def probe(self, guest):
        """He types what --probe says, and the game must answer with what --answer says: so all
        that was sent before has been handled."""
        mark = self.begin_probe(guest)
        self.until(lambda: mark in guest.output,
                   f"waiting for {mark!r} in answer to what {key_text(guest.key)} typed; he was "
                   f"shown {guest.output[-200:]!r}")
        return mark

    def begin_probe(self, guest):
        line, mark = self.bench.next_probe()
        self.type(guest, line)
        return mark

    def check_all(self):
        for guest in list(self.guests.values()):
            self.probe(guest)


class Bench:
    def __init__(self, options):
        self.options = options
        self.links = []
        self.numbers = itertools.count(int(time.time()) % 1000000 * 1000)
        self.probes = itertools.count(1)
        wire.connect(options.connect, options.patience).close()  # is anybody there at all?

    def fill(self, line):
        return line.replace("{n}", str(next(self.probes)))

    def next_probe(self):
        if not self.options.probe:
            raise Skip("needs --probe")
        n = str(next(self.probes))
        answer = self.options.answer or self.options.probe.split(" ", 1)[-1]
        return (self.options.probe.replace("{n}", n),
                answer.replace("{n}", n).encode())

    def guest(self, **how):
        """A new user of ours, of whom the server does not know yet. depth: of his key."""
        depth = how.pop("depth", 2)
        key = (next(self.numbers), *([LISTENER] * (depth - 1)))
        return Guest(key, **how)

    def dial(self, knows=wire.PLAIN):
        """A connection on which we have said nothing. The server may need a moment to see that the
        last one has ended."""
        try:
            sock = wire.dial(self.options.connect, self.options.redial)
        except Silence as why:
            raise PeerGone(str(why)) from None
        link = wire.Link(sock, self.options.patience, knows)
        self.links.append(link)
        return Multiplexer(self, link)

    def start(self, guests=(), **how):
        """A link whose start is through: the server has been told of these, and is READY."""
        deadline = time.monotonic() + self.options.redial
        while True:
            m = self.dial()
            m.guests = {g.key: g for g in guests}
            for name, value in how.items():
                setattr(m, name, value)
            try:
                m.until_ready()
                return m
            except (Ended, OSError):
                # It may still hold on to the last one.
                m.link.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def again(self, m, guests=None):
        """The link is lost, and dialled again; the users are the same unless others are given."""
        m.link.close()
        return self.start(m.guests.values() if guests is None else guests)

    def tidy(self):
        """Every user has left, so that the next case begins with none."""
        if self.options.gone:
            return
        live = [link for link in self.links if link.socket.fileno() >= 0]
        for link in live:
            link.close()
        self.links = []

    def abandon(self):
        self.tidy()

    def close(self):
        for link in self.links:
            link.close()


def require(condition, text):
    if not condition:
        raise Deviation(text)
