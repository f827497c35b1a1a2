"""What the multiplexer answers to each message of a game server, and what it tells by itself."""

import re
import socket

import pytest

from agnet import EVERYONE, PAYLOAD_MAX
from daemons import GOODBYE, wait_for


def test_a_user_is_reported_with_protocol_and_address_and_his_line_follows(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    assert len(key) == 2 and key[1] == 1
    assert (link.protocol, link.ip) == (b"telnet-line", b"127.0.0.1")
    player.line("hello there")
    link.expect("GOT SUBCLIENT TEXT", key, b"hello there\n")


def test_several_lines_in_one_write_arrive_in_order_and_whole(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    lines = b"".join(b"line %d\n" % n for n in range(500))
    player.send(lines)
    assert link.text_of(key, len(lines)) == lines


def test_every_question_about_a_user_is_answered(holdfast):
    server, link = holdfast.start_with_script()
    holdfast.player()
    key = server.newcomer(link)
    link.send("GET SUBCLIENT DNS", key)
    assert link.expect("SUBCLIENT DNS IS", key)[1] in (b"unsupported", b"unresolved")
    link.send("GET SUBCLIENT IDENTD", key)
    assert link.expect("SUBCLIENT IDENTD IS", key)[1] in (b"unsupported", b"unresolved")
    link.send("GET SUBCLIENT IDLETIME", key)
    assert link.expect("SUBCLIENT IDLETIME IS", key)[1] < 60
    link.send("GET SUBCLIENT CONNECTTIME", key)
    assert link.expect("SUBCLIENT CONNECTTIME IS", key)[1] < 60
    link.send("GET SUBCLIENT SAVED INFO", key)
    link.expect("THERE IS NO SUBCLIENT SAVED INFO", key)
    link.send("SAVE SUBCLIENT INFO", key, b"kept")
    link.expect("SAVED SUBCLIENT INFO", key)
    link.send("GET SUBCLIENT SAVED INFO", key)
    link.expect("SUBCLIENT SAVED INFO IS", key, b"kept")
    link.send("DELETE SUBCLIENT SAVED INFO", key)
    link.expect("DELETED SUBCLIENT SAVED INFO", key)
    link.send("GET SUBCLIENT SAVED INFO", key)
    link.expect("THERE IS NO SUBCLIENT SAVED INFO", key)


ABOUT_A_USER = [("GET SUBCLIENT DNS",), ("GET SUBCLIENT IDENTD",), ("GET SUBCLIENT IDLETIME",),
                ("GET SUBCLIENT CONNECTTIME",), ("GET SUBCLIENT SAVED INFO",), ("KILL SUBCLIENT",),
                ("SAVE SUBCLIENT INFO", b"x"), ("SEND SUBCLIENT TEXT", b"x"),
                ("DELETE SUBCLIENT SAVED INFO",)]


@pytest.mark.parametrize("message", ABOUT_A_USER, ids=lambda m: m[0].lower().replace(" ", "-"))
def test_for_a_user_who_left_the_answer_is_no_such_subclient(holdfast, message):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    player.close()
    link.expect("LOST SUBCLIENT", key)
    link.send(message[0], key, *message[1:])
    link.expect("NO SUCH SUBCLIENT", key)
    assert link.sync() == []


@pytest.mark.parametrize("stale", [lambda k: (k[0] + 1, k[1]), lambda k: (k[0], k[1] + 1),
                                   lambda k: (k[0],), lambda k: k + (7,), lambda k: (0, 0)],
                         ids=["next-number", "other-listener", "depth-1", "depth-3", "zero"])
def test_a_key_that_is_nobodys_reaches_nobody_and_is_counted(holdfast, stale):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    before = holdfast.metric("stale_key")
    link.send("SEND SUBCLIENT TEXT", stale(key), b"not for him\r\n")
    link.expect("NO SUCH SUBCLIENT", stale(key))
    link.send("SEND SUBCLIENT TEXT", key, b"for him\r\n")
    player.expect(b"for him\r\n")
    assert player.all == b"for him\r\n"
    assert holdfast.metric("stale_key") == before + 1


def test_client_numbers_are_not_given_again(holdfast):
    server, link = holdfast.start_with_script()
    keys = []
    for _ in range(50):
        player = holdfast.player()
        keys.append(server.newcomer(link))
        player.close()
        link.expect("LOST SUBCLIENT", keys[-1])
    assert len(set(keys)) == 50
    assert (0, 1) not in keys


def test_text_for_a_user_who_left_never_reaches_the_next_one(holdfast):
    server, link = holdfast.start_with_script()
    for _ in range(20):
        first = holdfast.player()
        gone = server.newcomer(link)
        first.close()
        second = holdfast.player()
        # On the way between the leaving and the next one's coming: not for him, either way.
        link.send("SEND SUBCLIENT TEXT", gone, b"a secret\r\n")
        link.send("SAVE SUBCLIENT INFO", gone, b"a secret")
        heard = []
        while not {"LOST SUBCLIENT", "DONE SENDING SUBCLIENT INFO"} <= {m[0] for m in heard}:
            heard.append(link.next())
        key = next(m[1] for m in heard if m[0] == "GOT SUBCLIENT")
        assert key != gone
        link.sync()
        link.send("SEND SUBCLIENT TEXT", key, b"welcome\r\n")
        link.send("GET SUBCLIENT SAVED INFO", key)
        link.expect("THERE IS NO SUBCLIENT SAVED INFO", key)
        second.expect(b"welcome\r\n")
        assert second.all == b"welcome\r\n"
        second.close()
        link.expect("LOST SUBCLIENT", key)


def test_kill_shows_all_output_first_and_says_killed_only_then(holdfast):
    holdfast.listen("local", "raw", where="unix")
    server, link = holdfast.start_with_script(output_limit="8MiB", linger="60s")
    player = holdfast.player("local")
    key = server.newcomer(link)
    # More than the socket takes by itself, so that some of it waits in the multiplexer.
    sent = b"".join(b"%7d\n" % n for n in range(1_000_000 // 8))
    for at in range(0, len(sent), PAYLOAD_MAX):
        link.send("SEND SUBCLIENT TEXT", key, sent[at:at + PAYLOAD_MAX])
    link.send("KILL SUBCLIENT", key)
    assert link.sync() == []  # he reads nothing, so he is not killed yet
    assert player.expect_end() == sent
    link.expect("KILLED SUBCLIENT", key)
    link.send("SEND SUBCLIENT TEXT", key, b"too late")
    link.expect("NO SUCH SUBCLIENT", key)


def test_two_hundred_kilobytes_over_tcp_arrive_before_the_end(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    sent = b"".join(b"%6d\r\n" % n for n in range(200_000 // 8))
    for at in range(0, len(sent), 4000):
        link.send("SEND SUBCLIENT TEXT", key, sent[at:at + 4000])
    link.send("KILL SUBCLIENT", key)
    assert player.expect_end() == sent
    link.expect("KILLED SUBCLIENT", key)


def test_a_killed_user_types_to_nobody(holdfast):
    holdfast.listen("local", "raw", where="unix")
    server, link = holdfast.start_with_script(output_limit="8MiB", linger="60s")
    player = holdfast.player("local")
    key = server.newcomer(link)
    for _ in range(300):
        link.send("SEND SUBCLIENT TEXT", key, b"x" * PAYLOAD_MAX)
    link.send("KILL SUBCLIENT", key)
    assert link.sync() == []
    player.line("am I still here?")
    link.send("SAVE SUBCLIENT INFO", key, b"for the next one?")
    link.send("SEND SUBCLIENT TEXT", key, b"after the end")
    heard = link.sync()
    assert [m for m in heard if m[0] == "GOT SUBCLIENT TEXT"] == []
    assert b"after the end" not in player.expect_end()
    # He leaves only now: an order of the test, not of the messages.
    rest = [link.next()]
    assert rest == [("KILLED SUBCLIENT", key)]


def test_killing_twice_says_killed_once(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    link.send("KILL SUBCLIENT", key)
    link.send("KILL SUBCLIENT", key)
    player.expect_end()
    heard = [link.next()]
    while ("KILLED SUBCLIENT", key) not in heard:
        heard.append(link.next())
    heard += link.sync()
    assert heard.count(("KILLED SUBCLIENT", key)) == 1
    assert all(m[0] in ("KILLED SUBCLIENT", "NO SUCH SUBCLIENT") for m in heard)


def test_ten_users_killed_in_one_write_each_get_their_last_output(holdfast):
    server, link = holdfast.start_with_script()
    players = []
    for _ in range(10):
        players.append(holdfast.player())
        players[-1].key = server.newcomer(link)
    for number, player in enumerate(players):
        link.send("SEND SUBCLIENT TEXT", player.key, b"bye %d\r\n" % number)
        link.send("KILL SUBCLIENT", player.key)
    for number, player in enumerate(players):
        assert player.expect_end() == b"bye %d\r\n" % number
    killed = {link.expect("KILLED SUBCLIENT")[0] for _ in players}
    assert killed == {p.key for p in players}


def test_a_user_who_leaves_is_reported_after_his_last_line(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    player.line("goodbye")
    player.close()
    link.expect("GOT SUBCLIENT TEXT", key, b"goodbye\n")
    link.expect("LOST SUBCLIENT", key)


def test_the_clock_ticks_whatever_the_state_of_the_link(holdfast):
    holdfast.start_multiplexer(tick="100ms")
    server = holdfast.scripted_server()
    link = server.start(ready=False)
    wait_for(lambda: (link.read_some(0.05), link.ticks)[1] >= 2, "ticks while not ready")
    link.send("READY")
    seen = link.ticks
    wait_for(lambda: (link.read_some(0.05), link.ticks)[1] >= seen + 2, "ticks while ready")
    link.send("NOT READY")
    seen = link.ticks
    wait_for(lambda: (link.read_some(0.05), link.ticks)[1] >= seen + 2, "ticks while not ready again")


def test_are_you_alive_is_answered_in_its_place(holdfast):
    server, link = holdfast.start_with_script()
    holdfast.player()
    key = server.newcomer(link)
    for _ in range(100):
        link.send("ARE YOU ALIVE")
        link.send("GET SUBCLIENT SAVED INFO", key)
    for _ in range(100):
        link.expect("I AM ALIVE")
        link.expect("THERE IS NO SUBCLIENT SAVED INFO", key)


def test_a_flood_of_questions_is_answered_in_full_and_in_order(holdfast):
    server, link = holdfast.start_with_script()
    holdfast.player()
    key = server.newcomer(link)
    for n in range(20_000):
        link.send("SAVE SUBCLIENT INFO" if n % 2 else "ARE YOU ALIVE", *((key, b"x") if n % 2 else ()))
    for n in range(20_000):
        link.expect("SAVED SUBCLIENT INFO" if n % 2 else "I AM ALIVE")


def test_a_broadcast_reaches_everyone_once(holdfast):
    holdfast.listen("telnet")
    holdfast.listen("raw", "raw")
    server, link = holdfast.start_with_script()
    players = [holdfast.player("raw" if n % 3 == 0 else "telnet") for n in range(30)]
    for _ in players:
        server.newcomer(link)
    for n in range(20):
        link.send("SEND SUBCLIENT TEXT", EVERYONE, b"news %d\r\n" % n)
    wanted = b"".join(b"news %d\r\n" % n for n in range(20))
    for player in players:
        player.expect(b"news 19\r\n")
        assert player.all == wanted
    assert link.sync() == []


def test_a_broadcast_to_nobody_is_no_error(holdfast):
    _, link = holdfast.start_with_script()
    link.send("SEND SUBCLIENT TEXT", EVERYONE, b"anybody?\r\n")
    assert link.sync() == []


def test_text_for_a_list_that_does_not_exist_reaches_nobody(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    link.send("SEND SUBCLIENT TEXT", (9, 255), b"to list 9\r\n")
    link.sync()
    link.send("SEND SUBCLIENT TEXT", key, b"to you\r\n")
    player.expect(b"to you\r\n")
    assert player.all == b"to you\r\n"


def test_the_accept_mode_is_told_changed_and_outlives_the_server(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    server.newcomer(link)
    assert link.mode == "ACCEPTING ALL"
    link.send("ACCEPT LOCALHOST ONLY")
    link.expect("ACCEPTING LOCALHOST ONLY")
    link.send("TELL ME YOUR ACCEPT MODE")
    link.expect("ACCEPTING LOCALHOST ONLY")
    local = holdfast.player()  # from this machine: still let in
    server.newcomer(link)
    link.close()
    link = server.start()
    assert link.mode == "ACCEPTING LOCALHOST ONLY"
    link.send("ACCEPT ALL")
    link.expect("ACCEPTING ALL")
    assert player.is_connected() and local.is_connected()


def address_of_this_machine():
    """One that is not loopback, or None. Connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
        return None if address.startswith("127.") else address


def test_who_comes_from_elsewhere_is_refused_in_localhost_mode_and_nobody_is_dropped(holdfast):
    here = address_of_this_machine()
    if not here:
        pytest.skip("this machine has no address but loopback")
    _, port = holdfast.listen("open", where="everywhere")
    holdfast.addresses["elsewhere"] = (here, port)
    server, link = holdfast.start_with_script()
    before = holdfast.player("elsewhere")
    before_key = server.newcomer(link)
    assert link.ip == here.encode()
    link.send("ACCEPT LOCALHOST ONLY")
    link.expect("ACCEPTING LOCALHOST ONLY")
    refused = holdfast.player("elsewhere")
    assert refused.expect_end().strip()  # with a word
    local = holdfast.player("open")
    local_key = server.newcomer(link)
    assert local_key != before_key
    assert before.is_connected() and local.is_connected()
    link.send("ACCEPT ALL")
    link.expect("ACCEPTING ALL")
    holdfast.player("elsewhere")
    server.newcomer(link)


def test_terminate_says_goodbye_and_ends_with_status_0(holdfast):
    server, link = holdfast.start_with_script()
    players = [holdfast.player() for _ in range(5)]
    for _ in players:
        server.newcomer(link)
    link.send("SEND SUBCLIENT TEXT", EVERYONE, b"the end is near\r\n")
    link.send("SERVER GOING OFFLINE")
    link.send("TERMINATE")
    for player in players:
        rest = player.expect_end()
        assert rest.startswith(b"the end is near\r\n"), rest
        assert rest.endswith(GOODBYE + b"\r\n"), rest
        assert len(re.findall(rb"\[The game", rest)) <= 2, rest
    link.expect_end()
    assert [m[0] for m in link.new if m[0] != "LOST SUBCLIENT"] in ([], ["MUX GOING OFFLINE"])
    link.close()
    assert holdfast.multiplexer.wait() == 0


def test_input_stops_at_not_ready_and_the_marker_comes_behind_the_last_of_it(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    for n in range(200):
        player.send(b"%d\n" % n)
        if n == 100:
            link.send("NOT READY")
            link.send("ARE YOU ALIVE")
    data = b""
    while True:
        message = link.next()
        if message[0] == "I AM ALIVE":
            break
        assert message[0] == "GOT SUBCLIENT TEXT"
        data += message[2]
    assert link.sync() == []  # nothing comes behind the marker
    link.send("READY")
    wanted = b"".join(b"%d\n" % n for n in range(200))
    data += link.text_of(key, len(wanted) - len(data))
    assert data == wanted
