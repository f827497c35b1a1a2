"""Who comes in: the limits on connections, and addresses that a proxy tells. Strangers are played from
this machine through a PROXY header, which is also how haproxy and nginx hand on real ones."""

import random
import re
import shutil
import socket
import struct
import subprocess
import time

import pytest

from daemons import free_port, wait_for
from players import Player

V2 = b"\r\n\r\n\0\r\nQUIT\n"
FIRST_WORDS = b"talk\r\n"


@pytest.fixture
def door(holdfast):
    """A multiplexer with a scripted server, whose listener "proxied" believes this machine."""
    return Door(holdfast)


class Door:
    def __init__(self, holdfast):
        self.holdfast = holdfast
        holdfast.listen("open")
        self.address = holdfast.listen("proxied", more="proxies = '127.0.0.0/8'")

    def start(self, **options):
        self.server, self.link = self.holdfast.start_with_script(**options)

    def header(self, source, version=1):
        host, port = source, 40000
        if version == 1:
            family = "TCP6" if ":" in host else "TCP4"
            target = "::1" if ":" in host else "127.0.0.1"
            return f"PROXY {family} {host} {target} {port} 4000\r\n".encode()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        target = "::1" if ":" in host else "127.0.0.1"
        body = (socket.inet_pton(family, host) + socket.inet_pton(family, target)
                + struct.pack(">HH", port, 4000))
        kind = b"\x21\x21" if ":" in host else b"\x21\x11"
        return V2 + kind + struct.pack(">H", len(body)) + body

    def stranger(self, source, version=1, words=b""):
        player = Player(self.address)
        self.holdfast.players.append(player)
        player.send(self.header(source, version) + words)
        return player

    def newcomer(self):
        key = self.server.newcomer(self.link)
        return key, self.link.ip.decode()

    def first_to_talk(self, ip):
        """Reads on until a user from there has typed the first words; the probe of a port is a
        user for a moment too."""
        addresses = {}
        while True:
            message = self.link.next()
            if message[0] == "GOT SUBCLIENT":
                addresses[message[1]] = message[3].decode()
            elif message[0] == "GOT SUBCLIENT TEXT":
                assert message[2] == FIRST_WORDS.replace(b"\r", b"")
                assert addresses[message[1]] == ip
                return message[1]

    def is_refused(self, source, words):
        player = self.stranger(source)
        assert player.expect_end() == words + b"\r\n"
        return True


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("source", ["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.9"])
def test_the_address_a_proxy_tells_is_his_everywhere(door, version, source):
    door.start()
    if version == 2 and source.startswith("::ffff"):
        source = "192.0.2.9"
    player = door.stranger(source, version, FIRST_WORDS)
    key, ip = door.newcomer()
    assert ip == source.replace("::ffff:", "")
    assert door.link.expect("GOT SUBCLIENT TEXT", key)[-1] == b"talk\n"
    assert [u["address"] for u in door.holdfast.users()] == [ip]
    assert player.all == b""
    door.link.send("GET SUBCLIENT IDENTD", key)
    assert door.link.expect("SUBCLIENT IDENTD IS", key)[-1] == b"unsupported"


def test_a_header_may_come_byte_by_byte_with_words_right_behind_it(door):
    door.start()
    for version in (1, 2):
        player = door.stranger("192.0.2.7", version)
        door.newcomer()
        slow = Player(door.address)
        door.holdfast.players.append(slow)
        whole = door.header("192.0.2.8", version)
        for byte in whole[:-1]:
            slow.send(bytes([byte]))
            time.sleep(0.001)
        assert len(door.holdfast.users()) == 1  # nobody knows of him before the last byte
        slow.send(whole[-1:] + FIRST_WORDS)
        key, ip = door.newcomer()
        assert ip == "192.0.2.8"
        assert door.link.expect("GOT SUBCLIENT TEXT", key)[-1] == b"talk\n"
        for left in (player, slow):
            left.close()
            door.link.expect("LOST SUBCLIENT")


def test_a_health_check_of_the_proxy_is_its_own_and_never_too_many(door):
    door.start(address_users=1, connect_burst=1)
    for header in (V2 + b"\x20\0\0\0", b"PROXY UNKNOWN\r\n") * 3:
        player = Player(door.address)
        door.holdfast.players.append(player)
        player.send(header)
        assert door.newcomer()[1] == "127.0.0.1"


@pytest.mark.parametrize("opener", [b"hello\r\n", b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP9 x\r\n",
                                    b"\x16\x03\x01", b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0"])
def test_who_is_no_proxy_is_closed_without_a_word_and_disturbs_nobody(door, opener):
    door.start()
    other = door.stranger("192.0.2.7")
    door.newcomer()
    wrong = Player(door.address)
    wrong.send(opener)
    assert wrong.expect_end() == b""
    assert door.holdfast.metric("closed_no_proxy") == 1
    assert other.is_connected()
    door.holdfast.multiplexer.wait_log(r"PROXY header, though he comes from an address in proxies|"
                                       r"PROXY (line|header) .*, though he comes")


def test_a_proxy_that_says_nothing_is_timed_out(door):
    door.start()
    silent = Player(door.address)
    silent.send(b"PROXY TCP4 ")
    assert silent.expect_end() == b"Timed out.\r\n"
    assert door.holdfast.metric("closed_timed_out") == 1


def test_a_header_from_elsewhere_is_what_a_user_typed(door):
    door.start()
    player = door.holdfast.player("open")
    player.send(door.header("192.0.2.7"))
    key, ip = door.newcomer()
    assert ip == "127.0.0.1"
    assert door.link.expect("GOT SUBCLIENT TEXT", key)[-1].startswith(b"PROXY TCP4 192.0.2.7")


def test_localhost_only_looks_at_the_real_address(door):
    door.start()
    door.link.send("ACCEPT LOCALHOST ONLY")
    door.link.expect("ACCEPTING LOCALHOST ONLY")
    assert door.is_refused("192.0.2.7", b"Only players on this machine are let in at the moment. "
                                        b"Please try again later.")
    door.stranger("127.0.0.5")
    assert door.newcomer()[1] == "127.0.0.5"
    door.stranger("::ffff:127.0.0.6")
    assert door.newcomer()[1] == "127.0.0.6"


# -- limits ----------------------------------------------------------------------------------------

def test_the_limits_of_one_address_hold_and_others_come_in(door):
    door.start(address_users=20, address_silent=5, connect_burst=1000)
    for _ in range(5):
        door.stranger("192.0.2.7")
        door.newcomer()
    assert door.is_refused("192.0.2.7", b"Too many connections from your address that have not "
                                        b"typed anything yet.")
    door.stranger("192.0.2.8")
    door.newcomer()
    talkers = []
    for _ in range(15):
        talkers.append(door.stranger("192.0.2.9", words=FIRST_WORDS))
        key, _ = door.newcomer()
        door.link.expect("GOT SUBCLIENT TEXT", key)
    for _ in range(5):
        door.stranger("192.0.2.9")
        door.newcomer()
    assert door.is_refused("192.0.2.9", b"Too many connections from your address.")
    talkers.pop().close()
    door.link.expect("LOST SUBCLIENT")
    door.stranger("192.0.2.9")  # his place is free, but five of them are silent
    wait_for(lambda: door.holdfast.metric("closed_too_many_silent") == 2, "silent")
    assert door.holdfast.metric("closed_too_many") == 1


def test_ipv6_is_counted_by_the_network_of_64_bits(door):
    door.start(address_users=2)
    for host in ("2001:db8:1:1::1", "2001:db8:1:1:ffff::2"):
        door.stranger(host)
        door.newcomer()
    assert door.is_refused("2001:db8:1:1::3", b"Too many connections from your address.")
    door.stranger("2001:db8:1:2::1")
    door.newcomer()


def test_who_connects_again_and_again_has_to_wait(door):
    door.start(connect_burst=10, connect_rate=1)
    for _ in range(10):
        player = door.stranger("192.0.2.7")
        door.newcomer()
        player.close()
        door.link.expect("LOST SUBCLIENT")
    for _ in range(3):
        assert door.is_refused("192.0.2.7", b"Too many connections from your address in a short "
                                            b"time. Please try again in a few minutes.")
    assert door.holdfast.metric("closed_too_fast") == 3
    for _ in range(30):  # this machine is exempt
        door.holdfast.player("open")
        door.newcomer()


def test_a_crowd_of_silent_ones_is_refused_and_makes_way_when_it_has_spoken(door):
    door.start(silent_drop_from=10, silent_drop_percent=0, silent_max=10, connect_burst=0)
    crowd = []
    for n in range(10):
        crowd.append(door.stranger(f"192.0.2.{n}"))
        door.newcomer()
    assert door.is_refused("198.51.100.1", b"The server is too busy. Please try again later.")
    crowd[0].send(FIRST_WORDS)
    door.link.expect("GOT SUBCLIENT TEXT")
    door.stranger("198.51.100.1")
    door.newcomer()


def test_who_never_types_is_timed_out_while_the_game_is_there(door):
    door.start(first_line="2s")
    talker = door.holdfast.player("open")
    talker.send(FIRST_WORDS)
    silent = door.holdfast.player("open")
    assert silent.expect_end().endswith(b"Timed out.\r\n")
    assert talker.is_connected()
    door.link.close()
    waiting = door.holdfast.player("open")
    waiting.expect(b"The game is away")
    time.sleep(3)  # nobody can be expected to speak to nobody
    assert waiting.is_connected()


def test_a_full_server_says_how_many_it_has(door):
    door.start(max_clients=3)
    for _ in range(3):
        door.holdfast.player("open")
        door.newcomer()
    refused = door.holdfast.player("open")
    assert refused.expect_end() == b"Server is full (3).\r\n"


# -- other protocols -------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["telnet-line", "telnet-char"])
@pytest.mark.parametrize("opener, words", [
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
     b"This port is for telnet and MUD clients, not for browsers.\r\n"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"This port does not speak TLS.\r\n"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", b"This port does not speak SSH.\r\n"),
])
def test_who_begins_with_another_protocol_is_told_so(holdfast, kind, opener, words):
    holdfast.listen("open", kind=kind)
    server, link = holdfast.start_with_script()
    player = holdfast.player("open")
    server.newcomer(link)
    stranger = holdfast.player("open")
    stranger.send(opener)
    assert stranger.expect_end().endswith(words)
    key = server.newcomer(link)
    link.expect("LOST SUBCLIENT", key)
    assert holdfast.metric("closed_stranger") == 1
    player.send(b"GET LAMP HTTP/1.1\r\n"[4:])  # a person may say such things
    link.expect("GOT SUBCLIENT TEXT")
    player.send(b"GET / HTTP/1.1\r\n")  # and later, even that
    link.expect("GOT SUBCLIENT TEXT")
    assert player.is_connected()


# -- real proxies ----------------------------------------------------------------------------------

def haproxy_config(port, target, option):
    return (f"global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n"
            f"  timeout server 60s\nlisten mux\n  bind 127.0.0.1:{port}\n"
            f"  server mux 127.0.0.1:{target} {option}\n")


def nginx_config(port, target, directory):
    return (f"load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\n"
            f"pid {directory}/nginx.pid;\nerror_log {directory}/nginx.log;\n"
            f"events {{ worker_connections 64; }}\n"
            f"stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{target}; "
            f"proxy_protocol on; }} }}\n")


@pytest.mark.parametrize("proxy", ["haproxy send-proxy", "haproxy send-proxy-v2",
                                   "haproxy send-proxy-v2-ssl-cn", "nginx"])
def test_players_come_through_real_proxies(door, proxy, tmp_path):
    program, _, option = proxy.partition(" ")
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    assert path, f"{program} is not installed; make deps does it"
    door.start()
    port = free_port()
    config = tmp_path / "proxy.conf"
    if program == "haproxy":
        config.write_text(haproxy_config(port, door.address[1], option))
        argv = [path, "-f", config, "-db"]
    else:
        config.write_text(nginx_config(port, door.address[1], tmp_path))
        argv = [path, "-c", config, "-p", tmp_path]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log)
    try:
        wait_for(lambda: is_open(port), f"{program}: {(tmp_path / 'log').read_text()}")
        player = player_from("127.0.0.8", port)
        player.send(FIRST_WORDS)
        key = door.first_to_talk("127.0.0.8")
        door.link.send("SEND SUBCLIENT TEXT", key, b"hello\r\n")
        player.expect(b"hello\r\n")
        player.close()
        while door.link.next() != ("LOST SUBCLIENT", key):
            pass
    finally:
        process.terminate()
        process.wait(20)


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def player_from(host, port):
    player = Player.__new__(Player)
    player.socket = socket.create_connection(("127.0.0.1", port), 20, (host, 0))
    player.all = player.new = b""
    player.ended = False
    return player


# -- those who do not want to play -----------------------------------------------------------------

@pytest.mark.parametrize("kind, drip", [("telnet-line", b"x"), ("telnet-char", b"\xff\xf1")])
def test_who_sends_a_byte_now_and_then_is_timed_out_like_one_who_sends_none(holdfast, kind, drip):
    """No byte of a line or of an option moves the deadline."""
    holdfast.listen("door", kind=kind)
    holdfast.start_with_script(first_line="2s")
    slow = holdfast.player("door")
    until = time.monotonic() + 40
    for n in range(400):
        try:
            slow.send(drip[n % len(drip):][:1])
        except OSError:
            break
        if slow.read_some(0.1) is False and slow.ended:
            break
        assert time.monotonic() < until, "he is still there"
    slow.drain()
    assert slow.ended and slow.all.endswith(b"Timed out.\r\n")
    assert holdfast.metric("closed_timed_out") == 1


def test_noise_fills_no_log_and_ends_nobody_else(holdfast):
    """64 KiB of zeros, of noise, of 255 and of empty lines, on each kind of listener."""
    for kind in ("telnet-line", "telnet-char", "raw", "websocket"):
        holdfast.listen(kind, kind=kind)
    holdfast.map = "talker"
    holdfast.start()
    talker = holdfast.player("telnet-line")
    talker.line("echo hello")
    talker.expect(b"[5] hello\r\n")
    lines = holdfast.multiplexer.text().count("\n")
    noise = random.Random(5).randbytes(65536)
    for name in holdfast.addresses:
        for data in (bytes(65536), noise, b"\xff" * 65536, b"\n" * 4096):
            stranger = holdfast.player(name)
            try:
                stranger.send(data)
            except OSError:
                pass
            stranger.close()
    wait_for(lambda: len(holdfast.users()) == 1, "they have left")
    said = [line for line in holdfast.multiplexer.text().splitlines()[lines:] if " debug " not in line]
    assert len(said) <= 4 * 16, "\n".join(said)
    assert all(line.isprintable() for line in said)
    talker.line("echo still here")
    talker.expect(b"[10] still here\r\n")


def memory_kib(daemon):
    """What is resident of it, without what the kernel shares."""
    with open(f"/proc/{daemon.pid}/smaps_rollup", encoding="ascii") as rollup:
        return int(re.search(r"Private_Dirty: +(\d+)", rollup.read()).group(1))


def test_who_comes_and_goes_thousands_of_times_leaves_nothing(holdfast):
    holdfast.listen()
    holdfast.start()
    bystander = holdfast.player()
    bystander.line("1")
    bystander.expect(b"ok 1 ")

    def churn(count):
        before = holdfast.metric("connections")
        for n in range(count):
            with socket.create_connection(holdfast.addresses["telnet"]) as s:
                if n % 3:
                    s.sendall(b"1\r\n")
        wait_for(lambda: holdfast.metric("connections") == before + count and
                 holdfast.metric("users_now") == 1, "all have come and gone")

    # How many are there at the same moment decides what the heap keeps, and differs from time to time;
    # what each leaves behind is there every time: 90 bytes would show.
    grown = []
    for _ in range(5):
        before = memory_kib(holdfast.multiplexer)
        churn(1500)
        grown.append(memory_kib(holdfast.multiplexer) - before)
    if "san" not in str(holdfast.bin):
        assert min(grown) < 128, grown
    bystander.line("2")
    bystander.expect(b"ok 2 ")


def test_more_than_wait_in_the_kernel_are_taken_when_we_wake(holdfast):
    """Row A10: the queue of the listening socket holds 1,024; who comes beyond tries again."""
    holdfast.listen()
    holdfast.start(silent_max=0)
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    holdfast.multiplexer.stop()
    crowd = []
    for _ in range(1300):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(holdfast.addresses["telnet"])
        crowd.append(s)
    holdfast.multiplexer.go_on()
    wait_for(lambda: holdfast.metric("users_now") > 1000, "those who waited are in")
    player.line("2")
    player.expect(b"ok 2 ")
    for s in crowd:
        s.close()
    wait_for(lambda: holdfast.metric("users_now") == 1, "and have left")
