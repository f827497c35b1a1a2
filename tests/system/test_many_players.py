"""A thousand players type numbered lines while the game is restarted and killed fifty times.

The map ledger says of every line whether it is the next one, one it already had, or one behind a
gap, by what it restored; each member of the swarm keeps what was said about each of his lines."""

import random
import re
import time

import pytest

from daemons import AWAY, CRASHED_ANYHOW, RESTARTING, wait_for

PLAYERS = 1000


def open_game(holdfast, players=PLAYERS, **how):
    holdfast.start()
    swarm = holdfast.swarm(players, **how)
    wait_for(lambda: len(holdfast.users()) == players, "all are connected", 60)
    swarm.start_typing()
    swarm.wait(lambda: all(m.acked_at for m in swarm.members), "everyone was answered once")
    return swarm


def restart_many_times(holdfast, swarm, times, pause):
    generation = swarm.generation
    for _ in range(times):
        holdfast.restart()
        generation = swarm.wait_other_generation(generation)
        time.sleep(pause)


def assert_nothing_lost_or_twice(swarm):
    """Every line exactly once and in order, by the game's word and by the order of its answers."""
    for member in swarm.members:
        assert not member.ended, f"member {member.number} was disconnected"
        assert member.other == [], member.other[:5]
        said = [a for a in member.answers if a[0] != "hello"]
        assert {a[0] for a in said} == {"ok"}, [a for a in said if a[0] != "ok"][:5]
        assert [a[1][0] for a in said] == list(range(1, member.sent + 1))


def assert_notices(swarm, notice, times):
    """At most one a time. A game that stumbles for minutes is also told of again, as one that is
    away, after 1, 5, 15 minutes."""
    for member in swarm.members:
        lines = [line for line, _ in member.notices]
        lasted = time.monotonic() - swarm.began
        assert set(lines) <= {notice, AWAY}
        assert lines.count(notice) <= times
        assert lines.count(AWAY) <= sum(lasted >= 60 * minute for minute in (1, 5, 15))


def graceful(holdfast, times, pause):
    swarm = open_game(holdfast)
    restart_many_times(holdfast, swarm, times, pause)
    swarm.stop_typing()
    swarm.wait_all_answered()
    assert_nothing_lost_or_twice(swarm)
    assert_notices(swarm, RESTARTING, times)
    assert holdfast.metric("server_goodbyes") == times
    assert holdfast.metric("server_crashes") == 0
    assert len(holdfast.users()) == PLAYERS


def test_fifty_orderly_restarts_handle_every_line_exactly_once_and_in_order(holdfast):
    graceful(holdfast, 50, 0.05)


@pytest.mark.soak
def test_a_thousand_orderly_restarts_handle_every_line_exactly_once_and_in_order(holdfast):
    graceful(holdfast, 1000, 0.2)


def kill_many_times(holdfast, swarm, times, chance):
    """[(killed at, noticed at), ...]: a line sent later than `noticed` was not on the link then."""
    kills = []
    for number in range(times):
        # Now and then a longer life: after ten short ones in a row the multiplexer dials slowly.
        time.sleep(chance.uniform(1.1, 1.4) if number % 8 == 7 else chance.uniform(0, 0.4))
        crashes = holdfast.metric("server_crashes")
        killed = time.monotonic()
        holdfast.server.kill9()
        wait_for(lambda: holdfast.metric("server_crashes") > crashes, "the crash is noticed")
        kills.append((killed, time.monotonic()))
        holdfast.start_server()
    return kills


def assert_at_most_once(swarm, kills):
    """No line twice; lost only what was unanswered and had been sent when a kill was noticed; what
    was kept about a player is whole and not older than what he was told."""
    lost_in_all = 0
    for member in swarm.members:
        assert not member.ended, f"member {member.number} was disconnected"
        assert member.other == [], member.other[:5]
        assert {a[0] for a in member.answers} <= {"ok", "gap", "hello"}, member.answers[:20]
        acked = [a[1][0] for a in member.answers if a[0] == "ok"]
        assert acked == sorted(acked)
        for kind, numbers, when in member.answers:
            if kind == "gap":  # (what the game expected, what came)
                expected, came = numbers
                assert expected <= came
                forgotten = [n for n in range(expected, came) if n in member.acked_at]
                assert not forgotten, f"member {member.number}: {forgotten} were answered, not kept"
        answered = sorted(member.acked_at.items())
        for n in range(1, member.sent + 1):
            if n in member.acked_at:
                continue
            lost_in_all += 1
            later = [at for line, at in answered if line > n]
            next_answer = min(later) if later else time.monotonic()
            assert any(member.sent_at[n] <= noticed and killed <= next_answer
                       for killed, noticed in kills), \
                f"member {member.number} lost line {n} without a crash to blame"
    return lost_in_all


def crashes(holdfast, times, seed):
    swarm = open_game(holdfast)
    kills = kill_many_times(holdfast, swarm, times, random.Random(seed))
    time.sleep(0.5)
    swarm.stop_typing()
    # One more line each, after the last crash: everyone is served.
    marks = {}
    for member in swarm.members:
        member.sent += 1
        member.sent_at.append(time.monotonic())
        marks[member.number] = member.sent
        member.socket.setblocking(True)
        member.socket.sendall(b"%d\r\n" % member.sent)
        member.socket.setblocking(False)
    swarm.wait(lambda: all(marks[m.number] in m.acked_at for m in swarm.members),
               "everyone is answered after the last crash")
    lost = assert_at_most_once(swarm, kills)
    sent = sum(m.sent for m in swarm.members)
    print(f"{sent} lines, {lost} lost in {times} crashes")
    assert holdfast.metric("server_crashes") == times
    # Each notice says how much may be lost by that crash; no more is, in all.
    for member in swarm.members:
        doubts = []
        for line, _ in member.notices:
            told = re.fullmatch(CRASHED_ANYHOW, line)
            assert told or line == AWAY, line
            doubts += [int(told[1] or 0)] if told else []
        assert len(doubts) <= times
        lost_of_his = member.sent - len(member.acked_at)
        assert lost_of_his <= sum(doubts), (member.number, lost_of_his, member.notices)
    assert len(holdfast.users()) == PLAYERS


def test_fifty_kills_at_random_moments_disconnect_nobody_and_repeat_nothing(holdfast):
    crashes(holdfast, 50, seed=2)


@pytest.mark.soak
def test_a_thousand_kills_at_random_moments_disconnect_nobody_and_repeat_nothing(holdfast):
    crashes(holdfast, 1000, seed=3)


def test_a_standing_server_that_is_killed_loses_no_more_than_the_link_holds(holdfast):
    """What users typed and the multiplexer still has is delivered to the next server, once."""
    swarm = open_game(holdfast, 200)
    swarm.stop_typing()
    swarm.wait_all_answered()
    before = {m.number: m.sent for m in swarm.members}
    holdfast.server.stop()
    typed = 0
    for _ in range(18):  # two megabytes in all, no user more than what is held for one
        for member in swarm.members:
            data = b""
            for _ in range(20):
                member.sent += 1
                member.sent_at.append(time.monotonic())
                data += b"%030d\r\n" % member.sent
            typed += len(data)
            member.socket.setblocking(True)
            member.socket.sendall(data)
            member.socket.setblocking(False)
    wait_for(lambda: holdfast.metric("bytes_from_users") >= typed, "all of it was read")
    killed = time.monotonic()
    holdfast.server.kill9()
    holdfast.start_server()
    swarm.start_typing()
    swarm.wait(lambda: all(m.acked_at.get(m.sent) or
                           any(n > before[m.number] + 18 * 20 for n in list(m.acked_at))
                           for m in swarm.members), "everyone is served again")
    swarm.stop_typing()
    time.sleep(0.5)
    lost = assert_at_most_once(swarm, [(killed, time.monotonic())])
    # The kernel's buffer of an AF_UNIX socket, and what the dead server had read of it.
    assert lost * 31 <= 300_000, f"{lost} of {18 * 20 * 200} lines lost"


def test_a_new_build_that_cannot_start_is_refused_and_the_old_game_goes_on(holdfast):
    holdfast.use_own_binaries()
    swarm = open_game(holdfast, 20, pace=0.1)
    path = holdfast.bin / "holdfast-server"
    path.chmod(0o644)
    answer = holdfast.ctl("restart")
    assert answer.returncode != 0
    assert "execut" in answer.stderr.lower() or "permission" in answer.stderr.lower(), answer.stderr
    path.chmod(0o755)
    generation = swarm.generation
    time.sleep(0.3)
    swarm.stop_typing()
    swarm.wait_all_answered()
    assert swarm.generation == generation
    assert_nothing_lost_or_twice(swarm)
    assert all(m.notices == [] for m in swarm.members)


def test_sigterm_and_a_new_server_lose_nothing(holdfast):
    swarm = open_game(holdfast, 100, pace=0.1)
    for _ in range(10):
        assert holdfast.server.end() == 0
        holdfast.start_server()
        time.sleep(0.1)
    swarm.stop_typing()
    swarm.wait_all_answered()
    assert_nothing_lost_or_twice(swarm)
    assert holdfast.metric("server_crashes") == 0


def test_a_crash_in_the_middle_of_an_orderly_restart_is_a_crash_and_no_more(holdfast):
    chance = random.Random(4)
    swarm = open_game(holdfast, 100, pace=0.1)
    kills = []
    for _ in range(10):
        began = time.monotonic()
        holdfast.restart(wait=False)
        time.sleep(chance.uniform(0, 0.1))
        holdfast.server.kill9()
        time.sleep(0.2)  # until it is noticed, whatever it is taken for
        kills.append((began, time.monotonic()))
        holdfast.start_server()
        time.sleep(0.2)
    swarm.stop_typing()
    time.sleep(0.5)
    assert_at_most_once(swarm, kills)
