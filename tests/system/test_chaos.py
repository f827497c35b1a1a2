"""Everything at once: clients that misbehave in every way a socket allows, while the game is killed and
restarted and the process that speaks TLS is killed. Others play on; and when all is over nothing is left."""

import os
import random
import signal
import time

import pytest

from daemons import AdminError, wait_for
from mobs import Mob
from test_api import ask, start
from test_many_players import assert_at_most_once
from tls_players import helper_pid

CALLS = (("multiplexer", "status"), ("multiplexer", "users"), ("multiplexer", "metrics"),
         ("server", "status"), ("multiplexer", "kick", "1:1"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def is_idle(daemon):
    """Not a spin: what an idle daemon needs is far less."""
    before = daemon.cpu_seconds()
    time.sleep(1)
    return daemon.cpu_seconds() - before < 0.5


class Trouble:
    """What is done to the daemons meanwhile."""

    def __init__(self, tls, chance):
        self.tls = tls
        self.holdfast = tls.holdfast
        self.chance = chance
        self.kills = []

    def one(self):
        time.sleep(self.chance.uniform(0, 0.6))
        self.chance.choice((self.kill_game, self.kill_game, self.restart_game, self.call, self.call,
                            self.kick_one, self.kill_tls))()

    def kill_game(self):
        crashes = self.holdfast.metric("server_crashes")
        killed = time.monotonic()
        self.holdfast.server.kill9()
        wait_for(lambda: self.holdfast.metric("server_crashes") > crashes, "the crash is noticed")
        self.kills.append((killed, time.monotonic()))
        self.holdfast.start_server()

    def restart_game(self):
        self.holdfast.restart()

    def call(self):
        daemon, *words = self.chance.choice(CALLS)
        try:
            self.holdfast.admin(daemon, *words)
        except AdminError:
            pass

    def kick_one(self):
        for user in self.holdfast.users():
            if not user["key"].endswith(":9"):
                try:
                    self.holdfast.admin("multiplexer", "kick", user["key"], "enough")
                except AdminError:
                    pass
                return

    def kill_tls(self):
        pid = self.tls.status()["pid"]
        if pid:
            os.kill(pid, signal.SIGKILL)
            self.tls.wait_up()


def chaos(tls, seconds, mob_size, seed, input_rate="0"):
    holdfast = tls.holdfast
    tls.listen("telnets", "telnet-line")
    tls.listen("https", "websocket")
    holdfast.listen("raw", "raw")
    holdfast.listen("local", "raw", where="unix")
    holdfast.listen("web", "websocket")
    holdfast.listen("asking", "telnet-line", more="negotiate = always")
    holdfast.listen("steady", "telnet-line", number=9)
    tls.start("ledger", output_limit="128KiB", output_soft="16KiB", half_close="300ms",
              input_rate=input_rate, tls_handshake_time="2s", linger="1s", connect_burst="0",
              first_line="2s", silent_max="0", session_ttl="1s")
    helper_fds = descriptors(helper_pid(tls))
    swarm = holdfast.swarm(20, "steady", pace=0.2)
    doors = [(holdfast.addresses[name], how) for name, how in (
        ("telnet", "plain"), ("raw", "plain"), ("local", "plain"), ("asking", "plain"), ("web", "web"),
        ("telnets", "tls"), ("https", "web by tls"))]
    trouble = Trouble(tls, random.Random(seed))
    swarm.start_typing()
    mob = Mob(doors, mob_size, seed)
    holdfast.closers.insert(0, mob.close)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        trouble.one()
        assert mob.fault is None, mob.fault
    mob.close()
    assert mob.fault is None and mob.lived > mob_size, mob.fault
    print(f"{mob.lived} clients, {len(trouble.kills)} kills")
    time.sleep(0.5)
    swarm.stop_typing()
    wait_for(lambda: len(holdfast.users()) == 20, "only those who behaved are there", 40)
    swarm.start_typing()
    marks = [m.sent for m in swarm.members]
    swarm.wait(lambda: all(any(n > mark for n in list(m.acked_at))
                           for m, mark in zip(swarm.members, marks)), "all are served")
    swarm.stop_typing()
    time.sleep(0.5)
    assert_at_most_once(swarm, trouble.kills)
    # Nothing of the others is left: see also what is checked after every test.
    wait_for(lambda: descriptors(helper_pid(tls)) <= helper_fds, "TLS gives its descriptors back")
    assert is_idle(holdfast.multiplexer)
    assert is_idle(holdfast.server)


def test_while_others_do_their_worst_players_play_on_and_nothing_is_left_of_it(tls):
    chaos(tls, 8, 12, seed=1)


def api_chaos(holdfast, seconds, mob_size, threads):
    """A client who has gone while a script still works is found out when it answers: so not much longer
    than sv_api_timeout."""
    holdfast.start_multiplexer()
    start(holdfast, sv_api_numthreads=threads, sv_api_clients="200", sv_api_timeout="1s")
    server, mux = holdfast.server, holdfast.multiplexer
    holdfast.wait_ready()
    fds = descriptors(server.pid), descriptors(mux.pid)
    doors = [(("127.0.0.1", holdfast.port), "api")] * 4
    doors += [(str(holdfast.run_dir / f"{name}.sock"), "admin") for name in ("multiplexer", "server")]
    mob = Mob(doors, mob_size, threads)
    holdfast.closers.insert(0, mob.close)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert ask(holdfast, "/test")[0] in (200, 503) # busy is an answer, too
        time.sleep(0.02)
    mob.close()
    assert mob.fault is None and mob.lived > mob_size, mob.fault
    wait_for(lambda: descriptors(server.pid) <= fds[0] and descriptors(mux.pid) <= fds[1],
             "all give their descriptors back", 70)
    assert ask(holdfast, "/test")[0] == 200
    assert is_idle(server)
    assert is_idle(mux)


@pytest.mark.parametrize("threads", ("1", "3"))
def test_while_others_do_their_worst_the_api_answers_and_nothing_is_left_of_it(holdfast, threads):
    api_chaos(holdfast, 4, 12, threads)


@pytest.mark.soak
@pytest.mark.parametrize("threads", ("1", "3"))
def test_the_same_of_the_api_for_a_minute(holdfast, threads):
    api_chaos(holdfast, 60, 40, threads)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_the_same_for_minutes(tls, seed):
    chaos(tls, 60, 40, seed, input_rate="50" if seed % 2 else "0")
