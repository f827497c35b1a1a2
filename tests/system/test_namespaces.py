"""Four machines, as network namespaces: the game server, two multiplexers that are connected to it, and
one that is connected to one of those. Between them TCP, TLS with keys, and cables that can be pulled.

            hub (a bridge)
    game ---+---+---+--- third ==(chained)==> second
            |   |
        first   second ==> game"""

import os
import re
import subprocess

import pytest

from daemons import CRASHED_ANYHOW, TOP, wait_for
from namespaces import Machine, ip, tidy, why_not

SLOW = 60  # a cable that is pulled is found out by clocks


class Network:
    def __init__(self, tmp_path_factory):
        self.factory = tmp_path_factory
        self.prefix = f"hf{os.getpid()}"
        self.hub = f"{self.prefix}hub"
        self.machines = {}
        self.namespaces = []
        self.add_namespace(self.hub)
        ip("-n", self.hub, "link", "add", "bridge", "type", "bridge")
        ip("-n", self.hub, "link", "set", "bridge", "up")

    def add_namespace(self, name):
        ip("netns", "add", name)
        self.namespaces.append(name)
        ip("-n", name, "link", "set", "lo", "up")

    def machine(self, name):
        namespace = f"{self.prefix}{name}"
        address = f"10.77.0.{len(self.machines) + 1}"
        self.add_namespace(namespace)
        # Both ends are born in a namespace: this machine's own devices are left alone.
        ip("-n", self.hub, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns",
           namespace)
        ip("-n", self.hub, "link", "set", name, "master", "bridge")
        ip("-n", self.hub, "link", "set", name, "up")
        ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0")
        ip("-n", namespace, "link", "set", "eth0", "up")
        made = Machine(self.factory.mktemp("h"), namespace, address)
        made.name = name
        self.machines[name] = made
        return made

    def pull(self, machine):
        ip("-n", self.hub, "link", "set", machine.name, "down")

    def plug(self, machine):
        ip("-n", self.hub, "link", "set", machine.name, "up")

    def close(self):
        trouble = []
        for machine in reversed(self.machines.values()):
            try:
                if machine.server:
                    machine.server.wait()  # the last multiplexer's goodbye has ended it
                machine.finish()
            except AssertionError as why:
                trouble.append(str(why))
        for name in reversed(self.namespaces):
            subprocess.run(["ip", "netns", "del", name], check=False)
        tidy()
        assert not trouble, "\n".join(trouble)


@pytest.fixture
def network(tmp_path_factory):
    why = why_not()
    if why:
        pytest.skip(why)
    network = Network(tmp_path_factory)
    yield network
    network.close()


def new_key(machine, name):
    path = machine.dir / name
    made = machine.ctl("key", "new", path)
    assert made.returncode == 0, made.stderr
    return path


@pytest.fixture
def four(network):
    """(network, game, first, second, third), all connected, the game ready on each."""
    game, first, second, third = map(network.machine, ("game", "first", "second", "third"))
    key, chain_key = new_key(game, "game.key"), new_key(game, "chain.key")
    game.maps, game.map = TOP / "server" / "lua" / "maps", "anteroom"
    game.cvars.update(sv_link=f"tcp:{game.address}:7000", sv_link_key=key, sv_multiplexers=2,
                      sv_link_timeout="3s")
    for machine in (first, second):
        machine.options.update(server=f"'tcp:{game.address}:7000'", server_key=f"'{key}'")
    second.options.update(chain_timeout="2s", chain_grace="1min")
    second.lines = (f'listener chain {{ kind = "multiplexer" address = "{second.address}:7100" '
                    f'number = 9 key = "{chain_key}" }}\n')
    third.options.update(server=f"'tcp:{second.address}:7100'", server_key=f"'{chain_key}'")
    game.start_server(wait=False)
    for machine in (first, second, third):
        machine.listen("telnet", where="unix", number=1)
        machine.start_multiplexer()
    wait_open(first, second, third)
    return network, game, first, second, third


def enter(machine, name):
    player = machine.player()
    player.expect(b"What is your name?")
    player.line(name)
    player.expect(b"Welcome, " + name.encode())
    return player


def all_hear(players, speaker, words):
    """What one says comes to all the others."""
    players[speaker].line(f"say {words}")
    for name, player in players.items():
        said = b"You say: " if name == speaker else f"{speaker} says: ".encode()
        player.expect(said + words.encode(), SLOW)


def told_of_doubt(player):
    player.expect(re.compile(CRASHED_ANYHOW), SLOW)
    lines = re.fullmatch(CRASHED_ANYHOW, player.matched)[1]
    assert int(lines or 0) >= 1, "a line may be lost, and he was told that none is"


def is_open(machine):
    return machine.link_state() == "open"


def wait_open(*machines):
    for machine in machines:
        wait_for(lambda m=machine: is_open(m), f"{machine.name} is open", SLOW)


def restart(game, machines):
    before = {machine.name: machine.metric("server_ready") for machine in machines}
    game.admin("server", "restart")
    for machine in machines:
        wait_for(lambda m=machine: m.metric("server_ready") > before[m.name] and is_open(m),
                 f"{machine.name} is ready again", SLOW)


def test_players_on_three_machines_are_in_one_game_through_restarts_and_pulled_cables(four):
    network, game, first, second, third = four
    multiplexers = (first, second, third)
    players = {"Ada": enter(first, "Ada"), "Bob": enter(second, "Bob"), "Eve": enter(third, "Eve")}
    players["Ada"].line("who")
    players["Ada"].expect(b"3 people in all.")
    for name in players:
        all_hear(players, name, f"I am {name}")
    keys = {len(user["key"].split(":")) for user in second.users()}
    assert keys == {2, 3}

    restart(game, multiplexers)
    for name in players:
        all_hear(players, name, "after the restart")

    # The chained one is away: the others play, what it misses it hears later. What is typed there
    # before it can know is in doubt, and who typed it is told so.
    network.pull(third)
    wait_for(lambda: [row for row in second.admin("multiplexer", "status")["listeners"]
                      if row.get("link") == "lost"], "the second one misses the third", SLOW)
    here = {name: players[name] for name in ("Ada", "Bob")}
    all_hear(here, "Ada", "where is Eve")
    players["Eve"].line("say can you hear me")
    network.plug(third)
    told_of_doubt(players["Eve"])
    wait_open(third)
    players["Eve"].expect(b"Ada says: where is Eve", SLOW)
    for name in players:
        all_hear(players, name, "Eve is back")

    # One that is connected to the game is away, and with it whom it carries.
    ready = second.metric("server_ready")
    network.pull(second)
    wait_for(lambda: re.search(r"link.*given up|link.*lost", game.server.text()),
             "the game misses the second one", SLOW)
    players["Ada"].line("say is anybody here")
    players["Ada"].expect(b"You say: is anybody here", SLOW)
    players["Eve"].line("say we are")
    network.plug(second)
    told_of_doubt(players["Eve"])
    # That its own connection is dead too it finds out by itself: TCP tries again now and then.
    wait_for(lambda: second.metric("server_ready") > ready, "the second one is back", SLOW)
    wait_for(lambda: [row for row in second.admin("multiplexer", "status")["listeners"]
                      if row.get("link") == "open"], "the third one is open there", SLOW)
    wait_open(third)
    for name in players:
        all_hear(players, name, "all again")

    game.server.kill9()
    game.start_server(wait=False)
    wait_open(*multiplexers)
    for name in players:
        all_hear(players, name, "after the crash")
    for name, player in players.items():
        assert player.is_connected()
        assert player.all.count(b"What is your name?") == 1, f"{name} was asked again"


def test_whoever_has_not_the_key_is_not_let_in(four):
    network, game, first, second, third = four
    player = enter(third, "Eve")
    stranger = network.machine("stranger")
    stranger.options.update(server=f"'tcp:{second.address}:7100'",
                            server_key=f"'{new_key(stranger, 'other.key')}'")
    stranger.listen("telnet", where="unix", number=1)
    stranger.start_multiplexer()
    second.multiplexer.wait_log(r"chain chain: a connection is cut off: TLS")
    assert stranger.metric("server_ready") == 0
    player.line("say hello")
    player.expect(b"You say: hello")
