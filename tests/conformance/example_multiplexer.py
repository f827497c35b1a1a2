"""A small multiplexer that conforms: to see the suite pass, to read, and to be spoilt by mutants.py.

python3 -m conformance.example_multiplexer --server ADDRESS --player ADDRESS [--raw ADDRESS]"""

import argparse
import ipaddress
import itertools
import select
import socket
import sys
import time

from . import wire
from .cases import address

HELD_MAX = 64 * 1024
DIAL_SECONDS = 0.03


class User:
    def __init__(self, sock, key, protocol, ip):
        self.socket, self.key, self.protocol, self.ip = sock, key, protocol, ip
        self.part = b""            # a line that is not finished yet
        self.held = b""            # input that the server has not been told
        self.out = b""
        self.saved = None
        self.since = self.input = time.monotonic()
        self.known = False         # the server of this link was told of him
        self.ever_known = False
        self.dying = False         # KILL SUBCLIENT came: he goes when his output is out
        self.gone = False


class ExampleMultiplexer:
    tick_seconds = 0.3

    def __init__(self, server, player, raw=None):
        self.server = server
        self.listeners = {wire.listen(player): (1, "telnet-line")}
        if raw:
            self.listeners[wire.listen(raw)] = (2, "raw")
        self.numbers = itertools.count(1000)
        self.users = []
        self.link = None
        self.rest = b""
        self.to_link = bytearray()
        self.ready = self.leaving = self.localhost_only = self.stopping = False
        self.dialled = self.ticked = 0.0

    # ---- the loop ----

    def run(self):
        while not self.is_through():
            self.turn()
        self.close()

    def is_through(self):
        waits = any(u.out for u in self.users) or (self.to_link and self.link)
        return self.stopping and not waits

    def close(self):
        for sock in [*self.listeners, *(u.socket for u in self.users), *([self.link] if self.link else [])]:
            sock.close()

    def turn(self):
        now = time.monotonic()
        if self.link is None and not self.stopping and now - self.dialled > DIAL_SECONDS:
            self.dialled = now
            self.dial()
        if self.link and not self.leaving and now - self.ticked > self.tick_seconds:
            self.ticked = now
            self.tick()
        poll = select.poll()
        for sock in self.listeners:
            poll.register(sock, select.POLLIN)
        for user in self.users:
            if not user.gone:
                poll.register(user.socket, (select.POLLIN if len(user.held) < HELD_MAX else 0)
                              | (select.POLLOUT if user.out else 0))
        if self.link:
            poll.register(self.link, select.POLLIN | (select.POLLOUT if self.to_link else 0))
        by_fd = {u.socket.fileno(): u for u in self.users if not u.gone}
        for fd, event in poll.poll(20):
            if self.link and fd == self.link.fileno():
                self.on_link(event)
            elif fd in by_fd:
                self.on_user(by_fd[fd], event)
            else:
                self.on_listener(next((s for s in self.listeners if s.fileno() == fd), None))
        self.tell_news()

    # ---- users ----

    def on_listener(self, listener):
        if listener is None:
            return
        sock, peer = listener.accept()
        number, protocol = self.listeners[listener]
        ip = peer[0] if isinstance(peer, tuple) else "127.0.0.1"
        if self.localhost_only and not ipaddress.ip_address(ip).is_loopback:
            sock.close()
            return
        sock.setblocking(False)
        self.users.append(User(sock, self.new_key(number), protocol, ip))

    def new_key(self, listener):
        return (next(self.numbers), listener)

    def on_user(self, user, event):
        if user.out and event & select.POLLOUT:
            try:
                user.out = user.out[user.socket.send(user.out):]
            except OSError:
                user.out = b""
        if event & ~select.POLLOUT:
            try:
                data = user.socket.recv(4096)
            except BlockingIOError:
                data = None
            except OSError:
                data = b""
            if data == b"":
                self.user_ends(user)
            elif data and not user.dying:
                self.on_input(user, data)
        if user.dying and not user.out and not user.gone:
            self.user_ends(user)

    def on_input(self, user, data):
        user.input = time.monotonic()
        if user.protocol == "telnet-line":
            lines, _, user.part = (user.part + data).replace(b"\r\n", b"\n").rpartition(b"\n")
            data = lines + b"\n" if _ else b""
        user.held += data

    def user_ends(self, user):
        user.socket.close()
        user.gone, user.out = True, b""

    def show(self, user, data):
        user.out += data

    # ---- what the server is told by itself ----

    def tell_news(self):
        for user in list(self.users):
            if user.gone and user.dying and self.link:
                self.tell_killed(user)
            elif user.gone and not user.known:
                self.users.remove(user)  # no server ever has to hear of him
            elif self.ready:
                self.tell_user(user)

    def tell_user(self, user):
        if not user.known:
            self.tell_arrival(user)
        self.tell_input(user)
        if user.gone:
            self.tell_lost(user)

    def tell_arrival(self, user):
        self.say("GOT SUBCLIENT", user.key, user.protocol, user.ip)
        self.say("DONE SENDING SUBCLIENT INFO", user.key)
        user.known = user.ever_known = True

    def tell_input(self, user):
        while user.held:
            self.say("GOT SUBCLIENT TEXT", user.key, user.held[:wire.PAYLOAD_MAX])
            user.held = user.held[wire.PAYLOAD_MAX:]

    def tell_lost(self, user):
        self.say("LOST SUBCLIENT", user.key)
        self.users.remove(user)

    def tell_killed(self, user):
        self.say("KILLED SUBCLIENT", user.key)
        self.users.remove(user)

    def tick(self):
        self.say("TICK")

    # ---- the link ----

    def dial(self):
        try:
            self.link = wire.connect(self.server, 5)
        except OSError:
            return
        self.link.setblocking(False)
        self.rest = b""
        self.to_link = bytearray()
        self.ready = self.leaving = False

    def say(self, name, *values):
        self.to_link += wire.encode(name, *values)

    def on_link(self, event):
        if self.to_link and event & select.POLLOUT:
            try:
                del self.to_link[:self.link.send(self.to_link[:65536])]
            except BlockingIOError:
                pass
            except OSError:
                self.to_link.clear()
        if event & ~select.POLLOUT:
            try:
                data = self.link.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.link_ends()
                return
            self.take(data)
        if self.leaving and not self.to_link and self.link:
            try:
                self.link.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def link_ends(self):
        self.link.close()
        self.link = None
        self.ready = self.leaving = False
        self.forget_server()

    def forget_server(self):
        for user in list(self.users):
            user.known = False
            if user.gone:
                self.users.remove(user)

    def take(self, data):
        self.rest += data
        try:
            while self.link:
                message = self.first_message()
                if message is None:
                    return
                self.handle(message)
        except wire.Deviation:
            self.refuse()

    def refuse(self):
        self.link_ends()

    def first_message(self):
        """The next whole message, or None; Deviation if it is none."""
        if len(self.rest) < 4:
            return None
        length = int.from_bytes(self.rest[:2], "little")
        if not 4 <= length <= wire.LENGTH_MAX or self.rest[3] > wire.COUNT_MAX:
            raise wire.Deviation("header")
        if len(self.rest) < length:
            return None
        message, self.rest = self.rest[:length], self.rest[length:]
        return message

    def handle(self, message):
        number = message[2]
        if number not in wire.PLAIN:
            wire.split_arguments(message)
            return
        if number not in wire.DOWN:
            raise wire.Deviation("direction")
        name, *values = wire.decode(message)
        if not self.leaving or name == "TERMINATE":
            self.carry_out(name, values)

    def carry_out(self, name, values):
        handler = getattr(self, "on_" + name.lower().replace(" ", "_"))
        if not values:
            handler()
        elif values[0] == wire.EVERYONE and name == "SEND SUBCLIENT TEXT":
            self.on_broadcast(values[1])
        else:
            user = self.find(values[0])
            if user:
                handler(user, *values[1:])
            else:
                self.on_nobody(name, values[0])

    def find(self, key):
        return next((u for u in self.users
                     if u.key == key and u.known and not u.gone and not u.dying), None)

    # ---- messages of the server ----

    def on_nobody(self, _name, key):
        self.say("NO SUCH SUBCLIENT", key)

    def on_broadcast(self, data):
        for user in self.users:
            if user.known and not user.gone and not user.dying:
                self.show(user, data)

    def on_not_ready(self):
        self.ready = False

    def on_ready(self):
        self.ready = True

    def on_are_you_alive(self):
        self.say("I AM ALIVE")

    def on_accept_localhost_only(self):
        self.localhost_only = True
        self.on_tell_me_your_accept_mode()

    def on_accept_all(self):
        self.localhost_only = False
        self.on_tell_me_your_accept_mode()

    def on_tell_me_your_accept_mode(self):
        self.say("ACCEPTING LOCALHOST ONLY" if self.localhost_only else "ACCEPTING ALL")

    def on_server_going_offline(self):
        self.leaving, self.ready = True, False

    def on_terminate(self):
        self.on_server_going_offline()
        self.stopping = True

    def on_kill_subclient(self, user):
        user.dying = True
        user.held = b""
        if not user.out:
            self.user_ends(user)

    def on_send_subclient_text(self, user, data):
        self.show(user, data)

    def on_save_subclient_info(self, user, data):
        user.saved = data
        self.say("SAVED SUBCLIENT INFO", user.key)

    def on_delete_subclient_saved_info(self, user):
        user.saved = None
        self.say("DELETED SUBCLIENT SAVED INFO", user.key)

    def on_get_subclient_dns(self, user):
        self.say("SUBCLIENT DNS IS", user.key, "unsupported")

    def on_get_subclient_identd(self, user):
        self.say("SUBCLIENT IDENTD IS", user.key, "unsupported")

    def on_get_subclient_idletime(self, user):
        self.say("SUBCLIENT IDLETIME IS", user.key, int(time.monotonic() - user.input))

    def on_get_subclient_connecttime(self, user):
        self.say("SUBCLIENT CONNECTTIME IS", user.key, int(time.monotonic() - user.since))

    def on_get_subclient_saved_info(self, user):
        if user.saved is None:
            self.say("THERE IS NO SUBCLIENT SAVED INFO", user.key)
        else:
            self.say("SUBCLIENT SAVED INFO IS", user.key, user.saved)

    def on_get_all_subclient_info(self):
        for user in self.users:
            if user.ever_known and not user.gone and not user.dying:
                self.list_user(user)
        self.say("DONE SENDING ALL SUBCLIENT INFO")

    def list_user(self, user):
        user.known = True
        self.say("GOT SUBCLIENT", user.key, user.protocol, user.ip)
        self.on_get_subclient_dns(user)
        self.on_get_subclient_identd(user)
        self.on_get_subclient_idletime(user)
        self.on_get_subclient_connecttime(user)
        self.on_get_subclient_saved_info(user)
        self.say("DONE SENDING SUBCLIENT INFO", user.key)


def main():
    p = argparse.ArgumentParser(description="A small multiplexer that conforms.")
    p.add_argument("--server", type=address, required=True)
    p.add_argument("--player", type=address, required=True)
    p.add_argument("--raw", type=address)
    options = p.parse_args()
    try:
        ExampleMultiplexer(options.server, options.player, options.raw).run()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
