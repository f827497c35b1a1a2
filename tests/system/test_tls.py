"""Players by TLS, with real clients, behind proxies, and many of them."""

import os
import re
import shutil
import signal
import ssl
import struct
import subprocess

import pytest
import websocket

from browsers import WebPlayer, chromium, quit_chromium
from daemons import PATIENCE, SAFE, free_port, wait_for
from pages import Page
from players import TlsPlayer, connect, read_all
from terminals import Terminal
from tls_players import TLS12, TLS13, ByHand, client_hello, helper_pid, plays, resident


# -- real clients ----------------------------------------------------------------------------------

def test_players_by_both_versions_play_and_the_game_is_told(tls):
    tls.start()
    for version, word in ((TLS12, b"TLSv1.2"), (TLS13, b"TLSv1.3")):
        player = tls.player(trust=tls.trust, name="localhost", version=version)
        player.expect(b"hello telnet-line+tls\r\n")
        player.line("caps")
        assert b'"tls":"' + word + b'"' in player.expect(b"}")
        plays(player)
    assert {u["kind"] for u in tls.holdfast.users()} == {"telnet-line+tls"}
    assert tls.status()["users"] == tls.metric("tls_handshakes") == 2


def test_crawlers_are_told_the_port(tls):
    tls.listen("telnets", "telnet-line", "negotiate = on-telnet")
    tls.start()
    player = tls.holdfast.player()
    player.line("mssp-request")
    told = player.expect(b"MSSP-REPLY-END")
    port = str(tls.holdfast.addresses["telnets"][1]).encode()
    assert b"\r\nTLS\t" + port + b"\r\n" in told and b"\r\nSSL\t" + port + b"\r\n" in told
    assert b"\r\nPORT\t" not in told  # the plain one does not negotiate


def s_client(tls, *words, typed="", listener="telnets", wait="1", first="0"):
    host, port = tls.holdfast.addresses[listener]
    script = f"(sleep {first}; printf '{typed}'; sleep {wait}) | timeout 30 openssl s_client -crlf " \
             f"-connect {host}:{port} -CAfile {tls.trust} {' '.join(words)}"
    return subprocess.run(["bash", "-c", script], capture_output=True, timeout=PATIENCE * 2,
                          stdin=subprocess.DEVNULL)


def test_openssls_client_finds_what_it_should(tls):
    play = tls.certificate("play", "play.example.org", "*.game.example.org")
    tls.start()
    got = s_client(tls, "-verify_return_error -verify_hostname localhost -servername localhost",
                   typed="echo hello\\n")
    assert b"Verification: OK" in got.stdout and b"hello telnet-line+tls" in got.stdout
    assert b"No ALPN negotiated" in got.stdout and b"New Session Ticket" not in got.stdout
    assert b"Compression: NONE" in got.stdout and b"Early data was not sent" in got.stdout
    # By name: another certificate, the first one for a name that nobody has.
    for name, subject in (("play.example.org", b"play.example.org"), ("x.game.example.org", b"play.example.org"),
                          ("unknown.example.org", b"localhost")):
        got = s_client(tls, f"-servername {name} -alpn h2,http/1.1", wait="0.3")
        assert b"subject=CN = " + subject in got.stdout, got.stdout
        assert b"No ALPN negotiated" in got.stdout
    assert play.name == "play"
    # Old versions and weak ciphers.
    for words in ("-tls1 -cipher ALL:@SECLEVEL=0", "-tls1_1 -cipher ALL:@SECLEVEL=0"):
        got = s_client(tls, words, wait="0.3")
        assert got.returncode != 0 and b"hello" not in got.stdout and b"Cipher is (NONE)" in got.stdout
    tls.failed("version", 2)
    for cipher in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "NULL:@SECLEVEL=0"):
        assert b"hello" not in s_client(tls, f"-tls1_2 -cipher {cipher}", wait="0.3").stdout
    # Five connections in a row, none resumed; and no renegotiation.
    got = s_client(tls, "-tls1_2 -reconnect", wait="2")
    assert b"Reused" not in got.stdout and got.stdout.count(b"New, TLSv1.2") >= 5
    # The client of OpenSSL takes a greeting that comes while it waits for that for a fault: it comes first.
    wait_for(lambda: b"no renegotiation" in s_client(tls, "-tls1_2", typed="R\\n", first="0.5").stderr,
             "a renegotiation is refused")
    wait_for(lambda: not tls.holdfast.users(), "all have left")


def test_tintin_and_socat_play(tls):
    tls.start()
    address = tls.holdfast.addresses["telnets"]
    home = tls.holdfast.dir / "home"
    home.mkdir()
    script = home / "t.tin"
    script.write_text(f"#ssl {{m}} {{{address[0]}}} {{{address[1]}}}\n")
    where = f"OPENSSL:{address[0]}:{address[1]},cafile={tls.trust},commonname=localhost"
    for argv in (["/usr/games/tt++", "-G", str(script)], ["socat", "-,icanon,echo=0", where]):
        if not shutil.which(argv[0]):
            pytest.skip(f"{argv[0]} is not installed")
        client = Terminal(argv, home)
        tls.holdfast.closers.append(client.close)
        client.expect(rb"hello telnet-line\+tls")
        client.line("echo hello")
        client.expect(rb"\[hello\]")
    tls.holdfast.server.kill9()
    client.expect(re.escape(SAFE))
    tls.holdfast.start_server()
    client.line("echo still here")
    client.expect(rb"\[still here\]")
    assert tls.status()["users"] == 2


def test_tinyfugue_and_kbtin_play(tls):
    tls.listen("telnets", "telnet-line", "negotiate = always")
    tls.start()
    host, port = tls.holdfast.addresses["telnets"]
    home = tls.holdfast.dir / "home"
    home.mkdir()
    (home / "rc.tf").write_text("/set visual=0\n/set more=0\n/set login=0\n"
                                f"/addworld -x w {host} {port}\n")
    (home / "kb.tin").write_text(f"#sslsession m {{{host} {port}}}\n")
    for argv in (["tf", "-n", "-v", f"-f{home}/rc.tf", "w"], ["KBtin", "-i", str(home / "kb.tin")]):
        if not shutil.which(argv[0]):
            pytest.skip(f"{argv[0]} is not installed")
        client = Terminal(["env", "TERM=dumb", *argv] if argv[0] == "tf" else argv, home)
        tls.holdfast.closers.append(client.close)
        client.expect(rb"hello telnet-line\+tls")
        client.line("echo hello")
        client.expect(rb"\[hello\]")
    assert tls.status()["users"] == 2


def test_a_socket_in_the_file_system_may_have_it_too(tls):
    address = tls.holdfast.listen("raws", "raw", where="unix", more="tls = yes")
    tls.start()
    script = f"(printf 'echo hello\\n'; sleep 1) | openssl s_client -quiet -no_ign_eof -crlf -unix {address}"
    got = subprocess.run(["bash", "-c", script], capture_output=True, timeout=PATIENCE)
    assert b"hello raw+tls" in got.stdout and b"[hello]" in got.stdout


def test_the_page_and_its_websocket_come_by_https(tls):
    tls.listen("https", "websocket")
    tls.start("talker")
    host, port = tls.holdfast.addresses["https"]
    there = f"https://localhost:{port}/"
    got = subprocess.run(["curl", "-sS", "-i", "--cacert", tls.trust, "-w", "%{http_version}", there],
                         capture_output=True, timeout=PATIENCE)
    assert got.stdout.startswith(b"HTTP/1.1 200 OK\r\n") and got.stdout.endswith(b"1.1"), got
    plain = subprocess.run(["curl", "-sS", "-i", f"http://{host}:{port}/"], capture_output=True,
                           timeout=PATIENCE)
    assert plain.stdout.startswith(b"HTTP/1.1 400 ") and b"https" in plain.stdout
    ws = websocket.create_connection(f"wss://localhost:{port}/", sslopt={"ca_certs": tls.trust},
                                     origin=there[:-1], timeout=PATIENCE)
    assert ws.recv() == "hello websocket+tls\r\n"
    ws.send("echo by TLS")
    assert ws.recv() == "[6] by TLS\r\n"
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(f"wss://localhost:{port}/", sslopt={"ca_certs": tls.trust},
                                    origin="https://evil.example", timeout=PATIENCE)
    ws.close()


def test_a_browser_plays_by_https(tls):
    browser, why = chromium()
    if browser is None:
        pytest.skip(why)
    tls.holdfast.closers.append(lambda: quit_chromium(browser))
    tls.listen("https", "websocket")
    tls.start("talker")
    port = tls.holdfast.addresses["https"][1]

    def log():
        return browser.execute_script("return document.querySelector('[role=log]').innerText")
    browser.get(f"https://localhost:{port}/")
    wait_for(lambda: "hello websocket+tls" in log(), "the game's text is shown")
    assert browser.current_url.startswith("https:")
    field = browser.find_element("css selector", "form input")
    field.send_keys("echo by TLS\n")
    wait_for(lambda: "[6] by TLS" in log(), "the answer is shown")
    tls.holdfast.restart()
    field.send_keys("echo and more\n")
    wait_for(lambda: "[8] and more" in log(), "it goes on after a restart of the game")
    worse = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not worse, worse
    # The page takes its session up again: for its player even the death of that process is nothing.
    key, = (u["key"] for u in tls.holdfast.users())
    os.kill(helper_pid(tls), signal.SIGKILL)
    wait_for(lambda: tls.metric("tls_restarts") == 1, "another one runs")
    field.send_keys("echo still me\n")
    wait_for(lambda: "[8] still me" in log(), "he is there as before")
    assert [u["key"] for u in tls.holdfast.users()] == [key] and tls.status()["users"] == 1


class TlsWebPlayer(WebPlayer, TlsPlayer):
    """A WebSocket by TLS whose frames are made by hand."""


def test_a_page_comes_back_by_tls_and_what_was_begun_by_tls_goes_on_by_no_plain_text(tls):
    tls.listen("webs", "websocket")
    tls.holdfast.listen("web", "websocket")
    tls.start(game="talker")
    secret = Page(tls.holdfast.addresses["webs"], kind=TlsWebPlayer)
    tls.holdfast.closers.append(lambda: secret.player.close())
    secret.connect()
    secret.expect(b"hello websocket+tls")
    key, = (u["key"] for u in tls.holdfast.users())
    for n in range(3):
        secret.player.close()
        wait_for(lambda: tls.metric("users_detached") == 1, "he is waited for")
        assert tls.metric("tls_users_now") == 0
        assert secret.connect()["resumed"]
        secret.say(f"echo number {n}")
        secret.expect(b"number %d" % n)
        assert [u["key"] for u in tls.holdfast.users()] == [key] and tls.metric("tls_users_now") == 1
    plain = Page(tls.holdfast.addresses["web"])
    tls.holdfast.closers.append(lambda: plain.player.close())
    plain.token = secret.token
    assert plain.connect()["resumed"] is False
    plain.close(1000)
    secret.say("echo still here")
    secret.expect(b"still here")
    # the other way he has nothing to lose
    plain.connect()
    secret.close(1000)
    wait_for(lambda: len(tls.holdfast.users()) == 1, "he has left")
    secret.token, secret.seq = plain.token, plain.seq
    assert secret.connect()["resumed"]
    assert plain.expect_close() == 4001


# -- behind a proxy --------------------------------------------------------------------------------

def v2(tlvs=b"", source=b"\xc0\0\x02\x07"):
    body = source + b"\x7f\0\0\1" + struct.pack(">HH", 40000, 4000) + tlvs
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", len(body)) + body


def test_a_proxys_header_comes_before_the_handshake(tls):
    tls.listen("telnets", "telnet-line", "proxies = '127.0.0.1'")
    tls.start()
    for header in (b"PROXY TCP4 192.0.2.7 127.0.0.1 40000 4000\r\n", v2()):
        player = tls.player(before=header)
        player.expect(b"hello telnet-line+tls")
        # All at once: what is behind the header is TLS.
        by_hand = tls.raw()
        by_hand.sendall(header + client_hello()[:60])
        assert tls.holdfast.users()[-1]["address"] == "192.0.2.7"
        by_hand.close()
    s = tls.raw()
    s.sendall(client_hello())
    assert read_all(s) == b""
    wait_for(lambda: tls.metric("closed_no_proxy") == 1, "without a header he is refused")


HAPROXY = """
global
  maxconn 100
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen through
  bind 127.0.0.1:%(through)d
  server mux 127.0.0.1:%(tls)d send-proxy-v2
listen for_us
  bind 127.0.0.1:%(for_us)d ssl crt %(dir)s/both.pem
  server mux 127.0.0.1:%(plain)d send-proxy-v2-ssl
"""


def test_haproxy_passes_tls_on_and_speaks_it_for_us(tls):
    path = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if not path:
        pytest.skip("haproxy is not installed")
    tls.listen("telnets", "telnet-line", "proxies = '127.0.0.0/8'")
    tls.holdfast.listen("behind", "telnet-line", more="proxies = '127.0.0.0/8'")
    tls.start()
    folder = tls.holdfast.dir
    both = (folder / "main" / "cert.pem").read_text() + (folder / "main" / "key.pem").read_text()
    (folder / "both.pem").write_text(both)
    through, for_us = free_port(), free_port()
    (folder / "ha.cfg").write_text(HAPROXY % {
        "through": through, "for_us": for_us, "dir": folder,
        "tls": tls.holdfast.addresses["telnets"][1], "plain": tls.holdfast.addresses["behind"][1]})
    proxy = subprocess.Popen([path, "-f", folder / "ha.cfg", "-db"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    tls.holdfast.closers.append(lambda: (proxy.terminate(), proxy.wait(PATIENCE)))
    for port in (through, for_us):
        tls.holdfast.wait_listening(tls.holdfast.multiplexer, ("127.0.0.1", port), "haproxy")
        player = TlsPlayer(("127.0.0.1", port), source="127.0.0.8", version=TLS12)
        tls.holdfast.players.append(player)
        player.expect(b"hello telnet-line+tls")
        player.line("caps")
        assert b'"tls":"TLSv1.2"' in player.expect(b"}")
        assert tls.holdfast.users()[-1]["address"] == "127.0.0.8"
        player.close()


class Prefixed:
    """A socket whose first bytes are sent together with a header."""

    def __init__(self, s, header):
        self.socket, self.header = s, header

    def sendall(self, data):
        self.socket.sendall(self.header + data)
        self.header = b"" if data else self.header

    def recv(self, n):
        return self.socket.recv(n)


def test_a_hello_in_one_piece_with_the_header_is_heard(tls):
    tls.listen("telnets", "telnet-line", "proxies = '127.0.0.1'")
    tls.start()
    by_hand = ByHand(Prefixed(tls.raw(), v2()))
    by_hand.read_until(b"hello telnet-line+tls")


def test_tls_that_a_proxy_has_spoken_is_told_too(tls):
    tls.holdfast.listen("behind", "telnet-line", more="proxies = '127.0.0.1'")
    tls.start()
    inner = b"\x21\0\7TLSv1.2"
    tlv = b"\x20" + struct.pack(">H", 5 + len(inner)) + b"\1\0\0\0\0" + inner
    player = tls.holdfast.player("behind")
    player.send(v2(tlv))
    player.expect(b"hello telnet-line+tls")
    player.line("caps")
    assert b'"tls":"TLSv1.2"' in player.expect(b"}")
    plain = tls.holdfast.player("behind")
    plain.send(v2())
    plain.expect(b"hello telnet-line\r\n")


# -- many ------------------------------------------------------------------------------------------

def test_a_thousand_who_are_idle_cost_at_most_35_kib_each_and_outlive_the_game(tls):
    count = 1000
    tls.start("talker", tls_handshakes="100000")
    for _ in range(3):  # what is made once for all is not theirs
        player = tls.player()
        player.expect(b"hello")
        player.close()
    wait_for(lambda: not tls.holdfast.users(), "the first have left")
    pids = (tls.holdfast.multiplexer.pid, helper_pid(tls))
    before = [resident(pid) for pid in pids]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    players = []
    tls.holdfast.closers.append(lambda: [p.close() for p in players])
    for n in range(count):
        context.maximum_version = TLS12 if n % 2 else TLS13
        s = context.wrap_socket(connect(tls.holdfast.addresses["telnets"]))
        assert s.recv(100).startswith(b"hello")
        s.sendall(b"echo " + b"x" * 1000 + b"\r\n")
        players.append(s)
    for s in players:
        got = b""
        while b"xxx\r\n" not in got:
            got += s.recv(4096)
    assert tls.status()["users"] == count
    each = [(resident(pid) - b) / count / 1024 for pid, b in zip(pids, before)]
    print(f"KiB for each: multiplexer {each[0]:.1f}, holdfast-tls {each[1]:.1f}")
    if "san" not in str(tls.holdfast.bin):
        assert sum(each) < 35, each
    tls.holdfast.server.kill9()
    tls.holdfast.start_server()
    for s in players[::100]:
        s.sendall(b"echo still here\r\n")
        got = b""
        while b"still here" not in got:
            got += s.recv(4096)
    assert tls.status()["users"] == count
