"""What each client is shown of the same text."""

import pytest

from daemons import wait_for
from test_telnet_options import DO, GMCP, IAC, TTYPE, WILL, caps_of, sub, telnet

STEERING = "{red}\x1b[2J\x07\u202e2J{/}"
HARMLESS = b"{red}2J{/}"  # the sequence of an escape is not even a part of his line


@pytest.fixture
def painter(holdfast):
    holdfast.map = "painter"
    holdfast.listen(more="negotiate = always")
    holdfast.listen("raw", "raw")
    holdfast.start()
    return holdfast


def client(world, mtts, gmcp=False, listener="telnet", ask=caps_of):
    """One that says so in its terminal type, and is known for it, if one can ask."""
    player = world.player(listener)
    player.send(telnet(IAC, WILL, TTYPE))
    for name in ("TESTER", "XTERM", f"MTTS {mtts}"):
        player.send(sub(TTYPE, 0, name))
    if gmcp:
        player.send(telnet(IAC, DO, GMCP))
    if ask is None:
        player.expect(telnet(IAC, WILL, GMCP))  # which is offered once that is known
        return player
    wait_for(lambda: ask(player).get("mtts") == mtts, "the game knows his client")
    return player


def test_each_client_is_shown_the_colours_it_has(painter):
    shown = {
        0: b"x.",                                   # it only speaks of it: the terminal has 16
        1 | 4: b"\x1b[0;1;33mx\x1b[0m.",
        1 | 4 | 8: b"\x1b[0;1;38;5;208mx\x1b[0m.",
        1 | 4 | 8 | 256: b"\x1b[0;1;38;2;255;136;0mx\x1b[0m.",
        1 | 4 | 8 | 64 | 256: b"x.",                # a screen reader
    }
    for mtts, text in shown.items():
        if mtts == 0:
            player = painter.player("raw")
            player.expect(b"hello\r\n")
        else:
            player = client(painter, mtts)
        player.line("one x")
        player.expect(b"one " + text + b"\r\n")


def test_a_text_for_many_comes_to_each_as_its_client_shows_it(painter):
    plain, colours, ascii_only = painter.player("raw"), client(painter, 1 | 4), client(painter, 1)
    plain.expect(b"hello\r\n")
    for word in ("crowd", "all"):
        plain.line(word + " Zo\u00eb")
        plain.expect(f"{word} Zo\u00eb.\r\n".encode())
        colours.expect(f"{word} \x1b[0;31mZo\u00eb\x1b[0m.\r\n".encode())
        ascii_only.expect(f"{word} \x1b[0;31mZoe\x1b[0m.\r\n".encode())
    for word in ("crowd", "all", "plain"):
        plain.line(f"{word} {STEERING}")
        plain.expect(b"%s %s.\r\n" % (word.encode(), HARMLESS))
        colours.expect(HARMLESS)
        ascii_only.expect(HARMLESS)
    assert b"\x1b" not in plain.all
    assert b"\x07" not in plain.all + colours.all + ascii_only.all


def test_a_players_own_choice_of_colours_survives_the_game(painter):
    player, other = painter.player("raw"), painter.player("raw")
    player.expect(b"hello\r\n")
    other.expect(b"hello\r\n")
    player.line("colours 16")
    player.expect(b"so be it\r\n")
    player.line("all x")
    player.expect(b"all \x1b[0;31mx\x1b[0m.\r\n")
    other.expect(b"all x.\r\n")
    painter.server.kill9()
    painter.start_server()
    player.line("all x")
    player.expect(b"all \x1b[0;31mx\x1b[0m.\r\n")
    other.expect(b"all x.\r\n")
    player.line("colours auto")
    player.expect(b"so be it\r\n")
    player.line("one x")
    player.expect(b"one x.\r\n")


def test_gmcp_for_many_reaches_those_who_speak_it(painter):
    speaks, does_not = client(painter, 5, gmcp=True), painter.player("raw")
    does_not.expect(b"hello\r\n")
    speaks.line("gmcp hi")
    speaks.expect(sub(GMCP, 'Crowd.Said {"text":"hi"}'))
    speaks.expect(sub(GMCP, 'All.Said {"text":"hi"}'))
    does_not.line("plain done")
    does_not.expect(b"plain done.\r\n")
    assert b"Said" not in does_not.all
