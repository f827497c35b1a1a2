"""Several multiplexers in front of one game: whose players are whose, and what the end, the silence
or the return of one of them is to the others."""

import json
import re

import pytest

from agnet import ScriptedMultiplexer
from daemons import AdminLine, free_port, wait_for
from players import Player, Swarm

FIRST, SECOND, THIRD = b"incarnation.. 1.", b"incarnation.. 2.", b"incarnation.. 3."
USER = (5, 1)  # whom the scripted ones all have


class Front:
    """One real multiplexer with a listener and a run directory of its own."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.dir = world.dir / name
        self.dir.mkdir()
        self.port = free_port()
        config = world.dir / f"{name}.conf"
        config.write_text(f'server = "unix:{world.link_path}"\nmax_clients = 2000\noutput_limit = 64MiB\n'
                          'half_close = 0\nlistener telnet '
                          f'{{ kind = "telnet-line" address = "127.0.0.1:{self.port}" '
                          'negotiate = never }\n')
        self.arguments = ("--config", config, "--run-dir", self.dir, "--log-level", "debug")
        self.start()

    def start(self):
        self.daemon = self.world.spawn("holdfast-multiplexer", *self.arguments,
                                       log=f"{self.name}.log")
        self.world.wait_listening(self.daemon, ("127.0.0.1", self.port), self.name)
        wait_for(lambda: self.admin_answers(), "its admin socket answers")

    def admin(self, *argv):
        with AdminLine(self.dir / "multiplexer.sock") as line:
            return line.ask(*argv)

    def admin_answers(self):
        try:
            return bool(self.admin("status"))
        except OSError:
            return False

    def metric(self, name):
        return self.admin("metrics")[name]

    def player(self):
        player = Player(("127.0.0.1", self.port))
        self.world.players.append(player)
        return player

    def newcomer(self):
        """A player who is in the game; .key is what the game calls him."""
        player = self.player()
        player.expect(re.compile(rb"new ([\d:]+)\r\n"))
        player.key = player.matched.split()[1].decode()
        return player

    def swarm(self, count, seed):
        swarm = Swarm(("127.0.0.1", self.port), count, seed=seed)
        self.world.closers.append(swarm.close)
        return swarm

    def is_open(self):
        return self.admin("status")["server"]["link"] == "open"


def open_fronts(world, map_name="crowd", count=3, **cvars):
    """The game, and so many multiplexers that users play on."""
    world.map = map_name
    world.cvars = {"sv_multiplexers": count, **cvars}
    world.start_server(wait=False)
    fronts = [Front(world, f"front{n}") for n in range(1, count + 1)]
    wait_for(lambda: all(front.is_open() for front in fronts), "all links are ready")
    return fronts


def links(world):
    return {row["number"]: row for row in world.admin("server", "status")["links"]}



class Scripted(ScriptedMultiplexer):
    """One that says who it is, so that it gets its number back."""

    def __init__(self, world, incarnation):
        super().__init__(world.link_path)
        world.closers.append(self.close)
        self.incarnation = incarnation

    def begin(self, users=(), ready=True):
        link = self.dial()
        link.expect("NOT READY")  # behind the hello
        link.send("MULTIPLEXER HELLO", 1, b"lists pause handled", self.incarnation)
        link.expect("TELL ME YOUR ACCEPT MODE")
        link.send("ACCEPTING ALL")
        link.expect("GET ALL SUBCLIENT INFO")
        for key, saved in users:
            link.send("GOT SUBCLIENT", key, "telnet-line", "192.0.2.7")
            if saved:
                link.send("SUBCLIENT SAVED INFO IS", key, saved)
            link.send("DONE SENDING SUBCLIENT INFO", key)
        link.send("DONE SENDING ALL SUBCLIENT INFO")
        if ready:
            until(link, "READY")
        return link


def until(link, name):
    """What comes up to a message of that name, HANDLED left out; the last one is that message."""
    heard = []
    while not heard or heard[-1][0] != name:
        message = link.next()
        if message[0] != "HANDLED":
            heard.append(message)
    return heard


def text_of(link, ending):
    """The texts that come, until one ends so: [(key, text)]."""
    heard = []
    while not heard or not heard[-1][1].endswith(ending):
        heard += [m[1:] for m in until(link, "SEND SUBCLIENT TEXT")
                  if m[0] == "SEND SUBCLIENT TEXT"]
    return heard


# ---- equal keys ----


@pytest.fixture
def two(holdfast):
    """The game with two scripted multiplexers, each with a user of the same key."""
    holdfast.map = "crowd"
    holdfast.cvars = {"sv_multiplexers": 2}
    holdfast.start_server(wait=False)
    fronts = Scripted(holdfast, FIRST), Scripted(holdfast, SECOND)
    for number, front in enumerate(fronts, 1):
        front.link = front.begin()
        front.join(front.link, USER)
        assert text_of(front.link, b"\r\n") == [(USER, b"new 5:1:%d\r\n" % number)]
    return (holdfast, *fronts)


def say(front, text):
    front.link.send("GOT SUBCLIENT TEXT", USER, text + "\n")


def test_two_users_with_the_same_key_are_two_players(two):
    holdfast, first, second = two
    say(first, "key")
    say(second, "key")
    assert text_of(first.link, b"\n") == [(USER, b"key 5:1:1\r\n")]
    assert text_of(second.link, b"\n") == [(USER, b"key 5:1:2\r\n")]
    assert [row["key"] for row in holdfast.admin("server", "players")] == ["5:1:1", "5:1:2"]
    second.link.send("LOST SUBCLIENT", USER)
    assert text_of(first.link, b"left\r\n")[-1][1] == b"left 5:1:2 left\r\n"
    say(first, "who")
    assert text_of(first.link, b"\n") == [(USER, b"who 5:1:1\r\n")]


def test_what_is_saved_goes_to_the_multiplexer_of_the_player_and_comes_back_from_it(two):
    holdfast, first, second = two
    for front, word in ((first, "one"), (second, "two")):
        say(front, f"keep {word}")
        heard = until(front.link, "SAVE SUBCLIENT INFO")
        assert heard[-1][1] == USER
        front.kept = heard[-1][2]
        assert json.loads(front.kept) == {"n": word, "s": {"text": word}}
    holdfast.server.kill9()
    holdfast.start_server(wait=False)
    for front, word in ((second, b"two"), (first, b"one")):  # in the other order
        front.link = front.begin([(USER, front.kept)], ready=False)
        assert (USER, b"old %s %s\r\n" % (word, word)) in text_of(front.link, b"%s\r\n" % word)
    for number, front in enumerate((first, second), 1):  # each has its old number all the same
        until(front.link, "READY")
        say(front, "key")
        assert text_of(front.link, b"\r\n") == [(USER, b"key 5:1:%d\r\n" % number)]


def test_a_kick_by_key_reaches_the_one_who_is_meant(two):
    holdfast, first, second = two
    for key in ("5:1", "5:1:3", "5:2:2"):
        assert "no such player" in holdfast.ctl("server", "kick", key).stderr
    holdfast.admin("server", "kick", "5:1:2", "go away")
    heard = until(second.link, "KILL SUBCLIENT")
    assert heard[-1] == ("KILL SUBCLIENT", USER)
    say(first, "key")
    assert text_of(first.link, b"key 5:1:1\r\n")[-1][0] == USER


def test_who_comes_back_keeps_number_and_players_and_another_run_does_not(two):
    holdfast, first, second = two
    say(first, "keep Ann")
    kept = until(first.link, "SAVE SUBCLIENT INFO")[-1][2]
    first.link.close()
    second.link.close()
    second.link = second.begin([(USER, None)])
    first.link = first.begin([(USER, kept)])
    say(first, "who")
    assert text_of(first.link, b"2\r\n") == [(USER, b"who 5:1:1 5:1:2\r\n")]
    first.link.close()
    first.incarnation = THIRD
    first.link = first.begin([(USER, None)], ready=False)
    texts = [text for _, text in text_of(first.link, b"nil\r\n")]
    assert texts == [b"left 5:1:1 gone\r\n", b"old nothing nil\r\n"]
    holdfast.server.wait_log("link 1: this is another multiplexer than before")


def test_one_too_many_is_told_so_and_disturbs_nobody(two):
    holdfast, first, second = two
    third = Scripted(holdfast, THIRD).dial()
    third.send("MULTIPLEXER HELLO", 1, b"lists", THIRD)
    third.send("ACCEPTING ALL")
    assert b"there are 2 multiplexers already" in until(third, "LINK REFUSED")[-1][1]
    third.expect_end()
    for front in (first, second):
        say(front, "key")
        text_of(front.link, b"\r\n")


def test_a_list_of_players_here_and_there_is_one_message_for_each_multiplexer(two):
    holdfast, first, second = two
    for front in (first, second):
        say(front, "enter")
        assert ("ADD TO LIST", (1, 255), USER) in until(front.link, "SEND SUBCLIENT TEXT")
    say(second, "tell both")
    for front in (first, second):
        assert text_of(front.link, b"\r\n") == [((1, 255), b"told both\r\n")]
    second.link.close()
    say(first, "tell one")
    assert text_of(first.link, b"\r\n") == [((1, 255), b"told one\r\n")]
    second.link = second.dial()
    second.link.send("MULTIPLEXER HELLO", 1, b"lists", SECOND)
    second.link.send("ACCEPTING ALL")
    second.link.send("GOT SUBCLIENT", USER, "telnet-line", "192.0.2.7")
    second.link.send("DONE SENDING SUBCLIENT INFO", USER)
    second.link.send("DONE SENDING ALL SUBCLIENT INFO")
    assert ("ADD TO LIST", (1, 255), USER) in until(second.link, "READY")
    say(first, "tell both again")
    for front in (first, second):
        assert text_of(front.link, b"\r\n")[-1] == ((1, 255), b"told both again\r\n")


def test_the_accept_mode_is_asked_of_all_and_mixed_when_they_differ(two):
    holdfast, first, second = two
    say(first, "accept localhost")
    for front in (first, second):
        until(front.link, "ACCEPT LOCALHOST ONLY")
    first.link.send("ACCEPTING LOCALHOST ONLY")
    wait_for(lambda: holdfast.admin("server", "accept")["accept"] == "mixed", "mixed")
    assert {n: row["accept"] for n, row in links(holdfast).items()} == {1: "localhost", 2: "all"}
    second.link.send("ACCEPTING LOCALHOST ONLY")
    wait_for(lambda: holdfast.admin("server", "accept")["accept"] == "localhost", "localhost")


def test_a_stop_waits_for_all_multiplexers(two):
    holdfast, first, second = two
    server = holdfast.server
    holdfast.admin("server", "quit")
    until(first.link, "PAUSE")
    until(second.link, "PAUSE")
    first.link.send("PAUSED")
    second.link.send("GOT SUBCLIENT TEXT", USER, "keep last\n")  # was on its way
    second.link.send("PAUSED")
    heard = until(second.link, "SERVER GOING OFFLINE")
    assert [m[0] for m in heard if m[0] == "SAVE SUBCLIENT INFO"] == ["SAVE SUBCLIENT INFO"]
    until(first.link, "SERVER GOING OFFLINE")
    first.link.close()
    second.link.close()
    holdfast.expected_status[server.pid] = 3  # an admin's wish: nobody starts it again
    assert server.wait() == 3


# ---- three real ones ----


def test_everybody_hears_a_broadcast_and_a_list_its_members_wherever_they_are(holdfast):
    fronts = open_fronts(holdfast)
    players = [front.newcomer() for front in fronts for _ in range(2)]
    assert sorted(p.key.rpartition(":")[2] for p in players) == list("112233")
    players[0].line("all hello")
    for player in players:
        player.expect(b"all hello\r\n")
    for player in players[1:4]:
        player.line("enter")
        player.expect(b"entered\r\n")
    players[5].line("tell secret")
    players[5].line("all end")
    for n, player in enumerate(players):
        said = player.expect(b"all end\r\n")
        assert (b"told secret\r\n" in said) == (1 <= n < 4)
    players[2].line("accept localhost")
    for front in fronts:
        wait_for(lambda front=front: front.admin("status")["accept"] == "localhost", "localhost")
    rows = links(holdfast)
    assert [rows[n]["players"] for n in (1, 2, 3)] == [2, 2, 2]
    assert all("lists" in row["features"] and row["state"] == "ready" for row in rows.values())
    shown = holdfast.ctl("server", "status").stdout
    assert re.search(r"number +state +multiplexer +players +accept +features", shown), shown


def test_the_script_is_told_who_reads_slowly_and_when_he_has_caught_up(holdfast):
    fronts = open_fronts(holdfast, count=2)
    reader, other = fronts[1].newcomer(), fronts[0].newcomer()
    reader.line("flood 15000")  # more than the sockets of both ends hold
    holdfast.server.wait_log(f"crowd: {reader.key} slow true true")
    other.line("key")
    other.expect(b"key %s\r\n" % other.key.encode())
    reader.line("key")
    reader.expect(b"key %s\r\n" % reader.key.encode())
    holdfast.server.wait_log(f"crowd: {reader.key} slow false false")
    assert f"crowd: {other.key} slow" not in holdfast.server.text()


def test_orderly_restarts_lose_no_line_of_anybody(holdfast):
    fronts = open_fronts(holdfast, "ledger")
    swarms = [front.swarm(15, seed) for seed, front in enumerate(fronts)]
    for swarm in swarms:
        swarm.start_typing()
    for _ in range(5):
        before = [front.metric("server_ready") for front in fronts]
        holdfast.admin("server", "restart")
        for front, times in zip(fronts, before):
            wait_for(lambda front=front, times=times: front.metric("server_ready") > times and
                     front.is_open(), "the restart is over")
    for swarm in swarms:
        swarm.stop_typing()
        swarm.wait_all_answered()
        for member in swarm.members:
            assert not member.ended and member.other == []
            assert [a for a in member.answers if a[0] not in ("ok", "hello")] == []
    for front in fronts:
        assert front.metric("server_crashes") == 0
        assert len(front.admin("users")) == 15


def test_kills_of_the_game_disconnect_nobody_and_repeat_nothing(holdfast):
    fronts = open_fronts(holdfast, "ledger")
    swarms = [front.swarm(10, seed) for seed, front in enumerate(fronts)]
    for swarm in swarms:
        swarm.start_typing()
    for _ in range(5):
        before = [front.metric("server_crashes") for front in fronts]
        holdfast.server.kill9()
        for front, times in zip(fronts, before):
            wait_for(lambda front=front, times=times: front.metric("server_crashes") > times,
                     "the crash is noticed")
        holdfast.start_server(wait=False)
        wait_for(lambda: all(front.is_open() for front in fronts), "all are back")
    for swarm in swarms:
        swarm.stop_typing()
        for member in swarm.members:
            assert not member.ended and member.other == []
            assert {a[0] for a in member.answers} <= {"ok", "gap", "hello"}
    for front in fronts:
        assert len(front.admin("users")) == 10
        last = front.player()
        last.expect(b"hello 0\r\n")
        last.line("1")
        last.expect(b"ok 1")


def test_one_multiplexer_that_is_killed_takes_only_its_own_players_along(holdfast):
    fronts = open_fronts(holdfast, sv_link_grace="1s")
    stays, goes = fronts[0].newcomer(), fronts[1].newcomer()
    fronts[1].daemon.kill9()
    assert goes.expect_end() is not None
    stays.expect(b"left %s gone\r\n" % goes.key.encode())
    stays.line("who")
    stays.expect(b"who %s\r\n" % stays.key.encode())
    fronts[1].start()  # the same place, another run
    again = fronts[1].newcomer()
    assert again.key != goes.key
    stays.line("all together")
    again.expect(b"all together\r\n")


def test_one_multiplexer_that_ends_in_order_leaves_the_game_to_the_others(holdfast):
    fronts = open_fronts(holdfast)
    stays, goes = fronts[0].newcomer(), fronts[2].newcomer()
    server = holdfast.server
    assert fronts[2].daemon.end() == 0
    stays.expect(b"left %s gone\r\n" % goes.key.encode())
    stays.line("who")
    stays.expect(b"who %s\r\n" % stays.key.encode())
    assert fronts[1].daemon.end() == 0
    stays.line("key")
    stays.expect(b"key %s\r\n" % stays.key.encode())
    assert fronts[0].daemon.end() == 0  # the last one
    assert server.wait() == 0


def test_one_multiplexer_that_hangs_holds_nobody_up(holdfast):
    fronts = open_fronts(holdfast, sv_link_timeout="3s", sv_link_grace="1s",
                         sv_stop_timeout="1s")
    stays, hangs = fronts[0].newcomer(), fronts[1].newcomer()
    fronts[1].daemon.stop()
    stays.line("key")
    stays.expect(b"key %s\r\n" % stays.key.encode())
    stays.expect(b"left %s gone\r\n" % hangs.key.encode())
    fronts[1].daemon.go_on()  # and it is back, with everybody
    hangs.line("keep Ann")
    hangs.expect(b"kept\r\n")
    assert b"old nothing nil\r\n" in hangs.all
    # A stop does not wait for one that stands still for longer than it was told to.
    wait_for(lambda: all(front.is_open() for front in fronts), "all links are ready")
    fronts[1].daemon.stop()
    before = fronts[0].metric("server_ready")
    holdfast.admin("server", "restart")
    wait_for(lambda: fronts[0].metric("server_ready") > before and fronts[0].is_open(), "restart")
    fronts[1].daemon.go_on()
    hangs.expect(b"old Ann Ann\r\n")
    assert stays.is_connected() and hangs.is_connected()
