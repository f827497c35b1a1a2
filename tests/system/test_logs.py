"""Whatever a user, a script, an admin or a peer says: a log is printable ASCII, an event a line."""

import json
import re

import pytest

from agnet import pack
from daemons import AdminError, AdminLine

HOSTILE = {
    "escape": b"\x1b]0;owned\x07\x1b[2J",
    "new-line": b"x\r\n2025-01-01 00:00:00 multiplexer: user 1:1: all is well",
    "format": b"%n%s%n%s%x%p%99999d",
    "nul": b"a\0b",
    "c1": b"\x9b31m",
    "invalid-utf8": b"\xff\xfe\xc0\xaf\xed\xa0\x80",
    "bidi": "\u202eevil\u2066".encode(),
    "long": b"q" * 3900,
}


def assert_clean(*daemons):
    for daemon in daemons:
        text = daemon.text()
        assert text
        for line in text.split("\n"):
            assert re.fullmatch(r"[\x20-\x7e]*", line), repr(line)
            assert len(line) <= 1024, len(line)
        assert not text.startswith("2025-01-01") and "\n2025-01-01 00:00:00 multi" not in text


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_player_says_and_is_called_is_harmless_in_the_logs(holdfast, what):
    holdfast.map = "talker"
    holdfast.start()
    player = holdfast.player()
    player.expect(b"hello telnet-line\r\n")
    text = HOSTILE[what].replace(b"\r\n", b" ").replace(b"\xff", b"\xff\xff")
    player.line(b"log " + text)
    player.expect(b"logged\r\n")
    player.line(b"name " + text)
    player.expect(b"named\r\n")
    player.line(b"fail " + text)
    player.line(b"kick " + text[:500])
    player.expect_end()
    holdfast.server.wait_log("talker: ")
    assert_clean(holdfast.multiplexer, holdfast.server)


@pytest.mark.parametrize("what", HOSTILE)
def test_what_an_admin_says_is_harmless_in_the_logs(holdfast, what):
    holdfast.map = "talker"
    holdfast.start()
    player = holdfast.player()
    player.expect(b"hello")
    key = holdfast.users()[0]["key"]
    text = HOSTILE[what][:400].decode("utf-8", "replace").replace("\0", " ")
    for daemon, argv in (("multiplexer", [text]), ("multiplexer", ["kick", text, text]),
                         ("multiplexer", ["kick", key, text]), ("server", [text, text])):
        with AdminLine(holdfast.run_dir / f"{daemon}.sock") as admin:
            request = json.dumps({"argv": argv}, ensure_ascii=False).encode() + b"\n"
            try:
                admin.ask_raw(request)
            except (AdminError, ConnectionError):
                pass
    player.expect_end()
    assert_clean(holdfast.multiplexer, holdfast.server)


@pytest.mark.parametrize("request_", [b"\n", b"{}\n", b"[]\n", b"null\n", b'{"argv": []}\n',
                                      b'{"argv": [1, 2]}\n', b'{"argv": "status"}\n', b"status\n",
                                      b'{"argv": ["status"', b"\xff\xfe\0\n", b"x" * 5000 + b"\n",
                                      b'{"argv": [' + b'"a",' * 100 + b'"a"]}\n',
                                      b"[" * 900 + b"\n", b'{"argv": ["kick", "%n%s", "\x1b"]}\n'],
                         ids=range(14))
def test_nonsense_at_the_admin_socket_is_answered_or_closed_and_harms_nothing(holdfast, request_):
    holdfast.map = "talker"
    holdfast.start()
    for daemon in ("multiplexer", "server"):
        with AdminLine(holdfast.run_dir / f"{daemon}.sock") as admin:
            admin.socket.sendall(request_)
            if request_.endswith(b"\n"):
                reply = admin.reader.readline()
                assert reply == b"" or json.loads(reply)["ok"] is False, reply
        assert holdfast.admin(daemon, "status")
    assert_clean(holdfast.multiplexer, holdfast.server)


def test_what_a_server_sends_is_harmless_in_the_log(holdfast):
    holdfast.start_multiplexer()
    server = holdfast.scripted_server()
    for junk in HOSTILE.values():
        link = server.start()
        link.socket.sendall(pack(22, junk[:100]))
        link.expect_end()
        link.close()
    assert_clean(holdfast.multiplexer)


def test_a_flood_of_events_is_summed_up(holdfast):
    holdfast.start_multiplexer()
    for _ in range(1500):
        holdfast.player().close()
    holdfast.player().expect(b"away")
    assert_clean(holdfast.multiplexer)
    assert len(holdfast.multiplexer.text().splitlines()) < 3000


def test_saved_info_is_in_no_log(holdfast):
    holdfast.map = "keeper"
    holdfast.start()
    player = holdfast.player()
    player.expect(b"new\r\n")
    player.line("save hunter2secret")
    player.expect(b"kept\r\n")
    holdfast.server.kill9()
    holdfast.start_server()
    player.expect(b"hunter2secret\r\n")
    for log in holdfast.dir.glob("*.log"):
        assert "hunter2secret" not in log.read_text()
    assert "hunter2secret" not in holdfast.ctl("--json", "users").stdout


def test_an_error_in_a_script_is_logged_with_file_and_line_and_the_game_goes_on(holdfast):
    holdfast.map = "talker"
    holdfast.start()
    player = holdfast.player()
    player.line("fail")
    holdfast.server.wait_log(r"init\.lua:\d+: on purpose")
    player.line("echo on")
    player.expect(b"[2] on\r\n")
