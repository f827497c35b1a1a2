"""Each client that people play with, as a person uses it: connects, says who he is, says something that
is not ASCII, has the game killed under him, and goes on under the same name."""

import re
import shutil
import socket
import subprocess

import pytest

from daemons import SAFE, free_port, wait_for
from terminals import (Curl, KBtin, Nc, Plink, SClient, Socat, Telnet, TinTin, TinyFugue, Wscat, Wsdump)
from test_browser import browser, log_of # pylint: disable=unused-import

WORDS = "gr\u00fc\u00dfe \u20ac"


class CharTelnet(Telnet):
    """GNU telnet where every key goes to the game at once."""

    def line(self, text):
        self.child.send(text + "\r")


class PlainTinTin(TinTin):
    def __init__(self, address, home):
        super().__init__(address, home, "#config {mccp} {off}\n")


class TlsTinTin(TinTin):
    command = "#ssl"


class TlsSocat(Socat):
    def __init__(self, address, home):
        super(Socat, self).__init__(
            ["socat", "-", f"OPENSSL:{address[0]}:{address[1]},verify=0"], home)


class TlsWscat(Wscat):
    def __init__(self, address, home):
        super().__init__(address, home, "wss")


CLIENTS = {
    "telnet, lines": (Telnet, "telnet-line", None),
    "telnet, characters": (CharTelnet, "telnet-char", None),
    "tt++ with MCCP2": (TinTin, "telnet-line", '"mccp":true'),
    "tt++ without": (PlainTinTin, "telnet-line", None),
    "KBtin": (KBtin, "telnet-line", None),
    "plink": (Plink, "telnet-line", None),
    "nc": (Nc, "telnet-line", None),
    "nc, raw": (Nc, "raw", None),
    "socat": (Socat, "telnet-line", None),
    "curl telnet://": (Curl, "telnet-line", None),
    "wscat": (Wscat, "websocket", None),
    "wsdump (python3-websocket)": (Wsdump, "websocket", None),
}


def house(holdfast, kind, more=""):
    holdfast.map = "guesthouse"
    holdfast.listen("door", kind=kind, more=more or ("negotiate = always" if "telnet" in kind else ""))
    holdfast.start()
    return holdfast.addresses["door"]


def sit_down(holdfast, kind, address):
    home = holdfast.dir / f"home{len(holdfast.closers)}"
    home.mkdir()
    client = kind(address, home)
    holdfast.closers.append(client.close)
    return client


def plays(holdfast, client, words=WORDS):
    """A whole visit."""
    client.expect(rb"What is your name\?")
    client.line("Anna")
    client.expect(rb"Welcome, Anna\.")
    client.line(words)
    client.expect(f"Anna says <{words}>".encode())
    holdfast.server.kill9()
    client.expect(re.escape(SAFE))
    client.line("typed while it was away " + words)
    holdfast.start_server()
    client.expect(f"Anna says <typed while it was away {words}>".encode())
    client.line("and on")
    client.expect(rb"Anna says <and on>")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_player_comes_talks_and_outlives_the_game(holdfast, name):
    kind, listener, learnt = CLIENTS[name]
    client = sit_down(holdfast, kind, house(holdfast, listener))
    plays(holdfast, client)
    user, = holdfast.users()
    assert user["kind"] == listener
    if learnt:
        wait_for(lambda: holdfast.metric("users_compressed") == 1, "he is compressed")


@pytest.mark.parametrize("kind, listener", [
    (TlsTinTin, "telnet-line"), (SClient, "telnet-line"), (SClient, "raw"), (TlsSocat, "telnet-line"),
    (TlsWscat, "websocket")])
def test_a_player_comes_by_tls_talks_and_outlives_the_game(tls, kind, listener):
    tls.listen("door", listener)
    tls.start("guesthouse")
    plays(tls.holdfast, sit_down(tls.holdfast, kind, tls.holdfast.addresses["door"]))
    user, = tls.holdfast.users()
    assert user["kind"] == listener + "+tls"


def test_tf_comes_talks_and_outlives_the_game(holdfast):
    """Its keyboard knows 8 bits at most, and none of UTF-8 (version 5.0 beta 8): but its macros do."""
    address = house(holdfast, "telnet-line")
    witness = sit_down(holdfast, Nc, address)
    tf = sit_down(holdfast, lambda *where: TinyFugue(*where, f"/def words = /send {WORDS}\n"), address)
    plays(holdfast, tf, "plain words")
    tf.line("/words")
    witness.expect(f"Anna says <{WORDS}>".encode())


def test_a_browser_comes_talks_and_outlives_the_game(holdfast, browser):
    host, port = house(holdfast, "websocket")
    browser.get(f"http://{host}:{port}/")

    class Page:
        """The page as a client."""

        def expect(self, pattern):
            wait_for(lambda: re.search(pattern, log_of(browser).encode()), str(pattern))

        def line(self, text):
            browser.find_element("css selector", "form input").send_keys(text + "\n")
    plays(holdfast, Page())


# ---- behind a proxy ----

def haproxy_config(port, target, _):
    return (f"global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n"
            f"  timeout server 60s\nlisten mux\n  bind 127.0.0.1:{port}\n"
            f"  server mux 127.0.0.1:{target} send-proxy-v2\n")


def nginx_config(port, target, directory):
    return (f"load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\n"
            f"pid {directory}/nginx.pid;\nerror_log {directory}/nginx.log;\n"
            f"events {{ worker_connections 64; }}\n"
            f"stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{target}; "
            f"proxy_protocol on; }} }}\n")


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("program", ["haproxy", "nginx"])
def test_a_player_comes_by_a_proxy_talks_and_outlives_the_game(holdfast, program, tmp_path):
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    assert path, f"{program} is not installed; make deps does it"
    _, target = house(holdfast, "telnet-line", "negotiate = always proxies = '127.0.0.1'")
    port = free_port()
    config = tmp_path / "proxy.conf"
    make = haproxy_config if program == "haproxy" else nginx_config
    config.write_text(make(port, target, tmp_path))
    argv = [path, "-f", config, "-db"] if program == "haproxy" else [path, "-c", config, "-p", tmp_path]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log)
    try:
        wait_for(lambda: is_open(port), f"{program}: {(tmp_path / 'log').read_text()}")
        plays(holdfast, sit_down(holdfast, TinTin, ("127.0.0.1", port)))
    finally:
        process.terminate()
        process.wait(20)
