"""Players by TLS: a process of its own speaks it, with real clients and with strangers."""

import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest
import websocket

from browsers import WebPlayer, chromium, quit_chromium
from daemons import GOODBYE, PATIENCE, SAFE, free_port, wait_for
from pages import Page
from players import TlsPlayer, connect
from terminals import Terminal

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


class Tls:
    """A world with a listener of each kind that speaks TLS, and a plain one."""

    def __init__(self, holdfast):
        self.holdfast = holdfast
        self.certificates = ""
        self.certificate("main", "localhost", "127.0.0.1")
        holdfast.listen("telnet", "telnet-line")

    def certificate(self, title, *names):
        """A new one in the folder of that title, which is named in the configuration."""
        folder = self.holdfast.dir / title
        made = self.holdfast.ctl("cert", "self-signed", *(w for n in names for w in ("--name", n)), folder)
        assert made.returncode == 0, made.stderr
        line, = re.findall(r"certificate main .*", made.stdout)
        self.certificates += line.replace("main", title, 1) + "\n"
        return folder

    def listen(self, name, kind, more=""):
        self.holdfast.listen(name, kind, more=f"tls = yes {more}")

    def start(self, game="teller", **options):
        self.holdfast.map = game
        if not any("tls = yes" in row[4] for row in self.holdfast.listeners):
            self.listen("telnets", "telnet-line")
        write = self.holdfast.write_config
        self.holdfast.write_config = lambda extra="": write(self.certificates + extra)
        self.holdfast.start(**options)
        self.wait_up()
        # The process that speaks TLS takes descriptors of ours for a moment.
        self.holdfast.descriptors_before = len(self.holdfast.multiplexer.descriptors())

    def wait_up(self):
        wait_for(lambda: self.status()["helper"] == "up", "TLS is spoken")

    def status(self):
        return self.holdfast.admin("multiplexer", "status")["tls"]

    def player(self, listener="telnets", **how):
        player = TlsPlayer(self.holdfast.addresses[listener], **how)
        self.holdfast.players.append(player)
        return player

    def raw(self, listener="telnets"):
        """A bare socket to the port."""
        s = connect(self.holdfast.addresses[listener])
        self.holdfast.closers.append(s.close)
        return s

    @property
    def trust(self):
        return str(self.holdfast.dir / "main" / "cert.pem")

    def metric(self, name):
        return self.holdfast.metric(name)

    def failed(self, name, times=1):
        wait_for(lambda: self.metric(f"tls_failed_{name}") >= times, f"{name} is counted")


@pytest.fixture
def tls(holdfast):
    return Tls(holdfast)


def plays(player, word="here"):
    player.line(f"echo {word}")
    player.expect(f"[{word}]".encode())


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


def s_client(tls, *words, typed="", listener="telnets", wait="1"):
    host, port = tls.holdfast.addresses[listener]
    script = f"(printf '{typed}'; sleep {wait}) | timeout 30 openssl s_client -crlf " \
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
    got = s_client(tls, "-tls1_2", typed="R\\n")
    assert b"no renegotiation" in got.stderr
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


# -- its process -----------------------------------------------------------------------------------

def helper_pid(tls):
    return wait_for(lambda: tls.status()["helper"] == "up" and tls.status()["pid"], "it runs")


def test_when_it_is_killed_only_its_players_go_and_it_is_back(tls):
    tls.start()
    plain = tls.holdfast.player()
    plain.expect(b"hello telnet-line\r\n")
    for times in (1, 2, 3):
        players = [tls.player() for _ in range(5)]
        for player in players:
            plays(player)
        os.kill(helper_pid(tls), signal.SIGKILL)
        for player in players:
            player.expect_end()
        wait_for(lambda: tls.metric("closed_tls_lost") == 6 * times - 1, "all have a named end")
        # Who comes while it is away waits for it.
        plays(tls.player(), "back")
        assert tls.metric("tls_restarts") == times
    plays(plain)
    assert tls.metric("closed_left") + tls.metric("closed_lost") == 0
    assert tls.holdfast.multiplexer.text().count("was killed by signal 9; 5 players") >= 1


def test_one_that_stands_still_is_replaced(tls):
    tls.start(tls_hang_after="3s")
    player = tls.player()
    plays(player)
    first = helper_pid(tls)
    os.kill(first, signal.SIGSTOP)
    tls.holdfast.multiplexer.wait_log(r"holdfast-tls \(pid \d+\) has stood still for \d+ s: killing it")
    player.expect_end()
    wait_for(lambda: tls.metric("tls_restarts") == 1, "another is started")
    plays(tls.player())
    assert helper_pid(tls) != first and tls.metric("tls_restarts") == 1
    # When it is the multiplexer that stood still, nothing comes of it.
    survivor = tls.player()
    plays(survivor)
    tls.holdfast.multiplexer.stop()
    time.sleep(4)
    tls.holdfast.multiplexer.go_on()
    plays(survivor)
    assert tls.metric("tls_restarts") == 1


def test_what_he_typed_before_it_died_is_said(tls):
    tls.start(held_input="64KiB")
    player = tls.player()
    plays(player)
    tls.holdfast.multiplexer.stop()
    player.line("echo my last words")
    wait_for(lambda: waits_between(tls) > 0, "it has passed them on")
    os.kill(tls_pid := helper_of(tls.holdfast), signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{tls_pid}/fd/3"), "it is dead")
    tls.holdfast.multiplexer.go_on()
    wait_for(lambda: tls.metric("closed_tls_lost") == 1, "he is gone")
    wait_for(lambda: tls.holdfast.admin("server", "metrics")["lines_in"] == 2, "and was heard")


def helper_of(holdfast):
    """Its pid, without asking."""
    pid, = re.findall(r"holdfast-tls runs as pid (\d+)", holdfast.multiplexer.text())[-1:]
    return int(pid)


def waits_between(tls):
    """Bytes that the multiplexer has not read of its socket pairs, by the kernel's own count."""
    shown = subprocess.run(["ss", "-xnH"], capture_output=True, text=True, timeout=PATIENCE).stdout
    inodes = {what[8:-1] for what in tls.holdfast.multiplexer.descriptors().values()
              if what.startswith("socket:")}
    return sum(int(row.split()[2]) for row in shown.splitlines() if row.split()[5] in inodes)


def test_it_ends_with_the_multiplexer_whose_last_words_go_through_it(tls):
    tls.start()
    players = [tls.player(version=v) for v in (TLS12, TLS13)]
    for player in players:
        plays(player)
    pid = helper_pid(tls)
    tls.holdfast.multiplexer.signal(signal.SIGTERM)
    for player in players:
        player.expect(GOODBYE)
        player.expect_end()
        assert not hasattr(player, "fault"), player.fault  # with a close_notify
        player.close()
    assert tls.holdfast.multiplexer.wait() == 0
    assert not os.path.exists(f"/proc/{pid}")


def test_it_ends_when_the_multiplexer_is_killed(tls):
    tls.start()
    player = tls.player()
    plays(player)
    pid = helper_pid(tls)
    tls.holdfast.multiplexer.kill9()
    player.expect_end()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "it ends")


def test_signals_of_a_terminal_or_of_systemd_do_not_end_it(tls):
    tls.start()
    player = tls.player()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(helper_pid(tls), number)
    plays(player)


def test_the_multiplexer_never_has_the_key_and_nobody_may_look_into_who_has(tls):
    tls.start()
    plays(tls.player())
    pem = (tls.holdfast.dir / "main" / "key.pem").read_bytes()
    text = subprocess.run(["openssl", "pkey", "-noout", "-text"], input=pem, capture_output=True,
                          check=True).stdout.decode()
    digits = re.search(r"priv:\s+((?:[0-9a-f:\s])+)pub:", text)[1]
    secret = bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits))[-32:].rjust(32, b"\0")
    # OpenSSL keeps the bytes of a number's words the least first.
    needles = (secret[8:24], secret[8:16][::-1], pem.splitlines()[1][:40])
    has = memory_has(tls.holdfast.multiplexer.pid, needles)
    assert has == [False, False, False]
    helper = helper_pid(tls)
    assert any(memory_has(helper, needles))  # or this test would see nothing
    if "san" not in str(tls.holdfast.bin):
        assert os.stat(f"/proc/{helper}/mem").st_uid == 0
        assert "Max core file size        0 " in open(f"/proc/{helper}/limits").read()
    # Nor has it anything of the multiplexer's but what it was given.
    given = [what for what in os.scandir(f"/proc/{helper}/fd")]
    files = [os.readlink(f.path) for f in given if int(f.name) > 2]
    assert not [f for f in files if f.startswith("/") and f != "/dev/null"], files
    assert sum(f.startswith("socket:") for f in files) <= 1 + 2 + 2, files
    assert not any(str(tls.holdfast.dir / "main") in w for w in tls.holdfast.multiplexer.descriptors().values())


def memory_has(pid, needles):
    found = [False] * len(needles)
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for row in maps:
            span, rights = row.split()[:2]
            begin, end = (int(x, 16) for x in span.split("-"))
            if not rights.startswith("rw") or end - begin > 1 << 28:
                continue
            try:
                mem.seek(begin)
                data = mem.read(end - begin)
            except OSError:
                continue
            found = [f or n in data for f, n in zip(found, needles)]
    return found


# -- certificates ----------------------------------------------------------------------------------

def shown(tls, name="localhost"):
    """The certificate that a newcomer is shown, in DER."""
    player = tls.player(name=name)
    der = player.socket.getpeercert(True)
    player.close()
    return der


def test_a_reload_shows_new_certificates_and_keeps_old_ones_when_they_are_bad(tls):
    tls.start()
    folder = tls.holdfast.dir / "main"
    first = shown(tls)
    player = tls.player()
    plays(player)
    bad = [("key.pem", lambda p: p.write_text("nonsense"), "holds no private key in PEM"),
           ("cert.pem", lambda p: p.write_text(""), "holds no certificate in PEM"),
           ("cert.pem", lambda p: p.unlink(), "No such file or directory"),
           ("key.pem", lambda p: p.chmod(0o644), "others may read it"),
           ("key.pem", lambda p: p.write_bytes(subprocess.run(
               ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
               capture_output=True, check=True).stdout), "does not belong to the certificate")]
    for name, spoil, why in bad:
        kept = (folder / name).read_bytes()
        spoil(folder / name)
        tls.holdfast.multiplexer.signal(signal.SIGHUP)
        wait_for(lambda why=why: why in tls.status().get("trouble", ""), f"{why} is told")
        tls.holdfast.multiplexer.wait_log(
            f"certificate main: {re.escape(str(folder / name))}: {why}.*; the old certificates stay in use")
        assert shown(tls) == first
        (folder / name).write_bytes(kept)
        (folder / name).chmod(0o600)
    for name in ("cert.pem", "key.pem"):
        (folder / name).unlink()
    assert tls.holdfast.ctl("cert", "self-signed", "--name", "localhost", folder).returncode == 0
    tls.holdfast.multiplexer.signal(signal.SIGHUP)
    wait_for(lambda: "trouble" not in tls.status(), "the new one is in use")
    assert shown(tls) != first
    plays(player, "and the old connection lives")


def test_certificates_may_be_added_by_a_reload_and_are_shown_with_their_days(tls):
    tls.start()
    told, = tls.status()["certificates"]
    assert told["certificate"] == "main" and told["names"] == "localhost 127.0.0.1"
    assert told["days"] in (824, 825) and tls.metric("tls_certificate_days") in (824, 825)
    folder = tls.certificate("short", "short.example.org")
    short = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out",
         folder / "cert.pem", "-days", "5", "-subj", "/CN=short.example.org"], capture_output=True)
    assert short.returncode == 0, short.stderr
    tls.holdfast.write_config()
    tls.holdfast.admin("multiplexer", "reload")
    wait_for(lambda: len(tls.status()["certificates"]) == 2, "both are known")
    tls.holdfast.multiplexer.wait_log(r"certificate short \(short.example.org\) ends in [45] days")
    assert shown(tls, "short.example.org") != shown(tls, "localhost")
    plays(tls.player(name="short.example.org", version=TLS12))


def test_a_certificate_to_begin_with_is_made_once_and_for_the_names_that_are_given(holdfast):
    def cert(*words):
        return holdfast.ctl("cert", *words)
    folder = holdfast.dir / "new"
    made = cert("self-signed", "--name", "play.example.org", "--name", "2001:db8::7", folder)
    assert made.returncode == 0 and made.stderr == ""
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    key = (folder / "key.pem").read_bytes()
    text = subprocess.run(["openssl", "x509", "-noout", "-text", "-in", folder / "cert.pem"],
                          capture_output=True, text=True, check=True).stdout
    assert "DNS:play.example.org, IP Address:2001:DB8:0:0:0:0:0:7" in text
    assert "NIST CURVE: P-256" in text and "CA:FALSE" in text and "TLS Web Server" in text
    # The lines that it says are right as they are.
    config = holdfast.dir / "said.conf"
    config.write_text("\n".join(re.findall(r"^    (.*)$", made.stdout, re.M)))
    check = [holdfast.bin / "holdfast-multiplexer", "--check-config", "--config", config]
    assert subprocess.run(check, timeout=PATIENCE).returncode == 0
    again = cert("self-signed", folder)
    assert again.returncode == 1 and "File exists" in again.stderr
    assert (folder / "key.pem").read_bytes() == key
    assert cert("self-signed", holdfast.dir / "other").returncode == 0  # names of this machine
    for words in ((), ("self-signed",), ("self-signed", "--name"), ("self-signed", "a", "b"), ("new", "a")):
        assert cert(*words).returncode == 64
    assert cert("self-signed", "--name", "no such", holdfast.dir / "third").returncode == 1
    assert not (holdfast.dir / "third").exists()


def test_a_bad_certificate_at_the_start_is_told_and_nothing_starts(tls):
    tls.listen("telnets", "telnet-line")
    folder = tls.holdfast.dir / "main"
    config = tls.holdfast.write_config(tls.certificates)
    check = [tls.holdfast.bin / "holdfast-multiplexer", "--config", config, "--run-dir",
             tls.holdfast.run_dir]

    def refused(*words):
        got = subprocess.run([*check, *words], capture_output=True, text=True, timeout=PATIENCE)
        return got.returncode, got.stderr
    assert refused("--check-config") == (0, "")
    (folder / "key.pem").chmod(0o604)
    for words in ((), ("--check-config",)):
        code, why = refused(*words)
        assert code == 78 and f"certificate main: {folder}/key.pem: others may read it" in why
    (folder / "key.pem").chmod(0o640)  # as Debian's ssl-cert has them
    assert refused("--check-config") == (0, "")
    key = (folder / "key.pem").read_bytes()
    locked = subprocess.run(["openssl", "pkey", "-aes256", "-passout", "pass:x"], input=key,
                            capture_output=True, check=True).stdout
    (folder / "key.pem").write_bytes(locked)
    code, why = refused("--check-config")
    assert code == 78 and "locked with a passphrase" in why
    tls.holdfast.write_config()
    code, why = refused("--check-config")
    assert code == 78 and "tls needs certificate main {" in why and "multiplexer.conf:" in why


# -- strangers -------------------------------------------------------------------------------------

def read_all(s, timeout=PATIENCE):
    s.settimeout(timeout)
    got = b""
    try:
        while data := s.recv(65536):
            got += data
    except ConnectionResetError:
        pass
    return got


def test_who_is_slow_or_silent_is_cut_off_and_who_speaks_no_tls_is_told(tls):
    tls.listen("telnets", "telnet-line")
    tls.listen("https", "websocket")
    tls.start(tls_handshake_time="1s")
    silent, slow = tls.raw(), tls.raw()
    dripping = client_hello()
    slow.sendall(dripping[:20])
    assert b"This port speaks TLS" in read_all(silent)
    for n in range(20, len(dripping)):
        try:
            slow.sendall(dripping[n:n + 1])
        except OSError:
            break
        time.sleep(0.02)
    read_all(slow)
    tls.failed("timed_out", 2)
    for opener in (b"look\r\n", b"SSH-2.0-x\r\n", b"\0" * 65536):
        s = tls.raw()
        try:
            s.sendall(opener)
        except OSError:
            pass
        assert read_all(s) in (b"This port speaks TLS: tell your client to use it (TLS, or SSL).\r\n", b"")
    s = tls.raw("https")
    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert read_all(s).startswith(b"HTTP/1.1 400 ")
    tls.failed("not_tls", 4)
    # Its beginning is right, and then it is not.
    s = tls.raw()
    s.sendall(b"\x16\x03\x01\x00\x05hello")
    read_all(s)
    gone = tls.raw()
    gone.sendall(dripping[:50])
    gone.close()
    tls.failed("left")
    plays(tls.player())


def client_hello():
    out = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    session = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return out.read()


class ByHand:
    """A client whose records pass through our hands."""

    def __init__(self, s, version=TLS13):
        self.socket = s
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        self.session = context.wrap_bio(self.incoming, self.outgoing)
        self.until(self.session.do_handshake)

    def until(self, what):
        while True:
            try:
                return what()
            except ssl.SSLWantReadError:
                pass
            finally:
                self.socket.sendall(self.outgoing.read())
            data = self.socket.recv(65536)
            assert data, "closed"
            self.incoming.write(data)

    def record(self, text):
        self.session.write(text)
        return self.outgoing.read()

    def read_until(self, wanted):
        got = b""
        while wanted not in got:
            got += self.until(lambda: self.session.read(65536))


@pytest.mark.parametrize("version", (TLS12, TLS13))
def test_damaged_records_end_him_who_sent_them_and_nobody_else(tls, version):
    tls.start()
    other = tls.player()
    other.expect(b"hello")

    def flipped(record):
        return record[:-1] + bytes([record[-1] ^ 1])
    damages = [lambda r: b"garbage that is no record at all\r\n",
               flipped,
               lambda r: b"\x17\x03\x03\xff\xff" + b"x" * 17000,
               lambda r: r + r,  # a second time
               lambda r: b"\x63" + r[1:]]
    for n, damage in enumerate(damages):
        by_hand = ByHand(tls.raw(), version)
        by_hand.read_until(b"hello")
        by_hand.socket.sendall(by_hand.record(b"echo before\r\n"))
        by_hand.read_until(b"[before]")
        by_hand.socket.sendall(damage(by_hand.record(b"echo once\r\n")))
        assert read_all(by_hand.socket)  # an alert
        wait_for(lambda n=n: tls.metric("closed_tls_broken") == n + 1, "he is closed")
    wait_for(lambda: len(tls.holdfast.users()) == 1, "only the other is there")
    plays(other)


def test_an_end_without_goodbye_is_an_end_and_whole_lines_count(tls):
    tls.start(half_close="2s")
    for version in (TLS12, TLS13):
        player = tls.player(version=version)
        player.expect(b"hello")
        player.send(b"echo whole\r\necho hal")
        player.abandon()
        player.expect(b"[whole]")  # he is still told
        player.expect_end()
        polite = tls.player(version=version)
        polite.expect(b"hello")
        polite.line("echo bye")
        polite.expect(b"[bye]")
        polite.socket.unwrap().close()
    rude = tls.player()
    plays(rude)
    rude.plain = None
    rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rude.socket.close()
    wait_for(lambda: tls.metric("closed_left") == 4 and tls.metric("closed_lost") == 1, "each has its name")


def test_one_who_does_not_read_costs_little_and_is_closed(tls):
    tls.start("talker", output_limit="64KiB", output_soft="16KiB")
    other = tls.player()
    other.expect(b"hello")
    pid = helper_pid(tls)
    before = resident(pid)
    lazy = tls.player(receive_buffer=4096)
    lazy.expect(b"hello")
    lazy.line("flood 20000")
    wait_for(lambda: tls.metric("closed_too_slow") == 1, "he is closed")
    assert resident(pid) - before < 4 << 20
    other.line("echo fine")
    other.expect(b"[4] fine")
    wait_for(lambda: tls_sockets(pid) <= 3, "nothing of him is left")


def tls_sockets(pid):
    """A channel, and two for each player."""
    return sum(os.readlink(f.path).startswith("socket:") for f in os.scandir(f"/proc/{pid}/fd"))


def resident(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def test_a_flood_of_handshakes_is_taken_at_its_rate_and_plain_players_play_on(tls):
    tls.start(tls_handshakes="20")
    plain = tls.holdfast.player()
    plain.expect(b"hello")
    sockets = [tls.raw() for _ in range(60)]
    for s in sockets:
        s.sendall(client_hello())
    plays(plain)
    assert tls.metric("tls_handshakes") == 0
    plays(tls.player())
    for s in sockets:
        s.close()
    wait_for(lambda: tls.status()["handshaking"] == 0 and len(tls.holdfast.users()) == 2, "they are gone")


def test_too_many_in_their_handshake_cost_the_oldest_and_nobody_else(tls):
    tls.start(max_clients="20")
    sockets = [tls.raw() for _ in range(40)]
    wait_for(lambda: tls.metric("closed_tls_crowded") == 8, "the oldest went")
    assert read_all(sockets[0]) == b""
    plays(tls.player())


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
