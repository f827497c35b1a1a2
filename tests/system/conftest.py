"""What every test of the whole system gets: daemons of its own, and the checks at its end."""

import pytest

from agnet import ScriptedMultiplexer, ScriptedServer
from daemons import BUILD, Holdfast, raise_descriptor_limit
from players import Player, Swarm
from tls_players import Tls


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: takes minutes; run with -m soak")
    raise_descriptor_limit()


def pytest_collection_modifyitems(config, items):
    if "soak" in config.getoption("-m"):
        return
    skip = pytest.mark.skip(reason="a soak: run with -m soak")
    for item in items:
        if "soak" in item.keywords:
            item.add_marker(skip)


def pytest_sessionstart(session):
    missing = [name for name in ("holdfast-multiplexer", "holdfast-server", "holdfastctl")
               if not (BUILD / name).exists()]
    if missing:
        pytest.exit(f"{', '.join(missing)} not found in {BUILD}: run make first", returncode=2)


class World(Holdfast):
    """Holdfast, and the players of the test."""

    def player(self, listener="telnet", **how):
        player = Player(self.addresses[listener], **how)
        self.players.append(player)
        return player

    def swarm(self, count, listener="telnet", **how):
        swarm = Swarm(self.addresses[listener], count, **how)
        self.closers.append(swarm.close)
        return swarm

    def scripted_server(self):
        """Listens where the game server would, without starting anything."""
        server = ScriptedServer(self.link_path)
        self.closers.append(server.close)
        return server

    def scripted_multiplexer(self):
        multiplexer = ScriptedMultiplexer(self.link_path)
        self.closers.append(multiplexer.close)
        return multiplexer

    def start_with_script(self, **options):
        """The real multiplexer and a scripted server that is ready: (server, link)."""
        self.start_multiplexer(**options)
        server = self.scripted_server()
        return server, server.start()


@pytest.fixture
def holdfast(tmp_path_factory, request):
    # A short path: the name of an AF_UNIX socket has room for 107 bytes.
    world = World(tmp_path_factory.mktemp("h"))
    yield world
    world.finish()


@pytest.fixture
def tls(holdfast):
    return Tls(holdfast)
