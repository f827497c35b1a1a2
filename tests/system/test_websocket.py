"""Listeners of kind websocket: pages, handshakes, frames; with real clients and with strangers."""

import asyncio
import json
import re
import shutil
import ssl
import subprocess
import time

import pytest
import websocket
import websockets

from browsers import BINARY, CLOSE, PING, TEXT, WebPlayer, frame, handshake
from daemons import GOODBYE, PATIENCE, SAFE, free_port, wait_for
from test_extensions import hello, newcomer

SUBPROTOCOLS = ("gmcp", "telnet", "terminal", "json")


def url(holdfast, scheme="ws", listener="web"):
    host, port = holdfast.addresses[listener]
    return f"{scheme}://{host}:{port}/"


def start(holdfast, **options):
    holdfast.map = "talker"
    holdfast.listen("web", "websocket")
    holdfast.start(**options)


def web_player(holdfast, **how):
    """A player by hand who has done the handshake, if how says so (enter={...})."""
    player = WebPlayer(holdfast.addresses["web"])
    holdfast.players.append(player)
    if "enter" in how:
        player.enter(**how["enter"])
    return player


def curl(holdfast, *words, path=""):
    return subprocess.run(["curl", "-sS", "--max-time", "20", *words, url(holdfast, "http") + path],
                          capture_output=True, timeout=40, stdin=subprocess.DEVNULL)


def receive_until(ws, wanted):
    got = b""
    while wanted not in got:
        opcode, data = ws.recv_data()
        got += data
    return opcode, got


# -- real clients ----------------------------------------------------------------------------------

@pytest.mark.parametrize("word", (None, "binary", *(s + ".mudstandards.org" for s in SUBPROTOCOLS)))
def test_python_websocket_plays_by_every_subprotocol(holdfast, word):
    start(holdfast)
    ws = websocket.create_connection(url(holdfast), subprotocols=[word] if word else None,
                                     timeout=PATIENCE)
    assert ws.subprotocol == word
    opcode, _ = receive_until(ws, b"hello websocket\r\n")
    assert opcode == (BINARY if word else TEXT)
    line = "echo some words"
    if word and word.startswith("json"):
        ws.send(json.dumps({"proto": "text", "id": "", "data": line}))
    elif word and (word.startswith("telnet") or word == "binary"):
        ws.send_binary(line.encode()[:5])
        ws.send_binary(line.encode()[5:] + b"\r\n")
    else:
        ws.send(line)
    receive_until(ws, b"[10] some words\r\n")
    ws.close()
    wait_for(lambda: not holdfast.users(), "he leaves")


def test_python_websockets_plays_and_its_pings_are_answered(holdfast):
    start(holdfast)

    async def play():
        async with websockets.connect(url(holdfast) + "any/path?q=1") as ws:
            assert await asyncio.wait_for(ws.recv(), PATIENCE) == "hello websocket\r\n"
            await ws.send("echo \u00e4\u20ac")
            assert await asyncio.wait_for(ws.recv(), PATIENCE) == "[5] \u00e4\u20ac\r\n"
            await asyncio.wait_for(await ws.ping(b"are you there"), PATIENCE)
            await ws.send(b"echo in a binary frame")
            assert await asyncio.wait_for(ws.recv(), PATIENCE) == "[17] in a binary frame\r\n"
        return ws.close_code

    assert asyncio.run(play()) == 1000


def test_the_close_of_the_game_and_of_the_multiplexer_have_their_codes(holdfast):
    start(holdfast)

    async def ending(cause):
        async with websockets.connect(url(holdfast)) as ws:
            await asyncio.wait_for(ws.recv(), PATIENCE)
            if cause == "kick":
                await ws.send("kick be nice")
            else:
                holdfast.multiplexer.signal(15)
            try:
                said = []
                while True:
                    said.append(await asyncio.wait_for(ws.recv(), PATIENCE))
            except websockets.ConnectionClosed as end:
                return end.rcvd.code, "".join(said)

    code, said = asyncio.run(ending("kick"))
    assert code == 1000 and "be nice" in said
    code, said = asyncio.run(ending("stop"))
    assert code == 1001 and GOODBYE.decode() in said
    assert holdfast.multiplexer.wait() == 0


def test_curl_gets_the_page_and_what_belongs_to_it(holdfast):
    start(holdfast)
    page = curl(holdfast, "-i")
    head, _, body = page.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"text/html; charset=utf-8" in head and b"nosniff" in head
    assert b"default-src 'self'" in head and b"unsafe" not in head
    assert b"<script>" not in body and b"http://" not in body and b"https://" not in body
    tag = re.search(rb'ETag: ("[^"]+")', head).group(1).decode()
    again = curl(holdfast, "-i", "-H", f"If-None-Match: {tag}")
    assert again.stdout.startswith(b"HTTP/1.1 304 ")
    names = re.findall(rb'(?:src|href)="([^"#:]+)"', body)
    assert names
    for name in names:
        plain = curl(holdfast, path=name.decode()).stdout
        assert plain and plain == curl(holdfast, "--compressed", path=name.decode()).stdout
    assert curl(holdfast, "-I").stdout.startswith(b"HTTP/1.1 200 ")
    for how, status in ((("-X", "POST", "-d", "x"), b"405"), (("-X", "PUT", "-T", "/dev/null"), b"405"),
                        (("--path-as-is",), b"400"), (("-0",), b"200")):
        path = "../etc/passwd" if how[0] == "--path-as-is" else ""
        got = curl(holdfast, "-o", "/dev/null", "-w", "%{http_code}", *how, path=path).stdout
        assert got == status, how
    assert curl(holdfast, "-o", "/dev/null", "-w", "%{http_code}", path="none").stdout == b"404"
    wait_for(lambda: holdfast.metric("closed_visit") >= 9, "the visitors are gone")
    assert holdfast.users() == [] and holdfast.metric("users_accepted") == 0


def test_curl_can_ask_for_a_websocket(holdfast):
    start(holdfast)
    got = curl(holdfast, "-i", "-N", "--http1.1", "--max-time", "2", "-H", "Connection: Upgrade",
               "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13",
               "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==").stdout
    assert got.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in got
    assert b"\x81\x11hello websocket\r\n" in got


def test_users_of_websocket_live_through_a_restart_and_a_crash(holdfast):
    start(holdfast)
    player = web_player(holdfast, enter={"add": ["Sec-WebSocket-Protocol: gmcp.mudstandards.org"]})
    player.expect(b"hello websocket\r\n")
    holdfast.restart()
    player.send(frame(BINARY, b"echo one"))
    player.expect(b"[3] one\r\n")
    holdfast.server.kill9()
    player.expect(SAFE)
    player.send(frame(BINARY, b"echo two"))
    holdfast.start_server()
    player.expect(b"[3] two\r\n")


# -- what lies beside the text ---------------------------------------------------------------------

def test_gmcp_reaches_the_game_and_the_page_and_caps_tell_of_it(holdfast):
    holdfast.listen("web", "websocket")
    server, link = hello(holdfast)
    player = web_player(holdfast, enter={"add": ["Sec-WebSocket-Protocol: gmcp.mudstandards.org"]})
    key = newcomer(link)
    assert link.caps == {"websocket": True, "subprotocol": "gmcp.mudstandards.org", "utf8": True,
                         "gmcp": {}}
    player.send(frame(TEXT, b'Room.Go {"to":"north"}') + frame(TEXT, b"Core.Ping"))
    link.expect("GOT SUBCLIENT EVENT", key, b"gmcp", 0, b'Room.Go {"to":"north"}')
    assert player.message(TEXT) == b"Core.Ping"
    player.send(frame(BINARY, b"look"))
    link.expect("GOT SUBCLIENT TEXT", key, b"look\n")
    link.send("SEND SUBCLIENT EVENT", key, b"gmcp", 0, b'Char.Vitals {"hp":3}')
    assert player.message(TEXT) == b'Char.Vitals {"hp":3}'
    link.send("SEND SUBCLIENT EVENT", key, b"echo", 0, b"off")
    assert player.message(TEXT) == b'Mux.Echo {"on":false}'
    link.send("SEND SUBCLIENT EVENT", key, b"prompt", 0, b"> ")
    assert player.message(BINARY) == b"> "
    player.send(frame(TEXT, b'Mux.Client {"client":"page","w":90,"h":30,"colors":256}'))
    link.expect("GOT SUBCLIENT EVENT", key, b"naws", 2, b'{"w":90,"h":30}')
    caps = json.loads(link.expect("SUBCLIENT CAPS ARE", key)[1])
    assert (caps["client"], caps["w"], caps["colors"], caps["reader"]) == ("page", 90, 256, False)
    link.send("SEND SUBCLIENT EVENT", key, b"prompt", 0, b"> ")
    assert player.message(TEXT) == b'Mux.Prompt {"text":"> "}'


# -- behind a proxy --------------------------------------------------------------------------------

NGINX = """
daemon off; pid %(dir)s/nginx.pid; error_log %(dir)s/nginx.log;
events { worker_connections 64; }
http {
    access_log off; client_body_temp_path %(dir)s; proxy_temp_path %(dir)s;
    fastcgi_temp_path %(dir)s; uwsgi_temp_path %(dir)s; scgi_temp_path %(dir)s;
    map $http_upgrade $wanted { default upgrade; '' close; }
    server {
        listen 127.0.0.1:%(port)d ssl;
        ssl_certificate %(dir)s/cert.pem; ssl_certificate_key %(dir)s/key.pem;
        location /mud/ {
            proxy_pass http://%(to)s/; proxy_http_version 1.1; proxy_buffering off;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $wanted;
        }
    }
}
"""


def test_nginx_puts_tls_in_front_of_page_and_websocket(holdfast):
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    port = free_port()
    holdfast.map = "talker"
    holdfast.listen("web", "websocket", more=f"origins = 'https://localhost:{port}'")
    holdfast.start()
    key = ["-keyout", holdfast.dir / "key.pem", "-out", holdfast.dir / "cert.pem"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", *key, "-days", "2", "-subj",
                    "/CN=localhost"], check=True, capture_output=True)
    config = holdfast.dir / "nginx.conf"
    config.write_text(NGINX % {"dir": holdfast.dir, "port": port,
                               "to": "%s:%d" % holdfast.addresses["web"]})
    nginx = subprocess.Popen(["nginx", "-p", f"{holdfast.dir}/", "-c", config],
                             stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    holdfast.closers.append(lambda: (nginx.terminate(), nginx.wait(PATIENCE)))
    page = ["curl", "-sSk", "--max-time", "20", f"https://localhost:{port}/mud/"]
    wait_for(lambda: b"<!doctype html>" in subprocess.run(page, capture_output=True).stdout,
             "the page comes through nginx")
    trust = {"cert_reqs": ssl.CERT_NONE}
    there = f"wss://localhost:{port}/mud/"
    ws = websocket.create_connection(there, sslopt=trust, timeout=PATIENCE,
                                     origin=f"https://localhost:{port}")
    receive_until(ws, b"hello websocket\r\n")
    ws.send("echo by TLS")
    receive_until(ws, b"[6] by TLS\r\n")
    ws.close()
    for origin in ("https://evil.example", f"http://localhost:{port}"):
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            websocket.create_connection(there, sslopt=trust, timeout=PATIENCE, origin=origin)


# -- strangers -------------------------------------------------------------------------------------

HANDSHAKES = [
    ("no key", 400, {"drop": ["Sec-WebSocket-Key"]}),
    ("two keys", 400, {"add": ["Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="]}),
    ("a short key", 400, {"drop": ["Sec-WebSocket-Key"], "add": ["Sec-WebSocket-Key: MDEyMw=="]}),
    ("no version", 426, {"drop": ["Sec-WebSocket-Version"]}),
    ("version 8", 426, {"drop": ["Sec-WebSocket-Version"], "add": ["Sec-WebSocket-Version: 8"]}),
    ("no Connection", 400, {"drop": ["Connection"]}),
    ("no Upgrade", 426, {"drop": ["Upgrade"]}),
    ("no Host", 400, {"drop": ["Host"]}),
    ("two Hosts", 400, {"add": ["Host: b"]}),
    ("HTTP/1.0", 400, {"version": "HTTP/1.0"}),
    ("HTTP/3.0", 505, {"version": "HTTP/3.0"}),
    ("POST", 400, {"method": "POST"}),
    ("an absolute target", 400, {"path": "http://localhost/"}),
    ("a hundred lines", 431, {"add": [f"X-{n}: y" for n in range(100)]}),
    ("a long line", 431, {"add": ["X: " + "y" * 9000]}),
    ("a long target", 414, {"path": "/" + "x" * 9000}),
    ("a folded line", 400, {"add": ["X: y", " z"]}),
    ("a bare LF", 400, {"add": ["X: y\nZ: z"]}),
    ("a NUL", 400, {"add": ["X: \0"]}),
    ("a body", 400, {"add": ["Content-Length: 3"]}),
    ("CL and TE", 400, {"add": ["Content-Length: 3", "Transfer-Encoding: chunked"]}),
    ("a stranger's page", 403, {"add": ["Origin: http://evil.example"]}),
    ("a name that leads here", 403, {"host": "evil.example", "add": ["Origin: http://evil.example"]}),
    ("no page at all", 403, {"add": ["Origin: null"]}),
]


def test_bad_handshakes_are_answered_in_words_and_closed(holdfast):
    start(holdfast)
    for name, status, how in HANDSHAKES:
        player = web_player(holdfast)
        player.send(handshake(**how) + handshake())
        answer = player.expect_end()
        assert answer.startswith(b"HTTP/1.1 %d " % status), (name, answer)
        assert answer.count(b"HTTP/1.1 ") - answer.count(b"only HTTP/1.1") == 1, (name, answer)
        assert len(answer.partition(b"\r\n\r\n")[2]) > 20, (name, answer)
    assert holdfast.metric("users_accepted") == 0
    wait_for(lambda: holdfast.metric("closed_handshake") + holdfast.metric("closed_visit") ==
             len(HANDSHAKES), "all are counted")
    web_player(holdfast, enter={"add": [f"Origin: {url(holdfast, 'http')[:-1]}"],
                                "host": url(holdfast, "http")[7:-1]})


def test_faults_are_answered_with_their_code(holdfast):
    start(holdfast)
    faults = [
        (1002, frame(TEXT, b"look", mask=None)), (1002, frame(TEXT, b"look", rsv=4)),
        (1002, frame(3)), (1002, frame(11)), (1002, frame(PING, b"x" * 126)),
        (1002, frame(PING, fin=False)), (1002, frame(0, b"x")),
        (1002, frame(TEXT, b"a", fin=False) + frame(TEXT, b"b")),
        (1007, frame(TEXT, b"a\xed\xa0\x80")), (1007, frame(TEXT, b"\xe2\x82")),
        (1009, frame(BINARY, b"x" * 4001)), (1009, b"\x82\xff\x7f" + b"\xff" * 7),
        (1008, frame(TEXT, b"a", fin=False) + frame(0, b"b", fin=False) * 64),
        (1002, frame(CLOSE, b"x")), (1002, frame(CLOSE, b"\x03\xec")),
        (1007, frame(CLOSE, b"\x03\xe8\xff")),
        (1000, frame(CLOSE, b"\x03\xe8bye") + frame(TEXT, b"too late")),
        (1005, frame(CLOSE)),
    ]
    for code, data in faults:
        player = web_player(holdfast, enter={})
        assert player.message(TEXT) == b"hello websocket\r\n"
        player.send(data)
        assert player.closing()[0] == code, data[:20]
        assert player.expect_end() == b""
    wait_for(lambda: not holdfast.users(), "all are gone")
    assert holdfast.metric("closed_broken") == len(faults) - 2
    assert holdfast.metric("closed_left") == 2


def test_a_flood_of_pings_is_answered_ten_times_a_second_and_ends_nobody(holdfast):
    start(holdfast)
    player = web_player(holdfast, enter={})
    player.message(TEXT)
    player.send(frame(PING, b"x") * 2000 + frame(TEXT, b"echo still here"))
    player.expect(b"[10] still here\r\n")
    assert player.all.count(b"\x8a\x01x") < 1000
    player.send(frame(CLOSE))
    player.expect_end()
    wait_for(lambda: holdfast.metric("replies_dropped") > 1000, "they are counted")


def test_who_asks_for_ten_thousand_pages_and_reads_none_is_closed(holdfast):
    start(holdfast)
    player = web_player(holdfast, enter={})
    player.message(TEXT)
    greedy = web_player(holdfast)
    greedy.socket.settimeout(1)
    try:
        for _ in range(100):
            greedy.send(b"GET /play.js HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
    except OSError:
        pass
    wait_for(lambda: holdfast.metric("closed_too_slow") == 1, "he is closed")
    player.send(frame(TEXT, b"echo me"))
    player.expect(b"[2] me\r\n")


def test_who_never_says_what_he_wants_is_let_go(holdfast):
    start(holdfast)
    silent, slow = web_player(holdfast), web_player(holdfast)
    for byte in handshake()[:40]:
        slow.send(bytes([byte]))
        if slow.read_some(0.5) or slow.ended:
            break
    assert b"HTTP/1.1 408 " in slow.all
    assert silent.expect_end() == b""
    slow.expect_end()
    wait_for(lambda: holdfast.metric("closed_handshake") == 2, "both are counted")


def test_when_the_game_is_full_a_websocket_is_closed_with_1013(holdfast):
    start(holdfast, max_clients="1")
    first = web_player(holdfast, enter={})
    first.message(TEXT)
    second = web_player(holdfast, enter={})
    assert b"Server is full" in second.message(TEXT)
    assert second.closing()[0] == 1013
    second.expect_end()
    assert curl(holdfast, "-o", "/dev/null", "-w", "%{http_code}").stdout == b"200"
    first.send(frame(TEXT, b"echo me"))
    first.expect(b"[2] me\r\n")


def test_visitors_are_bounded_and_others_do_not_suffer(holdfast):
    holdfast.options["max_clients"] = "5"       # whose free places they may have
    start(holdfast)
    player = web_player(holdfast, enter={})
    player.message(TEXT)
    crowd = [web_player(holdfast) for _ in range(220)]
    wait_for(lambda: holdfast.metric("connections_dropped") >= 20, "there is no room for some")
    player.send(frame(TEXT, b"echo me"))
    player.expect(b"[2] me\r\n")
    for p in crowd:
        p.close()
    wait_for(lambda: curl(holdfast, "-o", "/dev/null", "-w", "%{http_code}").stdout == b"200",
             "there is room again")


def test_browsers_that_have_their_page_make_room_for_others(holdfast):
    holdfast.options["max_clients"] = "5"
    start(holdfast)
    crowd = []
    for _ in range(210):
        p = web_player(holdfast)
        p.send(b"GET /icon.svg HTTP/1.1\r\nHost: a\r\n\r\n")
        p.expect(b"HTTP/1.1 200 OK\r\n")
        crowd.append(p)
    assert holdfast.metric("connections_dropped") == 0
    assert 0 < sum(p.is_connected() for p in crowd) < 210


def test_who_only_fetches_the_page_is_counted_as_no_user(holdfast):
    start(holdfast)

    def users():
        return sum(row["users"] for row in holdfast.admin("multiplexer", "status")["listeners"])
    user, visitor = web_player(holdfast, enter={}), web_player(holdfast)
    visitor.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /")
    visitor.expect(b"HTTP/1.1 200 ")
    user.message(TEXT)
    wait_for(lambda: holdfast.metric("users_now") == 1, "the user is there")
    assert users() == 1
    visitor.close()
    user.close()
    wait_for(lambda: users() == 0, "he has left")


def test_at_the_end_of_the_multiplexer_nobody_is_forgotten(holdfast):
    start(holdfast)
    user, visitor = web_player(holdfast, enter={}), web_player(holdfast)
    user.message(TEXT)
    visitor.send(b"GET / HT")
    before = time.monotonic()
    holdfast.multiplexer.signal(15)
    assert user.closing()[0] == 1001
    assert visitor.expect_end().startswith(b"HTTP/1.1 503 ")
    user.expect_end()
    assert holdfast.multiplexer.wait() == 0
    assert time.monotonic() - before < PATIENCE
