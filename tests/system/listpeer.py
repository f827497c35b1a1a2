"""A server list, small and real: whoami, PUT and DELETE with call-backs; and one that misbehaves."""

import json
import re
import secrets
import threading
import time

from daemons import PATIENCE, wait_for
from webservers import Server


class Call:
    def __init__(self, source, request):
        head, _, self.body = request.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.method, self.path, _ = lines[0].split(" ")
        self.headers = {name.lower(): value for name, value in
                        (line.split(": ", 1) for line in lines[1:])}
        self.source = source
        self.token = self.headers.get("x-callback-token")

    @property
    def status(self):
        return json.loads(self.body)["serverStatus"]


class List:
    """Serves on all the sockets it is given. `misbehave` may be set to a function(call) -> bytes, or
    None for the usual answer; it is not asked for whoami."""

    PATH = re.compile(r"^/v1/game/([^/]+/[^/]+)/server/([^/]+)/(\d+)/status$")

    def __init__(self, *listening):
        self.lock = threading.Lock()
        self.calls = []             # of servers, not whoami
        self.asked = []             # whoami: sources
        self.servers = {}           # id -> {"addresses", "port", "status", "game"}
        self.tokens = {}            # token -> (id, first source)
        self.misbehave = None
        self.whoami = None          # the same for whoami: function(source) -> bytes
        self.next_id = 17
        self.peers = [Server(one, self.serve) for one in listening]

    def close(self):
        for peer in self.peers:
            peer.close()

    @staticmethod
    def http(status, body, more=""):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return (f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{more}"
                f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n").encode() + data

    def serve(self, connection, request):
        source = connection.getpeername()[0].removeprefix("::ffff:")
        call = Call(source, request)
        if call.path == "/whoami":
            self.asked.append(source)
            connection.sendall((self.whoami or (lambda s: self.http(200, {"yourIP": s})))(source))
            return
        with self.lock:
            self.calls.append(call)
            misbehave = self.misbehave
            reply = None if misbehave else self.answer(call)
        connection.sendall(misbehave(call) if misbehave else reply)

    def find(self, address, port):
        for number, server in self.servers.items():
            if address in server["addresses"] and server["port"] == port:
                return number
        return None

    def refuse(self, code, call, **more):
        return self.http(403, {"statusMessage": "no", "statusSubCode": code,
                               "sourceAddress": call.source, **more})

    def answer(self, call):
        game, address, port = self.PATH.match(call.path).groups()
        port = int(port)
        number = self.find(address, port)
        if call.method == "DELETE":
            if number and call.source in self.servers[number]["addresses"]:
                self.servers[number]["gone"] = True
            return self.http(200, {})
        if number is None:
            if address != call.source:
                return self.refuse(10911, call)
            number, self.next_id = self.next_id, self.next_id + 1
            self.servers[number] = {"addresses": [address], "port": port, "game": game}
        server = self.servers[number]
        if call.source not in server["addresses"]:
            token = secrets.token_hex(16)
            self.tokens[token] = number, call.source
            return self.refuse(10910, call, callBack={"addresses": server["addresses"],
                                                      "token": token, "expires": 60})
        if call.token:
            of, first = self.tokens.pop(call.token, (None, None))
            if of != number:
                return self.refuse(10913, call)
            server["addresses"] = [a for a in server["addresses"]
                                   if (":" in a) != (":" in first)] + [first]
        server["status"] = call.status
        server.pop("gone", None)
        return self.http(200, {"serverID": number})

    def wait_calls(self, count, what, timeout=PATIENCE):
        wait_for(lambda: len(self.calls) >= count, what, timeout)

    def wait_status(self, condition, what, timeout=PATIENCE):
        """Until the last status that was told fulfils it; returns that."""
        def told():
            last = [c for c in self.calls if c.method == "PUT"][-1:]
            return last[0].status if last and condition(last[0].status) else None
        return wait_for(told, what, timeout)


def slow(call):
    time.sleep(PATIENCE)
    return List.http(200, {})
