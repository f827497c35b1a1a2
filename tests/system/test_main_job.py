"""What all of this is for: two people, one with telnet and one with TinTin++, are in the game; it is
restarted, killed and replaced by a new build; they stay, and lose nothing."""

import os
import re
import subprocess
import time

import pytest

from daemons import SAFE, RESTARTING, TOP, wait_for
from supervisor import Supervisor
from terminals import Telnet, TinTin

# How long the game has to be back until its next fall is told again.
STEADY = 2.5


class Couple:
    """Ann at telnet and Bob at TinTin++, who tell each other numbers in the kitchen."""

    def __init__(self, holdfast):
        self.holdfast = holdfast
        self.people = []
        self.said = [0, 0]
        for kind, name in ((Telnet, "Ann"), (TinTin, "Bob")):
            home = holdfast.dir / name
            home.mkdir()
            person = kind(holdfast.addresses["telnet"], home)
            holdfast.closers.append(person.close)
            person.name = name
            self.people.append(person)
            person.expect("What is your name\\?")
            person.line(name)
            person.expect(f"Welcome, {name}\\.", "You are in the hall\\.")
            person.line("east")
            person.expect("You are in the kitchen\\.")
        self.people[0].expect("Bob arrives")

    def say(self, who):
        """One of them says the next number; nobody waits."""
        self.said[who] += 1
        self.people[who].line(f"say number {self.said[who]}.")

    def heard(self, who):
        """The other one has heard all that was said."""
        self.people[1 - who].expect(f"{self.people[who].name} says: number {self.said[who]}\\.")

    def talk(self, rounds=5):
        for _ in range(rounds):
            for who in (0, 1):
                self.say(who)
                self.heard(who)

    def check(self, notices):
        """Both are connected, still who and where they were, have heard every number once and in
        order, and have seen just these notices."""
        self.talk()
        for who, person in enumerate(self.people):
            other = self.people[1 - who]
            assert person.is_connected()
            person.line("look")
            person.expect("You are in the kitchen\\.", f"Also here: {other.name}\\.")
            person.line("who")
            person.expect(f"{other.name} is in the kitchen", "2 people in all")
            pattern = f"{other.name} says: number (\\d+)\\.".encode()
            numbers = [int(n) for n in re.findall(pattern, person.all)]
            assert numbers == list(range(1, self.said[1 - who] + 1))
            assert person.notices() == notices, person.name


@pytest.fixture
def anteroom(holdfast):
    holdfast.maps = TOP / "server" / "lua" / "maps"
    holdfast.map = "anteroom"
    return holdfast


def put_a_new_build(holdfast):
    """As an installation does: another file at the same path. Returns its inode."""
    path = holdfast.bin / "holdfast-server"
    new = holdfast.bin / "holdfast-server.new"
    new.write_bytes(path.read_bytes() + b"a newer build")
    new.chmod(0o755)
    new.rename(path)
    return path.stat().st_ino


def exe_inode(pid):
    with open(f"/proc/{pid}/exe", "rb") as exe:
        return os.fstat(exe.fileno()).st_ino


def test_players_stay_while_the_game_is_restarted_killed_and_replaced_by_a_new_build(anteroom):
    anteroom.use_own_binaries()
    anteroom.start()
    couple = Couple(anteroom)
    couple.check([])

    # Restarted: what is typed just before, during and after it is handled.
    for _ in range(5):
        couple.say(0)
        couple.say(1)
    anteroom.restart(wait=False)
    for _ in range(20):
        couple.say(0)
        couple.say(1)
    couple.heard(0)
    couple.heard(1)
    couple.check([RESTARTING])
    time.sleep(STEADY)

    # Killed: what is typed when they know it is handled.
    anteroom.server.kill9()
    for person in couple.people:
        person.expect("The game crashed")
    for _ in range(20):
        couple.say(0)
        couple.say(1)
    anteroom.start_server()
    couple.heard(0)
    couple.heard(1)
    couple.check([RESTARTING, SAFE])
    time.sleep(STEADY)

    # Replaced by a new build.
    old_pid, inode = anteroom.server.pid, put_a_new_build(anteroom)
    assert exe_inode(old_pid) != inode
    anteroom.restart(wait=False)
    for _ in range(20):
        couple.say(0)
        couple.say(1)
    couple.heard(0)
    couple.heard(1)
    assert exe_inode(old_pid) == inode
    couple.check([RESTARTING, SAFE, RESTARTING])


def test_the_same_under_the_supervisor_that_make_run_uses(anteroom):
    anteroom.use_own_binaries()
    supervisor = Supervisor(anteroom)
    couple = Couple(anteroom)
    couple.check([])
    assert anteroom.ctl("restart").returncode == 0
    for _ in range(20):
        couple.say(0)
        couple.say(1)
    couple.heard(0)
    couple.check([RESTARTING])
    time.sleep(STEADY)
    old = supervisor.pid("server")
    supervisor.kill_server()
    for person in couple.people:
        person.expect("The game crashed")
    couple.say(0)
    couple.say(1)
    wait_for(lambda: supervisor.pid("server") not in (0, old), "it is started again")
    couple.heard(0)
    couple.heard(1)
    couple.check([RESTARTING, SAFE])


def test_a_player_killed_in_the_middle_of_giving_his_name_is_still_asked_for_it(anteroom):
    anteroom.start()
    player = anteroom.player()
    player.expect(b"What is your name?\r\n")
    player.send(b"An")
    anteroom.server.kill9()
    anteroom.start_server()
    player.send(b"na\r\n")
    player.expect(b"Welcome, Anna.")


def test_nc_stays_too(anteroom):
    anteroom.start()
    host, port = anteroom.addresses["telnet"]
    nc = subprocess.Popen(["nc", host, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def until(text):
        seen = b""
        while text not in seen:
            line = nc.stdout.readline()
            assert line, f"closed before {text!r}; last: {seen[-500:]!r}"
            seen += line
        return seen

    def type_(text):
        nc.stdin.write(text.encode() + b"\n")
        nc.stdin.flush()

    try:
        until(b"What is your name?")
        type_("Cleo")
        until(b"Welcome, Cleo.")
        type_("north")
        until(b"You are in the library.")
        anteroom.restart()
        type_("look")
        assert RESTARTING in until(b"You are in the library.")
        time.sleep(STEADY)
        anteroom.server.kill9()
        until(SAFE)
        type_("up")
        anteroom.start_server()
        seen = until(b"You are in the attic.")
        assert b"[" not in seen and b"\xff" not in seen
    finally:
        nc.kill()
        nc.wait()
        nc.stdin.close()
        nc.stdout.close()
