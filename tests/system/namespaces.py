"""Machines of a test's own, as network namespaces: programs and sockets that live in them."""

import ctypes
import os
import shutil
import socket
import subprocess
import threading

from conftest import World
from daemons import Daemon

# ip makes /run/netns a mount when it adds the first namespace, and leaves it.
NETNS = "/run/netns"


def is_mounted():
    """os.path.ismount does not see a folder that is mounted on itself."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        return any(line.split()[1] == NETNS for line in mounts)


WAS_MOUNTED = is_mounted()


def tidy():
    """Fails, and shall, while somebody has a namespace there."""
    done = 0
    while done == 0 and not WAS_MOUNTED and is_mounted():  # twice, if two tests began at once
        done = subprocess.run(["umount", NETNS], check=False, capture_output=True).returncode


def why_not():
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if shutil.which("ip") is None:
        return "there is no ip (iproute2)"
    name = f"hf{os.getpid()}probe"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        return "network namespaces cannot be made here"
    try:
        made = subprocess.run(["ip", "-n", name, "link", "add", "one", "type", "bridge"],
                              capture_output=True)
        return None if made.returncode == 0 else "bridges cannot be made here"
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


class Machine(World):
    """A world whose programs run in a network namespace of their own."""

    def __init__(self, directory, namespace, address):
        super().__init__(directory)
        self.namespace, self.address = namespace, address
        self.lines = ""
        self.links = 1

    def spawn(self, name, *args, log=None):
        daemon = Daemon(["ip", "netns", "exec", self.namespace, self.bin / name, *args],
                        self.dir / (log or f"{name}.log"))
        self.daemons.append(daemon)
        return daemon

    def write_config(self, extra=""):
        return super().write_config(extra + self.lines)


def in_namespace(name, make):
    """What make() returns: the sockets that it opens stay in the namespace, this program does not."""
    result = []

    def run():
        with open(f"{NETNS}/{name}", "rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0x40000000) != 0:
                result.append(OSError(ctypes.get_errno(), "setns"))
                return
        try:
            result.append(make())
        except OSError as why:
            result.append(why)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]


def listen_in(name, address, kind=socket.SOCK_STREAM):
    """A socket that listens in a namespace; "::" is everywhere, IPv4 too."""
    def make():
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        s = socket.socket(family, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        s.bind(address)
        if kind == socket.SOCK_STREAM:
            s.listen(64)
        return s
    return in_namespace(name, make)
