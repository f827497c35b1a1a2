"""What the two daemons speak beyond plain AgNet, after their hellos: lists, events and caps, PAUSE,
heartbeats, HANDLED. Each side against a scripted other one; a hello that is not there leaves plain
AgNet, which all the other tests speak."""

import json

import pytest

from agnet import EVERYONE
from daemons import AWAY, CRASHED, DOUBT, HANGS, RESTARTING, SAFE, wait_for

ALL = b"lists events caps pause heartbeat handled flow bans"
LIST = (7, 255)


def hello(holdfast, features=ALL, **options):
    """The real multiplexer and a scripted server that greets first: (server, link)."""
    if holdfast.multiplexer is None:
        holdfast.start_multiplexer(**options)
    server = holdfast.scripted_server()
    return server, greet(server, features)


def greet(server, features=ALL, ready=True):
    link = server.accept()
    link.send("SERVER HELLO", 1, features)
    link.answer = link.expect("MULTIPLEXER HELLO")
    link.send("NOT READY")
    link.send("GET ALL SUBCLIENT INFO")
    if ready:
        until(link, "DONE SENDING ALL SUBCLIENT INFO")
        link.send("READY")
    return link


def newcomer(link):
    """An acceptance with caps: 20, 74, 47."""
    key = link.expect("GOT SUBCLIENT")[0]
    link.caps = json.loads(link.expect("SUBCLIENT CAPS ARE", key)[1])
    link.expect("DONE SENDING SUBCLIENT INFO", key)
    return key


def until(link, name):
    """What comes up to a message of that name, heartbeats left out; and the message."""
    before = []
    while True:
        message = link.next()
        if message[0] == name:
            return before, message
        if message[0] != "HEARTBEAT":
            before.append(message)


# ---- the multiplexer ----


def test_the_hello_is_answered_with_what_both_have_and_who_we_are(holdfast):
    server, link = hello(holdfast, b"lists nonsense pause LISTS flow heartbeats")
    version, features, incarnation = link.answer
    assert version == 1 and sorted(features.split()) == [b"flow", b"lists", b"pause"]
    assert len(incarnation) == 16 and incarnation != bytes(16)
    link.close()
    link = greet(server, b"nothing-known")
    assert link.answer[1] == b"none" and link.answer[2] == incarnation
    link.close()
    first, holdfast.multiplexer = holdfast.multiplexer, None
    first.end()
    server.close()
    server, link = hello(holdfast)
    assert link.answer[2] != incarnation


@pytest.mark.parametrize("first", ["NOT READY", "SERVER HELLO"])
def test_a_hello_that_is_not_the_first_message_ends_the_link(holdfast, first):
    holdfast.start_multiplexer()
    server = holdfast.scripted_server()
    link = server.accept()
    link.send(first, *((1, ALL) if first == "SERVER HELLO" else ()))
    link.send("SERVER HELLO", 1, ALL)
    link.expect_end()
    holdfast.multiplexer.wait_log("SERVER HELLO")
    server.start()


@pytest.mark.parametrize("features", [b"", b"lists pause"])
def test_what_was_not_agreed_on_is_skipped_and_counted(holdfast, features):
    if features:
        server, link = hello(holdfast, features)
    else:
        server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    link.send("HANDLED", 5)
    link.send("SEND SUBCLIENT EVENT", key, "prompt", 0, "> ")
    link.send("HEARTBEAT", 77)
    link.send("SEND SUBCLIENT TEXT", key, "still here\r\n")
    player.expect(b"still here\r\n")
    assert player.all == b"still here\r\n"
    assert not [m for m in link.sync() if m[0] == "HEARTBEAT ANSWER"]
    assert holdfast.metric("messages_unknown") == 3


def test_a_text_for_a_list_reaches_its_members_and_nobody_else(holdfast):
    server, link = hello(holdfast)
    players = [holdfast.player() for _ in range(4)]
    keys = [newcomer(link) for _ in players]
    link.send("MAKE LIST", LIST)
    for key in (keys[0], keys[1], keys[2], keys[1]):
        link.send("ADD TO LIST", LIST, key)
    link.send("REMOVE FROM LIST", LIST, keys[2])
    link.send("REMOVE FROM LIST", LIST, keys[3])
    link.send("SEND SUBCLIENT TEXT", LIST, "for two\r\n")
    link.send("SEND SUBCLIENT TEXT", EVERYONE, "for all\r\n")
    for n, player in enumerate(players):
        player.expect(b"for all\r\n")
        assert player.all == (b"for two\r\n" if n < 2 else b"") + b"for all\r\n"


def test_who_leaves_falls_out_and_a_list_can_be_emptied_and_dropped(holdfast):
    server, link = hello(holdfast)
    stays, leaves = holdfast.player(), holdfast.player()
    stays_key, leaves_key = newcomer(link), newcomer(link)
    link.send("MAKE LIST", LIST)
    link.send("ADD TO LIST", LIST, stays_key)
    link.send("ADD TO LIST", LIST, leaves_key)
    leaves.close()
    link.expect("LOST SUBCLIENT", leaves_key)
    link.send("SEND SUBCLIENT TEXT", LIST, "one\r\n")
    stays.expect(b"one\r\n")
    link.send("MAKE LIST", LIST)
    link.send("SEND SUBCLIENT TEXT", LIST, "nobody\r\n")
    link.send("ADD TO LIST", LIST, leaves_key)
    link.expect("NO SUCH SUBCLIENT", leaves_key)
    link.send("DROP LIST", LIST)
    link.send("SEND SUBCLIENT TEXT", LIST, "no list\r\n")
    link.expect("NO SUCH SUBCLIENT", LIST)
    link.send("ADD TO LIST", LIST, stays_key)
    link.expect("NO SUCH SUBCLIENT", LIST)
    link.send("SEND SUBCLIENT TEXT", stays_key, "end\r\n")
    stays.expect(b"end\r\n")
    assert stays.all == b"one\r\nend\r\n"


def test_lists_do_not_outlive_the_link(holdfast):
    server, link = hello(holdfast)
    holdfast.player()
    key = newcomer(link)
    link.send("MAKE LIST", LIST)
    link.send("ADD TO LIST", LIST, key)
    link.sync()
    link.close()
    link = greet(server)
    link.send("SEND SUBCLIENT TEXT", LIST, "gone\r\n")
    until(link, "NO SUCH SUBCLIENT")


@pytest.mark.parametrize("key", [(0, 255), (65536, 255), (5, 254), (5, 1, 255)])
def test_a_key_that_can_name_no_list_ends_the_link(holdfast, key):
    server, link = hello(holdfast)
    link.send("MAKE LIST", key)
    link.expect_end()
    holdfast.multiplexer.wait_log(r"MAKE LIST \(66\): argument 1 \(list\)")


def test_paused_comes_behind_the_last_input_and_nothing_follows(holdfast):
    server, link = hello(holdfast)
    player = holdfast.player()
    key = newcomer(link)
    for n in range(200):
        player.line(f"{n}")
    first = link.expect("GOT SUBCLIENT TEXT", key)[1]
    link.send("PAUSE")
    player.expect(RESTARTING + b"\r\n")
    player.line("behind")
    before, _ = until(link, "PAUSED")
    text = first + b"".join(m[2] for m in before)
    assert [m for m in link.sync() if m[0] != "HEARTBEAT"] == []
    link.send("READY")
    rest = b""
    while not rest.endswith(b"behind\n"):
        rest += until(link, "GOT SUBCLIENT TEXT")[1][2]
    assert (text + rest).split() == [b"%d" % n for n in range(200)] + [b"behind"]


def test_a_pause_while_not_ready_is_answered_too(holdfast):
    holdfast.start_multiplexer()
    link = greet(holdfast.scripted_server(), ready=False)
    link.send("PAUSE")
    until(link, "PAUSED")


def test_a_heartbeat_is_answered_with_its_number(holdfast):
    server, link = hello(holdfast)
    for number in (0, 1, 4294967295):
        link.send("HEARTBEAT", number)
        assert until(link, "HEARTBEAT ANSWER")[1][1] == number


def test_a_server_that_reads_but_does_not_answer_is_told_as_a_hang(holdfast):
    server, link = hello(holdfast, hang_after="1s")
    player = holdfast.player()
    key = newcomer(link)
    number = until(link, "HEARTBEAT")[1][1]
    player.expect(HANGS + b"\r\n")
    link.send("HEARTBEAT ANSWER", number)
    player.expect(b"[The game is back.]\r\n")
    link.send("SEND SUBCLIENT TEXT", key, "and on\r\n")
    player.expect(b"and on\r\n")
    assert player.all.count(HANGS) == 1


def test_after_a_crash_each_user_is_told_what_may_be_lost_and_so_is_the_next_server(holdfast):
    server, link = hello(holdfast)
    idle, heard, doubtful = holdfast.player(), holdfast.player(), holdfast.player()
    keys = [newcomer(link) for _ in range(3)]
    heard.line("handled")
    link.expect("GOT SUBCLIENT TEXT", keys[1])
    link.send("HANDLED", len(link.heard) + link.ticks)
    doubtful.line("one\r\ntwo")
    until(link, "GOT SUBCLIENT TEXT")
    doubtful.line("three")
    until(link, "GOT SUBCLIENT TEXT")
    link.sync()
    link.close()
    idle.expect(SAFE + b"\r\n")
    heard.expect(SAFE + b"\r\n")
    doubtful.expect(DOUBT % 3 + b"\r\n")
    doubtful.line("four")
    link = greet(server)
    events = []
    while True:
        before, message = until(link, "GOT SUBCLIENT TEXT")
        events += before
        if message[1:] == (keys[2], b"four\n"):
            break
    assert [m for m in events if m[0] == "GOT SUBCLIENT EVENT"] == [
        ("GOT SUBCLIENT EVENT", keys[2], b"doubt", 2, b'{"lines":3}')]
    # Told once: a further server hears nothing of it.
    link.send("HANDLED", len(link.heard) + link.ticks)
    link.sync()
    link.close()
    link = greet(server)
    assert not [m for m in link.sync() if m[0] == "GOT SUBCLIENT EVENT"]


@pytest.mark.parametrize("kind", ["telnet-char", "raw"])
def test_a_line_that_was_begun_is_one_line_in_doubt_however_its_keys_came(holdfast, kind):
    """The server assembles it, so that a crash takes it away even if every key was handled."""
    holdfast.listen(kind=kind)
    server, link = hello(holdfast)
    begun, typed, done = holdfast.player(), holdfast.player(), holdfast.player()
    keys = [newcomer(link) for _ in range(3)]

    def keystrokes(player, key, text):
        for byte in text:
            player.send(bytes([byte]))
            assert until(link, "GOT SUBCLIENT TEXT")[1][1:] == (key, bytes([byte]))

    keystrokes(done, keys[2], b"go\r")
    keystrokes(begun, keys[0], b"loo")
    link.send("HANDLED", len(link.heard) + link.ticks)
    keystrokes(typed, keys[1], b"look\r\nup")
    link.sync()
    link.close()
    done.expect(SAFE + b"\r\n")
    begun.expect(DOUBT % 1 + b"\r\n")
    typed.expect(DOUBT % 2 + b"\r\n")
    # What was lost is lost: at the next crash it is not in doubt again.
    link = greet(server)
    told = [until(link, "GOT SUBCLIENT EVENT")[1] for _ in range(2)]
    assert sorted((m[1], m[4]) for m in told) == sorted([(keys[0], b'{"lines":1}'),
                                                         (keys[1], b'{"lines":2}')])
    link.sync()
    link.close()
    link = greet(server)
    assert not [m for m in link.sync() if m[0] == "GOT SUBCLIENT EVENT"]


def test_without_handled_nobody_is_promised_anything(holdfast):
    server, link = hello(holdfast, b"lists pause heartbeat")
    player = holdfast.player()
    server.newcomer(link)
    link.close()
    player.expect(CRASHED + b"\r\n")


def test_caps_are_part_of_acceptance_and_listing_and_come_again_when_more_is_known(holdfast):
    server, link = hello(holdfast)
    player = holdfast.player()
    key = newcomer(link)
    assert link.caps == {}
    player.send(b"\xff\xf1")
    assert json.loads(link.expect("SUBCLIENT CAPS ARE", key)[1]) == {"telnet": True}
    link.close()
    link = greet(server, ready=False)
    before, _ = until(link, "DONE SENDING SUBCLIENT INFO")
    assert before[-1] == ("SUBCLIENT CAPS ARE", key, b'{"telnet":true}')


def test_what_is_learnt_of_a_client_in_a_pause_comes_behind_it(holdfast):
    server, link = hello(holdfast)
    player = holdfast.player()
    key = newcomer(link)
    link.send("PAUSE")
    until(link, "PAUSED")
    player.send(b"\xff\xf1typed\r\n")
    wait_for(lambda: holdfast.users()[0]["held"] > 0, "the multiplexer has read it")
    assert [m for m in link.sync() if m[0] != "HEARTBEAT"] == []
    link.send("READY")
    before, _ = until(link, "GOT SUBCLIENT TEXT")
    assert before == [("SUBCLIENT CAPS ARE", key, b'{"telnet":true}')]


def test_keys_outside_the_text_do_not_fill_the_memory_while_away(holdfast):
    server, link = hello(holdfast, held_input="8KiB")
    player = holdfast.player()
    key = newcomer(link)
    link.send("NOT READY")
    link.sync()
    player.send(b"\xff\xf4" * 2000 + b"end\r\n")
    wait_for(lambda: holdfast.metric("events_dropped") > 0, "the multiplexer has read it")
    assert holdfast.users()[0]["held"] <= 8 * 1024
    link.send("READY")
    before, message = until(link, "GOT SUBCLIENT TEXT")
    assert message[1:] == (key, b"end\n")
    assert 0 < len(before) < 2000


def test_keys_outside_the_text_keep_their_place_also_while_away(holdfast):
    server, link = hello(holdfast)
    player = holdfast.player()
    key = newcomer(link)

    def story():
        told = []
        while ("text", b"end\n") not in told:
            message = link.next()
            if message[0] == "GOT SUBCLIENT TEXT":
                told += [("text", line + b"\n") for line in message[2].split(b"\n")[:-1]]
            elif message[0] == "GOT SUBCLIENT EVENT":
                assert message[1] == key and message[3] == 0
                told.append((message[2].decode(), message[4].decode()))
        return told

    typed = b"a\r\n\xff\xf4b\r\n\xff\xf3c\r\nd\r\n\xff\xf6end\r\n"
    wanted = [("text", b"a\n"), ("command", "interrupt"), ("text", b"b\n"), ("command", "break"),
              ("text", b"c\n"), ("text", b"d\n"), ("command", "are-you-there"), ("text", b"end\n")]
    player.send(typed)
    assert story() == wanted
    link.send("NOT READY")
    link.sync()
    player.send(typed.replace(b"\xff\xf6", b""))
    wait_for(lambda: holdfast.users()[0]["held"] > 0, "the multiplexer has read it")
    link.send("READY")
    assert story() == [step for step in wanted if step[1] != "are-you-there"]


def test_a_prompt_is_shown_and_other_channels_are_counted(holdfast):
    server, link = hello(holdfast)
    player = holdfast.player()
    key = newcomer(link)
    link.send("SEND SUBCLIENT EVENT", key, "echo", 0, "off")
    link.send("SEND SUBCLIENT EVENT", key, "prompt", 0, "> ")
    player.expect(b"> ")
    assert player.all == b"> "
    assert holdfast.metric("events_not_shown") == 1


# ---- the server ----


def multiplexer_hello(link, features=ALL, incarnation=b"i" * 16):
    wait_for(lambda: (link.read_some(0.05), link.hello)[1], "the server's hello")
    link.send("MULTIPLEXER HELLO", 1, features, incarnation)


def start(multiplexer, users=(), **how):
    link = multiplexer.dial()
    multiplexer_hello(link, **how)
    link.send("ACCEPTING ALL")
    for key in users:
        link.send("GOT SUBCLIENT", key, "telnet-line", "192.0.2.7")
        link.send("DONE SENDING SUBCLIENT INFO", key)
    link.send("DONE SENDING ALL SUBCLIENT INFO")
    before, _ = until(link, "READY")
    return link, before


def test_our_server_greets_first_with_its_features(holdfast):
    holdfast.start_server(wait=False)
    multiplexer = holdfast.scripted_multiplexer()
    link, _ = start(multiplexer)
    name, version, features = link.hello
    assert version == 1
    assert set(features.split()) == set(ALL.split())


def test_our_server_says_what_it_has_handled_behind_the_answers(holdfast):
    holdfast.start_server(wait=False)
    multiplexer = holdfast.scripted_multiplexer()
    link, _ = start(multiplexer)
    multiplexer.join(link, (5, 1))
    link.send("GOT SUBCLIENT TEXT", (5, 1), "1\n")
    sent = 1 + 1 + 1 + 2 + 1  # hello, mode, end of the listing, the player, his line
    handled, before = 0, []
    while handled < sent:
        more, message = until(link, "HANDLED")
        before += more
        handled = message[1]
    assert handled == sent
    assert any(m[0] == "SEND SUBCLIENT TEXT" and b"ok 1" in m[2] for m in before)


def test_our_server_answers_heartbeats_and_asks_itself(holdfast):
    holdfast.start_server(wait=False)
    link, _ = start(holdfast.scripted_multiplexer())
    link.send("HEARTBEAT", 4711)
    until_answer = None
    while until_answer != 4711:
        message = link.next()
        if message[0] == "HEARTBEAT":
            link.send("HEARTBEAT ANSWER", message[1])
        elif message[0] == "HEARTBEAT ANSWER":
            until_answer = message[1]
    number = link.next()
    while number[0] != "HEARTBEAT":
        number = link.next()


def test_our_server_gives_up_a_multiplexer_that_answers_no_heartbeat(holdfast):
    holdfast.start_server(wait=False)
    link, _ = start(holdfast.scripted_multiplexer())
    holdfast.admin("server", "set", "sv_link_timeout", "1s")
    link.expect_end()
    holdfast.server.wait_log("has not answered for too long")
    start(holdfast.scripted_multiplexer())


def test_a_listing_without_an_end_does_not_keep_the_link(holdfast):
    holdfast.start_server(wait=False)
    multiplexer = holdfast.scripted_multiplexer()
    link = multiplexer.dial()
    holdfast.admin("server", "set", "sv_link_timeout", "1s")
    link.send("ACCEPTING ALL")
    link.send("GOT SUBCLIENT", (5, 1), "raw", "192.0.2.1")
    link.expect_end()
    holdfast.server.wait_log("does not end its listing")
    multiplexer.start([((5, 1), "raw", "192.0.2.1", None)])


def test_another_run_of_the_multiplexer_has_other_players(holdfast):
    holdfast.start_server(wait=False)
    multiplexer = holdfast.scripted_multiplexer()
    link, _ = start(multiplexer, [(5, 1), (6, 1)])
    link.close()
    link, _ = start(multiplexer, [(5, 1)])
    assert holdfast.admin("server", "status")["players"] == 1
    assert "restored" in holdfast.server.text()
    restored = holdfast.server.text().count("restored")
    link.close()
    link, _ = start(multiplexer, [(5, 1)], incarnation=b"another run, yes")
    wait_for(lambda: holdfast.server.text().count("restored") == restored + 1,
             "the player of the same key is another one")


def test_our_server_pauses_where_it_can(holdfast):
    holdfast.start_server(wait=False)
    multiplexer = holdfast.scripted_multiplexer()
    link, _ = start(multiplexer)
    multiplexer.join(link, (5, 1))
    holdfast.expected_status[holdfast.server.pid] = 3
    holdfast.admin("server", "quit")
    before, _ = until(link, "PAUSE")
    assert not [m for m in before if m[0] in ("NOT READY", "ARE YOU ALIVE")]
    link.send("GOT SUBCLIENT TEXT", (5, 1), "1\n")
    link.send("PAUSED")
    before, _ = until(link, "SERVER GOING OFFLINE")
    assert any(m[0] == "SEND SUBCLIENT TEXT" and b"ok 1" in m[2] for m in before)
    link.expect_end()
    link.close()
    assert holdfast.server.wait() == 3


def test_lists_of_our_server_are_told_anew_on_a_new_link_before_it_is_ready(holdfast):
    holdfast.map = "talker"
    holdfast.start_server(wait=False)
    multiplexer = holdfast.scripted_multiplexer()
    users = [(5, 1), (6, 1), (7, 1)]
    link, _ = start(multiplexer)
    for key in users:
        multiplexer.join(link, key)
        assert until(link, "SEND SUBCLIENT TEXT")[1][1:] == (key, b"hello telnet-line\r\n")
    link.send("GOT SUBCLIENT TEXT", (5, 1), "crowd\n")
    before, made = until(link, "SEND SUBCLIENT TEXT")
    lists = [m for m in before if m[0] in ("MAKE LIST", "ADD TO LIST")]
    crowd = made[1]
    assert crowd[1] == 255 and 1 <= crowd[0] <= 65535
    assert made[2] == b"dinner\r\n"
    assert lists == [("MAKE LIST", crowd)] + [("ADD TO LIST", crowd, key) for key in users]
    link.close()
    link, before = start(multiplexer, [(5, 1), (7, 1)])
    lists = [m for m in before if m[0] in ("MAKE LIST", "ADD TO LIST")]
    assert lists == [("MAKE LIST", crowd), ("ADD TO LIST", crowd, (5, 1)),
                     ("ADD TO LIST", crowd, (7, 1))]


def test_a_list_of_a_real_game_reaches_its_members_over_a_restart(holdfast):
    holdfast.map = "talker"
    holdfast.start()
    first, second = holdfast.player(), holdfast.player()
    second.line("echo here")
    second.expect(b"[4] here\r\n")
    for _ in range(2):
        first.line("crowd")
        first.expect(b"dinner\r\n")
        second.expect(b"dinner\r\n")
        holdfast.restart()


def test_admins_switch_the_accept_mode_over_the_game_too(holdfast):
    holdfast.start()
    holdfast.admin("server", "accept", "localhost")
    wait_for(lambda: holdfast.admin("multiplexer", "status")["accept"] == "localhost", "localhost")
    wait_for(lambda: holdfast.admin("server", "accept")["accept"] == "localhost", "the answer")
    holdfast.restart()
    wait_for(lambda: holdfast.admin("server", "accept")["accept"] == "localhost", "after a restart")
    holdfast.admin("server", "accept", "all")
    wait_for(lambda: holdfast.admin("multiplexer", "status")["accept"] == "all", "all")
