#!/usr/bin/python3
"""dissector.py [--write] [TOP]: proto/agnet.lua must know the messages of proto/messages.def, with
their ways, names and fields. --write sets its table instead."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True

from wire_manual import HERE, KINDS, messages  # noqa: E402

ROW = re.compile(r"^\t\[\d+\] = \{.*\},$", re.M)


def wanted_rows(text):
    return [f"\t[{number}] = {{"
            + ", ".join([f'"{way}"', f'"{name}"']
                        + [f'"{KINDS[kind][0]} {field}"' for kind, field in fields]) + "},"
            for number, way, name, fields, _ in messages(text)]


def main():
    words = [word for word in sys.argv[1:] if word != "--write"]
    top = pathlib.Path(words[0]) if words else HERE
    path = top / "proto" / "agnet.lua"
    lua = path.read_text(encoding="utf-8")
    wanted = wanted_rows((top / "proto" / "messages.def").read_text(encoding="utf-8"))
    table = re.search(r"^local MESSAGES = \{\n(.*?)^\}$", lua, re.M | re.S)
    if not wanted or not table:
        print("dissector.py: one of the two tables was not found", file=sys.stderr)
        return 1
    if "--write" in sys.argv:
        path.write_text(lua[:table.start(1)] + "\n".join(wanted) + "\n" + lua[table.end(1):],
                        encoding="utf-8")
        return 0
    there = table.group(1).splitlines()
    for row in wanted:
        if row not in there:
            print(f"proto/agnet.lua: this row is missing, or another: {row.strip()}",
                  file=sys.stderr)
    for row in there:
        if row not in wanted or not ROW.match(row):
            print(f"proto/agnet.lua: this row is not in messages.def: {row.strip()}",
                  file=sys.stderr)
    if sorted(there) == sorted(wanted) and there != wanted:
        print("proto/agnet.lua: the rows stand in another order", file=sys.stderr)
    return 0 if there == wanted else 1


if __name__ == "__main__":
    sys.exit(main())
