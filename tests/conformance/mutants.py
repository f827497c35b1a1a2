"""Are the suites worth anything? Every case has to fail against some peer that is wrong, and to pass
against one that is right.

python3 -m conformance.mutants [--jobs N] [--only MUTANT]

Each mutant is one of the two examples with one thing spoilt, and says which cases must find it. A mutant
that is not found, a case that finds none, and a case that finds fault with an example as it is are
printed, and the exit status is 1."""

import argparse
import contextlib
import fnmatch
import io
import multiprocessing
import os
import random
import socket
import sys
import tempfile
import threading

from . import cases, multiplexer, server
from .example_multiplexer import ExampleMultiplexer
from .example_server import ExampleServer
from .mutants_of_multiplexer import MUTANTS as OF_MULTIPLEXER
from .mutants_of_server import MUTANTS as OF_SERVER

# Tried only when the peer speaks section 5, which the examples do not; or with an address elsewhere.
NOT_TRIED = ("extensions.*", "end.goes-offline", "accept.refuses-who-comes-from-elsewhere")
TRIED_ALL_THE_SAME = ("extensions.silent-without-a-hello", "extensions.not-without-a-hello",
                      "extensions.only-the-hello")


def is_tried(case):
    return case.name in TRIED_ALL_THE_SAME or not any(fnmatch.fnmatch(case.name, p) for p in NOT_TRIED)


def free_port():
    for _ in range(200):
        port = random.randrange(10000, 20000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


class Peer(threading.Thread):
    """The example, spoilt or not, until the case is through."""

    def __init__(self, peer):
        super().__init__(daemon=True)
        self.peer = peer
        self.is_over = False

    def run(self):
        try:
            while not self.is_over and not self.peer.is_through():
                self.peer.turn()
            self.peer.close()
        except Exception as why:  # pylint: disable=broad-except
            if not self.is_over:
                self.peer.close()
                print(f"{type(self.peer).__name__}: {why!r}", file=sys.stderr)


def try_multiplexer(kind, patterns, patience, directory):
    link = f"unix:{directory}/link"
    for _ in range(20):
        player, raw = (f"tcp:127.0.0.1:{free_port()}" for _ in range(2))
        arguments = ["--listen", link, "--player", player, "--raw", raw,
                     "--redial", str(4 * patience)]
        options = multiplexer.options_of(arguments + common(patterns, patience))
        try:
            peer = Peer(kind(options.listen, options.player, options.raw))
        except OSError:
            continue  # somebody else has taken one of the ports meanwhile
        return run(multiplexer.SUITE, options, multiplexer.Bench, peer)
    raise RuntimeError("no ports to listen on")


def try_server(kind, patterns, patience, directory):
    restart = f"{directory}/restart"
    arguments = ["--connect", f"unix:{directory}/link", "--probe", "say <{n}>", "--quit", "quit",
                 "--save", "save {n}", "--restart-command", f"touch {restart}",
                 "--redial", str(4 * patience)]
    options = server.options_of(arguments + common(patterns, patience))
    peer = Peer(kind(options.connect, restart))
    return run(server.SUITE, options, server.Bench, peer)


def common(patterns, patience):
    return ["--patience", str(patience), "--json", "--destructive",
            *(word for p in patterns for word in ("--only", p))]


def run(suite, options, make_bench, peer):
    """{case: verdict}"""
    verdicts = {}

    class Quiet(cases.Json):
        def result(self, r):
            verdicts[r.case.name] = (r.verdict, r.why)

        def end(self, _results):
            pass

    peer.start()
    with contextlib.redirect_stderr(io.StringIO()):
        cases.run(suite, options, make_bench, Quiet(None))
    peer.is_over = True
    peer.join(5)
    return verdicts


RIGHT = "has nothing wrong"
SIDES = {"multiplexer": ({RIGHT: (ExampleMultiplexer, ["*"]), **OF_MULTIPLEXER}, try_multiplexer,
                         multiplexer.SUITE),
         "server": ({RIGHT: (ExampleServer, ["*"]), **OF_SERVER}, try_server, server.SUITE)}
PATIENCE = 0.7        # for mutants: most are found by their silence
RIGHT_PATIENCE = 20.0 # nobody waits so long unless the machine is very busy
TRIES = 3             # some mutants are wrong only when the moment is right


def work(job):
    """One piece of one mutant: (side, mutant, {case: (verdict, why)})"""
    side, name, names = job
    mutants, attempt, _ = SIDES[side]
    kind = mutants[name][0]
    verdicts = {}
    for case in names:  # each on its own: with a peer to whom nothing has happened yet
        for _ in range(TRIES):
            with tempfile.TemporaryDirectory(prefix="agnet") as directory:
                patience = RIGHT_PATIENCE if name == RIGHT else PATIENCE
                verdicts.update(attempt(kind, [case], patience, directory))
            if name == RIGHT or verdicts[case][0] != "pass":
                break
    return side, name, verdicts


def jobs_of(only):
    for side, (mutants, _, suite) in SIDES.items():
        for name, (_, patterns) in mutants.items():
            if only and name not in only:
                continue
            names = [c.name for c in suite.cases if cases.chosen(c, patterns)]
            assert names, f"{name}: no case is called {patterns}"
            for pattern in patterns:
                assert any(cases.chosen(c, [pattern]) for c in suite.cases), f"{name}: {pattern}"
            for at in range(0, len(names), 8):
                yield side, name, names[at:at + 8]


def main():
    p = argparse.ArgumentParser(prog="python3 -m conformance.mutants", description=__doc__)
    p.add_argument("--jobs", type=int, default=4 * (os.cpu_count() or 1))
    p.add_argument("--only", action="append", metavar="MUTANT", help="only this one, no sums")
    p.add_argument("--verbose", action="store_true", help="why each case failed")
    options = p.parse_args()
    found = {side: set() for side in SIDES}
    bad = count = 0
    with multiprocessing.Pool(options.jobs) as pool:
        for side, name, verdicts in pool.imap_unordered(work, list(jobs_of(options.only))):
            for case, (verdict, why) in verdicts.items():
                count += 1
                if options.verbose:
                    print(f"{side} {name}: {case}: {verdict}: {why}")
                if name == RIGHT and verdict in ("pass", "skip"):
                    continue
                if name != RIGHT and verdict == "fail":
                    found[side].add(case)
                    continue
                bad = 1
                print(f"{side} that {name}: {case} says {verdict}. {why}")
    for side, (_, _, suite) in SIDES.items():
        for case in suite.cases:
            if not options.only and is_tried(case) and case.name not in found[side]:
                bad = 1
                print(f"no {side} is found by {case.name}")
    print(f"{count} trials, {sum(map(len, found.values()))} cases have found something")
    return bad


if __name__ == "__main__":
    sys.exit(main())
