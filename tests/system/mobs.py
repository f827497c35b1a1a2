"""A mob: clients that do at random what can be done to a socket, some of them at any time."""

import random
import socket
import ssl
import struct
import threading
import time

from browsers import TEXT, frame, handshake
from players import connect

LINE = b"x" * 900 + b"\r\n"
INTERRUPT = b"\xff\xf4\xff\xf2"


def plain(text):
    return text


def framed(text):
    return frame(TEXT, text)


class Rowdy:
    """One client. talk: makes of lines what its listener takes; opening: what it says first."""

    def __init__(self, s, chance, talk=plain, opening=b""):
        self.socket = s
        self.chance = chance
        self.talk = talk
        self.opening = opening

    def live(self):
        try:
            self.chance.choice(self.BEGINNINGS)(self)
            self.wait()
            self.chance.choice(self.ENDS)(self)
        except OSError:
            pass  # the other side may end it at any time
        finally:
            self.socket.close()

    def say(self, data):
        """What the kernel takes at once."""
        self.socket.setblocking(False)
        while data:
            data = data[self.socket.send(data):]

    def hear(self, seconds):
        """Until nothing comes for so long, or it has ended, or that is enough."""
        self.socket.settimeout(seconds)
        until = time.monotonic() + 2
        while self.socket.recv(65536) and time.monotonic() < until:
            pass

    def wait(self):
        time.sleep(self.chance.choice((0, 0, 0.001, 0.02, 0.2)))

    # -- how it begins ----------------------------------------------------

    def says_nothing(self):
        pass

    def says_one_line(self):
        self.say(self.opening + self.talk(b"1\r\n"))

    def says_half_a_line(self):
        self.say(self.opening + self.talk(b"1\r\n")[:-1])

    def says_urgent_bytes(self):
        self.say(self.opening)
        for _ in range(self.chance.randrange(1, 4)):
            self.say(self.talk(LINE))
            socket.socket.send(self.socket, INTERRUPT, socket.MSG_OOB)

    def says_much_and_does_not_read(self):
        """Each of its lines is answered by one that is as long."""
        try:
            self.say(self.opening)
            for _ in range(self.chance.randrange(2, 12)):
                self.say(self.talk(LINE) * 50)
                time.sleep(0.005)
        except (BlockingIOError, ssl.SSLWantWriteError):
            pass  # not read any more, as it does not read

    def makes_noise(self):
        self.say(self.chance.randbytes(200_000))

    # -- how it ends; what TLS's wrapper would not let it do is done below it ----

    def leaves(self):
        pass

    def resets(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def half_closes(self):
        socket.socket.shutdown(self.socket, socket.SHUT_WR)
        self.wait()

    def half_closes_and_resets(self):
        self.half_closes()
        self.resets()

    def half_closes_and_reads_on(self):
        self.half_closes()
        self.hear(1)

    def reads_on(self):
        self.hear(0.05)

    def reads_a_little_and_resets(self):
        self.resets()
        self.socket.setblocking(False)
        socket.socket.recv(self.socket, 3000)
        self.wait()

    def will_not_read_again(self):
        socket.socket.shutdown(self.socket, socket.SHUT_RD)
        self.wait()
        self.say(self.talk(b"2\r\n"))
        self.wait()

    BEGINNINGS = (says_nothing, says_one_line, says_half_a_line, says_urgent_bytes,
                  says_much_and_does_not_read, says_much_and_does_not_read, makes_noise)
    ENDS = (leaves, resets, half_closes, half_closes_and_resets, half_closes_and_reads_on, reads_on,
            reads_a_little_and_resets, will_not_read_again)


class Asker(Rowdy):
    """One that asks: by HTTP, or an admin socket."""

    HTTP = (b"GET /test HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /forever HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /waitframe HTTP/1.0\r\n\r\n",
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Content-Length: 50000\r\n\r\nhello")
    ADMIN = tuple(b'{"argv": ["%s"]}\n' % word for word in (b"status", b"help", b"metrics", b"what")) + (b"?\n",)

    def __init__(self, s, chance, questions):
        super().__init__(s, chance)
        self.questions = questions

    def asks(self):
        self.say(self.chance.choice(self.questions))

    def asks_half(self):
        question = self.chance.choice(self.questions)
        self.say(question[:self.chance.randrange(1, len(question))])

    def asks_much(self):
        self.say(b"".join(self.chance.choice(self.questions) for _ in range(40)))

    def asks_for_much(self):
        self.say(self.questions[1] * 200)

    def asks_urgently(self):
        self.asks()
        socket.socket.send(self.socket, b"x", socket.MSG_OOB)

    BEGINNINGS = (Rowdy.says_nothing, Rowdy.makes_noise, asks, asks_half, asks_much, asks_for_much,
                  asks_urgently)


def dial(address, chance):
    """With little room for what comes, so that much waits where it is sent."""
    if isinstance(address, str) or chance.random() < 0.3:
        return connect(address)
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(5)
    try:
        s.connect(address)
    except OSError:
        s.close()
        raise
    return s


def secured(s, chance):
    """Now and then it speaks no TLS, or not all of the handshake."""
    if chance.random() < 0.2:
        return s
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    s.settimeout(chance.choice((0.002, 5, 5, 5)))
    try:
        return context.wrap_socket(s)
    except OSError:
        s.close()
        raise


class Mob:
    """Threads, each of which is one rowdy after the other. doors: (address, how it speaks), where that is
    "plain", "web", "tls", "web by tls", "api" or "admin"."""

    def __init__(self, doors, count, seed):
        self.doors = doors
        self.stopping = False
        self.fault = None
        self.lived = 0
        self.threads = [threading.Thread(target=self.run, args=(random.Random(f"{seed} {n}"),),
                                         daemon=True) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, chance):
        try:
            while not self.stopping:
                self.one(chance)
        except Exception as why: # pylint: disable=broad-except
            self.fault = why

    def one(self, chance):
        address, how = chance.choice(self.doors)
        try:
            s = dial(address, chance)
            if how.endswith("tls"):
                s = secured(s, chance)
        except OSError:
            return
        web = how.startswith("web")
        if how in ("api", "admin"):
            rowdy = Asker(s, chance, Asker.HTTP if how == "api" else Asker.ADMIN)
        else:
            rowdy = Rowdy(s, chance, framed if web else plain, handshake() if web else b"")
        rowdy.live()
        self.lived += 1

    def close(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()
