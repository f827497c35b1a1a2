"""Multiplexers behind each other: the game server <== upper <== lower, real daemons."""

import re
import select
import socket
import threading
import time

import pytest

from conformance.wire import listen as wire_listen
from conftest import World
from agnet import EVERYONE
from daemons import CRASHED_ANYHOW, RESTARTING, AdminError, wait_for
from players import connect, read_all
from test_conformance import run_suite, text_of
from test_many_players import (assert_at_most_once, assert_nothing_lost_or_twice, assert_notices,
                               restart_many_times)


class Tower:
    """World 0 has the server and a multiplexer, each further one a multiplexer behind the one before."""

    def __init__(self, bottom, tmp_path_factory):
        self.worlds = [bottom]
        self.tmp_path_factory = tmp_path_factory
        bottom.listen("telnet", number=1)

    def lean(self, upper, listener="chain", number=2):
        """One more world, whose multiplexer will be connected to upper, and is not started."""
        lower = World(self.tmp_path_factory.mktemp("h"))
        path = upper.listen(listener, "multiplexer", where="unix", number=number)
        lower.options["server"] = f"'unix:{path}'"
        lower.links = 1
        lower.listen("telnet", number=1)
        self.worlds.append(lower)
        return lower

    def finish(self):
        trouble = []
        for world in reversed(self.worlds):
            try:
                world.finish()
            except AssertionError as why:
                trouble.append(str(why))
        assert not trouble, "\n".join(trouble)


@pytest.fixture
def tower(tmp_path_factory):
    tower = Tower(World(tmp_path_factory.mktemp("h")), tmp_path_factory)
    yield tower
    tower.finish()


@pytest.fixture
def two(tower):
    """(upper, lower), playing."""
    upper = tower.worlds[0]
    lower = tower.lean(upper)
    upper.start()
    lower.start_multiplexer()
    lower.wait_ready()
    return upper, lower


def chain_of(upper, listener="chain"):
    """What status says of the multiplexer behind that listener."""
    for row in upper.admin("multiplexer", "status")["listeners"]:
        if row["listener"] == listener:
            return row
    raise AssertionError(f"no listener {listener}")


def wait_chain(upper, state, listener="chain"):
    wait_for(lambda: chain_of(upper, listener)["link"] == state, f"the chain is {state}")


def say(player, number):
    player.line(str(number))
    player.expect(b"ok %d " % number)


def test_users_of_both_play_and_have_keys_of_their_own(two):
    upper, lower = two
    above, below = upper.player(), lower.player()
    say(above, 1)
    say(below, 1)
    keys = {user["key"] for user in upper.users()}
    assert sorted(key.split(":")[1:] for key in keys) == [["1"], ["1", "2"]]
    assert chain_of(upper)["users"] == 1
    below.close()
    wait_for(lambda: chain_of(upper)["users"] == 0, "he has left")


def test_an_orderly_restart_is_told_once_and_keeps_them(two):
    upper, lower = two
    below = lower.player()
    say(below, 1)
    for number in range(2, 5):
        upper.restart()
        say(below, number)
    assert below.all.count(b"hello") == 1
    assert below.all.count(b"[The game is restarting") >= 1
    assert b"[The game crashed" not in below.all


def swarm_below(two, count, **how):
    upper, lower = two
    swarm = lower.swarm(count, **how)
    wait_for(lambda: chain_of(upper)["users"] == count, "all are connected", 60)
    swarm.start_typing()
    swarm.wait(lambda: all(m.acked_at for m in swarm.members), "everyone was answered once")
    return swarm


def test_two_hundred_below_lose_no_line_and_repeat_none_over_five_restarts(two):
    upper, lower = two
    swarm = swarm_below(two, 200)
    restart_many_times(upper, swarm, 5, 0.1)
    swarm.stop_typing()
    swarm.wait_all_answered()
    assert_nothing_lost_or_twice(swarm)
    assert_notices(swarm, RESTARTING, 5)
    assert lower.metric("server_goodbyes") == 5
    assert lower.metric("server_crashes") == 0
    assert len(lower.users()) == 200


def test_a_killed_server_costs_those_below_no_more_than_they_are_told(two):
    upper, lower = two
    swarm = swarm_below(two, 100)
    killed = []
    for _ in range(5):
        crashes, ready = upper.metric("server_crashes"), lower.metric("server_ready")
        at = time.monotonic()
        upper.server.kill9()
        wait_for(lambda c=crashes: upper.metric("server_crashes") > c, "the crash is noticed")
        killed.append((at, time.monotonic()))
        upper.start_server()
        wait_for(lambda r=ready: lower.metric("server_ready") > r, "the lower one is ready")
        time.sleep(0.3)
    swarm.stop_typing()
    for member in swarm.members:
        member.sent += 1
        member.sent_at.append(time.monotonic())
        member.socket.setblocking(True)
        member.socket.sendall(b"%d\r\n" % member.sent)
        member.socket.setblocking(False)
    swarm.wait(lambda: all(m.sent in m.acked_at for m in swarm.members), "everyone is served")
    assert_at_most_once(swarm, killed)
    for member in swarm.members:
        told = [re.fullmatch(CRASHED_ANYHOW, line) for line, _ in member.notices]
        doubts = sum(int(m[1] or 0) for m in told if m)
        assert member.sent - len(member.acked_at) <= doubts, (member.number, member.notices)
    assert len(lower.users()) == 100


def test_a_restarted_upper_one_gets_the_players_of_the_lower_one_back_as_they_were(two):
    upper, lower = two
    below = lower.player()
    say(below, 1)
    old = upper.multiplexer
    upper.descriptors_before = None
    old.kill9()
    wait_for(lambda: lower.link_state() != "open", "the lower one has noticed")
    upper.start_multiplexer()
    upper.wait_ready(1)
    say(below, 2)
    assert below.all.count(b"hello") == 1


def test_a_killed_lower_one_takes_its_users_along_and_nobody_else(two):
    upper, lower = two
    upper.multiplexer_options = None
    above, below = upper.player(), lower.player()
    say(above, 1)
    say(below, 1)
    lower.multiplexer.kill9()
    lower.descriptors_before = None
    below.expect_end()
    wait_chain(upper, "lost")
    say(above, 2)
    # Another run of it has other users: those of the first are gone at once.
    lower.start_multiplexer()
    wait_chain(upper, "open")
    wait_for(lambda: chain_of(upper)["users"] == 0, "the old users are gone")
    again = lower.player()
    say(again, 1)
    say(above, 3)


def test_a_lower_one_that_ends_in_order_takes_its_users_along_at_once(two):
    upper, lower = two
    above, below = upper.player(), lower.player()
    say(above, 1)
    say(below, 1)
    lower.descriptors_before = None
    assert lower.multiplexer.end() == 0
    below.expect_end()
    wait_chain(upper, "absent")
    assert len(upper.users()) == 1
    say(above, 2)


def test_an_upper_one_that_ends_in_order_leaves_the_users_below_waiting(two):
    upper, lower = two
    below = lower.player()
    say(below, 1)
    upper.descriptors_before = None
    upper.multiplexer.end()
    upper.server.wait()
    wait_for(lambda: lower.link_state() != "open", "the lower one has noticed")
    assert below.is_connected()
    assert lower.metric("server_goodbyes") == 1
    below.line("2")
    upper.start_multiplexer()
    upper.start_server()
    below.expect(b"ok 2 ")
    assert below.all.count(b"hello") == 1


def test_a_lower_one_that_hangs_is_waited_for_and_its_users_are_where_they_were(two):
    upper, lower = two
    above, below = upper.player(), lower.player()
    say(above, 1)
    say(below, 1)
    lower.multiplexer.stop()
    wait_chain(upper, "lost")
    say(above, 2)
    lower.multiplexer.go_on()
    wait_chain(upper, "open")
    say(below, 2)
    assert below.all.count(b"hello") == 1
    assert upper.metric("chain_losses") == 1


def test_users_of_one_that_stays_away_are_lost_when_grace_is_over(tower):
    upper = tower.worlds[0]
    lower = tower.lean(upper)
    upper.start(chain_grace="500ms", chain_timeout="1s")
    lower.start_multiplexer()
    lower.wait_ready()
    below = lower.player()
    say(below, 1)
    lower.multiplexer.stop()
    wait_chain(upper, "absent")
    assert upper.users() == []
    lower.multiplexer.go_on()
    wait_chain(upper, "open")
    # His multiplexer has kept him, and what the game saved; to the game he is somebody new.
    below.line("1")
    below.expect(b"ok 1 ")


def test_the_accept_mode_goes_down_the_chain(two):
    upper, lower = two
    upper.admin("multiplexer", "accept", "localhost")
    wait_for(lambda: lower.admin("multiplexer", "accept")["accept"] == "localhost", "it is told")
    upper.restart()
    assert lower.admin("multiplexer", "accept")["accept"] == "localhost"
    wait_for(lambda: chain_of(upper).get("accept") == "localhost", "the upper one knows")
    upper.admin("server", "accept", "all")
    wait_for(lambda: lower.admin("multiplexer", "accept")["accept"] == "all", "it is told")


def test_a_second_one_on_the_same_listener_is_refused_and_told_why(two, tower):
    upper, lower = two
    below = lower.player()
    say(below, 1)
    second = World(tower.tmp_path_factory.mktemp("h"))
    tower.worlds.append(second)
    second.options["server"] = lower.options["server"]
    second.links = 1
    second.listen("telnet", number=1)
    second.start_multiplexer()
    wait_for(lambda: "already" in second.admin("multiplexer", "status")["server"]
             .get("refuses", ""), "it is told")
    say(below, 2)
    lower.descriptors_before = None
    lower.multiplexer.end()
    second.wait_ready()
    say(second.player(), 1)


def test_a_user_below_can_be_kicked_above(two):
    upper, lower = two
    below = lower.player()
    say(below, 1)
    key = upper.users()[0]["key"]
    upper.admin("multiplexer", "kick", key, "be", "nice")
    below.expect(b"[You were disconnected by an admin: be nice]")
    below.expect_end()
    wait_for(lambda: upper.users() == [], "he is gone")
    with pytest.raises(AdminError):
        upper.admin("multiplexer", "kick", key)


def test_text_events_and_saved_info_find_their_way_through(two_scripted):
    upper, lower, server, link = two_scripted
    below = lower.player()
    key = server.newcomer(link)
    assert len(key) == 3 and key[1:] == (1, 2)
    assert link.ip == b"127.0.0.1" and link.protocol == b"telnet-line"
    below.line("hello")
    assert link.text_of(key, 6) == b"hello\n"
    link.send("SEND SUBCLIENT TEXT", key, "to him\n")
    link.send("SEND SUBCLIENT TEXT", EVERYONE, "to all\n")
    below.expect(b"to him\r\nto all\r\n")
    link.send("SAVE SUBCLIENT INFO", key, b"\x00saved\xff")
    link.expect("SAVED SUBCLIENT INFO", key)
    for question, answer in (("GET SUBCLIENT DNS", "SUBCLIENT DNS IS"),
                             ("GET SUBCLIENT IDENTD", "SUBCLIENT IDENTD IS"),
                             ("GET SUBCLIENT IDLETIME", "SUBCLIENT IDLETIME IS"),
                             ("GET SUBCLIENT CONNECTTIME", "SUBCLIENT CONNECTTIME IS")):
        link.send(question, key)
        link.expect(answer, key, None)
    link.send("GET SUBCLIENT SAVED INFO", key)
    link.expect("SUBCLIENT SAVED INFO IS", key, b"\x00saved\xff")
    users = server.listing(link)
    assert users[key].saved == b"\x00saved\xff"
    link.send("DELETE SUBCLIENT SAVED INFO", key)
    link.expect("DELETED SUBCLIENT SAVED INFO", key)
    link.send("GET SUBCLIENT SAVED INFO", key)
    link.expect("THERE IS NO SUBCLIENT SAVED INFO", key)
    # Answers to what was asked before come before the answer to the probe, through both.
    link.send("SAVE SUBCLIENT INFO", key, b"x")
    assert link.sync() == [("SAVED SUBCLIENT INFO", key)]
    stranger = (key[0] + 1, *key[1:])
    for name in ("KILL SUBCLIENT", "GET SUBCLIENT DNS"):
        link.send(name, stranger)
        link.expect("NO SUCH SUBCLIENT", stranger)
    link.send("KILL SUBCLIENT", key)
    link.expect("KILLED SUBCLIENT", key)
    below.expect_end()


@pytest.fixture
def two_scripted(tower):
    """(upper, lower, scripted server, its link), READY through the chain."""
    upper = tower.worlds[0]
    lower = tower.lean(upper)
    upper.start_multiplexer()
    lower.start_multiplexer()
    wait_chain(upper, "held")
    server = upper.scripted_server()
    link = server.start()
    lower.wait_ready()
    return upper, lower, server, link


def test_nine_stand_behind_each_other_and_the_users_of_a_tenth_are_refused(tower):
    """The key of a user behind nine has ten numbers; at each of them he is a user, and plays."""
    bottom = tower.worlds[0]
    for _ in range(9):
        tower.lean(tower.worlds[-1])
    bottom.start()
    for world in tower.worlds[1:]:
        world.start_multiplexer()
        world.wait_ready()
    ninth, tenth = tower.worlds[8:10]
    deepest, above = ninth.player(), bottom.player()
    say(deepest, 1)
    say(above, 1)
    keys = sorted(len(user["key"].split(":")) for user in bottom.users())
    assert keys == [2, 10]
    refused = tenth.player()
    refused.expect(b"too many multiplexers")
    refused.expect_end()
    assert "too many multiplexers behind each other" in bottom.multiplexer.text() + \
        tower.worlds[1].multiplexer.text()
    restarted = ninth.metric("server_ready")
    bottom.restart()
    wait_for(lambda: ninth.metric("server_ready") > restarted, "the ninth is ready again", 60)
    say(deepest, 2)
    assert deepest.all.count(b"hello") == 1
    bottom.server.kill9()
    bottom.start_server()
    deepest.line("3")
    deepest.expect(b"ok 3 ", 60)
    assert deepest.all.count(b"hello") == 1
    say(above, 2)


class Relay:
    """Stands between two daemons, and can be cut."""

    def __init__(self, path, to):
        self.path, self.to = str(path), str(to)
        self.listening = wire_listen(self.path)
        self.pairs = []
        self.is_cut = self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        poll_for = 0.05
        while not self.stopping:
            sockets = [s for pair in self.pairs for s in pair]
            readable = select.select([self.listening, *sockets], [], [], poll_for)[0]
            if self.is_cut:
                self.drop()
            for sock in readable:
                if sock is self.listening:
                    self.take()
                elif not self.is_cut:
                    self.pass_on(sock)
        self.drop()
        self.listening.close()

    def take(self):
        one, _ = self.listening.accept()
        if self.is_cut:
            one.close()
            return
        other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            other.connect(self.to)
        except OSError:
            one.close()
            other.close()
            return
        self.pairs.append((one, other))

    def pass_on(self, sock):
        for one, other in self.pairs:
            if sock not in (one, other):
                continue
            try:
                data = sock.recv(65536)
                if data:
                    (other if sock is one else one).sendall(data)
                    return
            except OSError:
                pass
            self.pairs.remove((one, other))
            one.close()
            other.close()
            return

    def drop(self):
        for one, other in self.pairs:
            one.close()
            other.close()
        self.pairs = []

    def cut(self):
        self.is_cut = True
        wait_for(lambda: not self.pairs, "the relay is cut")

    def mend(self):
        self.is_cut = False

    def close(self):
        self.stopping = True
        self.thread.join()


def test_a_connection_between_two_that_is_cut_and_mended_is_a_pause_to_the_players(tower):
    upper = tower.worlds[0]
    lower = tower.lean(upper)
    relay = Relay(upper.dir / "relay.sock", upper.addresses["chain"])
    lower.closers.append(relay.close)
    lower.options["server"] = f"'unix:{relay.path}'"
    upper.start()
    lower.start_multiplexer()
    lower.wait_ready()
    above, below, leaves = upper.player(), lower.player(), lower.player()
    for player in (above, below, leaves):
        say(player, 1)
    for number in range(2, 5):
        ready = lower.metric("server_ready")
        relay.cut()
        wait_chain(upper, "lost")
        below.line(str(number))
        if number == 2:
            leaves.close()
        say(above, number)
        relay.mend()
        wait_for(lambda r=ready: lower.metric("server_ready") > r, "the lower one is ready")
        below.expect(b"ok %d " % number)
    assert below.all.count(b"hello") == 1
    wait_for(lambda: chain_of(upper)["users"] == 1, "who left meanwhile is gone")
    assert len(upper.users()) == 2


def test_who_fails_three_times_to_show_the_key_has_to_wait(holdfast):
    """Row F09, at a listener for another multiplexer."""
    key = holdfast.dir / "chain.key"
    assert holdfast.ctl("key", "new", key).returncode == 0
    holdfast.listen("telnet")
    address = holdfast.listen("lower", "multiplexer", more=f'key = "{key}"')
    holdfast.start()
    for _ in range(3):
        with connect(address) as stranger:
            stranger.sendall(b"nonsense nonsense nonsense")
            read_all(stranger)
    holdfast.multiplexer.wait_log(r"chain lower: 127\.0\.0\.1 has failed 3 times; it has to wait")
    with connect(address) as stranger:
        assert read_all(stranger) == b""  # not even an alert
    player = holdfast.player()
    player.expect(b"hello")
    assert player.is_connected()


def test_two_multiplexers_in_a_row_conform_as_one_does(tower):
    upper = tower.worlds[0]
    lower = tower.lean(upper)
    upper.start_multiplexer()
    lower.listen("raw", "raw", number=3)
    lower.start_multiplexer()
    groups = ["keys", "acceptance", "listing", "output", "broadcast", "lost", "kill", "input", "saved",
              "answers.open", "answers.many-at-once", "names", "extensions"]
    only = [word for group in groups for word in ("--only", group)]
    verdicts = run_suite(
        "multiplexer", "--chained", "--listen", text_of(str(upper.link_path)),
        "--player", text_of(lower.addresses["telnet"]), "--raw", text_of(lower.addresses["raw"]),
        "--extensions", *only)
    assert set(verdicts.values()) == {"pass"}
