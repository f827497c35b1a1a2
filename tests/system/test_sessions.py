"""A page whose connection is lost comes back to the same user; the game sees nothing of it."""

import random
import re

import pytest

from daemons import wait_for
from pages import Page, Proxy
from test_extensions import hello, newcomer


def start(holdfast, game="talker", **options):
    holdfast.map = game
    holdfast.listen("web", "websocket")
    holdfast.start(**options)


def page(holdfast, **how):
    p = Page(holdfast.addresses["web"], **how)
    holdfast.closers.append(lambda: p.player and p.player.close())
    p.connect()
    return p


def states(holdfast):
    return sorted(user["state"] for user in holdfast.users())


def lose(holdfast, p, how="reset"):
    """The page's connection is lost, and the multiplexer has noticed."""
    before = states(holdfast).count("detached")
    if how == "reset":
        p.player.reset()
    elif how == "end":
        p.close()
    else:
        p.close(how)
    wait_for(lambda: states(holdfast).count("detached") > before, "he is waited for")


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


def test_the_game_sees_nothing_of_it(holdfast):
    holdfast.listen("web", "websocket")
    _, link = hello(holdfast, b"lists events caps pause handled flow")  # a heartbeat would come between
    p = Page(holdfast.addresses["web"])
    p.connect()
    key = newcomer(link)
    assert link.caps["w"] == 80 and link.caps["subprotocol"] == "play.holdfast"
    p.say("one")
    assert link.expect("GOT SUBCLIENT TEXT", key)[1] == b"one\n"
    for how in ("reset", "end", 1001, 4000):
        lose(holdfast, p, how)
        link.send("SEND SUBCLIENT TEXT", key, b"to one who is away\r\n")
        link.send("GET SUBCLIENT IDLETIME", key)
        link.expect("SUBCLIENT IDLETIME IS", key)
        assert p.connect()["resumed"]
        p.expect(b"to one who is away\r\n")
        p.say(f"after {how}")
        # the very next message: nothing else was told
        assert link.expect("GOT SUBCLIENT TEXT", key)[1] == f"after {how}\n".encode()
    assert p.text == b"to one who is away\r\n" * 4
    lose(holdfast, p)
    link.send("KILL SUBCLIENT", key)
    link.expect("KILLED SUBCLIENT", key)
    assert p.connect()["resumed"] is False
    assert newcomer(link) != key
    p.close(1000)
    link.expect("LOST SUBCLIENT")


def test_a_token_is_good_for_once_and_a_wrong_one_makes_a_new_user(holdfast):
    start(holdfast)
    p = page(holdfast)
    first = p.token
    lose(holdfast, p)
    p.connect()
    p.say("echo in again")
    p.expect(b"in again")
    thief = Page(holdfast.addresses["web"])
    holdfast.closers.append(lambda: thief.player.close())
    for token in (first, first[:-1], "A" * 32, "", "../../etc/passwd", p.token.swapcase()):
        thief.token = token
        assert thief.connect()["resumed"] is False
        thief.expect(b"hello websocket")
        assert b"in again" not in thief.text
        thief.close(1000)
    p.say("echo still here")
    p.expect(b"still here")
    assert holdfast.metric("sessions_refused") == 6 and holdfast.metric("sessions_resumed") == 1


def test_one_who_never_got_the_new_token_comes_back_by_the_old_one(holdfast):
    start(holdfast)
    p = page(holdfast)
    p.confirms = False
    p.expect(b"hello")
    for _ in range(3):
        token = p.token
        lose(holdfast, p)
        p.connect()
        p.token = token # as if the connection had been lost with the answer on its way
    lose(holdfast, p)
    assert p.connect()["resumed"] is True


def test_another_connection_takes_over_and_the_old_one_is_told(holdfast):
    start(holdfast)
    old = page(holdfast)
    old.expect(b"hello websocket")
    new = Page(holdfast.addresses["web"])
    holdfast.closers.append(lambda: new.player.close())
    new.token = old.token # a copied tab
    assert new.connect()["resumed"] is True
    new.expect(b"hello websocket")
    assert old.expect_close() == 4001
    new.say("echo mine")
    new.expect(b"mine")
    assert states(holdfast) == ["connected"]
    assert old.connect()["resumed"] is False # no fight: he is somebody new
    new.say("echo still mine")
    new.expect(b"still mine")
    assert states(holdfast) == ["connected", "connected"]


def test_who_comes_back_again_and_again_has_to_wait_and_loses_nothing(holdfast):
    start(holdfast)
    p = page(holdfast)
    for _ in range(30):
        lose(holdfast, p)
        assert p.connect()["resumed"]
    p.say("echo words")
    p.expect(b"[5] words")
    thief = Page(holdfast.addresses["web"])
    holdfast.closers.append(lambda: thief.player.close())
    thief.token = p.token
    with pytest.raises(AssertionError, match="lost .1013"):
        thief.connect()
    p.confirm() # the token was shown, but not used
    p.say("echo more")
    p.expect(b"[4] more")
    lose(holdfast, p)
    with pytest.raises(AssertionError, match="lost .1013"):
        p.connect()
    assert states(holdfast) == ["detached"]


def test_when_more_was_said_than_is_kept_it_is_told_and_how_things_are(holdfast):
    start(holdfast, game="teller", session_buffer="2KiB")
    p = page(holdfast)
    p.say("gmcp Room.Info {\"name\":\"Attic\"}")
    p.say("gmcp Comm.Channel.Text {\"text\":\"once\"}")
    p.until(lambda: any(name == "Comm.Channel.Text" for name, _ in p.messages), "the gossip")
    p.say("hide")
    p.until(lambda: ("Mux.Prompt", {"text": "Password: "}) in p.messages, "the prompt")
    other = page(holdfast)
    lose(holdfast, p)
    # as a page that is loaded anew, with nothing of what it was told
    p.seq, p.text, p.messages = 0, b"", []
    assert p.connect()["resumed"] and p.session["lost"] == 0
    p.until(lambda: ("Mux.Prompt", {"text": "Password: "}) in p.messages, "the prompt again")
    p.say("secret")
    p.expect(b"it has 6 bytes")
    p.say("gmcp Room.Info {\"name\":\"Cellar\"}")
    p.say("lines 100")
    p.expect(b"\n100 all work")
    lose(holdfast, p)
    p.seq, p.text, p.messages = 0, b"", []
    assert p.connect()["lost"] > 4000 and p.session["seq"] == p.session["lost"]
    p.expect(b"\n100 all work")
    assert b"\n1 all work" not in p.text and 1000 < len(p.text) < 2048
    p.until(lambda: ("Mux.Prompt", {"text": ""}) in p.messages, "the prompt is gone")
    assert p.messages == [("Mux.Echo", {"on": True}), ("Room.Info", {"name": "Cellar"}),
                          ("Mux.Prompt", {"text": ""})]
    assert holdfast.metric("sessions_gaps") == 1
    other.close(1000)


def test_who_does_not_come_back_in_time_is_gone_and_leaving_is_at_once(holdfast):
    start(holdfast, session_ttl="700ms")
    p = page(holdfast)
    p.expect(b"hello")
    lose(holdfast, p)
    wait_for(lambda: not holdfast.users(), "his time is over")
    assert holdfast.metric("closed_expired") == 1 and holdfast.metric("users_detached") == 0
    assert p.connect()["resumed"] is False
    p.close(1000)
    wait_for(lambda: not holdfast.users(), "he has left")
    assert holdfast.metric("sessions_detached") == 1 and holdfast.metric("closed_left") == 1


def test_without_a_time_there_are_no_sessions(holdfast):
    start(holdfast, session_ttl="0")
    p = page(holdfast)
    assert p.session == {"resumed": False, "name": "Holdfast"}
    p.expect(b"hello")
    p.player.reset()
    wait_for(lambda: holdfast.metric("closed_lost") + holdfast.metric("closed_left") == 1, "he is gone")
    assert not holdfast.users()


def test_one_who_is_waited_for_can_be_kicked_and_banned_and_outlives_the_game(holdfast):
    start(holdfast, game="ledger")
    kicked, banned, stays = page(holdfast), page(holdfast), page(holdfast)
    for p in (kicked, banned, stays):
        p.say("1")
        p.expect(b"ok 1 1")
        lose(holdfast, p)
    first, *_ = holdfast.users()
    assert "detached" in holdfast.ctl("users").stdout
    holdfast.ctl("kick", first["key"], "enough")
    assert states(holdfast) == ["detached"] * 2
    holdfast.restart()
    holdfast.server.kill9()
    holdfast.start_server()
    assert banned.connect()["resumed"]
    banned.say("2")
    banned.expect(b"ok 2 ")
    lose(holdfast, banned)
    assert stays.connect()["resumed"]
    stays.say("2")
    stays.expect(b"ok 2 ")
    assert b"[The game is restarting" in stays.text and b"[The game crashed" in stays.text
    assert kicked.connect()["resumed"] is False


def test_no_more_than_so_many_are_waited_for_and_their_output_has_its_bound(holdfast):
    many = 500
    start(holdfast, sessions_max=many, session_pool="1MiB", session_buffer="16KiB",
          silent_drop_from="0", silent_max="0")
    pages = [page(holdfast) for _ in range(many + 5)]
    for p in pages:
        p.say("echo here")
    for p in pages:
        p.expect(b"here")
    speaker = page(holdfast)
    for p in pages:
        p.player.reset()
    wait_for(lambda: holdfast.metric("users_now") == many + 1 and
             holdfast.metric("users_detached") == many, "so many are waited for")
    assert holdfast.metric("sessions_unkept") == 5
    speaker.say("all 20") # 20 KB to each of them
    speaker.expect(b"00000020 ")
    wait_for(lambda: holdfast.metric("session_bytes") > 900 << 10, "it is kept")
    assert holdfast.metric("session_bytes") <= (1 << 20) + (many + 6) * 1024
    back = 0
    for p in pages[::50]:
        if p.connect()["resumed"]:
            back += 1
            p.say("echo and back")
            p.expect(b"and back")
            p.close(1000)
    assert back >= 9
    speaker.close(1000)


def test_who_comes_back_from_elsewhere_counts_there(holdfast):
    holdfast.map = "talker"
    holdfast.listen("web", "websocket", more="proxies = '127.0.0.1'")
    holdfast.start(address_users="2", address_silent="0")

    def at(host):
        return Page(holdfast.addresses["web"],
                    header=f"PROXY TCP4 {host} 192.0.2.99 50000 4080\r\n".encode())

    p = at("192.0.2.1")
    holdfast.closers.append(lambda: p.player.close())
    p.connect()
    p.expect(b"hello")
    user, = holdfast.users()
    assert user["address"] == "192.0.2.1"
    lose(holdfast, p)
    p.header = p.header.replace(b"192.0.2.1 ", b"198.51.100.7 ")
    assert p.connect()["resumed"]
    user, = holdfast.users()
    assert user["address"] == "198.51.100.7"
    others = [at(host) for host in ("192.0.2.1", "192.0.2.1", "198.51.100.7")]
    for other in others:
        holdfast.closers.append(lambda other=other: other.player.close())
        other.connect()
    third = at("198.51.100.7")
    holdfast.closers.append(lambda: third.player.close())
    with pytest.raises(AssertionError, match="lost .1013"):
        third.connect()
    holdfast.ctl("ban", "198.51.100.7", "60", "no")
    assert p.expect_close() == 1008


def test_lines_typed_meanwhile_and_output_go_on_through_restarts_and_losses(holdfast):
    """1,000 lines each way; 20 games, some killed; 10 lost connections, by reset, by end and by silence.
    A game is killed only when all that was typed is answered: else some may be lost, and is told."""
    lines, seed = 1000, random.Random(4)
    start(holdfast, input_burst_lines="1000")
    proxy = Proxy(holdfast.addresses["web"])
    holdfast.closers.append(proxy.close)
    p = Page(proxy.address)
    p.connect()
    turns = [("restart", n) for n in range(14)] + [("kill", n) for n in range(6)] + \
        [("lose", how) for how in ("reset", "end", "stall") * 3 + ("reset",)]
    seed.shuffle(turns)
    typed, games = 0, 1
    for kind, how in turns:
        for _ in range(seed.randrange(20, 45)):
            if typed < lines:
                typed += 1
                p.say(f"echo line {typed}.")
        if kind != "lose":
            holdfast.wait_ready(games)
            games += 1
        if kind == "restart":
            holdfast.restart(wait=False) # the next loss may come in the middle of it
        elif kind == "kill":
            p.expect(f" line {typed}.".encode())
            holdfast.server.kill9()
            holdfast.start_server()
        else:
            if how == "stall":
                proxy.stall()
            else:
                proxy.cut(reset=how == "reset")
            p.player.close()
            p.connect()
    while typed < lines:
        typed += 1
        p.say(f"echo line {typed}.")
    p.expect(b" line 1000.")
    answers = [int(n) for n in re.findall(rb"\] line (\d+)\.\r\n", p.text)]
    assert answers == list(range(1, lines + 1))
    assert holdfast.metric("sessions_resumed") == 10 and holdfast.metric("users_accepted") == 1
    holdfast.wait_ready(21)
