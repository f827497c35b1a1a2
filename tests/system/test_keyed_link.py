"""A game server on another machine: the link over TCP, with TLS 1.3 by a key that both have. What
users feel is the same; who has no key learns nothing; two servers are told apart."""

import os
import re
import socket
import subprocess
import time

import pytest

from agnet import ScriptedMultiplexer, ScriptedServer
from conformance.wire import Link
from daemons import HANGS, PATIENCE, RESTARTING, AdminError, AdminLine, free_port, wait_for
from players import read_all

SERVER_TLS_OUT = r"no TLS handshake within 5 s"


class Keyed:
    """A world whose link is keyed, its key file, and peers made of openssl."""

    def __init__(self, holdfast, name="127.0.0.1"):
        self.holdfast = holdfast
        self.port = free_port()
        self.key = holdfast.dir / "link.key"
        made = holdfast.ctl("key", "new", self.key)
        assert made.returncode == 0, made.stderr
        self.identity, self.secret = self.key.read_text().split("\n")[2].split()
        holdfast.options.update(server=f'"tcp:{name}:{self.port}"', server_key=f'"{self.key}"')
        holdfast.cvars.update(sv_link=f"tcp:127.0.0.1:{self.port}", sv_link_key=self.key)
        self.processes = []
        holdfast.closers.append(self.close)

    def openssl(self, *words, psk=None, identity=None):
        """openssl with a socket for its standard input and output: (process, socket)."""
        ours, theirs = socket.socketpair()
        argv = ["openssl", *words, "-quiet", "-psk", psk or self.secret]
        if identity:
            argv += ["-psk_identity", identity]
        process = subprocess.Popen(argv, stdin=theirs, stdout=theirs,
                                   stderr=open(self.holdfast.dir / "openssl.err", "ab"))
        theirs.close()
        self.processes.append(process)
        return process, ours

    def client(self, psk=None, identity=None, more=("-tls1_3",)):
        return self.openssl("s_client", "-connect", f"127.0.0.1:{self.port}", *more, psk=psk,
                            identity=identity or self.identity)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def keyed(holdfast):
    return Keyed(holdfast)


def play(player, number):
    player.line(str(number))
    player.expect(b"ok %d " % number)


# -- what users feel ------------------------------------------------------------------------------

def test_users_play_over_a_keyed_link_through_restarts_and_a_crash(keyed, holdfast):
    holdfast.start()
    player = holdfast.player()
    player.expect(b"hello 0")
    play(player, 1)
    holdfast.restart()
    player.expect(RESTARTING)
    play(player, 2)
    holdfast.restart()
    play(player, 3)
    holdfast.server.kill9()
    player.expect(b"[The game crashed")
    player.line("4")
    holdfast.start_server()
    player.expect(b"ok 4 ")
    assert player.is_connected()
    # The kernel ends a dead one's connection with FIN, or with RST if it had input unread.
    holdfast.multiplexer.wait_log("server: lost: .*(broke off|reset by peer|broken pipe)")


def test_a_swarm_loses_nothing_over_restarts(keyed, holdfast):
    holdfast.start()
    swarm = holdfast.swarm(40, pace=0.05)
    swarm.start_typing()
    for _ in range(3):
        holdfast.restart()
    swarm.stop_typing()
    swarm.wait_all_answered()
    swarm.check()


def test_a_standing_server_that_is_killed_loses_little_of_what_was_typed(keyed, holdfast):
    """What lies in the kernel is lost with it; the multiplexer does not let much more lie there than
    on a local socket."""
    holdfast.start()
    players = [holdfast.player() for _ in range(80)]
    for player in players:
        play(player, 1)
    holdfast.server.stop()
    lines = b"".join(b"%030d\r\n" % n for n in range(2, 452))
    for player in players:
        player.send(lines)
    typed = len(lines) * len(players) + 3 * len(players)
    wait_for(lambda: holdfast.metric("bytes_from_users") >= typed, "all of it was read")
    holdfast.server.kill9()
    holdfast.start_server()
    lost = 0
    for player in players:
        player.line("452")
        said = player.expect(re.compile(rb"ok 452 "), 60)
        for first, after in re.findall(rb"gap (\d+) (\d+)", said + player.matched):
            lost += int(after) - int(first)
    assert lost * 31 <= 500_000, f"{lost} of {450 * len(players)} lines lost"


def test_a_name_is_resolved_before_each_dial(holdfast):
    Keyed(holdfast, name="localhost")
    holdfast.start()
    player = holdfast.player()
    play(player, 1)
    holdfast.restart()
    play(player, 2)


def test_nothing_readable_is_on_the_wire(keyed, holdfast):
    """socat lies between, and writes down what it carries."""
    middle = free_port()
    holdfast.options["server"] = f'"tcp:127.0.0.1:{middle}"'
    seen = holdfast.dir / "carried"
    socat = subprocess.Popen(["socat", "-r", seen, "-R", f"{seen}.back",
                              f"TCP-LISTEN:{middle},bind=127.0.0.1,reuseaddr,fork",
                              f"TCP:127.0.0.1:{keyed.port}"], stderr=subprocess.DEVNULL)
    keyed.processes.append(socat)
    holdfast.start()
    player = holdfast.player()
    player.line("xyzzy-plugh")
    player.expect(b"what? xyzzy-plugh")
    carried = seen.read_bytes() + (holdfast.dir / "carried.back").read_bytes()
    assert len(carried) > 300
    assert b"xyzzy" not in carried and b"127.0.0.1" not in carried and b"lists" not in carried


def test_a_link_that_is_cut_on_the_way_is_made_anew(keyed, holdfast):
    middle = free_port()
    holdfast.options["server"] = f'"tcp:127.0.0.1:{middle}"'
    argv = ["socat", f"TCP-LISTEN:{middle},bind=127.0.0.1,reuseaddr", f"TCP:127.0.0.1:{keyed.port}"]
    holdfast.start_server(wait=False)
    holdfast.server.wait_log("multiplexers may connect")
    socat = subprocess.Popen(argv)
    keyed.processes.append(socat)
    holdfast.start_multiplexer()
    holdfast.wait_ready()
    player = holdfast.player()
    play(player, 1)
    socat.kill()
    socat.wait()
    player.expect(b"[The game crashed")
    keyed.processes.append(subprocess.Popen(argv))
    play(player, 2)
    assert player.is_connected()
    assert holdfast.server.is_alive()


# -- the key file ---------------------------------------------------------------------------------

def test_key_new_makes_a_private_file_and_never_over_another(keyed, holdfast):
    assert keyed.key.stat().st_mode & 0o777 == 0o600
    assert len(keyed.secret) == 64
    before = keyed.key.read_bytes()
    again = holdfast.ctl("key", "new", keyed.key)
    assert again.returncode == 1 and "File exists" in again.stderr
    assert keyed.key.read_bytes() == before
    other = holdfast.dir / "other.key"
    assert holdfast.ctl("key", "new", other).returncode == 0
    assert other.read_text().split()[-1] != keyed.secret
    assert holdfast.ctl("key").returncode == 64


FAULTS = {
    "missing": (lambda key: key.unlink(), r"No such file"),
    "world-readable": (lambda key: key.chmod(0o644), r"others may read"),
    "group-readable": (lambda key: key.chmod(0o640), r"others may read"),
    "malformed": (lambda key: key.write_text("nonsense\n"), r"link.key:1: must be an identity"),
    "too-short": (lambda key: key.write_text("game 0011\n"), r"link.key:1: the secret has 2 bytes"),
    "empty": (lambda key: key.write_text(""), r"holds no key"),
    "a-folder": (lambda key: (key.unlink(), key.mkdir()), r"is not a file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_key_file_is_refused_at_start_with_its_name(keyed, holdfast, fault):
    spoil, words = FAULTS[fault]
    spoil(keyed.key)
    holdfast.listen()
    config = holdfast.write_config()
    for argv in (["--config", config, "--run-dir", holdfast.run_dir],
                 ["--config", config, "--check-config"]):
        multiplexer = holdfast.spawn("holdfast-multiplexer", *argv, log="refused.log")
        assert multiplexer.wait() == 78
        holdfast.expected_status[multiplexer.pid] = 78
        assert re.search(r"multiplexer\.conf:\d+: server_key: .*" + words, multiplexer.text())
    for more in ([], ["--check-config"]):
        server = holdfast.spawn("holdfast-server", *holdfast.server_arguments(), *more,
                                log="refused.log")
        status = server.wait()
        assert status != 0
        holdfast.expected_status[server.pid] = status
        assert re.search("sv_link_key: .*" + words, server.text())


def test_tcp_without_a_key_is_refused_at_start_on_loopback_too(keyed, holdfast):
    holdfast.options["server_key"] = '""'
    holdfast.cvars["sv_link_key"] = ""
    holdfast.listen()
    config = holdfast.write_config()
    multiplexer = holdfast.spawn("holdfast-multiplexer", "--config", config, "--run-dir",
                                 holdfast.run_dir, log="refused.log")
    assert multiplexer.wait() == 78
    holdfast.expected_status[multiplexer.pid] = 78
    assert re.search(r"multiplexer\.conf:\d+: server: .* needs a server_key", multiplexer.text())
    server = holdfast.spawn("holdfast-server", *holdfast.server_arguments(), log="refused.log")
    status = server.wait()
    assert status != 0
    holdfast.expected_status[server.pid] = status
    assert "needs sv_link_key" in server.text()


def test_a_restart_that_would_find_no_key_is_refused(keyed, holdfast):
    holdfast.start()
    player = holdfast.player()
    play(player, 1)
    keyed.key.chmod(0o644)
    with pytest.raises(AdminError, match="others may read"):
        holdfast.admin("server", "restart")
    play(player, 2)


# -- who has no key -------------------------------------------------------------------------------

def test_who_does_not_show_the_key_learns_nothing_and_disturbs_nobody(keyed, holdfast):
    holdfast.start()
    player = holdfast.player()
    play(player, 1)
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"\4\0\x0e\0" * 10, b"look\r\n" * 20, os.urandom(3000)):
        with keyed.connect() as sock:
            sock.sendall(said)
            assert len(read_all(sock)) <= 7  # an alert of TLS
        if said.startswith(b"\4"):  # before the third failure
            assert re.search(r"link: a connection from 127\.0\.0\.1:\d+ is refused: .*TLS",
                             holdfast.server.text())
    play(player, 2)
    assert "SERVER HELLO" not in holdfast.multiplexer.text()


def test_silence_and_dripped_bytes_are_over_at_the_deadline(keyed, holdfast):
    holdfast.start()
    player = holdfast.player()
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(193)
    silent, dripping = keyed.connect(), keyed.connect()
    dripping.setblocking(False)
    deadline = time.monotonic() + PATIENCE
    gone = False
    while not gone and time.monotonic() < deadline:
        try:
            dripping.send(hello[:1])
            hello = hello[1:]
        except OSError:
            gone = True
        time.sleep(0.2)
        try:
            gone = gone or dripping.recv(100) == b""
        except BlockingIOError:
            pass
        except ConnectionResetError:
            gone = True
    assert gone
    assert read_all(silent) == b""
    silent.close()
    dripping.close()
    holdfast.server.wait_log(SERVER_TLS_OUT)
    play(player, 1)


@pytest.mark.parametrize("how", ["wrong key", "wrong identity", "tls 1.2", "no key"])
def test_a_tls_client_without_the_right_key_is_refused(keyed, holdfast, how):
    holdfast.start()
    player = holdfast.player()
    if how == "wrong key":
        process, sock = keyed.client(psk="00" * 32)
        words = "another key by the same name"
    elif how == "wrong identity":
        process, sock = keyed.client(identity="somebody")
        words = "no key, or one by another name"
    elif how == "tls 1.2":
        process, sock = keyed.client(more=("-tls1_2",))
        words = "does not speak TLS 1.3"
    else:
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(["openssl", "s_client", "-quiet", "-tls1_3", "-connect",
                                    f"127.0.0.1:{keyed.port}"], stdin=theirs, stdout=theirs,
                                   stderr=subprocess.DEVNULL)
        keyed.processes.append(process)
        theirs.close()
        sock, words = ours, "no key, or one by another name"
    assert read_all(sock) == b""
    process.wait(PATIENCE)
    holdfast.server.wait_log(rf"link: a connection from 127\.0\.0\.1:\d+ is refused: .*{words}")
    play(player, 1)


def test_who_fails_three_times_has_to_wait(keyed, holdfast):
    holdfast.start_server(wait=False)
    holdfast.server.wait_log("multiplexers may connect")
    for _ in range(3):
        with keyed.connect() as sock:
            sock.sendall(b"nonsense nonsense nonsense")
            read_all(sock)
    holdfast.server.wait_log(r"127\.0\.0\.1 has failed 3 times; it has to wait for 10 s")
    with keyed.connect() as sock:
        assert read_all(sock) == b""
    # So does the true one, if it comes from there; then it is let in.
    holdfast.start_multiplexer()
    wait_for(lambda: holdfast.link_state() == "open", "the link is made", 40)


def test_many_silent_connections_do_not_keep_the_multiplexer_out(keyed, holdfast):
    holdfast.start_server(wait=False)
    holdfast.server.wait_log("multiplexers may connect")
    silent = [keyed.connect() for _ in range(30)]
    holdfast.start_multiplexer()
    holdfast.wait_ready()
    for sock in silent:
        sock.close()


def test_a_multiplexer_with_another_key_says_so_and_dials_slowly(keyed, holdfast):
    other = holdfast.dir / "other.key"
    holdfast.ctl("key", "new", other)
    holdfast.start_server(wait=False)
    holdfast.server.wait_log("multiplexers may connect")
    holdfast.options["server_key"] = f'"{other}"'
    holdfast.start_multiplexer()
    holdfast.multiplexer.wait_log(r"server: no link with tcp:127\.0\.0\.1:\d+: TLS handshake: .*name")
    holdfast.server.wait_log(r"is refused: TLS handshake: .*another name")
    time.sleep(2)
    assert holdfast.multiplexer.text().count("no link with") == 1
    # The right one, without a restart of the multiplexer.
    holdfast.options["server_key"] = f'"{keyed.key}"'
    holdfast.write_config()
    holdfast.admin("multiplexer", "reload")
    wait_for(lambda: holdfast.link_state() == "open", "the link is made", 40)


# -- openssl as a peer ----------------------------------------------------------------------------

def test_openssl_s_client_can_be_a_multiplexer(keyed, holdfast):
    holdfast.start_server(wait=False)
    holdfast.server.wait_log("multiplexers may connect")

    class Dialled(ScriptedMultiplexer):
        def dial(self):
            link = Link(keyed.client()[1], PATIENCE)
            self.links.append(link)
            return link

    multiplexer = Dialled("")
    holdfast.closers.append(multiplexer.close)
    link = multiplexer.start()
    multiplexer.join(link, (5, 1))
    link.expect("SEND SUBCLIENT TEXT", (5, 1), b"hello 0\r\n")
    link.send("GOT SUBCLIENT TEXT", (5, 1), b"1\n")
    link.expect("SEND SUBCLIENT TEXT", (5, 1), b"ok 1 1\r\n")


def test_openssl_s_server_can_be_a_game_server(keyed, holdfast):
    process, sock = keyed.openssl("s_server", "-accept", str(keyed.port), "-nocert", "-tls1_3",
                                  identity=keyed.identity)
    holdfast.start_multiplexer()
    link = Link(sock, PATIENCE)
    link.send("NOT READY")
    link.send("TELL ME YOUR ACCEPT MODE")
    assert link.next()[0] == "ACCEPTING ALL"
    assert ScriptedServer.listing(link) == {}
    link.send("READY")
    player = holdfast.player()
    key = ScriptedServer.newcomer(link)
    link.send("SEND SUBCLIENT TEXT", key, b"from openssl\r\n")
    player.expect(b"from openssl")
    process.kill()
    player.expect(b"crashed")
    assert player.is_connected()


def test_a_server_with_a_certificate_instead_of_the_key_is_refused(keyed, holdfast):
    pem = holdfast.dir / "self.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=game",
                    "-keyout", pem, "-out", f"{pem}.crt"], check=True, capture_output=True)
    process = subprocess.Popen(["openssl", "s_server", "-quiet", "-accept", str(keyed.port), "-key",
                                pem, "-cert", f"{pem}.crt"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    keyed.processes.append(process)
    holdfast.start_multiplexer()
    holdfast.multiplexer.wait_log(r"server: no link with .*it has no key, or one by another name")
    assert holdfast.link_state() != "open"


# -- two servers ----------------------------------------------------------------------------------

class Second:
    """A second game server, with a run directory of its own."""

    def __init__(self, keyed, **options):
        self.holdfast = keyed.holdfast
        self.port = free_port()
        self.run_dir = self.holdfast.dir / "second"
        self.run_dir.mkdir()
        self.holdfast.options.update(
            server=f'"tcp:127.0.0.1:{keyed.port} tcp:127.0.0.1:{self.port}"', server_probe="200ms",
            **{"server_standby_after": "300ms", **options})
        self.address = f"tcp:127.0.0.1:{self.port}"
        self.key = keyed.key

    def start(self):
        self.server = self.holdfast.spawn(
            "holdfast-server", "--run-dir", self.run_dir, "--maps", self.holdfast.maps, "--set",
            "sv_map=ledger", "--set", f"sv_link={self.address}", "--set", f"sv_link_key={self.key}",
            log="second.log")

    def status(self):
        with AdminLine(self.run_dir / "server.sock") as line:
            return line.ask("status")


def address_of_link(holdfast):
    return holdfast.admin("multiplexer", "status")["server"]["address"]


def test_the_first_of_two_servers_keeps_the_link_and_the_second_is_told(keyed, holdfast):
    second = Second(keyed)
    holdfast.start()
    player = holdfast.player()
    play(player, 1)
    second.start()
    second.server.wait_log(r"a multiplexer refuses us: another game server has this multiplexer: "
                           rf"tcp:127\.0\.0\.1:{keyed.port}")
    time.sleep(1)
    assert second.server.text().count("refuses us") == 1
    assert "another game server" in second.status()["refused_by_multiplexer"]
    others = holdfast.admin("multiplexer", "status")["server"]["others"]
    assert others == [{"address": second.address, "there": True}]
    play(player, 2)
    # When the first is gone the second takes over, and restores.
    holdfast.server.kill9()
    second.server.wait_log("link: ready")
    play(player, 3)
    assert address_of_link(holdfast) == second.address
    # The first one is preferred only when the link is down.
    holdfast.start_server(wait=False)
    holdfast.server.wait_log("a multiplexer refuses us")
    play(player, 4)
    second.server.kill9()
    holdfast.server.wait_log("link: ready")
    play(player, 5)
    assert player.is_connected()


def test_a_server_that_restarts_or_crashes_gets_its_place_back(keyed, holdfast):
    second = Second(keyed, server_standby_after="1h")
    holdfast.start()
    player = holdfast.player()
    play(player, 1)
    second.start()
    second.server.wait_log("a multiplexer refuses us")
    holdfast.restart()
    play(player, 2)
    times = holdfast.times_ready()
    holdfast.server.kill9()
    time.sleep(1)
    holdfast.start_server(wait=False)
    holdfast.wait_ready(times + 1)
    play(player, 3)
    assert address_of_link(holdfast) != second.address
    assert "link: ready" not in second.server.text()


def test_a_takeover_needs_a_server_that_hangs(keyed, holdfast):
    second = Second(keyed, hang_after="1s")
    holdfast.start()
    player = holdfast.player()
    play(player, 1)
    second.start()
    second.server.wait_log("a multiplexer refuses us")
    with pytest.raises(AdminError, match="the game server answers"):
        holdfast.admin("multiplexer", "takeover")
    holdfast.server.stop()
    player.expect(HANGS)
    answer = holdfast.ctl("takeover")
    assert answer.returncode == 0 and second.address in answer.stdout
    second.server.wait_log("link: ready")
    player.line("2")
    player.expect(re.compile(rb"(ok|dup) 2 "))
    # The old one wakes, and is told.
    holdfast.server.go_on()
    holdfast.server.wait_log("a multiplexer refuses us: another game server")
    player.line("3")
    player.expect(b"ok 3 ")
    assert address_of_link(holdfast) == second.address


def test_what_another_server_has_saved_meanwhile_is_what_the_first_one_goes_on_with(keyed, holdfast):
    """It hung and was not dead: of its players it knows what was, and others have played on."""
    second = Second(keyed, hang_after="1s")
    holdfast.start()
    player = holdfast.player()
    play(player, 1)
    second.start()
    second.server.wait_log("a multiplexer refuses us")
    holdfast.server.stop()
    player.expect(HANGS)
    assert holdfast.ctl("takeover").returncode == 0
    second.server.wait_log("link: ready")
    play(player, 2)
    play(player, 3)
    second.server.kill9()
    holdfast.server.go_on()
    wait_for(lambda: address_of_link(holdfast) != second.address and holdfast.link_state() == "open",
             "the first one is back")
    player.line("4")
    player.expect(re.compile(rb"(ok|dup|gap) [4-9]|gap \d 4"))
    assert player.matched == b"ok 4", "he is as the second one left him"


def test_a_takeover_without_another_address_is_refused(keyed, holdfast):
    holdfast.start()
    with pytest.raises(AdminError, match="no other address"):
        holdfast.admin("multiplexer", "takeover")


# -- versions -------------------------------------------------------------------------------------

def test_a_server_of_another_version_is_told_and_dialled_slowly(holdfast):
    holdfast.start_multiplexer()
    server = holdfast.scripted_server()
    for _ in range(2):
        link = server.accept()
        link.send("SERVER HELLO", 2, b"lists")
        message = link.next()
        while message[0] != "LINK REFUSED":
            message = link.next()
        assert b"version 2" in message[1] and b"version 1" in message[1]
        link.close()
    text = holdfast.multiplexer.text()
    assert text.count("speaks version 2 of the protocol") == 1
    assert "version 2" in holdfast.admin("multiplexer", "status")["server"]["refuses"]


def test_a_multiplexer_of_another_version_is_told_why(holdfast):
    holdfast.start_server(wait=False)
    multiplexer = holdfast.scripted_multiplexer()
    link = multiplexer.dial()
    link.send("MULTIPLEXER HELLO", 7, b"lists", b"sixteen bytes...")
    message = link.next()
    while message[0] != "LINK REFUSED":
        message = link.next()
    assert b"version 7" in message[1]
    holdfast.server.wait_log("is refused: the multiplexer speaks version 7")
