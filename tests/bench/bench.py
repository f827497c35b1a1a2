#!/usr/bin/env python3
"""Measures Holdfast beside what people would use instead, and writes build/bench/report.md.

Everything that is compared runs in turns (A B A B), each figure is the median of its rounds, and
processor time is the kernel's count for the process that holds the players' sockets, so that what else
the machine does costs little of the truth. Figures do not travel from machine to machine; ratios do."""

import argparse
import pathlib
import resource
import sys
import tempfile
import time

import report
import subjects
import tables


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", dest="size", action="store_const", const="quick", default="full",
                       help="fewer rounds, fewer players")
    sizes.add_argument("--smoke", dest="size", action="store_const", const="smoke",
                       help="only whether it works: the figures mean nothing")
    parser.add_argument("tables", nargs="*", help="only these, of: " + " ".join(tables.ALL))
    parser.add_argument("--out", type=pathlib.Path, default=subjects.BUILD / "bench",
                        help="where the report is written")
    args = parser.parse_args()
    unknown = set(args.tables) - set(tables.ALL)
    if unknown:
        parser.error(f"no such table: {' '.join(sorted(unknown))}")

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    args.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    done = []
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as directory:
        for name in args.tables or tables.ALL:
            print(f"bench: {name} ...", file=sys.stderr, flush=True)
            run = tables.Run(pathlib.Path(directory) / name, args.size)
            table = tables.ALL[name](run)
            table.name = name
            done.append(table)
            print(table.text(), flush=True)
    report.write(args.out, done, args.size, time.monotonic() - began)
    print(f"bench: {args.out / 'report.md'} is written.")


if __name__ == "__main__":
    main()
