"""Registration with a server list: what is told, how long the identity lasts, and lists that misbehave."""

import json
import re
import shutil
import socket
import subprocess

import pytest

from daemons import BUILD, PATIENCE, TROUBLE, Daemon, free_port, wait_for
from listpeer import List, slow
from namespaces import in_namespace, ip, listen_in, why_not
from webservers import GAME4, GAME6, NET4, NET6, Internet, OwnFiles, Server, why_no_internet

BEATS = 60  # seconds: time for a beat or two


def listen(host, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(64)
    return s


@pytest.fixture
def listed(holdfast):
    """(world, list): a list on this machine, and a game that would register with it."""
    port = free_port()
    peer = List(listen("127.0.0.1", port))
    holdfast.closers.append(peer.close)
    holdfast.map = "listed"
    holdfast.cvars.update(sv_register_url=f"http://127.0.0.1:{port}/v1", sv_port=4321,
                          sv_info="Castles, and who takes them", sv_maxplayers=30)
    holdfast.listen("telnet", where="unix")
    return holdfast, peer


def status(world):
    return world.admin("server", "register", "status")


def registered(world):
    return status(world)["registered"].startswith("yes")


def wait_registered(world, timeout=PATIENCE):
    wait_for(lambda: registered(world), "it is registered", timeout)


def test_all_that_is_to_be_said_is_told_and_changes_are_told_soon(listed):
    world, peer = listed
    world.start()
    wait_registered(world)
    call = peer.calls[0]
    assert (call.method, call.path) == (
        "PUT", "/v1/game/holdfast/default/server/127.0.0.1/4321/status")
    assert call.headers["content-type"] == "application/json"
    assert json.loads(call.body) == {"serverStatus": {
        "DNCycle": False, "DNState": 0, "IPv4Address": "127.0.0.1", "IPv6Address": None,
        "build": 100, "currentPlayers": 0, "description": "Castles, and who takes them",
        "gameMode": "Siege", "gameState": 0, "gold": False, "mapH": 70, "mapW": 150,
        "maxPlayers": 30, "maxSpectatorPlayers": 0, "modsVerified": False, "name": "Holdfast",
        "password": False, "playerList": {}, "port": 4321, "preferAF": 0, "reservedPlayers": 0,
        "spectatorPlayers": 0, "usingMods": False, "rated": True}}
    ann, bob = world.player(), world.player()
    ann.line("name Ann")
    ann.expect(b"done")
    bob.line("name B\"ö\\b")
    bob.expect(b"done")
    told = peer.wait_status(lambda s: len(s["playerList"]) == 2, "both are told of")
    assert set(told["playerList"]) == {"Ann", 'B"ö\\b'} and told["currentPlayers"] == 2
    ann.close()
    peer.wait_status(lambda s: s["currentPlayers"] == 1, "that she left")
    world.admin("server", "set", "sv_name", "The Hall")
    world.admin("server", "set", "sv_password", "secret word")
    told = peer.wait_status(lambda s: s["password"] and s["name"] == "The Hall", "the settings")
    assert not any(b"secret word" in call.body for call in peer.calls)
    bob.line('register {"gameState": 1, "DNState": 200, "rated": null, "round": 3}')
    bob.expect(b"registered")
    told = peer.wait_status(lambda s: s["gameState"] == 1, "the state of the game")
    assert (told["DNState"], told["round"], told["mapW"]) == (200, 3, 150) and "rated" not in told
    for bad in ('{"port": 1}', '{"DNState": 256}', '{"gameMode": 5}', '{"gold": 1}',
                '{"playerList": "x"}', '{"IPv4Address": "192.0.2.1"}', '{"two words": 1}',
                '{"deep": {"a": 1}}', '{"connectable": true}', '[1]'):
        bob.line("register " + bad)
        bob.expect(b"register")
        bob.expect(b"\n")
    assert len(peer.servers) == 1
    # The map's words end with it.
    world.admin("server", "map", "keeper")
    told = peer.wait_status(lambda s: s["gameMode"] == "keeper", "the new map")
    assert told["gameState"] == 0 and "round" not in told


def test_the_owner_reads_in_words_how_it_stands(listed):
    world, peer = listed
    world.cvars.update(sv_register=0)
    world.start()
    assert status(world)["registered"] == "no: sv_register is 0"
    assert peer.calls == [] and peer.asked == []
    world.admin("server", "set", "sv_register", "1")
    wait_registered(world)
    text = world.ctl("server", "register", "status").stdout
    assert re.search(r"registered: +yes, as 127\.0\.0\.1 port 4321\n", text), text
    assert re.search(r"server id: +17\n", text)
    assert re.search(r"last answer: +200, \d+ s ago\n", text)
    assert re.search(r"next call: +in \d+ s\n", text)
    assert re.search(r"to do: +nothing needs to be done\n", text)
    peer.misbehave = lambda call: peer.refuse(10912, call)
    world.admin("server", "set", "sv_info", "more")
    wait_for(lambda: not registered(world), "it is refused")
    text = world.ctl("server", "register").stdout
    assert "no: the list answered 403 (10912): no" in text
    assert "the list has too many servers of your address" in text
    peer.misbehave = None
    world.admin("server", "set", "sv_register_url", "")
    wait_for(lambda: "sv_register_url is empty" in status(world)["registered"], "it is off")
    assert "set sv_register_url" in status(world)["to do"]
    for name, value, words in (("sv_register_url", "ftp://x/", "http:// or https://"),
                               ("sv_ip", "::1", "is no IPv4 address"),
                               ("sv_register_game", "nothing", "developer/game"),
                               ("sv_preferAF", "5", "not 4, 6 or 0"),
                               ("sv_register_whoami", "http://a http://b", "not three"),
                               ("sv_register_preset", "doom", "only kag")):
        before = world.admin("server", "get", name)[name]
        world.admin("server", "set", "sv_register_url", f"http://127.0.0.1:{peer.peers[0].port}/v1")
        world.admin("server", "set", name, value)
        wait_for(lambda w=words: w in status(world)["registered"], words)
        world.admin("server", "set", name, before)
    assert world.ctl("server", "register", "now").returncode == 1


def test_who_is_no_longer_there_is_taken_off_and_who_starts_anew_is_not(listed):
    world, peer = listed
    world.start()
    wait_registered(world)
    world.restart()
    wait_registered(world)
    before = len(peer.calls)
    world.server.kill9()
    world.start_server()
    wait_registered(world)
    assert len(peer.calls) > before
    assert list(peer.servers) == [17], "it is somebody else"
    assert {call.path for call in peer.calls} == {
        "/v1/game/holdfast/default/server/127.0.0.1/4321/status"}
    assert [call.method for call in peer.calls].count("DELETE") == 0
    assert world.server.end() == 0
    assert peer.calls[-1].method == "DELETE" and peer.servers[17]["gone"]
    assert [call.method for call in peer.calls].count("DELETE") == 1


def test_a_list_that_hangs_does_not_hold_up_the_end(listed):
    world, peer = listed
    world.start()
    wait_registered(world)
    peer.misbehave = slow
    assert world.server.end() == 0
    wait_for(lambda: peer.calls[-1].method == "DELETE", "it was told")


def test_a_start_without_whoami_goes_on_as_who_it_was(listed):
    world, peer = listed
    world.start()
    wait_registered(world)
    peer.whoami = lambda source: List.http(503, b"")
    asked = len(peer.asked)
    world.server.kill9()
    world.start_server()
    wait_registered(world)
    assert len(peer.asked) > asked and list(peer.servers) == [17]
    assert "as it was before the start" in status(world)["IPv4"]


FOREIGN = {"addresses": ["192.0.2.99", "127.0.0.2", "10.0.0.1"], "token": "0" * 32, "expires": 60}


def test_lists_that_misbehave_cost_the_game_nothing_and_send_nobody_anywhere(listed):
    """Rows M07 and M08."""
    world, peer = listed
    victim = Server(listen("127.0.0.1", free_port()), lambda connection, request: None)
    world.closers.append(victim.close)
    world.start()
    wait_registered(world)
    player = world.player()
    evil = f"http://127.0.0.1:{victim.port}/"
    cases = {
        "the list answered 500": lambda call: List.http(500, b"{{{{"),
        "the list answered 503: tired": lambda call: List.http(503, {"statusMessage": "tired"}),
        "redirects are not followed: the list answered 307":
            lambda call: List.http(307, b"", f"Location: {evil}\r\n"),
        "redirects are not followed: the list answered 302":
            lambda call: List.http(302, b"", "Location: file:///etc/passwd\r\n"),
        "the list cannot be reached": lambda call: b"\x00\xff garbage\r\n\r\n",
        "the list answered 404": lambda call: List.http(404, b"[" * 60000),
        "the list answered 400: \\x1b[2Jclear":
            lambda call: List.http(400, {"statusMessage": "\x1b[2Jclear"}),
        "the list answered 403 (10910)":
            lambda call: List.http(403, {"statusSubCode": 10910, "callBack": {
                **FOREIGN, "url": evil, "addresses": ["192.0.2.99", f"127.0.0.1:{victim.port}"]}}),
        "bytes": lambda call: List.http(200, b"x" * 70000),
        "the list cannot be reached: Operation": slow,
    }
    for words, misbehave in cases.items():
        world.admin("server", "set", "sv_register", "0")
        wait_for(lambda: status(world)["registered"] == "no: sv_register is 0", "it is off")
        peer.misbehave = misbehave
        world.admin("server", "set", "sv_register", "1")
        wait_for(lambda w=words: w in status(world)["registered"], words, 60)
        player.line("name still here")
        player.expect(b"done name still here")
    assert victim.connections == 0
    calls = len(peer.calls)
    world.admin("server", "set", "sv_register", "0")
    wait_for(lambda: status(world)["registered"] == "no: sv_register is 0", "it is off")
    peer.misbehave = None
    world.admin("server", "set", "sv_register", "1")
    wait_registered(world)
    assert len(peer.calls) > calls
    log = world.server.text()
    assert log.count("the identity is lost") == 1
    assert "192.0.2.99" in log
    for line in log.splitlines():
        assert "0" * 32 not in line, "a token is in the log"
    # Only the call-backs carry a token, and there was none that we could make.
    assert not any(call.token for call in peer.calls)


def test_whoami_that_answers_nonsense_makes_the_family_unusable(listed):
    world, peer = listed
    peer.whoami = lambda source: List.http(200, {"yourIP": "2001:db8::1"})
    world.start()
    world.server.wait_log(r"asked over IPv4 who we are, and was answered nonsense")
    assert peer.calls == []
    assert "nobody could be asked who we are" in status(world)["registered"]


# ---- on machines of our own -------------------------------------------------------------------------


@pytest.fixture
def internet(tmp_path_factory):
    why = why_not() or why_no_internet()
    if why:
        pytest.skip(why)
    internet = Internet(tmp_path_factory)
    internet.machine.map = "listed"
    internet.machine.listen("telnet", where="unix")
    internet.names.update({"list.example.org": [NET4, NET6], "four.example.org": [NET4],
                           "six.example.org": [NET6]})
    internet.machine.cvars.update(
        sv_register_url="http://list.example.org/v1", sv_port=4321, sv_register_whoami=" ".join(
            f"http://{name}.example.org/whoami" for name in ("four", "six", "list")))
    internet.list = List(listen_in(internet.net, ("::", 80)))
    internet.closers.append(internet.list.close)
    yield internet
    internet.close()


def addresses(internet):
    return sorted(internet.list.servers[17]["addresses"])


def test_both_families_become_known_as_one_server(internet):
    world = internet.machine
    world.start()
    wait_for(lambda: 17 in internet.list.servers and len(addresses(internet)) == 2,
             "both are known", BEATS)
    assert list(internet.list.servers) == [17]
    assert addresses(internet) == [GAME4, GAME6]
    told = internet.list.calls[0].status
    assert (told["IPv4Address"], told["IPv6Address"]) == (GAME4, GAME6)
    assert set(internet.list.asked[:3]) == {GAME4, GAME6}
    assert [call.source for call in internet.list.calls if call.token] == [
        internet.list.calls[0].source]


def test_an_address_that_changes_is_called_back_from_the_other_family(internet):
    world = internet.machine
    world.start()
    wait_for(lambda: 17 in internet.list.servers and len(addresses(internet)) == 2,
             "both are known", BEATS)
    fresh = "2a0f:77::9"
    ip("-n", internet.game, "addr", "add", f"{fresh}/64", "dev", "eth0", "nodad")
    ip("-n", internet.game, "addr", "del", f"{GAME6}/64", "dev", "eth0")
    wait_for(lambda: addresses(internet) == sorted([GAME4, fresh]), "the new one is known", BEATS)
    assert list(internet.list.servers) == [17]
    assert "the identity is lost" not in world.server.text()
    # And over a restart of the program at which the other one changes.
    other = "11.7.0.9"
    ip("-n", internet.game, "addr", "del", f"{GAME4}/24", "dev", "eth0")
    ip("-n", internet.game, "addr", "add", f"{other}/24", "dev", "eth0")
    world.restart()
    wait_for(lambda: addresses(internet) == sorted([other, fresh]), "that one too", BEATS)
    assert list(internet.list.servers) == [17]


def test_one_family_alone(internet):
    world = internet.machine
    ip("-n", internet.game, "addr", "del", f"{GAME6}/64", "dev", "eth0")
    world.start()
    wait_registered(world)
    assert addresses(internet) == [GAME4]
    assert "not used: no Internet" in status(world)["IPv6"]
    assert world.server.end() == 0
    ip("-n", internet.game, "addr", "add", f"{GAME6}/64", "dev", "eth0", "nodad")
    ip("-n", internet.game, "addr", "del", f"{GAME4}/24", "dev", "eth0")
    internet.list.servers.clear()
    (world.run_dir / "register").unlink()
    world.start_server()
    wait_registered(world, BEATS)
    assert [server["addresses"] for server in internet.list.servers.values()] == [[GAME6]]


def test_with_one_of_two_addresses_set_it_is_forced_off_and_the_owner_is_told(internet):
    world = internet.machine
    world.cvars.update(sv_ip=GAME4)
    world.start()
    world.server.wait_log(r"warn server: register: sv_register is now 0: sv_ip is set and sv_ipv6 is not")
    assert world.admin("server", "get", "sv_register")["sv_register"] in ("0", "off", "no")
    assert internet.list.calls == []
    told = status(world)
    assert "sv_ip is set" in told["registered"] and "sv_enableipv6 0" in told["to do"]
    world.admin("server", "set", "sv_enableipv6", "0")
    world.admin("server", "set", "sv_register", "1")
    wait_registered(world)
    assert addresses(internet) == [GAME4]


def test_two_servers_of_one_machine_on_one_port_are_two(internet, tmp_path_factory):
    first = internet.machine
    four, six = "11.7.0.9", "2a0f:77::9"
    ip("-n", internet.game, "addr", "add", f"{four}/24", "dev", "eth0")
    ip("-n", internet.game, "addr", "add", f"{six}/64", "dev", "eth0", "nodad")
    second = OwnFiles(tmp_path_factory.mktemp("h"), internet.game, four, first.files)
    second.map = first.map
    second.listen("telnet", where="unix")
    second.cvars.update(first.cvars)
    first.cvars.update(sv_ip=GAME4, sv_ipv6=GAME6)
    second.cvars.update(sv_ip=four, sv_ipv6=six)
    try:
        first.start()
        second.start()
        wait_for(lambda: len(internet.list.servers) == 2 and
                 all(len(server["addresses"]) == 2 for server in internet.list.servers.values()),
                 "both are known with both", BEATS)
        assert sorted(sorted(server["addresses"]) for server in internet.list.servers.values()) == \
            sorted([sorted([GAME4, GAME6]), sorted([four, six])])
    finally:
        second.finish()


def test_of_several_ipv6_addresses_the_one_that_stays_is_registered(internet):
    """Temporary addresses (RFC 8981) are what a machine would else go out by."""
    world, six = internet.machine, "2a0f:77::1:2:3"
    subprocess.run(["ip", "netns", "exec", internet.game, "sysctl", "-qw",
                    "net.ipv6.conf.eth0.use_tempaddr=2"], check=True)
    ip("-n", internet.game, "addr", "del", f"{GAME6}/64", "dev", "eth0")
    ip("-n", internet.game, "addr", "add", f"{six}/64", "dev", "eth0", "mngtmpaddr", "nodad")

    def temporary():
        found = subprocess.run(["ip", "-n", internet.game, "-6", "addr", "show", "dev", "eth0",
                                "temporary", "-tentative"], capture_output=True, text=True).stdout
        return re.search(r"inet6 (2a0f:\S+)/", found)
    wait_for(temporary, "there is a temporary address")
    world.start()
    wait_for(lambda: 17 in internet.list.servers and len(addresses(internet)) == 2,
             "both are known", BEATS)
    assert addresses(internet) == [GAME4, six]


def nft(namespace, rules):
    if shutil.which("nft") is None:
        pytest.skip("there is no nft (nftables)")
    subprocess.run(["ip", "netns", "exec", namespace, "nft", rules], check=True)


def test_behind_nat_the_address_outside_is_told_and_calls_come_from_the_one_inside(internet):
    """Whatever comes from 10.66.0.1 comes from 11.7.0.9 to those who are there."""
    world, outside = internet.machine, "11.7.0.9"
    ip("-n", internet.game, "addr", "del", f"{GAME4}/24", "dev", "eth0")
    ip("-n", internet.game, "route", "add", NET4, "via", "10.66.0.2", "dev", "eth0", "src",
       "10.66.0.1")
    nft(internet.net, "add table ip n; add chain ip n i { type nat hook input priority 100; };"
                      f"add rule ip n i ip saddr 10.66.0.1 snat to {outside}")
    world.cvars.update(sv_external_port=5000)
    world.start()
    wait_for(lambda: 17 in internet.list.servers and len(addresses(internet)) == 2,
             "both are known", BEATS)
    assert addresses(internet) == [outside, GAME6]
    assert internet.list.servers[17]["port"] == 5000
    told = status(world)
    assert told["IPv4"] == f"{outside}; on this machine it is 10.66.0.1 (NAT)"
    assert told["IPv6"] == f"{GAME6}, on this machine too"
    assert internet.list.calls[-1].status["IPv4Address"] == outside
    # The router gets another address: found out at the next start, called back from IPv6.
    nft(internet.net, "flush chain ip n i; add rule ip n i ip saddr 10.66.0.1 snat to 11.7.0.10")
    world.restart()
    wait_for(lambda: addresses(internet) == ["11.7.0.10", GAME6], "the new one is known", BEATS)
    assert list(internet.list.servers) == [17]
    if told["calls go by"] == "IPv4":
        assert "sends port 5000 to port 4321" in told["to do"]


class RealList:
    """holdfast-list, on the other machine."""

    def __init__(self, internet, folder):
        self.internet = internet
        self.log = folder / "list.log"
        self.argv = ["ip", "netns", "exec", internet.net, BUILD / "holdfast-list", "--listen", "+80",
                     "--records", folder / "list.db"]
        self.daemon = None
        internet.closers.append(self.close)

    def start(self):
        self.daemon = Daemon(self.argv, self.log)
        self.daemon.wait_log("listens at")

    def kill(self):
        self.daemon.kill9()

    def close(self):
        if self.daemon and self.daemon.is_alive():
            assert self.daemon.end() == 0
        assert not TROUBLE.search(self.log.read_text())

    def servers(self):
        """Those that are there now."""
        s = in_namespace(self.internet.net, lambda: socket.create_connection((NET4, 80), PATIENCE))
        with s:
            s.sendall(b"GET /v1/game/holdfast/default/servers HTTP/1.1\r\nHost: " + NET4.encode() +
                      b"\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: s.recv(65536), b""))
        return json.loads(answer.partition(b"\r\n\r\n")[2])["serverList"]

    def wait(self, number, four, six):
        """Until there is this one server, with these addresses."""
        def there():
            found = self.servers()
            return [(s["serverID"], s["IPv4Address"], s["IPv6Address"]) for s in found] == [
                (number, four, six)]
        try:
            wait_for(there, f"server {number} is there as {four} and {six}", BEATS)
        except AssertionError as why:
            raise AssertionError(f"{why}\n{self.servers()}\n{self.log.read_text()[-2000:]}\n"
                                 f"{self.internet.machine.server.text()[-3000:]}") from None


@pytest.fixture
def real_list(internet, tmp_path_factory):
    internet.list.close()
    real = RealList(internet, tmp_path_factory.mktemp("l"))
    real.start()
    return real


def test_in_our_own_list_it_stays_the_same_server_whatever_happens_to_it(internet, real_list):
    world = internet.machine
    world.start()
    real_list.wait(1, GAME4, GAME6)
    player = world.player()
    player.line("name Ann")
    player.expect(b"done")
    wait_for(lambda: real_list.servers()[0]["playerList"] == ["Ann"], "she is told of")
    world.server.kill9()
    world.start_server()
    wait_registered(world)
    real_list.wait(1, GAME4, GAME6)
    # One address changes, then the other: while it runs, and while it is away.
    fresh = "2a0f:77::9"
    ip("-n", internet.game, "addr", "add", f"{fresh}/64", "dev", "eth0", "nodad")
    ip("-n", internet.game, "addr", "del", f"{GAME6}/64", "dev", "eth0")
    real_list.wait(1, GAME4, fresh)
    world.server.kill9()
    ip("-n", internet.game, "addr", "del", f"{GAME4}/24", "dev", "eth0")
    ip("-n", internet.game, "addr", "add", "11.7.0.9/24", "dev", "eth0")
    world.start_server()
    real_list.wait(1, "11.7.0.9", fresh)
    # The list is killed, and knows it again.
    real_list.kill()
    real_list.start()
    world.restart()
    real_list.wait(1, "11.7.0.9", fresh)
    assert "the identity is lost" not in world.server.text()
    # All addresses change at once: nobody can know that it is the same one.
    world.server.kill9()
    ip("-n", internet.game, "addr", "del", "11.7.0.9/24", "dev", "eth0")
    ip("-n", internet.game, "addr", "add", f"{GAME4}/24", "dev", "eth0")
    ip("-n", internet.game, "addr", "add", f"{GAME6}/64", "dev", "eth0", "nodad")
    ip("-n", internet.game, "addr", "del", f"{fresh}/64", "dev", "eth0")
    world.start_server()
    world.server.wait_log("the identity is lost: the list wants to be called from", timeout=BEATS)
    wait_for(lambda: [s["serverID"] for s in real_list.servers() if s["IPv4Address"] == GAME4] == [2],
             "it is a new one", BEATS)
    assert world.server.end() == 0
    wait_for(lambda: all(s["serverID"] != 2 for s in real_list.servers()), "it has said goodbye")
