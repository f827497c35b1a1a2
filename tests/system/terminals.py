"""Real clients in terminals of their own: GNU telnet and TinTin++."""

import os
import re
import time

import pexpect

from daemons import PATIENCE

NOTICE = re.compile(rb"\[The game[^\]]*\]")


class Terminal:
    """A program that a player sits at."""

    def __init__(self, argv, home):
        self.all = b""   # everything the terminal was shown
        self.eaten = 0   # up to where expect() has looked
        env = {"TERM": "xterm-256color", "HOME": str(home), "LANG": "C.UTF-8",
               "NODE_PATH": "/usr/share/nodejs",  # where Debian has modules, for other builds of node
               "PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        self.child = pexpect.spawn(argv[0], argv[1:], env=env, cwd=str(home), timeout=PATIENCE,
                                   dimensions=(50, 200))
        self.child.delaybeforesend = 0.02

    def line(self, text):
        self.child.sendline(text)

    def read(self, timeout=0.05):
        """Takes in what is there by now; false when that is nothing."""
        try:
            self.all += self.child.read_nonblocking(65536, timeout)
            return True
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False

    def expect(self, *patterns, timeout=PATIENCE):
        """Waits for each expression in turn."""
        deadline = time.monotonic() + timeout
        for pattern in patterns:
            wanted = re.compile(pattern if isinstance(pattern, bytes) else pattern.encode())
            while not (match := wanted.search(self.all, self.eaten)):
                if not self.read() and (time.monotonic() > deadline or not self.child.isalive()):
                    raise AssertionError(f"{pattern!r} did not come; last: {self.all[-1500:]!r}")
            self.eaten = match.end()

    def notices(self):
        while self.read():
            pass
        return NOTICE.findall(self.all)

    def is_connected(self):
        while self.read():
            pass
        return self.child.isalive() and b"Connection closed" not in self.all and \
            b"DIED" not in self.all

    def close(self):
        self.child.close(force=True)


class Telnet(Terminal):
    def __init__(self, address, home):
        super().__init__(["telnet", "-E", address[0], str(address[1])], home)

    def interrupt(self):
        self.child.sendintr()


class TinTin(Terminal):
    """The session is named m; what is typed goes to it. before: commands before it connects."""

    command = "#session"

    def __init__(self, address, home, before=""):
        script = os.path.join(home, "t.tin")
        with open(script, "w", encoding="ascii") as tin:
            tin.write(before)
            tin.write(f"{self.command} {{m}} {{{address[0]}}} {{{address[1]}}}\n")
        super().__init__(["/usr/games/tt++", "-G", script], home)


class TinyFugue(Terminal):
    def __init__(self, address, home, before=""):
        script = os.path.join(home, "rc.tf")
        with open(script, "w", encoding="utf-8") as rc:
            rc.write("/set visual=0\n/set more=0\n/set login=0\n/set quiet=1\n")
            rc.write(before)
        super().__init__(["tf", "-n", "-v", f"-f{script}", address[0], str(address[1])], home)


class KBtin(Terminal):
    def __init__(self, address, home):
        script = os.path.join(home, "kb.tin")
        with open(script, "w", encoding="ascii") as tin:
            tin.write(f"#session m {{{address[0]} {address[1]}}}\n")
        super().__init__(["KBtin", "-i", script], home)


class Plink(Terminal):
    """PuTTY's engine: it begins to negotiate by itself."""

    def __init__(self, address, home):
        super().__init__(["plink", "-telnet", "-batch", "-P", str(address[1]), address[0]], home)


class Nc(Terminal):
    def __init__(self, address, home):
        super().__init__(["nc", address[0], str(address[1])], home)


class Socat(Terminal):
    def __init__(self, address, home):
        super().__init__(["socat", "-", f"TCP:{address[0]}:{address[1]}"], home)


class Curl(Terminal):
    """It speaks telnet options too. While it waits for a key it shows nothing, so its terminal does not
    let it wait."""

    def __init__(self, address, home):
        super().__init__(["sh", "-c", "stty -icanon min 0 time 1 && "
                          f"exec curl -sSN telnet://{address[0]}:{address[1]}"], home)


class SClient(Terminal):
    """OpenSSL's own client."""

    def __init__(self, address, home):
        super().__init__(["openssl", "s_client", "-quiet", "-crlf", "-connect",
                          f"{address[0]}:{address[1]}"], home)


class Wscat(Terminal):
    """The client of Node.js' library ws."""

    def __init__(self, address, home, scheme="ws"):
        super().__init__(["wscat", "--no-color", "--no-check", "-c",
                          f"{scheme}://{address[0]}:{address[1]}/"], home)


class Wsdump(Terminal):
    """The client of python3-websocket."""

    def __init__(self, address, home):
        super().__init__(["wsdump", "-r", f"ws://{address[0]}:{address[1]}/"], home)
