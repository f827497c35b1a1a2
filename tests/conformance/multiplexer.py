"""Tries a multiplexer: python3 -m conformance.multiplexer --listen ADDRESS --player ADDRESS"""

import sys

from . import cases
from .mux_bench import SUITE, Bench
# In this order they are run.
from . import mux_framing, mux_start, mux_users, mux_input, mux_saved  # noqa: F401
from . import mux_answers, mux_links, mux_extensions, mux_end  # noqa: F401


def options_of(argv):
    p = cases.parser("python3 -m conformance.multiplexer",
                     "Tries an AgNet multiplexer: listens in the place of the game server, and "
                     "connects to it as its players. README.md says how.")
    p.add_argument("--listen", type=cases.address, metavar="ADDRESS",
                   help="where the multiplexer dials its server: unix:PATH or tcp:HOST:PORT")
    p.add_argument("--player", type=cases.address, metavar="ADDRESS",
                   help="where it takes its users: tcp:HOST:PORT or unix:PATH")
    p.add_argument("--player-kind", choices=("line", "raw"), default="line",
                   help="what users speak there: telnet with whole lines, or bytes as they are (line)")
    p.add_argument("--raw", type=cases.address, metavar="ADDRESS",
                   help="a second listener, that passes bytes as they are both ways")
    p.add_argument("--elsewhere", type=cases.address, metavar="ADDRESS",
                   help="an address by which users come that are not local: for the accept modes")
    p.add_argument("--local", type=cases.address, metavar="ADDRESS",
                   help="with --elsewhere: the address of the same listener by which users are local")
    p.add_argument("--redial", type=float, default=15, metavar="SECONDS",
                   help="how long it may take until the multiplexer dials again (15)")
    p.add_argument("--tick", type=float, default=5, metavar="SECONDS",
                   help="how long it may take until a TICK comes (5)")
    p.add_argument("--half-close", type=float, default=0, metavar="SECONDS",
                   help="how long a user stays whose client has ended its sending side (0)")
    p.add_argument("--stop-command", metavar="COMMAND",
                   help="ends the multiplexer in order; tried with --destructive")
    options = p.parse_args(argv)
    options.gone = False
    if not options.list and (options.listen is None or options.player is None):
        p.error("--listen and --player are needed")
    return options


def main(argv=None):
    return cases.run(SUITE, options_of(argv), Bench)


if __name__ == "__main__":
    sys.exit(main())
