"""The messages of a chain, one by one: our multiplexer between a scripted game server and a scripted
multiplexer behind it."""

import threading

import pytest

from agnet import EVERYONE, ScriptedMultiplexer
from daemons import wait_for
from conformance.wire import MESSAGES, PAYLOAD_MAX, encode

HERE, THERE = 2, 1      # the listener's number here, and one of a listener of the other multiplexer
ALL = b"lists events caps pause heartbeat handled flow bans"
SELF = b"I" * 16        # the incarnation of the scripted multiplexer
BEATS = ("HEARTBEAT", "HEARTBEAT ANSWER")


class Lower:
    """A scripted multiplexer behind ours."""

    def __init__(self, world):
        self.world = world
        self.multiplexer = ScriptedMultiplexer(world.addresses["chain"])
        world.closers.append(self.multiplexer.close)
        self.users = []
        self.link = None

    def dial(self, hello=ALL, incarnation=SELF, users=()):
        """As far as the listing; the rest is the test's."""
        self.link = self.multiplexer.dial()
        self.expect("NOT READY")
        if hello:
            self.link.send("MULTIPLEXER HELLO", 1, hello, incarnation)
        mode = self.next()[0]
        assert mode in ("TELL ME YOUR ACCEPT MODE", "ACCEPT LOCALHOST ONLY"), mode
        self.link.send("ACCEPTING ALL")
        self.list(users)
        return self.link

    def list(self, users=()):
        self.expect("GET ALL SUBCLIENT INFO")
        for key in users:
            self.link.send("GOT SUBCLIENT", key, "telnet-line", "192.0.2.7")
            self.link.send("SUBCLIENT DNS IS", key, "a.example")
            self.link.send("SUBCLIENT IDENTD IS", key, "unsupported")
            self.link.send("SUBCLIENT IDLETIME IS", key, 7)
            self.link.send("SUBCLIENT CONNECTTIME IS", key, 70)
            self.link.send("SUBCLIENT SAVED INFO IS", key, b"saved")
            self.link.send("DONE SENDING SUBCLIENT INFO", key)
        self.link.send("DONE SENDING ALL SUBCLIENT INFO")

    def next(self):
        """The next message but heartbeats."""
        while True:
            message = self.link.next()
            if message[0] not in BEATS:
                return message

    def expect(self, name, *values):
        message = self.next()
        assert message[0] == name, f"expected {name}, got {message}"
        for wanted, got in zip(values, message[1:]):
            assert wanted is None or wanted == got, f"expected {name} {values}, got {message}"
        return message[1:]

    def join(self, key):
        self.multiplexer.join(self.link, key)


def plain(link):
    """Messages but heartbeats: (link.next without them)."""
    while True:
        message = link.next()
        if message[0] not in BEATS:
            return message


def expect(link, name, *values):
    message = plain(link)
    assert message[0] == name, f"expected {name}, got {message}"
    for wanted, got in zip(values, message[1:]):
        assert wanted is None or wanted == got, f"expected {name} {values}, got {message}"
    return message[1:]


def greet(server, users=None):
    """What a server with extensions does, as far as READY."""
    link = server.accept()
    link.send("SERVER HELLO", 1, ALL)
    expect(link, "MULTIPLEXER HELLO")
    link.send("NOT READY")
    link.send("GET ALL SUBCLIENT INFO")
    if users:
        users()
    while plain(link)[0] != "DONE SENDING ALL SUBCLIENT INFO":
        pass
    link.send("READY")
    return link


@pytest.fixture
def between(holdfast):
    """(world, server, its link, lower), all READY, with extensions everywhere."""
    holdfast.listen("telnet", number=1)
    holdfast.listen("chain", "multiplexer", where="unix", number=HERE)
    holdfast.start_multiplexer()
    server = holdfast.scripted_server()
    link = greet(server)
    lower = Lower(holdfast)
    lower.dial()
    lower.expect("READY")
    return holdfast, server, link, lower


def user(n, *route):
    """(key there, key at the server)."""
    return (n, THERE, *route), (n, THERE, *route, HERE)


def arrive(link, lower, n):
    there, key = user(n)
    lower.join(there)
    expect(link, "GOT SUBCLIENT", key, b"telnet-line", b"192.0.2.7")
    expect(link, "DONE SENDING SUBCLIENT INFO", key)
    return there, key


def test_keys_grow_on_the_way_up_and_shrink_on_the_way_down(between):
    _, _, link, lower = between
    there, key = arrive(link, lower, 5)
    up = [("GOT SUBCLIENT TEXT", b"typed\n"), ("GOT SUBCLIENT EVENT", b"gmcp", 2, b"{}"),
          ("SUBCLIENT CAPS ARE", b"{}"), ("SUBCLIENT IS SLOW", 9), ("SUBCLIENT CAUGHT UP",),
          ("SAVED SUBCLIENT INFO",), ("COULD NOT SAVE SUBCLIENT INFO",),
          ("DELETED SUBCLIENT SAVED INFO",), ("SUBCLIENT DNS IS", b"a.example"),
          ("SUBCLIENT IDENTD IS", b"me"), ("SUBCLIENT IDLETIME IS", 7),
          ("SUBCLIENT CONNECTTIME IS", 70), ("SUBCLIENT SAVED INFO IS", b"x" * PAYLOAD_MAX),
          ("THERE IS NO SUBCLIENT SAVED INFO",), ("COULD NOT GET SUBCLIENT SAVED INFO",),
          ("NO SUCH SUBCLIENT",)]
    for name, *rest in up:
        lower.link.send(name, there, *rest)
        expect(link, name, key, *rest)
    down = [("SEND SUBCLIENT TEXT", b"y" * PAYLOAD_MAX), ("SEND SUBCLIENT EVENT", b"gmcp", 2, b"{}"),
            ("SAVE SUBCLIENT INFO", b"s"), ("DELETE SUBCLIENT SAVED INFO",),
            ("GET SUBCLIENT DNS",), ("GET SUBCLIENT IDENTD",), ("GET SUBCLIENT IDLETIME",),
            ("GET SUBCLIENT CONNECTTIME",), ("GET SUBCLIENT SAVED INFO",), ("KILL SUBCLIENT",)]
    for name, *rest in down:
        link.send(name, key, *rest)
        lower.expect(name, there, *rest)
    lower.link.send("KILLED SUBCLIENT", there)
    expect(link, "KILLED SUBCLIENT", key)
    link.send("SEND SUBCLIENT TEXT", key, b"late")
    expect(link, "NO SUCH SUBCLIENT", key)
    carried = {name for name, *_ in up + down} | {"GOT SUBCLIENT", "DONE SENDING SUBCLIENT INFO",
                                                  "KILLED SUBCLIENT", "LOST SUBCLIENT"}
    lists = {"MAKE LIST", "DROP LIST", "ADD TO LIST", "REMOVE FROM LIST"}
    keyed = {name for name, fields in MESSAGES.values() if fields.startswith("K")}
    assert carried == keyed - lists, "a message with a key that this test does not know"


def test_an_event_that_is_too_long_with_a_longer_key_comes_in_two_pieces(between):
    _, _, link, lower = between
    there, key = arrive(link, lower, 5)
    channel, data = b"c" * 24, bytes(i % 251 for i in range(PAYLOAD_MAX))  # 4096 bytes in all
    lower.link.send("GOT SUBCLIENT EVENT", there, channel, 2, data)
    first = expect(link, "GOT SUBCLIENT EVENT", key, channel, 3, None)[3]
    second = expect(link, "GOT SUBCLIENT EVENT", key, channel, 2, None)[3]
    assert first + second == data


def test_everyone_is_a_list_there_and_other_lists_are_kept_here(between):
    world, _, link, lower = between
    one = arrive(link, lower, 5)
    arrive(link, lower, 6)
    own = world.player()
    own_key = expect(link, "GOT SUBCLIENT")[0]
    expect(link, "SUBCLIENT CAPS ARE")
    expect(link, "DONE SENDING SUBCLIENT INFO")
    link.send("SEND SUBCLIENT TEXT", EVERYONE, b"to all\n")
    lower.expect("SEND SUBCLIENT TEXT", EVERYONE, b"to all\n")
    own.expect(b"to all")
    link.send("MAKE LIST", (7, 255))
    for key in (one[1], own_key):
        link.send("ADD TO LIST", (7, 255), key)
    link.send("ADD TO LIST", (7, 255), one[1])
    link.send("SEND SUBCLIENT TEXT", (7, 255), b"to some\n")
    own.expect(b"to some")
    lower.expect("SEND SUBCLIENT TEXT", one[0], b"to some\n")
    link.send("SEND SUBCLIENT EVENT", (7, 255), b"prompt", 0, b"> ")
    lower.expect("SEND SUBCLIENT EVENT", one[0], b"prompt", 0, b"> ")
    link.send("REMOVE FROM LIST", (7, 255), one[1])
    link.send("SEND SUBCLIENT TEXT", (7, 255), b"to one\n")
    own.expect(b"to one")
    link.send("SEND SUBCLIENT TEXT", one[1], b"mark\n")
    lower.expect("SEND SUBCLIENT TEXT", one[0], b"mark\n")
    # Who leaves falls out; the list can go.
    link.send("ADD TO LIST", (7, 255), one[1])
    lower.link.send("LOST SUBCLIENT", one[0])
    expect(link, "LOST SUBCLIENT", one[1])
    link.send("SEND SUBCLIENT TEXT", (7, 255), b"bye\n")
    own.expect(b"bye")
    link.send("DROP LIST", (7, 255))
    link.send("ADD TO LIST", (7, 255), one[1])
    expect(link, "NO SUCH SUBCLIENT", one[1])


def test_a_pause_is_answered_behind_the_last_input_of_all(between):
    _, _, link, lower = between
    there, key = arrive(link, lower, 5)
    link.send("PAUSE")
    lower.expect("PAUSE")
    lower.link.send("GOT SUBCLIENT TEXT", there, b"last\n")
    lower.link.send("PAUSED")
    expect(link, "GOT SUBCLIENT TEXT", key, b"last\n")
    expect(link, "PAUSED")
    # What is said against the rules behind it is kept for the next READY, in order.
    lower.link.send("GOT SUBCLIENT TEXT", there, b"late ")
    lower.link.send("GOT SUBCLIENT TEXT", there, b"later\n")
    link.send("SAVE SUBCLIENT INFO", key, b"x")
    lower.expect("SAVE SUBCLIENT INFO", there, b"x")
    lower.link.send("SAVED SUBCLIENT INFO", there)
    expect(link, "SAVED SUBCLIENT INFO", key)
    link.send("READY")
    lower.expect("READY")
    expect(link, "GOT SUBCLIENT TEXT", key, b"late ")
    expect(link, "GOT SUBCLIENT TEXT", key, b"later\n")


def test_a_plain_agnet_multiplexer_is_paused_by_a_probe(between):
    world, _, link, lower = between
    lower.link.close()
    wait_for(lambda: world.metric("chain_losses") == 1, "its loss is noticed")
    lower.dial(hello=None)
    lower.expect("READY")
    there, key = arrive(link, lower, 5)
    link.send("PAUSE")
    lower.expect("NOT READY")
    lower.expect("ARE YOU ALIVE")
    lower.link.send("GOT SUBCLIENT TEXT", there, b"last\n")
    lower.link.send("I AM ALIVE")
    expect(link, "GOT SUBCLIENT TEXT", key, b"last\n")
    expect(link, "PAUSED")


def test_a_probe_is_answered_behind_the_answers_of_those_below(between):
    _, _, link, lower = between
    there, key = arrive(link, lower, 5)
    link.send("GET SUBCLIENT DNS", key)
    link.send("ARE YOU ALIVE")
    link.send("ARE YOU ALIVE")
    lower.expect("GET SUBCLIENT DNS", there)
    lower.expect("ARE YOU ALIVE")
    lower.link.send("SUBCLIENT DNS IS", there, b"a.example")
    lower.link.send("I AM ALIVE")
    lower.expect("ARE YOU ALIVE")
    lower.link.send("I AM ALIVE")
    expect(link, "SUBCLIENT DNS IS", key, b"a.example")
    expect(link, "I AM ALIVE")
    expect(link, "I AM ALIVE")


def test_handled_is_told_in_the_counting_of_the_one_below(between):
    _, _, link, lower = between
    there, key = arrive(link, lower, 5)
    sent = 0
    for number in range(3):
        lower.link.send("TICK")
        lower.link.send("GOT SUBCLIENT TEXT", there, b"%d\n" % number)
        expect(link, "GOT SUBCLIENT TEXT", key, b"%d\n" % number)
    # Its messages: hello, mode, end of the listing, two of the arrival, then three times two.
    sent = 3 + 2 + 3 * 2
    handled = len(link.heard) + link.ticks
    link.send("HANDLED", handled)
    assert lower.expect("HANDLED")[0] == sent


def test_a_depth_of_ten_is_reached_and_not_passed(between):
    world, _, link, lower = between
    there, key = user(5, 11, 12, 13, 14, 15, 16, 17)
    assert len(key) == 10
    lower.join(there)
    expect(link, "GOT SUBCLIENT", key, None, None)
    expect(link, "DONE SENDING SUBCLIENT INFO", key)
    lower.link.send("GOT SUBCLIENT TEXT", there, b"deep\n")
    expect(link, "GOT SUBCLIENT TEXT", key, b"deep\n")
    link.send("SAVE SUBCLIENT INFO", key, b"z" * PAYLOAD_MAX)
    lower.expect("SAVE SUBCLIENT INFO", there, b"z" * PAYLOAD_MAX)
    too_deep, _ = user(6, 11, 12, 13, 14, 15, 16, 17, 18)
    lower.join(too_deep)
    text = lower.expect("SEND SUBCLIENT TEXT", too_deep, None)[1]
    assert b"too many multiplexers" in text
    lower.expect("KILL SUBCLIENT", too_deep)
    lower.link.send("KILLED SUBCLIENT", too_deep)
    lower.link.send("GOT SUBCLIENT TEXT", there, b"mark\n")
    expect(link, "GOT SUBCLIENT TEXT", key, b"mark\n")
    assert world.metric("chain_users_refused") == 1
    assert "too many multiplexers behind each other" in world.multiplexer.text()


def test_a_lost_connection_is_not_told_and_what_waits_comes_when_it_is_back(between):
    world, _, link, lower = between
    stays, leaves = arrive(link, lower, 5), arrive(link, lower, 6)
    lower.link.close()
    wait_for(lambda: world.metric("chain_losses") == 1, "its loss is noticed")
    link.send("SEND SUBCLIENT TEXT", stays[1], b"while away\n")
    link.send("SAVE SUBCLIENT INFO", stays[1], b"kept\n")
    assert [m for m in link.sync() if m[0] not in BEATS] == []
    comes = user(7)
    lower.dial(users=[stays[0], comes[0]])
    # An arrival, without what only a listing has; and a departure.
    expect(link, "GOT SUBCLIENT", comes[1], None, None)
    expect(link, "SUBCLIENT DNS IS", comes[1], b"a.example")
    expect(link, "SUBCLIENT IDENTD IS", comes[1], None)
    expect(link, "DONE SENDING SUBCLIENT INFO", comes[1])
    expect(link, "LOST SUBCLIENT", leaves[1])
    lower.expect("SEND SUBCLIENT TEXT", stays[0], b"while away\n")
    lower.expect("SAVE SUBCLIENT INFO", stays[0], b"kept\n")
    lower.expect("READY")
    lower.link.send("GOT SUBCLIENT TEXT", stays[0], b"back\n")
    expect(link, "GOT SUBCLIENT TEXT", stays[1], b"back\n")


@pytest.mark.parametrize("hello", [None, ALL])
def test_another_run_has_other_users_even_with_the_same_keys(between, hello):
    world, _, link, lower = between
    there, key = arrive(link, lower, 5)
    lower.link.close()
    wait_for(lambda: world.metric("chain_losses") == 1, "its loss is noticed")
    lower.dial(hello=hello, incarnation=b"J" * 16, users=[there])
    expect(link, "LOST SUBCLIENT", key)
    expect(link, "GOT SUBCLIENT", key, None, None)


def test_one_that_dials_again_takes_the_place_of_its_dead_connection(between):
    world, _, link, lower = between
    there, key = arrive(link, lower, 5)
    old = lower.link
    lower.dial(users=[there])
    lower.expect("READY")
    old.expect_end()
    lower.link.send("GOT SUBCLIENT TEXT", there, b"mine\n")
    expect(link, "GOT SUBCLIENT TEXT", key, b"mine\n")


def test_too_much_that_waits_for_one_that_is_away_loses_its_users(between):
    world, _, link, lower = between
    _, key = arrive(link, lower, 5)
    lower.link.close()
    wait_for(lambda: world.metric("chain_losses") == 1, "its loss is noticed")
    for _ in range(300):
        link.send("SEND SUBCLIENT TEXT", key, b"x" * 4000)
    expect(link, "LOST SUBCLIENT", key)


def test_one_that_does_not_read_is_cut_off_and_the_server_is_read_all_the_time(between):
    world, _, link, lower = between
    _, key = arrive(link, lower, 5)
    world.admin("multiplexer", "status")
    for _ in range(20 * 1024 * 1024 // 4000):
        link.send("SEND SUBCLIENT TEXT", key, b"x" * 4000)
    wait_for(lambda: world.metric("chain_cut_off") == 1, "it is cut off")
    link.send("ARE YOU ALIVE")
    while plain(link)[0] != "I AM ALIVE":
        pass


def test_a_new_server_is_given_the_users_below_with_what_is_saved(between):
    world, server, link, lower = between
    there, key = arrive(link, lower, 5)
    link.send("PAUSE")
    lower.expect("PAUSE")
    lower.link.send("PAUSED")
    expect(link, "PAUSED")
    link.send("SERVER GOING OFFLINE")
    lower.expect("SERVER GOING OFFLINE")
    link.close()
    lower.link.close()
    heard = []
    link = server.accept()
    link.send("SERVER HELLO", 1, ALL)
    expect(link, "MULTIPLEXER HELLO")
    link.send("NOT READY")
    link.send("GET ALL SUBCLIENT INFO")
    lower.dial(users=[there])  # the listing waits for those who were behind us
    while not heard or heard[-1][0] != "DONE SENDING ALL SUBCLIENT INFO":
        heard.append(plain(link))
        if lower.link.new and lower.link.new[0][0] == "GET ALL SUBCLIENT INFO":
            lower.list([there])
        lower.link.read_some(0)
        if lower.link.new and lower.link.new[0][0] == "GET ALL SUBCLIENT INFO":
            lower.list([there])
    assert ("SUBCLIENT SAVED INFO IS", key, b"saved") in heard
    assert ("SUBCLIENT IDLETIME IS", key, 7) in heard
    link.send("READY")
    lower.expect("READY")


def test_a_server_that_is_lost_is_lost_to_those_below_too(between):
    _, _, link, lower = between
    arrive(link, lower, 5)
    link.close()
    lower.link.expect_end()
    assert not [m for m in lower.link.new if m[0] == "SERVER GOING OFFLINE"]


def test_terminate_goes_down_the_chain(between):
    world, _, link, lower = between
    world.descriptors_before = None
    link.send("TERMINATE")
    lower.expect("TERMINATE")
    lower.expect("SERVER GOING OFFLINE")
    lower.link.close()
    assert expect(link, "MUX GOING OFFLINE") == ()
    link.close()
    assert world.multiplexer.wait() == 0


def test_the_last_word_of_the_one_below_takes_its_users_along(between):
    _, _, link, lower = between
    one, two = arrive(link, lower, 5), arrive(link, lower, 6)
    lower.link.send("LOST SUBCLIENT", one[0])
    lower.link.send("MUX GOING OFFLINE")
    lower.link.close()
    expect(link, "LOST SUBCLIENT", one[1])
    expect(link, "LOST SUBCLIENT", two[1])


@pytest.mark.parametrize("message", [("READY",), ("MULTIPLEXER HELLO", 1, ALL, SELF),
                                     ("GOT SUBCLIENT", (5,), "raw", "192.0.2.7")])
def test_one_that_breaks_the_protocol_is_cut_off_and_its_users_are_kept(between, message):
    world, _, link, lower = between
    there, key = arrive(link, lower, 5)
    lower.link.send(*message)
    lower.link.expect_end()
    assert [m for m in link.sync() if m[0] not in BEATS] == []
    lower.dial(users=[there])
    lower.expect("READY")
    link.send("SEND SUBCLIENT TEXT", key, b"still here\n")
    lower.expect("SEND SUBCLIENT TEXT", there, b"still here\n")


def test_what_was_saved_while_one_was_away_is_there_before_the_next_server_asks(between):
    world, server, link, lower = between
    there, key = arrive(link, lower, 5)
    lower.link.close()
    wait_for(lambda: world.metric("chain_losses") == 1, "its loss is noticed")
    link.send("SAVE SUBCLIENT INFO", key, b"newer")
    link.send("SERVER GOING OFFLINE")
    link.half_close()
    link.expect_end()
    link.close()
    link = server.accept()
    link.send("SERVER HELLO", 1, ALL)
    expect(link, "MULTIPLEXER HELLO")
    link.send("NOT READY")
    link.send("GET ALL SUBCLIENT INFO")
    lower.dial(users=[there])
    lower.expect("SAVE SUBCLIENT INFO", there, b"newer")
    lower.link.send("SAVED SUBCLIENT INFO", there)
    lower.list([there])
    while plain(link) != ("SUBCLIENT SAVED INFO IS", key, b"saved"):
        pass


def test_a_full_link_to_the_server_makes_those_below_wait_and_loses_nothing(between):
    """The server does not read: what comes from below waits there. Later it all comes, in order."""
    _, _, link, lower = between
    there, key = arrive(link, lower, 5)
    pieces = 3000
    data = b"".join(encode("GOT SUBCLIENT TEXT", there, b"%06d" % n + b"." * 3990)
                    for n in range(pieces))
    sender = threading.Thread(target=lower.link.socket.sendall, args=(data,), daemon=True)
    lower.link.socket.settimeout(120)
    sender.start()
    sender.join(1.0)
    assert sender.is_alive(), "12 MB are more than what lies on the way"
    for n in range(pieces):
        assert expect(link, "GOT SUBCLIENT TEXT", key, None)[1][:6] == b"%06d" % n
    sender.join()
    link.send("SEND SUBCLIENT TEXT", key, b"mark\n")
    lower.link.socket.settimeout(20)
    lower.expect("SEND SUBCLIENT TEXT", there, b"mark\n")
