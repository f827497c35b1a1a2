"""A page whose connection is lost comes back to the same user; the game sees nothing of it."""

import json
import signal

import pytest

from daemons import wait_for
from pages import CLIENT, Page, Proxy


def start(holdfast, game="talker", **options):
    holdfast.map = game
    holdfast.listen("web", "websocket")
    holdfast.start(**options)


def page(holdfast, **how):
    p = Page(holdfast.addresses["web"], **how)
    holdfast.closers.append(lambda: p.player and p.player.close())
    p.connect()
    return p


def lose(holdfast, p, how="reset"):
    """The page's connection is lost, and the multiplexer has noticed."""
    if how == "reset":
        p.player.reset()
    elif how == "end":
        p.close()
    else:
        p.close(how)
    wait_for(lambda: [u["state"] for u in holdfast.users()].count("detached") >= 1, "he is waited for")


@pytest.mark.parametrize("how", ("reset", "end", 1001, 4000))
def test_a_page_comes_back_to_the_same_user_and_misses_nothing(holdfast, how):
    start(holdfast)
    p = page(holdfast)
    assert p.session["resumed"] is False and p.session["ttl"] == 120
    p.expect(b"hello websocket\r\n")
    other = page(holdfast)
    other.expect(b"hello websocket\r\n")
    user = next(u for u in holdfast.users() if u["state"] == "connected")
    lose(holdfast, p, how)
    other.say("all 3") # to both of them
    other.expect(b"00000003 ")
    detached, = (u for u in holdfast.users() if u["state"] == "detached")
    assert detached["key"] == user["key"] and detached["game_knows"] and detached["detached_s"] >= 0
    first = p.token
    assert p.connect()["resumed"] is True and p.session["lost"] == 0 and p.token != first
    p.say("echo back")
    p.expect(b"[4] back\r\n")
    for n in (1, 2, 3):
        assert p.text.count(b"%08d " % n) == 1
    assert p.text.count(b"hello") == 1
    assert {u["key"]: u["state"] for u in holdfast.users()}[user["key"]] == "connected"
    assert holdfast.metric("users_detached") == 0 and holdfast.metric("sessions_resumed") == 1
