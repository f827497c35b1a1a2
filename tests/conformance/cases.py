"""What a case is, how cases are run, and what is printed: the same for both suites."""

import argparse
import fnmatch
import json
import subprocess
import sys
import time
import traceback

from .wire import Deviation, Silence, parse_address

MUST, SHOULD, EXTENSION = "MUST", "SHOULD", "EXTENSION"

EXIT_CONFORMS = 0
EXIT_MUST = 1         # a MUST case failed
EXIT_OTHERS = 2       # only SHOULD or EXTENSION cases failed
EXIT_USAGE = 64
EXIT_NOBODY = 69      # the peer was never there, or is gone: the rest was not tried
EXIT_OURS = 70        # a fault of the suite itself


class Skip(Exception):
    """This case cannot be tried as things are; the reason is printed."""


class PeerGone(Silence):
    """The peer does not dial, or does not listen: nothing more can be tried."""


class Case:
    def __init__(self, name, level, where, about, function, needs, arguments):
        self.name = name
        self.level = level
        self.where = where          # paragraph of the protocol
        self.about = about          # one sentence: what is true of a peer that passes
        self.function = function
        self.needs = needs          # options without which it is skipped
        self.arguments = arguments


class Suite:
    """The cases of one side, in the order in which they are written."""

    def __init__(self, title):
        self.title = title
        self.cases = []

    def case(self, name, level, where, needs=()):
        """The first line of the docstring is what a conforming peer does."""
        def register(function):
            self.add(name, level, where, function.__doc__.split("\n")[0].rstrip("."), function, needs)
            return function
        return register

    def add(self, name, level, where, about, function, needs=(), arguments=()):
        assert name not in {c.name for c in self.cases}, name
        self.cases.append(Case(name, level, where, about, function, needs, arguments))


def chosen(case, patterns):
    return not patterns or any(fnmatch.fnmatch(case.name, p) or case.name.startswith(p + ".")
                               for p in patterns)


# ---- one case ----

class Result:
    def __init__(self, case):
        self.case = case
        self.verdict = "pass"       # pass, fail, skip, error
        self.why = ""
        self.seconds = 0.0


def start_command(text):
    """One of the command line, its output apart from ours."""
    return subprocess.Popen(text, shell=True, stdin=subprocess.DEVNULL, stdout=2)


def missing(case, options):
    for need in case.needs:
        if not getattr(options, need):
            return f"needs --{need.replace('_', '-')}"
    if case.level == EXTENSION and not options.extensions:
        return "an extension of section 5; tried with --extensions"
    return None


def run_case(case, bench):
    result = Result(case)
    began = time.monotonic()
    gone = False
    try:
        why = missing(case, bench.options)
        if why:
            raise Skip(why)
        case.function(bench, *case.arguments)
        bench.tidy()
    except Skip as why:
        result.verdict, result.why = "skip", str(why)
    except (Deviation, OSError) as why:
        gone = isinstance(why, PeerGone)
        result.verdict = "fail"
        result.why = str(why) if isinstance(why, Deviation) else f"the connection broke: {why}"
    except Exception:  # pylint: disable=broad-except
        result.verdict, result.why = "error", traceback.format_exc()
    if result.verdict not in ("pass",):
        bench.abandon()
    result.seconds = time.monotonic() - began
    return result, gone


# ---- what is printed ----

class Tap:
    """Test Anything Protocol, version 13: for people, and for any harness that knows it."""

    def __init__(self, out):
        self.out = out
        self.number = 0

    def say(self, text):
        print(text, file=self.out, flush=True)

    def begin(self, suite, count):
        self.say("TAP version 13")
        self.say(f"# {suite.title}")
        self.say(f"1..{count}")

    def result(self, r):
        self.number += 1
        word = "not ok" if r.verdict in ("fail", "error") else "ok"
        skip = f" # SKIP {r.why}" if r.verdict == "skip" else ""
        about = r.case.about.replace("#", "\\#")
        self.say(f"{word} {self.number} - {r.case.name}: {about} "
                 f"[{r.case.level}, {r.case.where}]{skip}")
        if r.verdict in ("fail", "error"):
            for line in r.why.splitlines():
                self.say(f"# {line}")

    def bail_out(self, why):
        self.say(f"Bail out! {why}")

    def end(self, results):
        for line in summary(results):
            self.say(f"# {line}")


class Json:
    """One object: {"suite", "results": [{"name", "level", "where", ...}], "summary"}."""

    def __init__(self, out):
        self.out = out
        self.title = None
        self.bailed = None

    def begin(self, suite, _count):
        self.title = suite.title

    def result(self, r):
        pass

    def bail_out(self, why):
        self.bailed = why

    def end(self, results):
        rows = [{"name": r.case.name, "verdict": r.verdict, "level": r.case.level,
                 "where": r.case.where, "about": r.case.about, "why": r.why,
                 "seconds": round(r.seconds, 3)} for r in results]
        json.dump({"suite": self.title, "results": rows, "summary": summary(results),
                   "stopped": self.bailed}, self.out, indent=1)
        self.out.write("\n")


def summary(results):
    lines = []
    for level in (MUST, SHOULD, EXTENSION):
        of = [r for r in results if r.case.level == level]
        if of:
            count = {v: sum(r.verdict == v for r in of) for v in ("pass", "fail", "skip", "error")}
            lines.append(f"{level}: {count['pass']} passed, {count['fail']} failed, "
                         f"{count['skip']} skipped"
                         + (f", {count['error']} broken cases" if count["error"] else ""))
    return lines


def exit_status(results):
    if any(r.verdict == "error" for r in results):
        return EXIT_OURS
    failed = {r.case.level for r in results if r.verdict == "fail"}
    return EXIT_MUST if MUST in failed else EXIT_OTHERS if failed else EXIT_CONFORMS


# ---- the command line ----

def address(text):
    try:
        return parse_address(text)
    except ValueError as why:
        raise argparse.ArgumentTypeError(str(why)) from None


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def parser(program, about):
    p = Parser(prog=program, description=about)
    p.add_argument("--list", action="store_true", help="print the cases, and end")
    p.add_argument("--only", metavar="PATTERN", action="append", default=[],
                   help="only the cases of this name or group (framing, framing.split, *.open.*); "
                        "may be given more than once")
    p.add_argument("--json", action="store_true", help="print one JSON object instead of TAP")
    p.add_argument("--extensions", action="store_true", help="try section 5 as well")
    p.add_argument("--destructive", action="store_true",
                   help="try at the end what makes the peer end")
    p.add_argument("--patience", type=float, default=10, metavar="SECONDS",
                   help="how long to wait for anything that must come (10)")
    p.add_argument("--settle", type=float, default=0.25, metavar="SECONDS",
                   help="how long to watch for what must not come (0.25)")
    p.add_argument("--chained", action="store_true",
                   help="more than one multiplexer stands between players and server: keys may be "
                        "deeper than 2")
    return p


def print_list(cases):
    for case in cases:
        needs = "".join(f" --{need.replace('_', '-')}" for need in case.needs)
        print(f"{case.name}\t{case.level}\t{case.where}\t{case.about}"
              + (f"\t(needs{needs})" if needs else ""))


def run(suite, options, make_bench, report=None):
    """Runs what is chosen; the exit status. make_bench(options) is closed at the end."""
    cases = [c for c in suite.cases if chosen(c, options.only)]
    if not cases:
        print("no case has such a name; --list shows them", file=sys.stderr)
        return EXIT_USAGE
    if options.list:
        print_list(cases)
        return EXIT_CONFORMS
    report = report or (Json if options.json else Tap)(sys.stdout)
    try:
        bench = make_bench(options)
    except OSError as why:
        print(f"cannot begin: {why}", file=sys.stderr)
        return EXIT_NOBODY
    results, gone_before, stopped = [], False, False
    report.begin(suite, len(cases))
    try:
        for case in cases:
            result, gone = run_case(case, bench)
            results.append(result)
            report.result(result)
            if gone and (gone_before or len(results) == 1):
                report.bail_out(result.why)
                stopped = True
                break
            gone_before = gone
    finally:
        bench.close()
    report.end(results)
    return EXIT_NOBODY if stopped else exit_status(results)
