"""WebSocket clients: one made by hand that can do anything wrong, and a headless browser."""

import base64
import os
import shutil
import struct
import tempfile

from players import Player

KEY = base64.b64encode(b"0123456789abcdef").decode()
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def handshake(path="/", host="localhost", drop=(), add=(), version="HTTP/1.1", method="GET"):
    """The bytes of a handshake, without the headers named in drop, with the lines of add."""
    fields = {"Host": host, "Connection": "Upgrade", "Upgrade": "websocket",
              "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}
    lines = [f"{method} {path} {version}"]
    lines += [f"{name}: {value}" for name, value in fields.items() if name not in drop]
    return "\r\n".join([*lines, *add, "", ""]).encode("latin-1")


def frame(opcode, payload=b"", fin=True, mask=b"\x12\x34\x56\x78", rsv=0):
    """A client's frame; mask=None sends it as a client must not."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not mask:
        return head + payload
    return head + mask + bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))


class WebPlayer(Player):
    """A player by WebSocket whose frames are made by hand."""

    def enter(self, **how):
        self.send(handshake(**how))
        self.expect(b"HTTP/1.1 101 Switching Protocols\r\n")
        return self.expect(b"\r\n\r\n")

    def take(self, n):
        while len(self.new) < n:
            assert self.read_some(20), f"closed, or nothing came; have {self.new!r}"
        taken, self.new = self.new[:n], self.new[n:]
        return taken

    def frame(self):
        """(opcode, payload) of the next frame."""
        first, second = self.take(2)
        assert first & 0x70 == 0 and second & 0x80 == 0
        length = second
        if length == 126:
            length, = struct.unpack(">H", self.take(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.take(8))
        return first & 15, self.take(length)

    def message(self, opcode=BINARY):
        """The payload of the next frame of this kind."""
        while True:
            got, payload = self.frame()
            if got == opcode:
                return payload

    def closing(self):
        """The code and the reason of the Close that comes; reads what is before it."""
        payload = self.message(CLOSE)
        return struct.unpack(">H", payload[:2])[0] if payload else 1005, payload[2:]


def chromium():
    """A headless browser; the caller quits it. None, and why, where there is none."""
    if not shutil.which("chromium") or not os.path.exists("/usr/bin/chromedriver"):
        return None, "chromium or its driver is not installed (Debian: chromium, chromium-driver)"
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        return None, "selenium is not installed (Debian: python3-selenium)"
    options = webdriver.ChromeOptions()
    home = tempfile.mkdtemp(prefix="holdfast-browser-")
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                 "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage",
                 "--disable-component-update", "--disable-sync", "--no-proxy-server",
                 "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
                 f"--user-data-dir={home}", "--window-size=1000,700"):
        options.add_argument(word)
    options.accept_insecure_certs = True  # ours are signed by themselves
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    driver.holdfast_home = home
    return driver, None


def quit_chromium(driver):
    driver.quit()
    shutil.rmtree(driver.holdfast_home, ignore_errors=True)
