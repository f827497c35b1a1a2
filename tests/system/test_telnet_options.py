"""Telnet options between the daemons and a client of the test's own; what real clients make of them is
in test_telnet_clients.py."""

import json
import re
import zlib

import pytest

from daemons import SAFE, wait_for
from test_extensions import greet, hello, until

IAC, DONT, DO, WONT, WILL, SB, GA, SE, EOR = 255, 254, 253, 252, 251, 250, 249, 240, 239
ECHO, TTYPE, EOR_OPTION, NAWS, ENVIRON, CHARSET, MSDP, MSSP, MCCP2, MXP, GMCP = \
    1, 24, 25, 31, 39, 42, 69, 70, 86, 91, 201
FIRST_QUESTION = bytes([IAC, DO, TTYPE, IAC, WILL, MSSP])


def telnet(*parts):
    """bytes stay, numbers become bytes, text is encoded."""
    return b"".join(p if isinstance(p, bytes) else bytes([p]) if isinstance(p, int) else p.encode()
                    for p in parts)


def sub(option, *body):
    return telnet(IAC, SB, option, telnet(*body).replace(b"\xff", b"\xff\xff"), IAC, SE)


@pytest.fixture
def teller(holdfast):
    """The daemons with the map teller, on a listener that negotiates."""
    holdfast.map = "teller"
    holdfast.listen(more="negotiate = always")
    holdfast.start()
    return holdfast


def caps_of(player):
    """What the game knows of him."""
    player.line("caps")
    player.expect(re.compile(rb"caps (\{.*\})\r\n"))
    return json.loads(player.matched[5:])


def event(player, channel):
    player.expect(re.compile(rb"event " + channel + rb" (.*)\r\n"))
    return json.loads(player.matched.split(b" ", 2)[2])


# ---- who is sent what ----


def test_one_who_says_nothing_is_asked_once_and_sent_nothing_more(teller):
    player = teller.player()
    player.expect(b"hello telnet-line\r\n")
    assert player.all == FIRST_QUESTION + b"hello telnet-line\r\n"
    player.line("hide")
    player.expect(b"Password: ")
    player.line("secret")
    player.expect(b"it has 6 bytes\r\n")
    player.line("gmcp Room.Info {}")
    player.line("mxp on")
    player.line("prompt hm")
    player.expect(b"hm> ")
    assert player.all.count(b"\xff") == 2
    assert caps_of(player) == {}


def test_on_telnet_nobody_is_asked_who_has_not_begun(holdfast):
    holdfast.map = "teller"
    holdfast.listen(more="negotiate = on-telnet")
    holdfast.start()
    player = holdfast.player()
    player.line("prompt hm")
    player.expect(b"hm> ")
    assert b"\xff" not in player.all
    player.send(telnet(IAC, WILL, NAWS, sub(NAWS, 0, 90, 0, 30)))
    player.expect(telnet(IAC, DO, TTYPE))
    assert event(player, b"naws") == {"w": 90, "h": 30}


def test_the_raw_listener_speaks_no_telnet(holdfast):
    holdfast.map = "teller"
    holdfast.listen(kind="raw")
    holdfast.start()
    player = holdfast.player()
    player.line("prompt hm")
    player.expect(b"hm> ")
    player.send(telnet(IAC, WILL, NAWS, "\r\n"))
    player.line("echo on")
    player.expect(b"[on]\r\n")
    assert b"\xff" not in player.all


# ---- what is learnt ----


def test_what_is_learnt_reaches_the_game_and_survives_its_restart_without_a_question(teller):
    player = teller.player()
    player.send(telnet(IAC, WILL, TTYPE, IAC, WILL, NAWS, sub(NAWS, 0, 100, 0, 255)))
    player.expect(sub(TTYPE, 1))
    for name in ("MUDLET", "XTERM-256COLOR", "MTTS 2349"):
        player.send(sub(TTYPE, 0, name))
    player.send(telnet(IAC, DO, GMCP))
    player.send(sub(GMCP, 'Core.Hello {"client":"Mudlet","version":"4.19"}'))
    player.send(sub(GMCP, 'Core.Supports.Set ["Char 1","Room 1"]'))
    player.send(telnet(IAC, DO, CHARSET, sub(CHARSET, 2, "UTF-8")))
    player.send(telnet(IAC, WILL, ENVIRON, sub(ENVIRON, 0, 0, "CLIENT_VERSION", 1, "4.20")))
    assert event(player, b"naws") == {"w": 100, "h": 255}
    assert event(player, b"env") == {"CLIENT_VERSION": "4.20"}
    wanted = {"telnet": True, "client": "Mudlet", "version": "4.20", "terminal": "XTERM-256COLOR",
              "mtts": 2349, "w": 100, "h": 255, "utf8": True, "colors": 16777216, "reader": False,
              "gmcp": {"Char": 1, "Room": 1}}
    wait_for(lambda: caps_of(player) == wanted, "the game knows all")
    for away in (teller.restart, lambda: (teller.server.kill9(), teller.start_server())):
        player.drain()
        before = player.all.count(b"\xff")
        away()
        player.expect(re.compile(rb"caps (\{.*\})\r\n"))  # its restore handler
        assert json.loads(player.matched[5:]) == wanted
        assert player.all.count(b"\xff") == before, "it was negotiated again"
        player.line("gmcp Room.Info [1]")
        player.expect(sub(GMCP, "Room.Info [1]"))


def test_gmcp_comes_and_goes_also_in_pieces(teller):
    player = teller.player()
    player.send(telnet(IAC, DO, GMCP))
    player.send(sub(GMCP, 'Char.Skills.Get {"group":"\u00e4"}'))
    assert event(player, b"gmcp") == {"package": "Char.Skills.Get", "data": {"group": "\u00e4"}}
    player.send(sub(GMCP, "External.Discord.Get"))
    assert event(player, b"gmcp") == {"package": "External.Discord.Get"}
    player.send(sub(GMCP, "Odd no json"))
    assert event(player, b"gmcp") == {"package": "Odd", "text": "no json"}
    for size in (10, 3990, 4000, 8000, 50000):
        player.line(f"big {size}")
        player.expect(telnet(IAC, SB, GMCP, "Big "))
        text = player.expect(telnet(IAC, SE))
        assert len(json.loads(text)["text"]) == size
    player.send(sub(GMCP, "Too.Long " + "x" * 5000))
    player.line("echo on")
    player.expect(b"[on]\r\n")
    assert b"event" not in player.new
    assert teller.metric("telnet_bodies_dropped") == 1


def test_msdp_comes_and_goes_as_a_table(teller):
    player = teller.player()
    player.send(telnet(IAC, DO, MSDP, sub(MSDP, 1, "LIST", 2, "COMMANDS")))
    assert event(player, b"msdp") == {"LIST": "COMMANDS"}
    player.line('msdp {"ROOM":{"NAME":"Hall"}}')
    player.expect(sub(MSDP, 1, "ROOM", 2, 3, 1, "NAME", 2, "Hall", 4))


def test_mxp_is_offered_when_the_game_wants_it(teller):
    player = teller.player()
    player.send(telnet(IAC, 241))
    player.line("mxp on")
    player.expect(telnet(IAC, WILL, MXP))
    player.send(telnet(IAC, DO, MXP))
    player.expect(sub(MXP))
    while event(player, b"caps").get("mxp") is not True:
        pass  # what was known before; expect() gives up some time


def test_prompts_end_with_a_mark_he_can_see(teller):
    player = teller.player()
    player.send(telnet(IAC, DONT, EOR_OPTION))
    player.line("prompt one")
    player.expect(telnet("one> ", IAC, GA))
    player.send(telnet(IAC, DO, EOR_OPTION))
    player.expect(telnet(IAC, WILL, EOR_OPTION))
    player.line("prompt two")
    player.expect(telnet("two> ", IAC, EOR))


# ---- hidden input ----


def test_hidden_input_stays_hidden_while_the_game_restarts(teller):
    player = teller.player()
    player.send(telnet(IAC, 241))
    player.line("hide")
    player.expect(telnet(IAC, WILL, ECHO))
    player.send(telnet(IAC, DO, ECHO))
    teller.restart()
    player.expect(b"caps ")
    player.send("half of the sec")
    player.line("ret")
    player.expect(b"\r\n<half of the secret>\r\n")  # this map forgot; the multiplexer did not
    assert telnet(IAC, WONT, ECHO) not in player.all
    player.line("hide")
    player.line("secret")
    player.expect(telnet(IAC, WONT, ECHO))
    player.expect(b"it has 6 bytes\r\n")
    assert player.all.count(telnet(IAC, WILL, ECHO)) == 1


def test_characters_are_echoed_by_the_multiplexer_also_while_the_game_is_away(holdfast):
    holdfast.map = "teller"
    holdfast.listen(kind="telnet-char", more="negotiate = always")
    holdfast.start()
    player = holdfast.player()
    player.expect(b"hello telnet-char\r\n")
    player.send(telnet(IAC, DO, ECHO, IAC, DO, 3))
    player.expect(telnet(IAC, WILL, ECHO, IAC, WILL, 3))
    player.drain()
    player.send("echo gr\u00fc\u00fc\u007f\u00dfe\x1b[A\r\0".encode())
    player.expect("echo gr\u00fc\u00fc\b \b\u00dfe\r\n".encode())
    player.expect("[gr\u00fc\u00dfe]\r\n".encode())
    holdfast.server.kill9()
    player.expect(SAFE)
    player.send("echo away\r\0")
    player.expect(b"echo away\r\n")
    holdfast.start_server()
    player.expect(b"[away]\r\n")
    player.send("hide\r\0")
    player.expect(b"Password: ")
    player.send(telnet(IAC, 241))
    player.line("secret")
    player.expect(b"\r\n")
    assert b"secret" not in player.expect(b"it has 6 bytes\r\n")


# ---- crawlers ----


def mssp_of(pairs):
    table = {}
    for pair in pairs.split(b"\1")[1:]:
        name, *values = pair.split(b"\2")
        table[name.decode()] = [v.decode() for v in values]
    return table


@pytest.mark.parametrize("game", ["here", "away", "restarted"])
def test_crawlers_are_answered_whether_or_not_the_game_is_there(teller, game):
    if game != "here":
        teller.server.kill9()
        wait_for(lambda: teller.link_state() != "open", "the game is away")
    if game == "restarted":
        teller.start_server()
    player = teller.player()
    player.send(telnet(IAC, DO, MSSP))
    player.expect(telnet(IAC, SB, MSSP))
    table = mssp_of(player.expect(telnet(IAC, SE)))
    assert table["NAME"] == ["Teller's Hall"] and table["PLAYERS"] == ["1"]
    assert table["GAMEPLAY"] == ["Test", "Chat"] and table["PORT"] == [str(teller.addresses["telnet"][1])]
    assert int(table["UPTIME"][0]) > 1_500_000_000 and table["CODEBASE"][0].startswith("Holdfast")
    asks = teller.player()
    asks.line("MSSP-REQUEST")
    asks.expect(b"\r\nMSSP-REPLY-START\r\n")
    lines = asks.expect(b"\r\nMSSP-REPLY-END\r\n").split(b"\r\n")
    assert b"NAME\tTeller's Hall" in lines and b"PLAYERS\t2" in lines
    assert b"GAMEPLAY\tTest\tChat" in lines
    assert teller.metric("mssp_answers") == 2


# ---- MCCP2 ----


class Inflating:
    """Reads a player's output: plain up to the start of MCCP2, then through zlib."""

    def __init__(self, player):
        self.player = player
        player.send(telnet(IAC, WONT, TTYPE))
        player.expect(telnet(IAC, WILL, MCCP2))
        player.send(telnet(IAC, DO, MCCP2))
        player.expect(telnet(IAC, SB, MCCP2, IAC, SE))
        self.zlib = zlib.decompressobj()
        self.text = b""

    def read(self):
        self.player.drain()
        data, self.player.new = self.player.new, b""
        self.text += self.zlib.decompress(data)
        return self.text

    def expect(self, wanted):
        wait_for(lambda: wanted in self.read(), f"{wanted} inflated")


def test_output_is_compressed_through_a_restart_of_the_game_and_ends_cleanly(teller):
    player = teller.player()
    inflating = Inflating(player)
    player.line("lines 500")
    inflating.expect(b"500 all work")
    assert teller.metric("users_compressed") == 1
    assert teller.metric("bytes_compressed") * 4 < teller.metric("bytes_plain")
    teller.restart()
    player.line("caps")
    inflating.expect(b'"mccp":true')
    other = teller.player()
    other.line("echo plain")
    other.expect(b"[plain]\r\n")
    teller.admin("multiplexer", "kick", teller.users()[0]["key"], "good bye")
    inflating.expect(b"good bye")
    wait_for(lambda: (inflating.read(), inflating.zlib.eof)[1], "the stream ends")
    player.expect_end()
    wait_for(lambda: teller.metric("users_compressed") == 0, "nobody is compressed")


def test_one_who_wants_it_no_more_gets_plain_output_behind_the_end_of_the_stream(teller):
    player = teller.player()
    inflating = Inflating(player)
    player.line("echo one")
    inflating.expect(b"[one]\r\n")
    player.send(telnet(IAC, DONT, MCCP2))
    wait_for(lambda: (inflating.read(), inflating.zlib.eof)[1], "the stream ends")
    assert inflating.text.endswith(telnet(IAC, WONT, MCCP2))
    player.new = inflating.zlib.unused_data
    player.line("echo two")
    player.expect(b"[two]\r\n")


def test_beyond_the_cap_nobody_is_offered_compression(holdfast):
    holdfast.map = "teller"
    holdfast.listen(more="negotiate = always")
    holdfast.start(mccp_users="1")
    first = holdfast.player()
    inflating = Inflating(first)
    second = holdfast.player()
    second.send(telnet(IAC, WONT, TTYPE, IAC, DO, MCCP2))
    second.expect(telnet(IAC, WONT, MCCP2))
    assert telnet(IAC, WILL, MCCP2) not in second.all
    first.line("echo still")
    inflating.expect(b"[still]\r\n")


def test_one_who_reads_nothing_is_closed_by_what_the_game_said_not_by_its_compressed_size(holdfast):
    holdfast.map = "teller"
    holdfast.listen(more="negotiate = always")
    holdfast.start(output_limit="128KiB")
    slow = holdfast.player(receive_buffer=4096)
    Inflating(slow)
    key = holdfast.users()[0]["key"]

    def closed():
        slow.line("lines 5000")  # 300 KB, and a tenth of it compressed
        return not any(u["key"] == key for u in holdfast.users())
    try:
        wait_for(closed, "he is closed as too slow")
    except (BrokenPipeError, ConnectionResetError):
        pass
    wait_for(lambda: holdfast.metric("closed_too_slow") == 1, "he is closed as too slow")
    assert holdfast.metric("users_compressed") == 0


def test_compression_of_a_client_is_never_taken(teller):
    player = teller.player()
    player.send(telnet(IAC, WILL, MCCP2, IAC, WILL, 87, IAC, DO, 87))
    player.expect(telnet(IAC, DONT, MCCP2, IAC, DONT, 87, IAC, WONT, 87))
    bomb = zlib.compress(bytes(10_000_000))
    player.send(sub(MCCP2) + sub(87) + bomb.replace(b"\xff", b"") + b"\r\n")
    player.line("echo alive")
    player.expect(b"[alive]\r\n")


# ---- what the server's messages may be ----


def scripted(holdfast, count=1):
    """Users who speak GMCP, and a scripted server that knows them."""
    holdfast.listen(more="negotiate = on-telnet")
    server, link = hello(holdfast)
    players, keys = [], []
    for _ in range(count):
        player = holdfast.player()
        players.append(player)
        keys.append(until(link, "DONE SENDING SUBCLIENT INFO")[1][1])
        player.send(telnet(IAC, DO, GMCP))
        player.expect(telnet(IAC, WILL, GMCP))
        until(link, "SUBCLIENT CAPS ARE")
    return server, link, players, keys


def test_pieces_of_an_event_that_are_not_finished_are_never_shown(holdfast):
    server, link, (player, other), (key, other_key) = scripted(holdfast, 2)
    link.send("SEND SUBCLIENT EVENT", key, "gmcp", 1, "Torn ")
    link.send("SEND SUBCLIENT TEXT", key, "between\r\n")
    link.send("SEND SUBCLIENT EVENT", key, "gmcp", 0, "[1]")
    player.expect(b"between\r\n")
    player.expect(sub(GMCP, "Torn [1]"))
    link.send("SEND SUBCLIENT EVENT", key, "gmcp", 1, "Lost ")
    link.send("SEND SUBCLIENT EVENT", other_key, "gmcp", 0, "Other")
    other.expect(sub(GMCP, "Other"))
    link.send("SEND SUBCLIENT EVENT", key, "gmcp", 1, "Never ")
    link.sync()
    assert holdfast.metric("events_cut") == 1
    link.close()
    link = greet(server)
    link.send("SEND SUBCLIENT EVENT", key, "gmcp", 0, "Whole")
    player.expect(sub(GMCP, "Whole"))
    assert b"Lost" not in player.all and b"Never" not in player.all
    for _ in range(17):
        link.send("SEND SUBCLIENT EVENT", key, "gmcp", 1, "x" * 4000)
    link.send("SEND SUBCLIENT EVENT", key, "gmcp", 0, "x")
    link.send("SEND SUBCLIENT TEXT", key, "too long\r\n")
    player.expect(b"too long\r\n")
    assert b"xxx" not in player.all and holdfast.metric("events_cut") == 2


def test_an_event_for_a_list_or_for_all_reaches_those_who_can_be_shown_it(holdfast):
    _, link, players, keys = scripted(holdfast, 3)
    deaf = holdfast.player()
    until(link, "DONE SENDING SUBCLIENT INFO")
    link.send("MAKE LIST", (7, 255))
    link.send("ADD TO LIST", (7, 255), keys[0])
    link.send("ADD TO LIST", (7, 255), keys[2])
    link.send("SEND SUBCLIENT EVENT", (7, 255), "gmcp", 0, "Comm \u00e4")
    link.send("SEND SUBCLIENT EVENT", (0, 255), "gmcp", 0, "All")
    link.send("SEND SUBCLIENT EVENT", (0, 255), "prompt", 0, "> ")
    for n, player in enumerate(players):
        player.expect(telnet("> ", IAC, GA))
        assert (sub(GMCP, "Comm \u00e4") in player.all) == (n != 1)
        assert sub(GMCP, "All") in player.all
    deaf.expect(b"> ")
    assert deaf.all == b"> "
    assert holdfast.metric("events_not_shown") == 0


@pytest.mark.parametrize("json_text", ["no json", "[1]", '{"NAME":"' + "x" * 5000 + '"}'])
def test_a_table_for_crawlers_that_is_none_is_logged_and_the_last_one_stays(holdfast, json_text):
    _, link, (player,), _ = scripted(holdfast)
    link.send("SEND SUBCLIENT EVENT", (0, 255), "mssp", 2, '{"NAME":"First","BAD\\u0001":"a\\u0002b\\n"}')
    for at in range(0, len(json_text), 4000):
        more = 1 if at + 4000 < len(json_text) else 0
        link.send("SEND SUBCLIENT EVENT", (0, 255), "mssp", 2 | more, json_text[at:at + 4000])
    holdfast.multiplexer.wait_log("MSSP table is not used")
    player.send(telnet(IAC, DO, MSSP))
    player.expect(telnet(IAC, SB, MSSP))
    table = mssp_of(player.expect(telnet(IAC, SE)))
    assert table["NAME"] == ["First"] and table["BAD"] == ["ab"]


def test_a_map_that_says_nothing_tells_crawlers_the_name_of_the_game(holdfast):
    holdfast.map = "talker"
    holdfast.cvars["sv_name"] = "Quiet"
    holdfast.listen(more="negotiate = on-telnet")
    holdfast.start()
    player = holdfast.player()
    player.line("mssp-request")
    player.expect(b"NAME\tQuiet\r\n")
