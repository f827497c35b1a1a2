"""A small game server that conforms: to see the suite pass, to read, and to be spoilt by mutants.py.
The game: `say TEXT` is repeated, `save TEXT` is saved, `quit` ends the connection.

python3 -m conformance.example_server --listen ADDRESS [--restart-file FILE]"""

import argparse
import os
import select
import socket
import sys
import time

from . import wire
from .cases import address

MARK_SECONDS = 1.0


class Player:
    def __init__(self, key):
        self.key = key
        self.part = b""
        self.is_dying = False


class Link:
    """One multiplexer. Its players are its own, so that several may have the same keys."""

    def __init__(self, sock):
        self.socket = sock
        self.rest = self.out = b""
        self.players = {}
        self.marked = None      # when ARE YOU ALIVE was asked, on the way out
        self.leaving = False


class ExampleServer:
    def __init__(self, where, restart_file=None):
        self.where, self.restart_file = where, restart_file
        self.listening = wire.listen(where)
        self.links = []
        self.restarting = False
        self.stopping = False

    # ---- the loop ----

    def run(self):
        while not self.is_through():
            self.turn()
        self.close()

    def is_through(self):
        return self.stopping and not self.links

    def close(self):
        for sock in [link.socket for link in self.links] + [self.listening] * bool(self.listening):
            sock.close()

    def turn(self):
        poll = select.poll()
        if self.listening:
            poll.register(self.listening, select.POLLIN)
        for link in self.links:
            poll.register(link.socket, select.POLLIN | (select.POLLOUT if link.out else 0))
        by_fd = {link.socket.fileno(): link for link in self.links}
        for fd, event in poll.poll(20):
            if fd in by_fd:
                self.on_link(by_fd[fd], event)
            elif self.listening:
                self.on_connection(self.listening.accept()[0])
        if self.restart_file and os.path.exists(self.restart_file):
            os.unlink(self.restart_file)
            self.restart()
        if self.restarting:
            self.go_on_restarting()

    def on_connection(self, sock):
        if self.restarting:
            sock.close()
            return
        sock.setblocking(False)
        link = Link(sock)
        self.links.append(link)
        self.greet(link)

    def greet(self, link):
        self.say(link, "NOT READY")
        self.say(link, "TELL ME YOUR ACCEPT MODE")
        self.say(link, "GET ALL SUBCLIENT INFO")

    def say(self, link, name, *values):
        link.out += wire.encode(name, *values)

    def on_link(self, link, event):
        if link.out and event & select.POLLOUT:
            self.write(link)
        if event & ~select.POLLOUT:
            try:
                data = link.socket.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                self.take(link, data)
            else:
                self.drop(link)

    def write(self, link):
        try:
            link.out = link.out[link.socket.send(link.out):]
        except BlockingIOError:
            pass
        except OSError:
            link.out = b""
        if link.leaving and not link.out:
            try:
                link.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def drop(self, link):
        if link in self.links:
            self.links.remove(link)
        link.socket.close()

    # ---- messages ----

    def take(self, link, data):
        link.rest += data
        try:
            while link in self.links and len(link.rest) >= 4:
                length = self.length_of(link.rest)
                if len(link.rest) < length:
                    return
                message, link.rest = link.rest[:length], link.rest[length:]
                self.handle(link, message)
        except wire.Deviation:
            self.refuse(link)

    def refuse(self, link):
        self.drop(link)

    def length_of(self, data):
        length = int.from_bytes(data[:2], "little")
        if not 4 <= length <= wire.LENGTH_MAX or data[3] > wire.COUNT_MAX:
            raise wire.Deviation("header")
        return length

    def handle(self, link, message):
        number = message[2]
        if number not in wire.PLAIN:
            wire.split_arguments(message)
            return
        if number not in wire.UP:
            raise wire.Deviation("direction")
        name, *values = wire.decode(message)
        if not link.leaving:
            self.carry_out(link, name, values)

    def carry_out(self, link, name, values):
        handler = getattr(self, "on_" + name.lower().replace(" ", "_"), None)
        if handler is None:
            return  # answers to questions that we do not ask, or do not care about
        if not values:
            handler(link)
        elif name == "GOT SUBCLIENT":
            handler(link, *values)
        elif values[0] in link.players:
            handler(link, link.players[values[0]], *values[1:])

    def on_got_subclient(self, link, key, _protocol, _ip):
        link.players[key] = Player(key)

    def on_lost_subclient(self, link, player):
        del link.players[player.key]

    on_killed_subclient = on_no_such_subclient = on_lost_subclient

    def on_done_sending_all_subclient_info(self, link):
        self.say(link, "READY")

    def on_mux_going_offline(self, link):
        self.leave(link)
        self.stopping = True
        if self.listening:
            self.listening.close()
            self.listening = None

    def on_i_am_alive(self, link):
        if link.marked:
            self.leave(link)

    def on_got_subclient_text(self, link, player, data):
        *lines, player.part = (player.part + data).split(b"\n")
        for line in lines:
            if player.key in link.players and not player.is_dying:
                self.on_line(link, player, line)

    def on_line(self, link, player, line):
        word, _, rest = line.partition(b" ")
        if word == b"say":
            self.show(link, player, b"You say: " + rest + b"\r\n")
        elif word == b"save" and rest:
            self.save(link, player, rest[:wire.PAYLOAD_MAX])
        elif word == b"quit":
            player.is_dying = True
            self.say(link, "KILL SUBCLIENT", player.key)

    def show(self, link, player, text):
        self.say(link, "SEND SUBCLIENT TEXT", player.key, text[:wire.PAYLOAD_MAX])

    def save(self, link, player, data):
        self.say(link, "SAVE SUBCLIENT INFO", player.key, data)

    # ---- an orderly restart ----

    def restart(self):
        self.restarting = True
        for link in self.links:
            self.mark(link)

    def mark(self, link):
        link.marked = time.monotonic()
        self.say(link, "NOT READY")
        self.say(link, "ARE YOU ALIVE")

    def leave(self, link):
        link.leaving = True
        self.say(link, "SERVER GOING OFFLINE")

    def go_on_restarting(self):
        for link in self.links:
            if not link.leaving and time.monotonic() - link.marked > MARK_SECONDS:
                self.leave(link)
        if self.links:
            return
        self.listening.close()
        self.__init__(self.where, self.restart_file)


def main():
    p = argparse.ArgumentParser(description="A small game server that conforms.")
    p.add_argument("--listen", type=address, required=True)
    p.add_argument("--restart-file", help="when it exists the server removes it and restarts")
    options = p.parse_args()
    try:
        ExampleServer(options.listen, options.restart_file).run()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
