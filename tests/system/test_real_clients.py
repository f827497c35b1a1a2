"""What GNU telnet and TinTin++ do by themselves, against the daemons."""

import pytest

from daemons import CRASHED, wait_for
from terminals import Telnet, TinTin


@pytest.fixture
def talk(holdfast):
    holdfast.map = "talker"
    holdfast.start()

    def sit_down(kind):
        home = holdfast.dir / f"home{len(holdfast.closers)}"
        home.mkdir()
        client = kind(holdfast.addresses["telnet"], home)
        holdfast.closers.append(client.close)
        client.expect("hello telnet-line")
        return client
    return holdfast, sit_down


@pytest.mark.parametrize("kind", [Telnet, TinTin])
def test_lines_go_there_and_back(talk, kind):
    _, sit_down = talk
    client = sit_down(kind)
    for n in range(20):
        client.line(f"echo number {n} and \u00fcml\u00e4uts")
        client.expect(rf"\[\d+\] number {n} and ".encode() + "\u00fcml\u00e4uts".encode())
    assert client.is_connected()


def test_after_an_interrupt_telnet_shows_output_again(talk):
    """It sends IAC IP IAC DO TIMING-MARK and throws all output away until the answer."""
    _, sit_down = talk
    client = sit_down(Telnet)
    for n in range(5):
        client.line(f"echo before {n}")
        client.expect(rf"\] before {n}\r\n")
        client.interrupt()
        client.line(f"echo after {n}")
        client.expect(rf"\] after {n}\r\n")


def test_an_interrupt_while_the_server_is_away_is_answered_too(talk):
    holdfast, sit_down = talk
    client = sit_down(Telnet)
    holdfast.server.kill9()
    client.expect("crashed")
    client.interrupt()
    client.line("echo still here")
    holdfast.start_server()
    client.expect(r"\] still here")


@pytest.mark.parametrize("kind", [Telnet, TinTin])
def test_a_long_line_of_a_real_client_arrives_whole(talk, kind):
    _, sit_down = talk
    client = sit_down(kind)
    text = "word " * 180  # below what a terminal takes as one line
    client.line("echo " + text.strip())
    client.expect(rf"\[{len(text.strip())}\]")


@pytest.mark.parametrize("kind", [Telnet, TinTin])
def test_the_game_ends_a_client_and_says_why_first(talk, kind):
    holdfast, sit_down = talk
    client = sit_down(kind)
    client.line("kick You have won.")
    client.expect("You have won\\.")
    wait_for(lambda: not client.is_connected(), "he is disconnected")
    wait_for(lambda: not holdfast.users(), "the multiplexer knows")


@pytest.mark.parametrize("kind", [Telnet, TinTin])
def test_a_client_that_is_killed_just_leaves(talk, kind):
    holdfast, sit_down = talk
    client, other = sit_down(kind), sit_down(kind)
    client.line("half a li")
    client.close()
    wait_for(lambda: len(holdfast.users()) == 1, "he is gone")
    other.line("echo alone")
    other.expect(r"\] alone")
    assert CRASHED not in other.all
