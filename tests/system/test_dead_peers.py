"""Players whose cable is pulled: nobody tells us, and still they are gone after dead_after. Those who just
do not read are not."""

import time

from daemons import wait_for
from namespaces import in_namespace
from players import Player
from test_namespaces import network # pylint: disable=unused-import

SLOW = 60


def test_a_pulled_cable_ends_those_behind_it_and_no_others(network):
    home, away = network.machine("home"), network.machine("away")
    home.map = "guesthouse"
    home.options["dead_after"] = "4s"
    home.lines = f'listener out {{ kind = raw address = "{home.address}:7200" }}\n'
    home.listen("telnet", where="unix", number=1)
    home.start_server(wait=False)
    home.start_multiplexer()
    home.wait_ready()

    def come(**how):
        player = in_namespace(away.namespace, lambda: Player((home.address, 7200), **how))
        home.players.append(player)
        player.line("Anna")
        player.expect(b"Welcome, Anna.")
        return player

    stays = home.player()
    stays.line("Tom")
    stays.expect(b"Welcome, Tom.")

    def says(words):
        stays.line(words)
        stays.expect(f"Tom says <{words}>".encode())

    # Twice as long as would make one dead: idle, and not reading what fills all that he has room for.
    sleeper, idle = come(receive_buffer=4096), come()
    for _ in range(20):
        says("x" * 1000)
    time.sleep(9)
    assert len(home.users()) == 3 and home.metric("closed_dead") == 0
    sleeper.expect(b"x" * 500)
    idle.line("still here")
    idle.expect(b"Anna says <still here>")
    sleeper.close()
    wait_for(lambda: len(home.users()) == 2, "he has left")

    time.sleep(0.5)  # his machine acknowledges what he was sent, if it likes a little later
    network.pull(away)  # who is sent nothing: the kernel asks him
    wait_for(lambda: len(home.users()) == 1, "he is lost", SLOW)
    network.plug(away)

    busy = come()
    network.pull(away)  # who was sent something: it is not acknowledged
    says("hello")
    wait_for(lambda: len(home.users()) == 1, "he is dead", SLOW)
    assert home.metric("closed_dead") >= 1
    says("I am still here")
    network.plug(away)
    for player in (idle, busy):
        player.close()
    home.multiplexer.end()
