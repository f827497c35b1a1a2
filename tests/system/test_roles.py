"""Commands of a map by role, over real connections: granted on the console, kept over everything."""

import pytest

from daemons import AdminError
from test_maps import write_map

GATE = """
game.on("join", function(p) p:send("hello") end)
game.on("restore", function(p) p:send("still " .. tostring(p.name) .. ", " .. tostring(p.role)) end)
game.on("input", function(p, line)
	local name, secret = line:match("^login (%a+) (.+)$")
	if not name then
		if not command.run(p, line) then p:send("Huh?") end
		return
	end
	local hash = store.accounts[name]
	if not hash then
		store.accounts[name] = password.hash(secret)
	elseif not password.check(secret, hash) then
		p:send("wrong")
		return
	end
	p:send("in as " .. tostring(p:login(name)))
end)
command("dig", { who = "builder" }, function(c) c:send("you dig") end)
command("wave", { min = 1, usage = "<whom>" }, function(c, words) c:send("you wave at " .. words[1]) end)
"""


@pytest.fixture
def gate(holdfast):
    write_map(holdfast, "gate", GATE)
    holdfast.map = "gate"
    holdfast.start()
    return holdfast


def login(player, name, secret, role):
    player.line(f"login {name} {secret}")
    player.expect(f"in as {role}\r\n".encode())


def asks(player, line, *answers):
    player.line(line)
    for answer in answers:
        player.expect(answer)


def test_each_does_what_his_role_lets_him(gate):
    ann, bob, eve = (gate.player() for _ in range(3))
    gate.admin("server", "grant", "Ann", "admin")
    gate.admin("server", "grant", "Bob", "builder")
    login(ann, "Ann", "apple", "admin")
    login(bob, "Bob", "pear", "builder")
    login(eve, "Eve", "plum", "nil")
    asks(eve, "dig", b"Huh?\r\n")
    asks(bob, "dig", b"you dig\r\n")
    asks(ann, "dig", b"you dig\r\n")
    asks(eve, "wave", b"usage: wave <whom>\r\n")
    for player in (bob, eve):
        asks(player, "status", b"Huh?\r\n")
        asks(player, "grant Eve admin", b"Huh?\r\n")
    asks(ann, "grant Eve admin", b"Huh?\r\n")
    asks(ann, "players", b"Bob", b"Eve")
    asks(ann, "kick Eve too curious", b"done\r\n")
    assert b"too curious" in eve.expect_end()
    # Nobody is Ann without her password.
    eve = gate.player()
    asks(eve, "login Ann plum", b"wrong\r\n")
    asks(eve, "status", b"Huh?\r\n")
    assert "apple" not in gate.server.text() and "plum" not in gate.server.text()


def test_a_role_outlives_a_crash_and_ends_with_its_grant(gate):
    ann = gate.player()
    gate.admin("server", "grant", "Ann", "admin")
    login(ann, "Ann", "apple", "admin")
    gate.server.kill9()
    gate.start_server()
    ann.expect(b"still Ann, admin\r\n")
    asks(ann, "status", b"holdfast-server")
    assert gate.admin("server", "grants") == [{"account": "Ann", "role": "admin", "map": "gate"}]
    gate.server.kill9()
    gate.start_server()
    ann.expect(b"still Ann, admin\r\n")
    gate.admin("server", "revoke", "Ann")
    asks(ann, "status", b"Huh?\r\n")
    gate.restart()
    ann.expect(b"still Ann, nil\r\n")
    with pytest.raises(AdminError, match="has no role"):
        gate.admin("server", "revoke", "Ann")


def test_an_admin_in_the_game_changes_the_map_and_restarts_under_himself(gate):
    ann, bob = gate.player(), gate.player()
    gate.admin("server", "grant", "Ann", "admin", "all")
    login(ann, "Ann", "apple", "admin")
    write_map(gate, "garden", GATE)
    write_map(gate, "broken", "local = 1\n")
    asks(ann, "map broken", b"the map stays: broken/init.lua:1: <name> expected")
    asks(ann, "map garden", b"done\r\n")
    ann.expect(b"still Ann, admin\r\n")
    bob.expect(b"still nil, nil\r\n")
    asks(ann, "reload", b"done\r\n")
    ann.expect(b"still Ann, admin\r\n")
    before = gate.times_ready()
    ann.line("restart 1 tea")
    bob.expect(b"[The game restarts in 1 second: tea. You stay connected.]\r\n")
    gate.wait_ready(before + 1)
    ann.expect(b"still Ann, admin\r\n")
    asks(ann, "restart now", b"done\r\n")
    ann.expect(b"still Ann, admin\r\n")
    assert bob.is_connected()
