"""From where new users are let in: localhost only, or everywhere. Who may switch it, what it does
at once, and what it outlives."""

import re

import pytest

from daemons import wait_for
from test_messages import address_of_this_machine

ONLY_LOCAL = b"Only players on this machine are let in at the moment. Please try again later.\r\n"


@pytest.fixture
def doorman(holdfast):
    """A game whose listener "elsewhere" is reached over an address that is not loopback."""
    here = address_of_this_machine()
    if not here:
        pytest.skip("this machine has no address but loopback")
    holdfast.listen()
    _, port = holdfast.listen("open", where="everywhere")
    holdfast.addresses["elsewhere"] = (here, port)
    holdfast.map = "doorman"
    holdfast.start()
    return holdfast


def wait_mode(holdfast, word):
    """Both daemons, the metric and the game's script say so."""
    wait_for(lambda: holdfast.admin("multiplexer", "status")["accept"] == word, word)
    wait_for(lambda: holdfast.admin("server", "accept")["accept"] == word, word)
    assert holdfast.metric("localhost_only") == (word == "localhost")
    assert word in holdfast.ctl("accept", "show").stdout


def is_let_in(holdfast, where="elsewhere"):
    """Whether one more user is; who is not is told why, and nothing else."""
    visitor = holdfast.player(where)
    visitor.line("show")
    visitor.expect(re.compile(rb"it is \w+\r\n|" + re.escape(ONLY_LOCAL)))
    if visitor.matched != ONLY_LOCAL:
        return True
    assert visitor.all == ONLY_LOCAL
    assert visitor.expect_end() == b""
    return False


def switch_by_console(holdfast, word):
    holdfast.admin("server", "accept", word)


def switch_by_ctl(holdfast, word):
    assert holdfast.ctl("accept", word).returncode == 0


def switch_by_script(holdfast, word):
    player = holdfast.player()
    player.line(word)
    player.expect(b"asked for " + word.encode())
    player.close()


@pytest.mark.parametrize("switch", [switch_by_console, switch_by_ctl, switch_by_script])
def test_the_mode_is_switched_from_everywhere_and_takes_effect_at_once(doorman, switch):
    before = doorman.player("elsewhere")
    before.line("show")
    before.expect(b"it is all\r\n")
    for _ in range(2):
        switch(doorman, "localhost")
        wait_mode(doorman, "localhost")
        assert not is_let_in(doorman)
        assert is_let_in(doorman, "telnet")
        before.line("show")
        before.expect(b"it is localhost\r\n")
        switch(doorman, "all")
        wait_mode(doorman, "all")
        assert is_let_in(doorman)
    assert before.is_connected()
    refused = doorman.metric("closed_not_local")
    assert refused == 2


def test_the_mode_outlives_restarts_and_crashes_of_the_server(doorman):
    doorman.ctl("accept", "localhost")
    wait_mode(doorman, "localhost")
    doorman.restart()
    wait_mode(doorman, "localhost")
    times = doorman.times_ready()
    doorman.server.kill9()
    refused = doorman.player("elsewhere")
    assert refused.expect_end() == ONLY_LOCAL  # also while it is away
    doorman.start_server(wait=False)
    doorman.wait_ready(times + 1)
    wait_mode(doorman, "localhost")
    assert not is_let_in(doorman)
    doorman.ctl("accept", "all")
    assert is_let_in(doorman)


def test_a_word_that_is_no_mode_is_refused_by_name_and_changes_nothing(doorman):
    for answer in (doorman.ctl("accept", "nobody"), doorman.ctl("server", "accept", "nobody")):
        assert answer.returncode != 0
        assert "'nobody' is none of localhost, all, show" in answer.stdout + answer.stderr
    wait_mode(doorman, "all")
