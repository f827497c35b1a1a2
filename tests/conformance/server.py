"""Tries a game server: python3 -m conformance.server --connect ADDRESS --probe LINE"""

import sys

from . import cases
from .server_bench import SUITE, Bench
# In this order they are run.
from . import server_start, server_framing, server_users, server_messages  # noqa: F401
from . import server_links, server_extensions, server_end  # noqa: F401


def options_of(argv):
    p = cases.parser("python3 -m conformance.server",
                     "Tries an AgNet game server: dials it as a multiplexer would. README.md says how.")
    p.add_argument("--connect", type=cases.address, metavar="ADDRESS",
                   help="where the server listens: unix:PATH or tcp:HOST:PORT")
    p.add_argument("--login", metavar="LINE", action="append", default=[],
                   help="what a new user types until the game listens to him; once for each line. "
                        "{n} is another number each time")
    p.add_argument("--probe", metavar="LINE",
                   help="what a user types so that the game answers him, with {n} in it: say {n}")
    p.add_argument("--answer", metavar="TEXT",
                   help="what is in the answer then, with {n} in it (what --probe says behind its "
                        "first word)")
    p.add_argument("--quit", metavar="LINE", help="what a user types so that the game disconnects him")
    p.add_argument("--save", metavar="LINE",
                   help="what a user types so that the game saves something for him, with {n} in it")
    p.add_argument("--restart-command", metavar="COMMAND",
                   help="restarts the server in order, or tells it to")
    p.add_argument("--redial", type=float, default=15, metavar="SECONDS",
                   help="how long it may take until the server takes another link (15)")
    options = p.parse_args(argv)
    options.gone = False
    for text in (options.probe, options.answer):
        if text is not None and "{n}" not in text:
            p.error("--probe and --answer need {n} in them, or old answers would pass for new ones")
    if not options.list and options.connect is None:
        p.error("--connect is needed")
    return options


def main(argv=None):
    return cases.run(SUITE, options_of(argv), Bench)


if __name__ == "__main__":
    sys.exit(main())
