"""The game is away, hangs, stumbles or crashes again and again: players stay, and are told once."""

import re
import time

import pytest

from daemons import AWAY, BACK, CRASHED, HANGS, PATIENCE, RESTARTING, SAFE, wait_for

NOTICE = re.compile(rb"\[The game[^\]]*\]")
HELD = 16 * 1024


def notices(player):
    player.drain()
    return NOTICE.findall(player.all)


def test_a_user_who_comes_before_any_server_waits_and_is_delivered(holdfast):
    holdfast.start_multiplexer()
    player = holdfast.player()
    player.expect(AWAY + b"\r\n")
    player.line("early")
    server = holdfast.scripted_server()
    link = server.start()
    assert link.users == {}  # no server was told of him yet, so he is news, not a part of the list
    key = server.newcomer(link)
    link.expect("GOT SUBCLIENT TEXT", key, b"early\n")
    assert notices(player) == [AWAY]


def test_logins_while_away_are_told_to_wait_and_come_at_ready_in_order_of_arrival(holdfast):
    server, link = holdfast.start_with_script()
    old = holdfast.player()
    old_key = server.newcomer(link)
    link.send("NOT READY")
    link.sync()
    waiting = []
    for n in range(10):
        player = holdfast.player()
        player.expect(AWAY + b"\r\n")
        player.line(f"I am {n}")
        waiting.append(player)
    old.line("I was here before")
    assert link.sync() == []
    link.send("READY")
    lines, keys = {}, []
    while len(lines) < 11:
        message = link.next()
        if message[0] == "GOT SUBCLIENT":
            keys.append(message[1])
        elif message[0] == "GOT SUBCLIENT TEXT":
            assert message[1] == old_key or message[1] in keys
            lines[message[1]] = message[2]
    assert lines.pop(old_key) == b"I was here before\n"
    assert [lines[key] for key in keys] == [b"I am %d\n" % n for n in range(10)]


def test_logins_over_a_restart_are_not_in_the_listing_but_behind_it(holdfast):
    server, link = holdfast.start_with_script()
    holdfast.player()
    old_key = server.newcomer(link)
    link.close()
    new = holdfast.player()
    new.expect(AWAY)
    link = server.start()
    assert list(link.users) == [old_key]
    new_key = server.newcomer(link)
    # The next server finds both: this one was told of him.
    link.close()
    link = server.start()
    assert list(link.users) == [old_key, new_key]


def test_who_leaves_while_not_ready_is_reported_before_what_later_users_say(holdfast):
    server, link = holdfast.start_with_script()
    leaving = holdfast.player()
    leaving_key = server.newcomer(link)
    link.send("NOT READY")
    link.sync()
    leaving.line("my last words")
    leaving.close()
    wait_for(lambda: len(holdfast.users()) == 0, "the multiplexer sees him go")
    later = holdfast.player()
    later.line("I came later")
    later.expect(AWAY)
    link.send("READY")
    link.expect("GOT SUBCLIENT TEXT", leaving_key, b"my last words\n")
    link.expect("LOST SUBCLIENT", leaving_key)
    later_key = server.newcomer(link)
    link.expect("GOT SUBCLIENT TEXT", later_key, b"I came later\n")


def test_who_leaves_while_no_server_is_there_is_not_in_the_listing_of_the_next(holdfast):
    server, link = holdfast.start_with_script()
    leaving, staying = holdfast.player(), holdfast.player()
    server.newcomer(link)
    staying_key = server.newcomer(link)
    link.close()
    leaving.close()
    wait_for(lambda: len(holdfast.users()) == 1, "the multiplexer sees him go")
    link = server.start()
    assert list(link.users) == [staying_key]
    staying.line("alone")
    link.expect("GOT SUBCLIENT TEXT", staying_key, b"alone\n")


def test_who_comes_and_goes_while_away_is_never_heard_of(holdfast):
    server, link = holdfast.start_with_script()
    link.close()
    for _ in range(5):
        holdfast.player().close()
    wait_for(lambda: len(holdfast.users()) == 0, "the multiplexer sees them go")
    link = server.start()
    assert link.users == {}
    assert [m for m in link.sync() if m[0] == "GOT SUBCLIENT TEXT"] == []


@pytest.mark.parametrize("kind", ["telnet-line", "raw"])
def test_two_hundred_kilobytes_typed_while_away_all_arrive_in_order(holdfast, kind):
    holdfast.listen("door", kind)
    server, link = holdfast.start_with_script()
    player = holdfast.player("door")
    key = server.newcomer(link)
    link.close()
    player.expect(CRASHED)
    data = b"".join(b"line %06d\n" % n for n in range(200_000 // 12))
    player.socket.setblocking(False)
    sent = 0
    server_link = None
    while sent < len(data):
        try:
            sent += player.socket.send(data[sent:sent + 10_000])
        except BlockingIOError:
            # Reading has stopped, as it must: what is not read waits with the client.
            server_link = server_link or server.start()
            server_link.read_some(0.01)
    player.socket.setblocking(True)
    link = server_link or server.start()
    assert link.text_of(key, len(data)) == data
    assert player.is_connected()


def test_no_more_than_the_limit_is_held_for_one_user_and_others_type_on(holdfast):
    server, link = holdfast.start_with_script()
    flooder, quiet = holdfast.player(), holdfast.player()
    flooder_key = server.newcomer(link)
    quiet_key = server.newcomer(link)
    link.send("NOT READY")
    link.sync()
    data = b"".join(b"%07d\n" % n for n in range(1_000_000 // 8))
    flooder.socket.setblocking(False)
    sent = 0
    quiet_since = time.monotonic()
    while sent < len(data) and time.monotonic() - quiet_since < 0.5:
        try:
            sent += flooder.socket.send(data[sent:sent + 65536])
            quiet_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    quiet.line("and I?")
    # Memory: held plus what one read may bring beyond it.
    assert holdfast.metric("bytes_from_users") <= HELD + 64 * 1024 + 100
    link.send("READY")
    got = {flooder_key: b"", quiet_key: b""}
    while len(got[flooder_key]) < sent - 8 or not got[quiet_key]:
        message = link.next()
        assert message[0] == "GOT SUBCLIENT TEXT"
        got[message[1]] += message[2]
    assert data.startswith(got[flooder_key])
    assert got[quiet_key] == b"and I?\n"


def test_half_a_line_typed_before_a_crash_is_finished_after_it(holdfast):
    holdfast.start()
    player = holdfast.player()
    player.expect(b"hello 0\r\n")
    player.line("1")
    player.expect(b"ok 1 ")
    player.send(b"not ")
    holdfast.server.kill9()
    player.expect(SAFE + b"\r\n")
    player.send(b"yet")
    holdfast.start_server()
    player.send(b" done\r\n")
    player.expect(b"what? not yet done\r\n")


def test_a_half_line_of_a_character_client_survives_an_orderly_restart(holdfast):
    holdfast.listen("char", "telnet-char")
    holdfast.start()
    player = holdfast.player("char")
    player.expect(b"hello 0\r\n")
    player.send(b"not ")
    holdfast.restart()
    player.send(b"yet\r")
    player.expect(b"what? not yet\r\n")


def test_an_orderly_goodbye_shows_the_restart_notice_once(holdfast):
    server, link = holdfast.start_with_script(notice_back_after="1min")
    player = holdfast.player()
    server.newcomer(link)
    link.send("NOT READY")
    link.sync()
    link.send("SERVER GOING OFFLINE")
    link.close()
    player.expect(RESTARTING + b"\r\n")
    link = server.start()
    link.send("SEND SUBCLIENT TEXT", (0, 255), b"on we go\r\n")
    player.expect(b"on we go\r\n")
    assert notices(player) == [RESTARTING]


def test_a_server_that_vanishes_shows_the_crash_notice_once(holdfast):
    server, link = holdfast.start_with_script(notice_back_after="1min")
    player = holdfast.player()
    server.newcomer(link)
    link.close()
    player.expect(CRASHED + b"\r\n")
    link = server.start()
    link.send("SEND SUBCLIENT TEXT", (0, 255), b"on we go\r\n")
    player.expect(b"on we go\r\n")
    assert notices(player) == [CRASHED]


def test_after_a_longer_absence_the_return_is_told_too(holdfast):
    server, link = holdfast.start_with_script(notice_back_after="100ms")
    player = holdfast.player()
    server.newcomer(link)
    link.close()
    player.expect(CRASHED + b"\r\n")
    time.sleep(0.3)
    server.start()
    player.expect(BACK + b"\r\n")
    assert notices(player) == [CRASHED, BACK]


def test_a_notice_stands_on_a_line_of_its_own(holdfast):
    server, link = holdfast.start_with_script(notice_back_after="1min")
    at_prompt, at_start = holdfast.player(), holdfast.player()
    prompt_key = server.newcomer(link)
    start_key = server.newcomer(link)
    link.send("SEND SUBCLIENT TEXT", prompt_key, b"> ")
    link.send("SEND SUBCLIENT TEXT", start_key, b"a line\r\n")
    link.sync()
    link.close()
    at_prompt.expect(CRASHED + b"\r\n")
    at_start.expect(CRASHED + b"\r\n")
    assert at_prompt.all == b"> \r\n" + CRASHED + b"\r\n"
    assert at_start.all == b"a line\r\n" + CRASHED + b"\r\n"


def test_ten_seconds_of_standing_still_lose_nothing(holdfast):
    holdfast.start()
    swarm = holdfast.swarm(20, pace=0.2)
    swarm.start_typing()
    swarm.wait(lambda: all(m.acked_at for m in swarm.members), "everyone is answered")
    holdfast.server.stop()
    latecomer = holdfast.player()
    time.sleep(10)
    holdfast.server.go_on()
    swarm.wait(lambda: all(len(m.acked_at) > 45 for m in swarm.members), "all goes on")
    swarm.stop_typing()
    swarm.wait_all_answered()
    for member in swarm.members:
        assert not member.ended
        assert [a[1][0] for a in member.answers if a[0] == "ok"] == list(range(1, member.sent + 1))
        assert {a[0] for a in member.answers} == {"hello", "ok"}
        assert member.notices == [] and member.other == []  # far from 30 s: nobody is told
    latecomer.expect(b"hello 0\r\n")


def test_a_hang_is_told_once_and_the_end_of_it_too(holdfast):
    holdfast.start(hang_after="2s", tick="100ms")
    player = holdfast.player()
    player.expect(b"hello 0\r\n")
    player.line("1")
    player.expect(b"ok 1 ")
    holdfast.server.stop()
    player.line("2")
    player.expect(HANGS + b"\r\n")
    time.sleep(3)
    assert notices(player) == [HANGS]
    holdfast.server.go_on()
    player.expect(b"ok 2 ")
    wait_for(lambda: BACK in notices(player), "the end of it is told")
    player.line("3")
    player.expect(b"ok 3 ")
    assert notices(player) == [HANGS, BACK]


def test_a_game_that_hangs_and_is_killed_is_told_as_what_it_is(holdfast):
    holdfast.start(hang_after="1s", tick="100ms")
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    holdfast.server.stop()
    player.expect(HANGS + b"\r\n")
    holdfast.server.kill9()
    player.expect(SAFE + b"\r\n")
    holdfast.start_server()
    player.line("2")
    player.expect(b"ok 2 ")


def test_a_server_that_dies_50_ms_after_ready_again_and_again_is_told_once(holdfast):
    server, link = holdfast.start_with_script()
    players = [holdfast.player() for _ in range(10)]
    keys = [server.newcomer(link) for _ in players]
    for round_ in range(14):
        time.sleep(0.05)
        link.close()
        players[round_ % 10].line(f"round {round_}")
        link = server.start()
        assert list(link.users) == keys
    link.send("SEND SUBCLIENT TEXT", (0, 255), b"steady now\r\n")
    for player in players:
        player.expect(b"steady now\r\n")
        assert notices(player) == [CRASHED]
        assert player.is_connected()


def test_a_poisonous_line_crashes_the_game_once_and_is_not_replayed(holdfast):
    server, link = holdfast.start_with_script()
    poisoner, other = holdfast.player(), holdfast.player()
    poisoner_key = server.newcomer(link)
    other_key = server.newcomer(link)
    poisoner.line("poison")
    link.expect("GOT SUBCLIENT TEXT", poisoner_key, b"poison\n")
    link.close()  # the game read it, and died of it
    other.expect(CRASHED)
    other.line("I play on")
    link = server.start()
    assert set(link.users) == {poisoner_key, other_key}
    link.expect("GOT SUBCLIENT TEXT", other_key, b"I play on\n")
    assert link.sync() == []


# -- a server that dies while it starts (the next one gets the full listing again) --------------

def some_users(holdfast, count=5):
    """A ready scripted server with users about whom something is kept: (server, link, saved)."""
    server, link = holdfast.start_with_script()
    saved = {}
    for n in range(count):
        holdfast.player()
        key = server.newcomer(link)
        saved[key] = b"about %d " % n + bytes(range(256)) * 8
        link.send("SAVE SUBCLIENT INFO", key, saved[key])
        link.expect("SAVED SUBCLIENT INFO", key)
    return server, link, saved


def assert_full_listing(link, saved):
    assert {key: user.saved for key, user in link.users.items()} == saved


def test_a_crash_between_not_ready_and_ready_costs_nothing(holdfast):
    server, link, saved = some_users(holdfast)
    link.close()
    for _ in range(5):
        link = server.start(ready=False)
        assert_full_listing(link, saved)
        link.close()
    assert_full_listing(server.start(), saved)


def test_a_crash_in_the_middle_of_the_listing_costs_nothing(holdfast):
    server, link, saved = some_users(holdfast)
    link.close()
    for cut in range(1, 20, 3):
        link = server.accept()
        link.send("NOT READY")
        link.send("GET ALL SUBCLIENT INFO")
        for _ in range(cut):
            link.next()
        link.close()
    assert_full_listing(server.start(), saved)


def test_a_crash_between_two_saves_keeps_the_whole_ones_and_the_old_of_the_other(holdfast):
    server, link, saved = some_users(holdfast)
    first, second = list(saved)[:2]
    link.send("SAVE SUBCLIENT INFO", first, b"new")
    whole = pack_save(second, b"never whole" * 100)
    link.send_raw(whole[:-1])
    link.close()
    saved[first] = b"new"
    assert_full_listing(server.start(), saved)


def pack_save(key, info):
    from agnet import encode
    return encode("SAVE SUBCLIENT INFO", key, info)


def test_asking_for_the_listing_twice_gives_it_twice(holdfast):
    server, link, saved = some_users(holdfast)
    for _ in range(2):
        link.users = server.listing(link)
        assert_full_listing(link, saved)


def test_a_server_that_goes_silent_before_it_proves_itself_is_left_for_the_next(holdfast):
    holdfast.start_multiplexer(hello_timeout="300ms")
    player = holdfast.player()
    server = holdfast.scripted_server()
    silent = server.accept()
    silent.expect_end()
    link = server.start()
    key = server.newcomer(link)
    player.line("at last")
    link.expect("GOT SUBCLIENT TEXT", key, b"at last\n")


def test_the_multiplexer_comes_back_soon_after_the_server_listens(holdfast):
    server, link = holdfast.start_with_script()
    server.close()
    for _ in range(5):
        time.sleep(0.2)
        server = holdfast.scripted_server()
        link = server.accept()  # waits PATIENCE at most: it is dialled for ever
        link.close()
        server.close()
    assert PATIENCE
