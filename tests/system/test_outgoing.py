"""What scripts ask other HTTP servers: answers, and where and how far they do not get. Everything is on
two machines of the test's own (network namespaces), so that there is an Internet to be let out to."""

import gzip
import json
import re
import ssl
import subprocess
import threading
import time

import pytest

from daemons import PATIENCE, wait_for
from namespaces import why_not
from webservers import GAME4, GAME6, NET4, NET6, Internet, answer, why_no_internet

SLOW = 60


@pytest.fixture
def internet(tmp_path_factory):
    why = why_not() or why_no_internet()
    if why:
        pytest.skip(why)
    internet = Internet(tmp_path_factory)
    internet.machine.map = "asker"
    internet.machine.cvars.update(sv_api_client=1, sv_api_client_rate=0)
    yield internet
    internet.close()


class Asker:
    """A player who has the script ask."""

    def __init__(self, machine):
        machine.listen("telnet", where="unix")
        machine.start()
        self.machine = machine
        self.player = machine.player()
        self.player.line("hello")
        self.player.expect(b"you said hello")
        self.last = 0

    def begin(self, url, **how):
        self.last += 1
        self.player.line(json.dumps({"id": self.last, "url": url, **how}))
        return self.last

    def result(self, number, timeout=SLOW):
        """(code, answer); what was refused at once has the code "refused 1" and the like."""
        pattern = re.compile(rb'^(\{[^\n]*"id":%d[,}][^\n]*)\r\n' % number, re.M)

        def told():
            self.player.read_some(0.1)
            return pattern.search(self.player.all)
        told = json.loads(wait_for(told, f"the answer {number} is told", timeout)[1])
        if "result" in told:
            return f"refused {told['result']}", told["why"]
        return told["code"], told["answer"]

    def ask(self, url, **how):
        return self.result(self.begin(url, **how))

    def hears(self, word):
        """The game goes on."""
        self.player.line(word)
        self.player.expect(b"you said " + word.encode())


def test_a_script_asks_and_is_answered(internet):
    internet.names["example.org"] = [NET4, NET6]
    server = internet.server(answer(b"good day"))
    sixth = internet.server(answer(b"good day by six"), host=NET6)
    missing = internet.server(answer(b"no", "404 Not Found"), port=81)
    asker = Asker(internet.machine)
    assert asker.ask(f"http://{NET4}/path?a=b") == (200, "good day")
    request = server.requests[0]
    assert request.startswith(b"GET /path?a=b HTTP/1.1\r\n")
    assert re.search(rb"(?i)\r\nhost: 11\.7\.0\.2\r\n", request)
    assert re.search(rb"(?i)\r\nuser-agent: holdfast-server/", request)
    assert not re.search(rb"(?i)\r\n(cookie|authorization|accept-encoding|expect):", request)
    assert asker.ask(f"http://[{NET6}]/") == (200, "good day by six")
    code, said = asker.ask("http://example.org/", method="POST", data={"n": 5, "ok": True})
    assert code == 200 and said.startswith("good day")
    posted = (server.requests + sixth.requests)[-1]
    assert re.search(rb"(?i)\r\nhost: example\.org\r\n", (server.requests + sixth.requests)[-1])
    posted = [r for r in server.requests + sixth.requests if r.startswith(b"POST")][0]
    assert posted.endswith(b'\r\n\r\n{"content":{"n":{"content":5,"type":"integer"},'
                           b'"ok":{"content":1,"type":"integer"}},"type":"array_object"}')
    assert re.search(rb"(?i)\r\ncontent-type: application/json\r\n", posted)
    assert asker.ask(f"http://{NET4}:81/") == (-1, "the server answered 404")
    assert missing.connections == 1
    code, why = asker.ask(f"http://{NET4}:82/")
    assert code == -1 and "connect" in why
    code, why = asker.ask("http://nobody.example.org/")
    assert code == -1 and "resolve" in why
    for url, how in (("", {}), ("example.org", {}), (f"http://{NET4}/", {"method": "BREW"}),
                     ("http://", {}), (f"http://{NET4}/" + "x" * 2000, {})):
        assert asker.ask(url, **how)[0] == "refused 1", url
    number = asker.begin(f"http://{NET4}/", named="named.lua::told", data=asker.last + 1)
    assert asker.result(number) == (200, "good day")
    assert asker.ask(f"http://{NET4}/", named="told")[0] == "refused 1"
    asker.begin(f"http://{NET4}/", named="named.lua::nobody")
    asker.machine.server.wait_log("named.lua::nobody: there is no such function")
    asker.machine.admin("server", "set", "sv_api_client", "0")
    assert asker.ask(f"http://{NET4}/") == ("refused 2", "sv_api_client is 0")


REDIRECTS = ("301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect",
             "308 Permanent Redirect")


def attempts(port):
    """(what is tried, URL): none may reach port, wherever it is."""
    loopback = ["127.0.0.1", "localhost", "LOCALHOST.", "2130706433", "0x7f000001", "0x7f.0.0.1",
                "0177.0.0.1", "017700000001", "127.1", "127.0.1", "127.255.255.254", "0", "0.0.0.0",
                "0x0", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
                "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::1]",
                "127%2e0%2e0%2e1", "%31%32%37.0.0.1", "127。0。0。1", "127.0.0.1", "①②⑦.⓪.⓪.①",
                "127.0.0.1.", "loop.example.org", "loop6.example.org", "mapped.example.org",
                "zero.example.org", "both.example.org", GAME4, f"[{GAME6}]", f"[::ffff:{GAME4}]",
                "self.example.org"]
    neighbours = ["10.66.0.2", "[::ffff:10.66.0.2]", "100.64.0.2", "169.254.169.254", "2851995902",
                  "private.example.org", "meta.example.org"]
    for host in loopback + neighbours:
        yield host, f"http://{host}:{port}/"
    for url in (f"http://example.org@127.0.0.1:{port}/", f"http://example.org:80@127.0.0.1:{port}/",
                f"http://127.0.0.1:{port}@example.org:81/", f"http://example.org:81#@127.0.0.1:{port}/",
                f"http://example.org:81\\@127.0.0.1:{port}/", f"http://127.0.0.1:{port}\\@example.org/",
                f"http:127.0.0.1:{port}/", f"http:///127.0.0.1:{port}/", f"//127.0.0.1:{port}/",
                f"http://127.0.0.1:{port}\u0000.example.org/",
                f"http://example.org:81/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
                f"http://[fe80::1%25eth0]:{port}/", f"http://[::1%25lo]:{port}/",
                f"file://127.0.0.1:{port}/etc/passwd", "file:///etc/passwd", f"ftp://127.0.0.1:{port}/",
                f"gopher://127.0.0.1:{port}/_x", f"dict://127.0.0.1:{port}/x",
                f"ldap://127.0.0.1:{port}/x", f"ws://127.0.0.1:{port}/", f"tftp://127.0.0.1:{port}/",
                f"HTTP://LOOP.example.org:{port}/", f"https://127.0.0.1:{port}/",
                f"https://loop.example.org:{port}/"):
        yield url, url
    targets = [f"http://127.0.0.1:{port}/", f"//127.0.0.1:{port}/", f"http://[::1]:{port}/",
               f"http://loop.example.org:{port}/", "file:///etc/passwd", f"gopher://127.0.0.1:{port}/",
               f"http://x@127.0.0.1:{port}/", f"http://10.66.0.2:{port}/"]
    for status in REDIRECTS:
        for target in targets:
            yield f"{status[:3]} to {target}", f"http://example.org/to?{status[:3]}&{target}"


def test_no_way_of_writing_it_leads_a_script_into_this_machine_or_its_private_networks(internet):
    """Rows M01, M02 and M03."""
    port = 4123
    internet.names.update({
        "example.org": [NET4], "loop.example.org": ["127.0.0.1"], "loop6.example.org": ["::1"],
        "mapped.example.org": ["::ffff:127.0.0.1"], "zero.example.org": ["0.0.0.0", "::"],
        "both.example.org": [NET4, "127.0.0.1", "::1"], "self.example.org": [GAME4, GAME6],
        "private.example.org": ["10.66.0.2"], "meta.example.org": ["169.254.169.254"]})

    def redirect(connection, request):
        status, target = re.match(rb"GET /to\?(\d+)&(\S+) ", request).groups()
        connection.sendall(b"HTTP/1.1 %s x\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
                           % (status, target))

    elsewhere = internet.server(redirect)
    victims = [internet.victim("::", port)]
    victims += [internet.victim(host, port, internet.net)
                for host in ("10.66.0.2", "100.64.0.2", "169.254.169.254")]
    proxy = internet.victim("127.0.0.1", 3128)
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        internet.machine.environment[name] = "http://127.0.0.1:3128"
    asker = Asker(internet.machine)
    tried = list(attempts(port))
    assert len(tried) > 100
    redirected = 0
    for what, url in tried:
        code, why = asker.ask(url)
        assert code in (-1, "refused 1"), f"{what}: {code} {why}"
        redirected += "/to?" in url
        for victim in (*victims, proxy):
            assert victim.connections == 0, f"{what}: reached what it should not"
    assert len(elsewhere.requests) == redirected, "the redirects were not even asked for"
    # That nothing else kept them away.
    asker.machine.admin("server", "set", "sv_api_client_private", "1")
    for host in ("2130706433", "[::ffff:127.0.0.1]", "loop6.example.org", "[::]", GAME4,
                 "169.254.169.254"):
        asker.ask(f"http://{host}:{port}/")
    asker.ask(f"http://example.org/to?302&http://127.1:{port}/")
    assert (victims[0].connections, victims[3].connections, proxy.connections) == (6, 1, 0)


def test_a_name_that_leads_elsewhere_the_second_time_is_judged_each_time(internet):
    """Row M02: DNS rebinding, between two requests and between a request and its redirect."""
    port = 80
    internet.names["fickle.example.org"] = lambda times: [NET4 if times == 1 else "127.0.0.1"]
    internet.names["fickle2.example.org"] = lambda times: [NET4 if times == 1 else "::1"]
    there = internet.server(lambda connection, request: answer(
        b"", "302 Found", "Location: /again\r\n")(connection, request), port=port)
    victim = internet.victim("::1", port)
    victim4 = internet.victim("127.0.0.1", port)
    asker = Asker(internet.machine)
    for name in ("fickle", "fickle2"):
        code, why = asker.ask(f"http://{name}.example.org/")
        assert code == -1 and "this machine itself" in why
        code, why = asker.ask(f"http://{name}.example.org/")
        assert code == -1 and "this machine itself" in why
    assert there.connections == 2
    assert victim.connections == 0 and victim4.connections == 0


def test_three_redirects_are_followed_and_no_more(internet):
    def serve(connection, request):
        path = request.split()[1]
        left = int(path[1:])
        if left == 0:
            return answer(b"here " + request.split()[0])(connection, request)
        return answer(b"", "307 x", f"Location: /{left - 1}\r\n")(connection, request)

    server = internet.server(serve)
    asker = Asker(internet.machine)
    assert asker.ask(f"http://{NET4}/3") == (200, "here GET")
    assert asker.ask(f"http://{NET4}/3", method="post", data=1) == (200, "here POST")
    assert server.requests[-1].endswith(b'{"content":1,"type":"integer"}')
    assert asker.ask(f"http://{NET4}/4") == (-1, "over 3 redirects")


def test_bombs_floods_and_drips_end_at_their_limits(internet):
    """Row M04."""
    def endless(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    def chunked(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")

    def huge(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        time.sleep(1)

    def headers(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-Bomb: " + b"x" * 1000 + b"\r\n")

    def long_header(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Bomb: ")
        while True:
            connection.sendall(b"x" * 65536)

    def go_on(connection, _):
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    packed = gzip.compress(b"0" * 50_000_000)

    def bomb(kind):
        def serve(connection, _):
            connection.sendall(b"HTTP/1.1 200 OK\r\n%s: gzip\r\nConnection: close\r\n\r\n" % kind +
                               packed)
        return serve

    def drip(first):
        def serve(connection, _):
            connection.sendall(first)
            while True:
                connection.sendall(b"x")
                time.sleep(1)
        return serve

    cases = [("endless", endless), ("chunked", chunked), ("huge", huge), ("headers", headers),
             ("long_header", long_header), ("go_on", go_on), ("te", bomb(b"Transfer-Encoding")),
             ("body_drip", drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")),
             ("header_drip", drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")),
             ("ce", bomb(b"Content-Encoding"))]
    handlers = dict(cases)
    internet.server(lambda connection, request: handlers[request.split()[1][1:].decode()](
        connection, request))
    asker = Asker(internet.machine)
    memory = int(re.search(r"VmHWM:\s+(\d+)",
                           open(f"/proc/{asker.machine.server.pid}/status").read())[1])
    numbers = {name: asker.begin(f"http://{NET4}/{name}") for name, _ in cases}
    results = {name: asker.result(number) for name, number in numbers.items()}
    for name in ("endless", "chunked", "huge", "te"):
        assert results[name][0] == -1, name
        assert results[name][1] == "the answer has over 262144 bytes", (name, results[name])
    for name in ("headers", "go_on"):
        assert results[name] == (-1, "the answer has over 32 KiB of headers"), name
    assert results["long_header"][0] == -1
    for name in ("body_drip", "header_drip"):
        assert results[name][0] == -1 and "too slow" in results[name][1].lower(), results[name]
    # Nobody asked for it packed, and nobody unpacks it.
    assert results["ce"] == (200, f"{len(packed)} bytes")
    asker.hears("still here")
    now = int(re.search(r"VmHWM:\s+(\d+)",
                        open(f"/proc/{asker.machine.server.pid}/status").read())[1])
    assert now - memory < 60_000, "KiB more than before"


def test_a_dead_name_server_holds_up_neither_the_game_nor_its_end(internet):
    """Row M05: the lookup takes minutes (resolv.conf says so), and nothing waits for it."""
    internet.names["dead.example.org"] = None
    asker = Asker(internet.machine)
    before = sorted(internet.machine.server.descriptors().values())
    numbers = [asker.begin("http://dead.example.org/") for _ in range(3)]
    wait_for(lambda: ("dead.example.org", 1) in internet.name_server.asked, "the name is asked for")
    for i in range(20):
        asker.hears(f"word {i}")
    for number in numbers:
        code, why = asker.result(number)
        assert code == -1 and "timed out" in why, why
    asker.hears("after the first")
    asker.begin("http://dead.example.org/again")
    asker.hears("before the restart")
    asker.machine.restart()  # the lookups are still under way
    asker.hears("after the restart")
    wait_for(lambda: len(internet.machine.server.descriptors()) <= len(before),
             f"the new program has what the old one had: {before}")
    asked = internet.name_server.asked["dead.example.org", 1]
    asker.begin("http://dead.example.org/last")
    wait_for(lambda: internet.name_server.asked["dead.example.org", 1] > asked, "it is asked for again")
    assert asker.machine.server.end() == 0


def openssl(folder, *words):
    done = subprocess.run(["openssl", *map(str, words)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def certificate(folder, name, host, days=30, ca="ca"):
    """name.pem and name.key: for host, signed by ca, or by itself."""
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
            f"{name}.csr", "-subj", f"/CN={host}")
    (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}\n" if host != "ca" else
                                        "basicConstraints=critical,CA:TRUE\n")
    signer = ["-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial"] if ca else \
        ["-signkey", f"{name}.key"]
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", "-days", days,
            "-extfile", f"{name}.ext", *signer)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_certificate_that_is_not_good_is_refused(internet):
    """Row M06."""
    folder = internet.folder
    certificate(folder, "ca", "ca", ca=None)
    certificate(folder, "stranger", "ca", ca=None)
    certificate(folder, "good", "example.org")
    certificate(folder, "expired", "example.org", days=-1)
    certificate(folder, "wrong", "example.com")
    certificate(folder, "self", "example.org", ca=None)
    certificate(folder, "unknown", "example.org", ca="stranger")
    internet.machine.files["/etc/ssl/certs/ca-certificates.crt"] = folder / "ca.pem"
    internet.names["example.org"] = [NET4]
    servers = {}
    for i, name in enumerate(("good", "expired", "wrong", "self", "unknown")):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        servers[name] = internet.server(answer(b"trusted"), port=8443 + i, context=context)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(folder / "good.pem", folder / "good.key")
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    servers["old"] = internet.server(answer(b"trusted"), port=8450, context=old)
    asker = Asker(internet.machine)
    assert asker.ask(f"https://example.org:{servers['good'].port}/") == (200, "trusted")
    for name in ("expired", "wrong", "self", "unknown", "old"):
        code, why = asker.ask(f"https://example.org:{servers[name].port}/")
        assert code == -1 and "ssl" in why.lower(), (name, code, why)
        assert not servers[name].requests, f"{name}: was shown the request"
    code, why = asker.ask(f"https://{NET4}:{servers['good'].port}/")
    assert code == -1, "the certificate is for the name, not for the address"
    internet.server(answer(b"", "302 Found", f"Location: http://{NET4}/\r\n"), port=8451,
                    context=None)
    down = internet.server(answer(b"plain"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "good.pem", folder / "good.key")
    internet.server(answer(b"", "302 Found", f"Location: http://{NET4}/\r\n"), port=8452,
                    context=context)
    code, why = asker.ask("https://example.org:8452/")
    assert code == -1 and "https to http" in why and down.connections == 0


def test_a_script_has_four_requests_at_once_and_so_many_a_minute(internet):
    """Row M09."""
    go = threading.Event()

    def late(connection, request):
        go.wait(PATIENCE)
        answer(b"at last")(connection, request)

    server = internet.server(late)
    asker = Asker(internet.machine)
    numbers = [asker.begin(f"http://{NET4}/{i}") for i in range(8)]
    wait_for(lambda: len(server.requests) == 4, "four are asked for")
    asker.hears("and no more")
    assert server.connections == 4
    go.set()
    for number in numbers:
        assert asker.result(number) == (200, "at last")
    go.clear()
    flood = [asker.begin(f"http://{NET4}/flood{i}") for i in range(60)]
    asker.hears("over")
    go.set()
    codes = [asker.result(number) for number in flood]
    assert codes.count((200, "at last")) in range(32, 41)
    assert codes.count(("refused 3", "too many requests wait already")) == 60 - codes.count(
        (200, "at last"))
    asker.machine.admin("server", "set", "sv_api_client_rate", "10")
    codes = [asker.result(number) for number in [asker.begin(f"http://{NET4}/") for _ in range(15)]]
    assert 10 <= codes.count((200, "at last")) <= 12  # a slow machine earns one or two more
    assert codes.count(("refused 3", "more requests than sv_api_client_rate allows in a minute")) == \
        15 - codes.count((200, "at last"))


def test_what_was_not_answered_when_the_map_ends_is_forgotten(internet):
    server = internet.server(lambda connection, request: time.sleep(PATIENCE))
    asker = Asker(internet.machine)
    asker.begin(f"http://{NET4}/")
    wait_for(lambda: server.requests, "it is asked for")
    asker.machine.restart()
    asker.hears("in the new one")
    assert b'"code"' not in asker.player.all
