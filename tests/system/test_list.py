"""holdfast-list, the server list anyone can run: over real sockets, with real servers to be reached."""

import http.client
import json
import pathlib
import socket
import threading
import urllib.parse

import pytest

from browsers import chromium, quit_chromium
from daemons import BUILD, PATIENCE, Daemon, free_port, wait_for

GAME = "/v1/game/holdfast/default"


class List:
    def __init__(self, directory, more=()):
        self.dir = directory
        self.port = free_port()
        self.more = more
        self.start()

    def start(self):
        self.daemon = Daemon([BUILD / "holdfast-list", "--listen", f"+{self.port}", "--records",
                              self.dir / "list.db", *self.more], self.dir / "list.log")
        self.daemon.wait_log("listens at")

    def ask(self, method, path, body=None, source="127.0.0.1", headers={}):
        """(status, JSON or text)"""
        connection = http.client.HTTPConnection(source, self.port, timeout=PATIENCE)
        text = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
        try:
            connection.request(method, path, text, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        self.headers = answer.headers
        if answer.headers.get_content_type() == "application/json":
            return answer.status, json.loads(data)
        return answer.status, data.decode()

    def put(self, ip="127.0.0.1", port=4000, source="127.0.0.1", token=None, **fields):
        status = {"name": "The Keep", "currentPlayers": 2, "maxPlayers": 8, **fields}
        headers = {"X-Callback-Token": token} if token else {}
        return self.ask("PUT", f"{GAME}/server/{ip}/{port}/status", {"serverStatus": status}, source,
                        headers)

    def get(self, ip="127.0.0.1", port=4000):
        return self.ask("GET", f"{GAME}/server/{ip}/{port}/status")

    def servers(self, *filters, **more):
        query = dict(more)
        if filters:
            query["filters"] = json.dumps([{"field": f, "op": op, "value": v} for f, op, v in filters])
        return self.ask("GET", f"{GAME}/servers?{urllib.parse.urlencode(query)}")


@pytest.fixture
def server_list(tmp_path):
    one = List(tmp_path)
    yield one
    assert one.daemon.end() == 0, one.daemon.text()
    assert "please report" not in one.daemon.text()


def test_who_asks_is_told_his_address_on_either_family(server_list):
    assert server_list.ask("GET", "/whoami") == (200, {"yourIP": "127.0.0.1"})
    assert server_list.ask("GET", "/v1/whoami", source="::1") == (200, {"yourIP": "::1"})


def test_a_server_registers_and_is_found(server_list):
    status, answer = server_list.put(playerList={"Ann": {}, "Bob": {}}, mood="fine")
    assert status == 200
    status, found = server_list.get()
    said = found["serverStatus"]
    assert said["serverID"] == answer["serverID"]
    assert said["playerList"] == ["Ann", "Bob"] and said["mood"] == "fine"
    assert said["IPv4Address"] == "127.0.0.1" and said["IPv6Address"] is None
    assert said["playerPercentage"] == 25.0
    assert server_list.get(port=4001)[0] == 404
    assert server_list.get(ip="nowhere")[0] == 400
    assert server_list.get(port=70000)[0] == 400


def test_both_families_become_one_server_by_a_call_back(server_list):
    identity = server_list.put()[1]["serverID"]
    status, answer = server_list.put(source="::1")
    assert status == 403 and answer["statusSubCode"] == 10910 and answer["sourceAddress"] == "::1"
    assert answer["callBack"]["addresses"] == ["127.0.0.1"]
    status, answer = server_list.put(token=answer["callBack"]["token"])
    assert (status, answer["serverID"]) == (200, identity)
    assert server_list.put(ip="::1", source="::1")[1]["serverID"] == identity
    said = server_list.get(ip="::1")[1]["serverStatus"]
    assert said["IPv4Address"] == "127.0.0.1" and said["IPv6Address"] == "::1"


def test_what_it_knows_outlives_it(server_list):
    identity = server_list.put()[1]["serverID"]
    server_list.daemon.kill9()
    server_list.start()
    assert server_list.get()[1]["serverStatus"]["serverID"] == identity
    assert server_list.ask("DELETE", f"{GAME}/server/127.0.0.1/4000/status")[0] == 200
    assert server_list.get()[0] == 404
    assert server_list.put()[1]["serverID"] == identity


def test_servers_are_filtered_and_paged(tmp_path):
    many = List(tmp_path, ["--servers-each", "0"])
    for n in range(25):
        assert many.put(port=5000 + n, name=f"S{n}", currentPlayers=n, password=n % 2 == 0)[0] == 200
    found = many.servers(limit=10)[1]
    assert [s["currentPlayers"] for s in found["serverList"]] == list(range(24, 14, -1))
    assert found["total"] == 25
    found = many.servers(start=20, limit=10)[1]
    assert [s["currentPlayers"] for s in found["serverList"]] == [4, 3, 2, 1, 0]
    found = many.servers(("password", "eq", True), ("currentPlayers", "gt", 20))[1]
    assert [s["name"] for s in found["serverList"]] == ["S24", "S22"]
    for bad in ({"limit": 1001}, {"start": "x"}, {"filters": "[}"}, {"filters": '[{"field":"a"}]'}):
        assert many.ask("GET", f"{GAME}/servers?{urllib.parse.urlencode(bad)}")[0] == 400
    page = many.ask("GET", "/")[1]
    assert "25 servers in all" in page and "S24" in page
    assert many.daemon.end() == 0


def test_one_address_has_only_so_many_servers(tmp_path):
    few = List(tmp_path, ["--servers-each", "2"])
    assert [few.put(port=p)[0] for p in (1, 2, 3)] == [200, 200, 403]
    assert few.put(port=3)[1]["statusSubCode"] == 10912
    assert few.put(port=2)[0] == 200
    assert few.daemon.end() == 0


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"{\"serverStatus\": 5}", b"{\"serverStatus\"", b"\xff\xfe",
                                  b"[" * 60000, b"{\"serverStatus\":" * 2000,
                                  b"{\"serverStatus\": {\"name\": 5}}",
                                  b"{\"serverStatus\": {\"name\": \"" + b"x" * 2000 + b"\"}}"])
def test_garbage_is_refused_in_words(server_list, body):
    status, answer = server_list.ask("PUT", f"{GAME}/server/127.0.0.1/4000/status", body)
    assert status == 400 and answer["statusMessage"]
    assert server_list.get()[0] == 404


def test_what_a_server_says_cannot_become_a_part_of_the_page(server_list):
    server_list.put(name="<script>alert(1)</script>\x07\x1b[31m", description="\"><img src=x>",
                    gameMode="&lt;b&gt;")
    status, page = server_list.ask("GET", "/")
    assert status == 200 and "<script" not in page and "<img" not in page and "\x1b" not in page
    assert "&lt;script&gt;alert(1)" in page and "&amp;lt;b" in page
    assert "default-src 'none'" in server_list.headers["Content-Security-Policy"]
    status, page = server_list.ask("GET", "/?game=%3Cb%3E/x")
    assert status == 200 and "<b>" not in page


def test_axe_finds_nothing_on_the_page(server_list):
    driver, why = chromium()
    if driver is None:
        pytest.skip(why)
    try:
        for n in range(3):
            server_list.put(port=5000 + n, description="A quiet place on the hill. " * 5, gameMode="story")
        driver.set_script_timeout(60)
        for width, scheme in ((1000, "dark"), (1000, "light"), (360, "light")):
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                "width": width, "height": 640, "deviceScaleFactor": 1, "mobile": False})
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
                {"name": "prefers-color-scheme", "value": scheme}]})
            driver.get(f"http://127.0.0.1:{server_list.port}/")
            driver.execute_script((pathlib.Path(__file__).parent / "axe/axe.min.js").read_text())
            found = driver.execute_async_script(
                "const done = arguments[0]; axe.run().then(({violations}) => done(violations), done)")
            assert found == [], (width, scheme)
            assert driver.execute_script("return document.documentElement.scrollWidth") <= width
            assert len(driver.find_elements("css selector", "tbody tr")) == 3
    finally:
        quit_chromium(driver)


class Silent:
    """A port that says nothing, or only when it is asked."""

    def __init__(self, answer=b""):
        self.socket = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.socket.getsockname()[1]
        self.answer = answer
        self.heard = b""
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        with peer:
            data = peer.recv(1000)
            self.heard += data
            if data and self.answer:
                peer.sendall(self.answer)
            peer.recv(1000)


def test_a_server_is_connectable_once_the_list_has_reached_it(server_list, holdfast):
    telnet = holdfast.listen()[1]
    web = holdfast.listen("web", "websocket")[1]
    holdfast.start_multiplexer()
    nobody = free_port()
    silent, asked = Silent(), Silent(b"HTTP/1.1 426 Upgrade Required\r\n\r\n")
    ports = {telnet: False, web: True, nobody: False, silent.port: False, asked.port: True}
    for port in ports:
        assert server_list.put(port=port)[0] == 200
    # The telnet listener of these tests says nothing before the game does.
    for port, reached in ports.items():
        if reached:
            wait_for(lambda: server_list.get(port=port)[1]["serverStatus"]["connectable"],
                     f"port {port} is reached")
    wait_for(lambda: silent.heard.startswith(b"GET / HTTP/1.1\r\n"), "the silent one was asked")
    assert not server_list.get(port=nobody)[1]["serverStatus"]["connectable"]
    assert not server_list.get(port=silent.port)[1]["serverStatus"]["connectable"]


def test_the_counters_tell_what_happened(server_list):
    server_list.put()
    server_list.put(source="::1")
    server_list.ask("PUT", f"{GAME}/server/127.0.0.1/4000/status", b"x")
    server_list.ask("GET", f"{GAME}/servers?filters=[{{}}]")
    server_list.ask("GET", f"{GAME}/servers?limit=100000")
    server_list.get(port=4999)
    server_list.ask("POST", f"{GAME}/servers", b"x")
    server_list.ask("GET", "/nowhere")
    server_list.ask("GET", "/nowhere/else")
    text = server_list.ask("GET", "/metrics")[1]
    counts = dict(line.split() for line in text.splitlines() if not line.startswith("#"))
    assert counts["holdfast_list_servers"] == "1"
    assert counts["holdfast_list_puts_total"] == "3"
    assert counts["holdfast_list_registered_total"] == "1"
    assert counts["holdfast_list_call_backs_total"] == "1"
    assert counts["holdfast_list_probes_dropped_total"] == "0"
    assert float(counts["holdfast_list_connections_total"]) > 0
    refused = {name: value for name, value in counts.items() if name.startswith("holdfast_list_refused")}
    assert {name: value for name, value in refused.items() if value != "0"} == {
        f'holdfast_list_refused_total{{reason="{reason}"}}': value for reason, value in
        (("body", "1"), ("filters", "1"), ("page", "1"), ("unknown", "1"), ("method", "1"), ("path", "2"))}
    assert 'holdfast_list_refused_total{reason="rate"}' in refused, "what did not happen is told as well"


@pytest.mark.parametrize("arguments, words", [
    (["--listen", "nowhere"], "--listen"),
    (["--records", "/nonexistent/list.db"], "/nonexistent/list.db"),
    (["--servers-each", "many"], "--servers-each"),
    (["--what"], "--what"),
    (["word"], "word"),
])
def test_a_bad_command_line_is_refused_in_words(tmp_path, arguments, words):
    daemon = Daemon([BUILD / "holdfast-list", *arguments], tmp_path / "log")
    assert daemon.wait() != 0
    assert words in daemon.text()


def test_a_game_registers_and_stays_the_same_server_until_it_says_goodbye(server_list, holdfast):
    """Both sides are ours here; each is tested by itself against a peer as well."""
    root = f":{server_list.port}"
    telnet = holdfast.listen(more="negotiate = always")[1]
    holdfast.cvars.update(sv_register_url=f"http://127.0.0.1{root}/v1", sv_port=telnet,
                          sv_register_whoami=f"http://127.0.0.1{root}/whoami "
                                             f"http://[::1]{root}/whoami http://[::1]{root}/whoami")
    holdfast.start()

    def found():
        status, answer = server_list.get(port=telnet)
        return status == 200 and answer["serverStatus"]
    said = wait_for(found, "the game is on the list")
    identity = said["serverID"]
    wait_for(lambda: found()["connectable"], "the list has reached it")
    player = holdfast.player()
    wait_for(lambda: found()["currentPlayers"] == 1, "its player is told of")
    holdfast.server.kill9()
    holdfast.start_server()
    holdfast.ctl("restart")
    wait_for(lambda: "yes" in holdfast.ctl("server", "register", "status").stdout, "it is there again")
    assert found()["serverID"] == identity
    assert "<th scope=\"row\">Holdfast" in server_list.ask("GET", "/")[1]
    assert player.is_connected()
    holdfast.expected_status[holdfast.server.pid] = 3
    holdfast.ctl("server", "quit")
    wait_for(lambda: server_list.get(port=telnet)[0] == 404, "it has said goodbye")
