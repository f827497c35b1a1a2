#!/usr/bin/python3
"""wire_manual.py [--write] [TOP]: proto/README.md must say what the code does.

Its table of messages has the rows of proto/messages.def, its tables of states the rows of the two
.def files, and each example decodes to what stands above it, by the second implementation of the wire
in tests/conformance/wire.py. That one has the same messages as the table, though it was written from
the protocol's text alone; and the fuzzer's corpus is what its generator makes. --write sets the table's rows and the bytes of the examples instead."""

import pathlib
import re
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(HERE / "tests"), str(HERE / "tests" / "fuzz")]
sys.dont_write_bytecode = True

import make_message_corpus  # noqa: E402
from conformance import wire  # noqa: E402

KINDS = {"KEY": ("key", "K"), "TEXT": ("text", "S"), "BYTES": ("bytes", "B"), "UINT": ("uint", "N")}
ARROWS = {"->": wire.UP, "<-": wire.DOWN}
faults = []


def fault(text, line=None, file="proto/README.md"):
    """line: counted from 0, as in a list of lines."""
    faults.append(f"{file}:{line + 1}: {text}" if line is not None else f"{file}: {text}")


# ---- the tables ----

def messages(text):
    """[(id, way, name, [(kind, field)], meaning)] of messages.def"""
    row = re.compile(r'^(UP|DOWN|BOTH) *\( *(\d+), (\w+), \w+, (.*?), "(.*)"\)$', re.M)
    rows = []
    for way, number, name, fields, meaning in row.findall(text):
        rows.append((int(number), way.lower(), name.replace("_", " "),
                     re.findall(r"(\w+)\((\w+)\)", fields), meaning))
    return rows


def message_rows(rows):
    return [f"| {number} | {number:02X} | {way} | {name} | "
            + ", ".join(f"{KINDS[kind][0]} {field}" for kind, field in fields)
            + f" | {meaning} |" for number, way, name, fields, meaning in rows]


def check_messages(rows, manual):
    there = {line: at for at, line in enumerate(manual) if re.match(r"\| \d+ \| [0-9A-F]{2} \|", line)}
    wanted = message_rows(rows)
    begin = min(there.values(), default=None)
    for line in wanted:
        if line not in there:
            fault(f"this row is missing, or another: {line}", begin)
    for line, at in there.items():
        if line not in wanted:
            fault(f"this row is not in messages.def: {line}", at)
    if not faults and list(there) != wanted:
        fault("the rows of messages stand in another order", begin)


def check_second_implementation(rows):
    def row(way, name, fields):
        return f"{name}, {way}, {fields or 'no arguments'}"

    ours = {number: row(way, name, "".join(KINDS[kind][1] for kind, _ in fields))
            for number, way, name, fields, _ in rows}
    theirs = {number: row("both" if number in wire.BOTH else "up" if number in wire.UP else "down",
                          *wire.MESSAGES[number]) for number in wire.MESSAGES}
    for number in sorted(ours.keys() | theirs.keys()):
        if ours.get(number) != theirs.get(number):
            fault(f"message {number} is \"{ours.get(number, 'not there')}\" there "
                  f"and \"{theirs.get(number, 'not there')}\" in tests/conformance/wire.py",
                  file="proto/messages.def")


def check_states(text, manual, name):
    rows = re.findall(r'^STATE\((\w+), *"\w+", *((?:TO\(\w+\) *)*)', text, re.M)
    if not rows:
        fault(f"{name}: no state found")
    for state, moves in rows:
        targets = ", ".join(re.findall(r"TO.(\w+)", moves))
        wanted = f"| {state} | {targets} |"
        if not any(line.startswith(wanted) for line in manual):
            fault(f"no row of a state begins as {name} has it: {wanted}")


# ---- the examples ----

def word_of(value):
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return ":".join(map(str, value))
    return '"' + value.decode("latin-1").encode("unicode_escape").decode().replace('"', '\\"') + '"'


def describe(message):
    name, *values = wire.decode(message)
    arrow = "->" if wire.ID[name] in wire.UP else "<-"
    return " ".join([arrow, name, *map(word_of, values)])


def encode(description):
    """The bytes of "-> NAME 5:199 "text" 42"."""
    name = max((n for n in wire.ID if re.match(rf"{n}( |$)", description[3:])), key=len)
    values = []
    for text, key, number in re.findall(r'"((?:[^"\\]|\\.)*)"|(\d+(?::\d+)+)|(\d+)',
                                        description[3 + len(name):]):
        values.append(tuple(map(int, key.split(":"))) if key else int(number) if number else
                      text.encode().decode("unicode_escape").encode("latin-1"))
    return wire.encode(name, *values)


def hex_lines(message):
    """Header and arguments apart, in lines of at most 100 columns."""
    parts, at = [message[:4]], 4
    while at < len(message):
        end = at + 2 + int.from_bytes(message[at:at + 2], "little")
        parts.append(message[at:end])
        at = end
    lines = [""]
    for part in (p.hex(" ").upper() for p in parts):
        if lines[-1] and len(lines[-1]) + 2 + len(part) > 97:
            lines.append("")
        lines[-1] += ("  " if lines[-1] else "") + part
    return ["   " + line for line in lines]


def examples(manual):
    """[(line number of the description, description, line numbers of its bytes, bytes)]"""
    found, inside = [], False
    for at, line in enumerate(manual):
        if line.startswith("```"):
            inside = line == "```wire"
        elif inside and line[:3] in ("-> ", "<- ", "!! "):
            found.append((at, line, [], bytearray()))
        elif inside:
            found[-1][2].append(at)
            found[-1][3].extend(bytes.fromhex(line))
    return found


def check_example(at, description, data):
    try:
        said = describe(data)
    except (AssertionError, KeyError, struct.error):
        said = None
    if description.startswith("!! "):
        if said is not None:
            fault(f"{description}: nothing is wrong with it: {said}", at)
    elif said != description:
        fault(f"{description}: its bytes say {said}", at)


# ---- all of it ----

def write(path, rows, manual):
    for at, description, lines, _ in reversed(examples(manual)):
        if not description.startswith("!! "):
            manual[lines[0]:lines[-1] + 1] = hex_lines(encode(description))
    manual[:] = [line for line in manual if not re.match(r"\| \d+ \| [0-9A-F]{2} \|", line)]
    at = next(i for i, line in enumerate(manual) if line.startswith("| id | hex |")) + 2
    manual[at:at] = message_rows(rows)
    path.write_text("\n".join(manual) + "\n", encoding="utf-8")


def main():
    words = [word for word in sys.argv[1:] if word != "--write"]
    top = pathlib.Path(words[0]) if words else HERE
    path = top / "proto" / "README.md"
    manual = path.read_text(encoding="utf-8").splitlines()
    rows = messages((top / "proto" / "messages.def").read_text(encoding="utf-8"))
    if "--write" in sys.argv:
        write(path, rows, manual)
        manual = path.read_text(encoding="utf-8").splitlines()
    check_messages(rows, manual)
    check_second_implementation(rows)
    for name in ("multiplexer/linkstates.def", "server/muxstates.def"):
        check_states((top / name).read_text(encoding="utf-8"), manual, name)
    if len(examples(manual)) < 40:
        fault("there are few examples: does their fence still begin with ```wire?")
    for at, description, _, data in examples(manual):
        check_example(at, description, bytes(data))
    for name, data in make_message_corpus.inputs().items():
        there = top / "tests" / "fuzz" / "corpus" / "message" / name
        if not there.exists() or there.read_bytes() != data:
            fault("run tests/fuzz/make_message_corpus.py", file=there.relative_to(top))
    for text in faults:
        print(text, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
