"""Last of all, what ends the server: id 3."""

import time

from . import wire
from .cases import MUST, SHOULD
from .server_bench import case, require


@case("end.multiplexer-goes-offline", MUST, "section 3 (id 3)", ("destructive", "probe"))
def goes_offline(t):
    """At the multiplexer's GOING OFFLINE the server ends the link in order, and kills nobody before."""
    m = t.start()
    guests = [m.join() for _ in range(3)]
    m.check_all()
    say_goodbye(t, m)
    require(all(g.gone is None for g in guests), "it kills users")


def say_goodbye(t, m):
    t.options.gone = True
    m.link.send("MUX GOING OFFLINE")
    m.link.half_close()
    m.until_end()
    m.link.close()


@case("end.the-server-ends-too", SHOULD, "section 3 (id 3: normally ends too)", ("destructive", "probe"))
def ends_too(t):
    """Behind that the server ends: nobody takes a connection any more."""
    if not t.options.gone:
        say_goodbye(t, t.start())
    deadline = time.monotonic() + t.options.patience
    while time.monotonic() < deadline:
        try:
            wire.connect(t.options.connect, 1).close()
        except OSError:
            return
        time.sleep(0.05)
    require(False, "it still listens")
