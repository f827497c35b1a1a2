"""The HTTP API as its users see it: NightFall's own cases byte by byte, real clients, and bad ones."""

import http.client
import json
import re
import socket
import subprocess
import threading

import pytest

from daemons import PATIENCE, free_port, wait_for
from players import read_all

NOT_FOUND = b'{"status":"error_not_found", "message" : "Not found."}'
INTERNAL = b'{"status":"error_internal", "message" : "Internal server error."}'


def start(holdfast, map="api", **cvars):
    """The server alone: the API needs no multiplexer."""
    holdfast.port = int(cvars.get("sv_api_ports", free_port()))
    holdfast.map = map
    holdfast.cvars.update({"sv_api": "1", "sv_api_ports": f"127.0.0.1:{holdfast.port}", **cvars})
    holdfast.start_server(wait=False)
    wait_for(lambda: answers(holdfast), "the API answers")


def answers(holdfast):
    assert holdfast.server.is_alive(), holdfast.server.text()
    try:
        return ask(holdfast, "/test")[0] > 0
    except OSError:
        return False


def ask(holdfast, path, method="GET", body=None, **headers):
    """(status, body, headers) of one request on a connection of its own."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", holdfast.port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, names)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def value(holdfast, path, *args, **kwargs):
    """The content that a script returned."""
    status, body, _ = ask(holdfast, path, *args, **kwargs)
    assert status == 200, body
    return json.loads(body)["message"]["content"]


def dial(holdfast):
    peer = socket.create_connection(("127.0.0.1", holdfast.port), timeout=PATIENCE)
    holdfast.closers.append(peer.close)
    return peer


def curl(holdfast, path, *words):
    return subprocess.run(["curl", "-sS", "--max-time", "20", *words,
                           f"http://127.0.0.1:{holdfast.port}{path}"],
                          capture_output=True, timeout=40, stdin=subprocess.DEVNULL, check=True).stdout


# -- NightFall's documentation -----------------------------------------------------------------------

def test_answers_are_those_of_nightfall_byte_by_byte(holdfast):
    start(holdfast)
    status, body, headers = ask(holdfast, "/test")
    assert (status, body) == (200, b'{"message":{"content":"yay!","type":"string"},"status":"success"}')
    assert headers["Content-Type"] == "application/json"
    assert headers["Content-Length"] == str(len(body))
    assert "no-cache" in headers["Cache-Control"]
    status, body, headers = ask(holdfast, "/nowhere-at-all")
    assert (status, body) == (404, NOT_FOUND)
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    status, body, headers = ask(holdfast, "/error")
    assert (status, body) == (500, INTERNAL)
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    holdfast.server.wait_log(r"HTTP Server API request error: api/init.lua:\d+: a mistake")


def test_three_strings_in_a_plain_table_and_a_route_that_removes_itself(holdfast):
    start(holdfast)
    assert curl(holdfast, "/nightfall") == (
        b'{"message":{"content":{"0":{"content":"one","type":"string"},'
        b'"1":{"content":"two","type":"string"},"2":{"content":"three","type":"string"}},'
        b'"type":"array_object"},"status":"success"}')
    assert curl(holdfast, "/nightfall") == NOT_FOUND


def test_routes_return_their_codes_in_the_stated_order(holdfast):
    start(holdfast)
    assert [part["content"] for part in value(holdfast, "/codes")] == [0, 1, 2, 2, 2, 1, 0, 1, 2, 2]
    holdfast.server.wait_log("registered 0")


def test_without_the_api_routes_cannot_be_registered(holdfast):
    holdfast.map = "api"
    holdfast.start_server(wait=False)
    holdfast.server.wait_log("registered 3")


def test_get_is_given_its_query_in_order_and_decoded(holdfast):
    start(holdfast)
    got = json.loads(value(holdfast, "/echo?a=1&b=%20x+y&a=2&c&d=%C3%A4"))
    assert got["query"] == [{"key": "a", "value": "1"}, {"key": "b", "value": " x y"},
                            {"key": "a", "value": "2"}, {"key": "c", "value": ""},
                            {"key": "d", "value": "\u00e4"}]
    assert json.loads(value(holdfast, "/echo"))["query"] in ([], {})
    request = json.loads(value(holdfast, "/%65cho", X_Thing="one"))["request"]
    assert request["path"] == "/echo" and request["method"] == "GET"
    assert request["address"] == "127.0.0.1" and request["headers"]["x-thing"] == "one"


def test_post_is_given_its_json_whatever_it_is_called(holdfast):
    start(holdfast)
    for type in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        got = json.loads(value(holdfast, "/echo", "POST", '{"a": [1, 2.5, true]}', Content_Type=type))
        assert got["value"] == {"a": [1, 2.5, True]}
        assert got["request"]["body"] == '{"a": [1, 2.5, true]}'
    for nothing in ("", "{", "nonsense", '{"a":1}x'):
        assert json.loads(value(holdfast, "/echo", "POST", nothing))["value"] == "nothing"
    # With curl, as the documentation does.
    assert b'\\"value\\":7' in curl(holdfast, "/echo", "-d", "7")


def test_a_script_may_be_named_by_its_file(holdfast):
    start(holdfast)
    assert value(holdfast, "/file?a=1") == "by name, 1 in the query"
    assert value(holdfast, "/global") == "a global"
    assert ask(holdfast, "/nowhere")[:2] == (500, INTERNAL)


# -- pending scripts ---------------------------------------------------------------------------------

@pytest.mark.parametrize("rate", ("0", "1"))
def test_a_script_may_wait_and_others_are_answered_meanwhile(holdfast, rate):
    start(holdfast, sv_api_rate=rate, sv_api_timeout="1s")
    slow = dial(holdfast)
    slow.sendall(b"GET /forever HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for _ in range(10):
        assert value(holdfast, "/test") == "yay!"
    assert value(holdfast, "/wait") == "waited"
    assert value(holdfast, "/waitframe") == "a frame later"
    got = slow.recv(65536)
    assert got.startswith(b"HTTP/1.1 504 ") and b'"status":"error_internal"' in got
    slow.sendall(b"GET /test HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b"yay!" in read_all(slow)
    assert ask(holdfast, "/spin")[:2] == (500, INTERNAL)


def test_whoever_waits_at_the_maps_end_gets_500_and_the_next_map_its_own_routes(holdfast):
    start(holdfast)
    waiting = dial(holdfast)
    waiting.sendall(b"GET /forever HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert value(holdfast, "/test") == "yay!"
    assert value(holdfast, "/nightfall")["0"]["content"] == "one"
    holdfast.admin("server", "reload")
    got = read_all(waiting)
    assert got.startswith(b"HTTP/1.1 500 ") and got.endswith(INTERNAL)
    wait_for(lambda: answers(holdfast), "the API answers again")
    assert value(holdfast, "/nightfall")["0"]["content"] == "one"
    # Cvars are read when a map starts, not before.
    holdfast.admin("server", "set", "sv_api", "0")
    assert value(holdfast, "/test") == "yay!"
    holdfast.admin("server", "reload")
    wait_for(lambda: refused(holdfast), "the API is gone")


def refused(holdfast):
    try:
        ask(holdfast, "/test")
        return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False


def test_a_restart_leaves_nobody_without_an_answer(holdfast):
    """Row K10: refused, 503 or answered, but never left alone."""
    start(holdfast)
    seen = set()
    over = threading.Event()

    def ask_on():
        while not over.is_set():
            try:
                seen.add(ask(holdfast, "/test")[0])
            except OSError as why:
                seen.add(type(why).__name__)
            except http.client.HTTPException as why:
                seen.add(type(why).__name__)
    threads = [threading.Thread(target=ask_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(3):
        holdfast.admin("server", "restart")
        holdfast.server.wait_log("starting .* anew", count=n + 1)
        wait_for(lambda: answers(holdfast), "the API answers again")
    over.set()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert 200 in seen
    assert "TimeoutError" not in seen and "timeout" not in seen, seen


# -- HTTP --------------------------------------------------------------------------------------------

def test_methods_paths_and_parts(holdfast):
    start(holdfast)
    for method in ("PUT", "PATCH", "DELETE"):
        assert value(holdfast, "/any", method) == method
    status, _, headers = ask(holdfast, "/any")
    assert status == 405 and headers["Allow"] == "PUT, PATCH, DELETE, OPTIONS"
    status, body, headers = ask(holdfast, "/test", "HEAD")
    assert (status, body) == (200, b"") and headers["Content-Length"] == "65"
    status, _, headers = ask(holdfast, "/test", "OPTIONS")
    assert status == 204 and headers["Allow"] == "GET, HEAD, OPTIONS"
    assert value(holdfast, "/room/kitchen") == "kitchen"
    assert value(holdfast, "/room/a%20b") == "a b"
    assert value(holdfast, "/room/hall") == "the hall"


def test_a_script_may_answer_in_its_own_form_and_cannot_break_a_line(holdfast):
    """Row K07."""
    start(holdfast)
    status, body, headers = ask(holdfast, "/reply")
    assert (status, body) == (201, b"<p>made</p>")
    assert headers["Content-Type"] == "text/html" and headers["X-Made"] == "yes"
    assert ask(holdfast, "/split?x=plain")[2]["X-Name"] == "plain"
    for bad in ("a%0d%0aSet-Cookie:%20x", "a%0aX:%20y", "a%0dX", "%00", "%c3%a4"):
        status, _, headers = ask(holdfast, "/split?x=" + bad)
        assert status == 500 and "Set-Cookie" not in headers and "X" not in headers
    for bad in ("Content-Length", "transfer-encoding", "Connection", "a%20b", "a%0d%0a", ""):
        assert ask(holdfast, "/header?x=" + bad)[0] == 500


def test_what_cannot_be_answered_is_500(holdfast):
    start(holdfast)
    for path in ("/deep", "/cycle"):
        assert ask(holdfast, path)[:2] == (500, INTERNAL)


def test_connections_are_kept_and_pipelines_answered_in_order(holdfast):
    start(holdfast, sv_api_numthreads="2")
    connection = http.client.HTTPConnection("127.0.0.1", holdfast.port, timeout=PATIENCE)
    for _ in range(20):
        connection.request("GET", "/test")
        assert connection.getresponse().read().endswith(b'"success"}')
    connection.close()
    peer = dial(holdfast)
    for n in range(50):
        peer.sendall(b"GET /room/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % n)
    peer.sendall(b"GET /test HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    got = re.findall(rb'"content":"(\d+|yay!)"', read_all(peer))
    assert got == [b"%d" % n for n in range(50)] + [b"yay!"]


def test_a_pipeline_that_nobody_reads_is_read_no_further(holdfast):
    """Row K09: 10,000 requests, and not one answer taken."""
    start(holdfast)
    peer = dial(holdfast)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.setblocking(False)
    request, sent = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n", 0
    all_of_them = request * 10000

    def stuck():
        nonlocal sent
        before = requests()
        try:
            sent += peer.send(all_of_them[sent:sent + 65536])
        except BlockingIOError:
            pass
        return requests() == before and before > 0 and stood_still()

    def requests():
        return holdfast.admin("server", "metrics")["api_calls"]

    def stood_still(since=[None, 0]):
        now = requests()
        since[1] = since[1] + 1 if now == since[0] else 0
        since[0] = now
        return since[1] > 20
    wait_for(stuck, "it is read no further")
    assert requests() < 200
    assert value(holdfast, "/test") == "yay!"


def test_bodies_come_in_chunks_or_after_a_continue(holdfast):
    start(holdfast)
    body = json.dumps({"text": "x" * 3000})
    got = curl(holdfast, "/echo", "-H", "Transfer-Encoding: chunked", "-d", body)
    assert b"x" * 3000 in got
    got = curl(holdfast, "/echo", "-H", "Expect: 100-continue", "-d", body, "-D", "-")
    assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("size, status", ((65536, 200), (65537, 413)))
def test_limits_of_the_body(holdfast, size, status):
    """Row K05."""
    start(holdfast)
    assert ask(holdfast, "/echo", "POST", b" " * (size - 1) + b"7")[0] == status


def test_limits_of_the_head(holdfast):
    """Row K05."""
    start(holdfast)
    assert ask(holdfast, "/" + "a" * 9000)[0] == 414
    assert ask(holdfast, "/test", X_Long="a" * 9000)[0] == 431
    peer = dial(holdfast)
    try:
        peer.sendall(b"GET /test HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 65536)
    except OSError:
        pass
    assert read_all(peer)[:13] in (b"HTTP/1.1 431 ", b"")  # or reset: it was still sending


H = b"Host: localhost\r\n"
SMUGGLED = b"GET /test HTTP/1.1\r\n" + H + b"\r\n"
OPENERS = {
    "CL and TE": b"POST /echo HTTP/1.1\r\n" + H + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE twice": b"POST /echo HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "xchunked": b"POST /echo HTTP/1.1\r\n" + H + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": b"POST /echo HTTP/1.1\r\n" + H + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "CL twice": b"POST /echo HTTP/1.1\r\n" + H + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "CL negative": b"POST /echo HTTP/1.1\r\n" + H + b"Content-Length: -1\r\n\r\n",
    "CL +5": b"POST /echo HTTP/1.1\r\n" + H + b"Content-Length: +5\r\n\r\n12345",
    "CL huge": b"POST /echo HTTP/1.1\r\n" + H + b"Content-Length: 99999999999999999999\r\n\r\n",
    "CL list": b"POST /echo HTTP/1.1\r\n" + H + b"Content-Length: 1, 1\r\n\r\nx",
    "chunk extension": b"POST /echo HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n",
    "chunk of 2^64": b"POST /echo HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
    "chunk that lies": b"POST /echo HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
    "bare LF": b"GET /test HTTP/1.1\nHost: localhost\n\n",
    "folded": b"GET /test HTTP/1.1\r\n" + H + b"X: a\r\n b\r\n\r\n",
    "blank before the colon": b"GET /test HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "NUL": b"GET /te\0st HTTP/1.1\r\n" + H + b"\r\n",
    "%00": b"GET /te%00st HTTP/1.1\r\n" + H + b"\r\n",
    "leading CRLF": b"\r\nGET /test HTTP/1.1\r\n" + H + b"\r\n",
    "absolute": b"GET http://localhost/test HTTP/1.1\r\n" + H + b"\r\n",
    "no Host": b"GET /test HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /test HTTP/1.1\r\n" + H + H + b"\r\n",
    "..": b"GET /../test HTTP/1.1\r\n" + H + b"\r\n",
    "%2e%2e%2f": b"GET /%2e%2e%2ftest HTTP/1.1\r\n" + H + b"\r\n",
    "//": b"GET //test HTTP/1.1\r\n" + H + b"\r\n",
    "CivetWeb's overflow": b"GET " + b"/" * 4000 + b" HTTP/1.1\r\n" + H + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /test\r\n\r\n",
}


def test_nothing_malformed_is_ever_followed_by_a_second_request(holdfast):
    """Rows K03 and K06. All 150 openers, cut everywhere, are a unit test; these go over real sockets."""
    start(holdfast)
    before = holdfast.admin("server", "metrics")["api_requests"]
    for name, opener in OPENERS.items():
        for cut in {0, 1, len(opener) // 2, len(opener) - 1}:
            peer = dial(holdfast)
            peer.sendall((opener + SMUGGLED)[:cut])
            try:
                peer.sendall((opener + SMUGGLED)[cut:])
                peer.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            got = read_all(peer)
            peer.close()
            assert got == b"" or re.match(rb"HTTP/1\.1 (4\d\d|50[15]) ", got), (name, got)
            assert len(re.findall(rb"(?m)^HTTP/", got)) <= 1 and b"yay!" not in got, (name, got)
    assert value(holdfast, "/test") == "yay!"
    assert holdfast.admin("server", "metrics")["api_requests"] == before + 1


def test_slow_clients_hold_up_nobody(holdfast):
    """Row K04: heads, bodies and readers that take for ever, as many as there is room for."""
    start(holdfast, sv_api_clients="60")
    slow = [dial(holdfast) for _ in range(56)]
    for n, peer in enumerate(slow):
        peer.sendall((b"GET /te", b"POST /echo HTTP/1.1\r\n" + H + b"Content-Length: 9\r\n\r\n1",
                      b"GET /large HTTP/1.1\r\n" + H + b"\r\n", b"")[n % 4])
    frames = holdfast.admin("server", "metrics")["frames"]
    for _ in range(100):
        assert value(holdfast, "/test") == "yay!"
    wait_for(lambda: holdfast.admin("server", "metrics")["frames"] > frames + 5, "frames go on")
    # Those that are slow are cut off at their deadlines, whatever they drip.
    for peer in slow[0::4]:
        try:
            peer.sendall(b"x")
        except OSError:
            pass
        assert read_all(peer).startswith(b"HTTP/1.1 408 ")


# -- who may -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("acl, allowed", (
    ("-0.0.0.0/0,+192.168.1.1/16,+127.0.0.1", True),
    ("-0.0.0.0/0,+192.168.1.1/16", False),
    ("+0.0.0.0/0,-127.0.0.0/8", False),
    ("-127.0.0.0/8,+127.9.9.9/8", True),
    ("", True)))
def test_the_acl_decides_before_a_byte_is_read(holdfast, acl, allowed):
    """Row K01."""
    holdfast.port = free_port()
    holdfast.map = "api"
    holdfast.cvars.update({"sv_api": "1", "sv_api_ports": f"127.0.0.1:{holdfast.port}",
                           "sv_api_acl": acl})
    holdfast.start_server(wait=False)
    holdfast.server.wait_log("HTTP Server API: listens")
    peer = dial(holdfast)
    if allowed:
        peer.sendall(SMUGGLED)
        assert b"yay!" in peer.recv(65536)
    else:
        assert read_all(peer) == b""
        # What a proxy may say about others changes nothing.
        peer = dial(holdfast)
        try:
            peer.sendall(b"GET /test HTTP/1.1\r\n" + H + b"X-Forwarded-For: 192.168.0.5\r\n\r\n")
        except OSError:
            pass
        assert read_all(peer) == b""
        holdfast.server.wait_log(r"connections refused by sv_api_acl, the last from 127\.0\.0\.1")


@pytest.mark.parametrize("cvar, text, why", (
    ("sv_api_ports", "{port},nonsense", r"sv_api_ports: 'nonsense'"),
    ("sv_api_ports", "{port},127.0.0.1:{port}", r"'127\.0\.0\.1:\d+': .*in use"),
    ("sv_api_ports", "{port},203.0.113.77:80", r"'203\.0\.113\.77:80': "),
    ("sv_api_acl", "+127.0.0.1/33", r"sv_api_acl: '\+127\.0\.0\.1/33'"),
    ("sv_api_acl", "127.0.0.1", r"sv_api_acl: '127\.0\.0\.1' must begin with")))
def test_one_bad_element_keeps_the_api_from_starting_and_is_named(holdfast, cvar, text, why):
    holdfast.port = free_port()
    holdfast.map = "api"
    holdfast.cvars.update({"sv_api": "1", "sv_api_ports": f"127.0.0.1:{holdfast.port}"})
    holdfast.cvars[cvar] = text.format(port=holdfast.port)
    holdfast.start_server(wait=False)
    holdfast.server.wait_log("HTTP Server API: not started: .*" + why)
    holdfast.server.wait_log("map api: loaded")
    assert refused(holdfast)
    wait_for((holdfast.run_dir / "server.sock").exists, "the console listens")
    said = holdfast.admin("server", "status")["api"]
    assert re.search("^not started: .*" + why, said), said
    answer = holdfast.admin("server", "reload")  # a port that is taken shows only when it is opened
    in_vain = "nonsense" in text or cvar == "sv_api_acl"
    assert not in_vain or re.search("not started: .*" + why, answer["warning"]), answer
    holdfast.admin("server", "set", "sv_api", "0")
    holdfast.admin("server", "reload")
    wait_for(lambda: holdfast.admin("server", "status")["api"] == "off", "it is off")


def test_the_api_has_to_be_called_by_a_name_that_is_listed(holdfast):
    """Row K02: a page on evil.example whose name was made to point here."""
    start(holdfast, sv_api_hosts="localhost ip game.example")
    for host, status in (("evil.example", 421), ("localhost", 200), ("localhost:99", 200),
                         ("127.0.0.1", 200), ("[::1]:8080", 200), ("game.example", 200),
                         ("localhost.evil.example", 421), ("127.0.0.1.evil.example", 421)):
        assert ask(holdfast, "/test", Host=host)[0] == status, host


def test_a_page_of_somebody_elses_changes_nothing(holdfast):
    """Row K08."""
    start(holdfast, sv_api_origins="https://good.example")
    own = f"http://127.0.0.1:{holdfast.port}"
    json_type = {"Content_Type": "application/json"}
    form = {"Content_Type": "text/plain"}
    for origin, more, status in (
            ("https://evil.example", json_type, 403), ("null", json_type, 403),
            ("https://good.example", json_type, 200), ("https://good.example", form, 403),
            ("https://good.example", {**form, "X_Requested_With": "x"}, 200),
            (own, json_type, 200), (own, form, 403), ("https://good.example.evil.example", json_type, 403)):
        got = ask(holdfast, "/echo", "POST", "7", Origin=origin, **more)
        assert got[0] == status, (origin, more, got)
    assert ask(holdfast, "/echo", "POST", "7", Sec_Fetch_Site="cross-site", **json_type)[0] == 403
    assert ask(holdfast, "/echo", "POST", "7", **form)[0] == 200  # no browser
    holdfast.server.wait_log(r"api: POST /echo by 127\.0\.0\.1: 200", count=4)


def test_listed_pages_may_read_and_others_may_not(holdfast):
    start(holdfast, sv_api_origins="https://good.example")
    headers = ask(holdfast, "/test", Origin="https://good.example")[2]
    assert headers["Access-Control-Allow-Origin"] == "https://good.example"
    assert headers["Vary"] == "Origin"
    headers = ask(holdfast, "/test", Origin="https://evil.example")[2]
    assert "Access-Control-Allow-Origin" not in headers
    status, _, headers = ask(holdfast, "/echo", "OPTIONS", Origin="https://good.example",
                             Access_Control_Request_Method="POST")
    assert status == 204 and "POST" in headers["Access-Control-Allow-Methods"]
    assert headers["Access-Control-Allow-Origin"] == "https://good.example"
    headers = ask(holdfast, "/echo", "OPTIONS", Origin="https://evil.example",
                  Access_Control_Request_Method="POST")[2]
    assert "Access-Control-Allow-Origin" not in headers


# -- what needs no script ----------------------------------------------------------------------------

def test_status_needs_no_script(holdfast):
    start(holdfast)
    status, body, headers = ask(holdfast, "/status")
    assert status == 200 and headers["Content-Type"] == "application/json"
    got = json.loads(body)
    assert got["name"] == "Holdfast" and got["map"] == "api" and got["players"] == 0
    assert ask(holdfast, "/status", "HEAD")[:2] == (200, b"")
    assert ask(holdfast, "/status", "POST", "x")[0] == 405


METRIC = re.compile(rb'[a-z_0-9]+(\{[a-z]+="[^"\\\n]*"(,[a-z]+="[^"\\\n]*")*\})? -?[0-9.e+]+')


def test_metrics_are_what_prometheus_reads(holdfast):
    start(holdfast)
    status, body, headers = ask(holdfast, "/metrics")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    described = set()
    for line in body.splitlines():
        if line.startswith(b"# TYPE "):
            described.add(line.split()[2])
        elif not line.startswith(b"# HELP "):
            assert METRIC.fullmatch(line), line
            assert re.match(rb"[a-z_0-9]+", line)[0] in described
    assert body.endswith(b"\n") and b"\nholdfast_server_api_requests_total " in body
    checked = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True,
                             timeout=60)
    assert checked.returncode == 0, checked.stderr + checked.stdout


def test_openapi_describes_every_route(holdfast):
    start(holdfast)
    got = json.loads(ask(holdfast, "/openapi.json")[1])
    assert got["openapi"].startswith("3.0")
    assert {"/test", "/echo", "/any", "/room/{name}", "/status", "/events"} <= set(got["paths"])
    assert set(got["paths"]["/any"]) == {"put", "patch", "delete"}
    assert set(got["paths"]["/echo"]) == {"get", "post"}
    part = got["paths"]["/room/{name}"]["get"]["parameters"][0]
    assert part["name"] == "name" and part["in"] == "path" and part["required"] is True


class Events:
    """Listens to GET /events."""

    def __init__(self, holdfast, request=b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        self.peer = dial(holdfast)
        self.peer.sendall(request)
        self.got = b""
        self.wait(b"retry: 2000\n\n")

    def wait(self, wanted):
        while wanted not in self.got:
            data = self.peer.recv(65536)
            assert data, self.got
            self.got += data


def test_events_tell_who_comes_and_leaves_and_what_scripts_say(holdfast):
    start(holdfast)
    events = Events(holdfast)
    assert b"Content-Type: text/event-stream\r\n" in events.got
    assert value(holdfast, "/shout", "POST", '"a\\nb"') == 1
    events.wait(b'event: shout\ndata: {"text":"a\\nb"}\n\n')
    holdfast.start_multiplexer()
    holdfast.wait_ready()
    player = holdfast.player()
    events.wait(b'event: join\ndata: {"player":"')
    events.wait(b'"name":"Visitor"}\n\n')
    player.close()
    events.wait(b"event: leave\n")
    events.peer.close()
    wait_for(lambda: holdfast.admin("server", "status")["api"]["listeners"] == 0, "he is forgotten")
    # Who does not read is closed, and holds up nobody.
    deaf = Events(holdfast)
    holdfast.admin("server", "set", "sv_script_time", "0")

    def closed():
        for _ in range(50):
            value(holdfast, "/shout", "POST", json.dumps("x" * 60000))
        return holdfast.admin("server", "status")["api"]["listeners"] == 0
    wait_for(closed, "the deaf one is closed", timeout=60)
    deaf.peer.close()
    # At the map's end they are ended in order.
    last = Events(holdfast)
    holdfast.admin("server", "reload")
    assert read_all(last.peer).endswith(b"0\r\n\r\n")


# -- tokens ------------------------------------------------------------------------------------------

def test_tokens_are_good_for_what_they_were_made_for_until_they_are_revoked(holdfast):
    start(holdfast)
    made = holdfast.ctl("--json", "token", "new", "reader")
    assert made.returncode == 0, made.stderr
    reader = json.loads(made.stdout)["answer"]["token"]
    writer = holdfast.admin("server", "token", "new", "writer", "write")["token"]
    assert re.fullmatch(r"hf_[A-Za-z0-9_-]{43}", reader) and reader != writer
    assert [row["name"] for row in holdfast.admin("server", "token", "list")] == ["reader", "writer"]
    for token, method, status in ((reader, "GET", 200), (reader, "POST", 403), (writer, "GET", 200),
                                  (writer, "POST", 200), (writer[:-1], "GET", 401), ("", "GET", 401)):
        got = ask(holdfast, "/echo", method, "7" if method == "POST" else None,
                  Authorization=f"Bearer {token}")
        assert got[0] == status, (token, method, got)
    assert ask(holdfast, "/echo", Authorization=f"Basic {reader}")[0] == 401
    holdfast.server.wait_log(r"api: POST /echo by 127\.0\.0\.1, token writer: 200")
    # They are kept over a restart, as hashes only.
    holdfast.admin("server", "restart")
    holdfast.server.wait_log("starting .* anew")
    wait_for(lambda: answers(holdfast), "the API answers again")
    assert ask(holdfast, "/echo", Authorization=f"Bearer {reader}")[0] == 200
    for file in holdfast.run_dir.iterdir():
        if file.is_file():
            assert reader.encode()[3:] not in file.read_bytes(), file
    assert reader not in holdfast.server.text() and writer not in holdfast.server.text()
    holdfast.ctl("token", "revoke", "reader")
    assert ask(holdfast, "/echo", Authorization=f"Bearer {reader}")[0] == 401
    assert holdfast.ctl("token", "revoke", "reader").returncode == 1
    assert holdfast.ctl("token", "new", "writer").returncode == 1


# An address of this machine that is not 127.0.0.1: its own network namespace would need root.
def other_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but its own")
        return probe.getsockname()[0]


def test_from_elsewhere_a_token_is_needed_and_requests_are_counted(holdfast):
    address = other_address()
    port = free_port()
    start(holdfast, sv_api_acl="", sv_api_tokens="1", sv_api_requests="5", sv_api_ports=str(port))

    def get(**headers):
        connection = http.client.HTTPConnection(address, port, timeout=PATIENCE)
        connection.request("GET", "/test", headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer
    answer = get()
    assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
    token = holdfast.admin("server", "token", "new", "one")["token"]
    assert get(Authorization=f"Bearer {token}").status == 200
    seen = [get() for _ in range(100)]
    assert any(answer.status == 429 and answer.headers["Retry-After"] == "1" for answer in seen)


def test_wrk_is_served_without_an_error(holdfast):
    start(holdfast, sv_api_numthreads="2")
    done = subprocess.run(["wrk", "-t1", "-c16", "-d1s", f"http://127.0.0.1:{holdfast.port}/test"],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and "Non-2xx" not in done.stdout, done.stdout
    assert "Socket errors" not in done.stdout, done.stdout
