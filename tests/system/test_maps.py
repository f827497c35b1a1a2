"""The life of a map: another one takes its place, it is loaded anew, it fails, while players stay."""

import shutil

import pytest

from daemons import TOP, AdminError

# Says its name in every answer, so that players see which map runs.
TOWN = """
local me = "NAME"
game.on("start", function() log.info(me .. " begins") end)
game.on("stop", function(why)
	for p in players() do p:send(me .. " ends: " .. why) end
end)
game.on("join", function(p) p:send("welcome to " .. me) end)
game.on("restore", function(p, saved, from)
	p:send("back in " .. me .. " with " .. (saved and saved.word or "nothing"))
	if from then p:send("you came from " .. from) end
end)
game.on("input", function(p, line)
	local word, rest = line:match("^(%a+) ?(.*)$")
	if word == "save" then p:save({ word = rest }) p:send("saved")
	elseif word == "wait" then
		p:send("waiting")
		wait(0.5)
		p:send(me .. " waited")
	else p:send(me .. ": " .. line) end
end)
"""


def write_map(holdfast, name, text=None, more=""):
    if holdfast.maps.parent != holdfast.dir:
        maps = holdfast.dir / "maps"
        shutil.copytree(holdfast.maps, maps)
        holdfast.maps = maps
    folder = holdfast.maps / name
    folder.mkdir(exist_ok=True)
    (folder / "init.lua").write_text((text or TOWN).replace("NAME", name) + more)


def start_towns(holdfast, players=3):
    write_map(holdfast, "town")
    write_map(holdfast, "wood")
    holdfast.map = "town"
    holdfast.start()
    people = [holdfast.player() for _ in range(players)]
    for player in people:
        player.expect(b"welcome to town\r\n")
    return people


def test_players_go_from_map_to_map_and_stay_connected(holdfast):
    people = start_towns(holdfast)
    for number, player in enumerate(people[:2]):
        player.line(f"save word{number}")
        player.expect(b"saved\r\n")
    assert holdfast.admin("server", "map", "wood") is None
    for number, player in enumerate(people):
        player.expect(b"town ends: map\r\n[The game is now: wood.]\r\n")
        word = f"word{number}" if number < 2 else "nothing"
        player.expect(f"back in wood with {word}\r\nyou came from town\r\n".encode())
        player.line("hello")
        player.expect(b"wood: hello\r\n")
    assert holdfast.admin("server", "map") == {"map": "wood", "maps": sorted(
        path.name for path in holdfast.maps.iterdir())}
    assert holdfast.times_ready() == 1


def test_the_maps_that_ship_follow_each_other(holdfast):
    """Whoever comes from another map is greeted, even in the middle of a password."""
    holdfast.maps = TOP / "server" / "lua" / "maps"
    holdfast.map = "anteroom"
    holdfast.start()
    ann, bob = holdfast.player(), holdfast.player()
    for player, name in ((ann, b"Ann"), (bob, b"Bob")):
        player.expect(b"What is your name?")
        player.line(name)
        player.expect(b"You are in ")
    bob.line("password")
    bob.expect(b"new password")
    holdfast.admin("server", "map", "four")
    for player, name in ((ann, b"Ann"), (bob, b"Bob")):
        player.expect(b"[The game is now: four.]\r\nFour in a row. What is your name?")
        player.line(name)
        player.expect(b"Welcome, " + name)
    holdfast.restart()
    ann.line("who")
    ann.expect(b"Bob")
    holdfast.admin("server", "map", "anteroom")
    for player in (ann, bob):
        player.expect(b"[The game is now: anteroom.]\r\nWelcome to ")
        player.expect(b"What is your name?")
    ann.line("Ann")
    ann.expect(b"You are in ")
    holdfast.server.kill9()
    holdfast.start_server()
    ann.line("look")
    ann.expect(b"You are in ")
    assert b"wrong" not in ann.all.lower() and "script" not in ann.all.decode("utf-8", "replace")
    assert "error" not in holdfast.server.text()


def test_who_waits_in_a_map_that_ends_is_not_heard_of_again(holdfast):
    people = start_towns(holdfast)
    people[0].line("wait")
    people[0].expect(b"waiting\r\n")
    holdfast.admin("server", "map", "wood")
    people[0].expect(b"back in wood with nothing\r\n")
    people[0].line("wait")
    people[0].expect(b"wood waited\r\n")
    assert b"town waited" not in people[0].all


def test_a_map_that_fails_is_refused_with_file_and_line_and_the_old_one_plays_on(holdfast):
    people = start_towns(holdfast)
    write_map(holdfast, "bad", "\nlocal function(\n")
    write_map(holdfast, "worse", "\n\nerror('no world')\n")
    for name, why in (("bad", r"bad/init.lua:2: .*expected"), ("worse", "worse/init.lua:3: no world"),
                      ("nowhere", "there is no"), ("../maps/wood", "no name of a map")):
        with pytest.raises(AdminError, match=why):
            holdfast.admin("server", "map", name)
    for player in people:
        player.line("hello")
        player.expect(b"town: hello\r\n")
        assert b"ends" not in player.all


def test_a_reload_takes_the_new_code_and_one_with_a_mistake_keeps_the_old(holdfast):
    people = start_towns(holdfast)
    people[0].line("save cat")
    people[0].expect(b"saved\r\n")
    write_map(holdfast, "town", more="local = 1\n")
    with pytest.raises(AdminError, match=r"town/init.lua:\d+: <name> expected"):
        holdfast.admin("server", "reload")
    people[0].line("hello")
    people[0].expect(b"town: hello\r\n")
    write_map(holdfast, "town", TOWN.replace("me .. \": \"", "me .. \" anew: \""))
    holdfast.admin("server", "reload")
    people[0].expect(b"town ends: restart\r\n")
    people[0].expect(b"back in town with cat\r\n")
    for player in people:
        player.line("hello")
        player.expect(b"town anew: hello\r\n")


def test_restart_and_crash_go_on_with_the_map_that_was_chosen(holdfast):
    people = start_towns(holdfast)
    holdfast.admin("server", "map", "wood")
    people[0].expect(b"back in wood with nothing\r\n")
    holdfast.restart()
    people[0].expect(b"back in wood with nothing\r\n")
    holdfast.server.kill9()
    holdfast.start_server()
    people[0].expect(b"back in wood with nothing\r\n")
    # Until somebody sets another one.
    holdfast.server.end()
    holdfast.map = "ledger"
    holdfast.start_server()
    people[0].line("1")
    people[0].expect(b"ok 1 1\r\n")


def test_without_a_map_the_server_stays_and_says_so_and_can_be_mended(holdfast):
    write_map(holdfast, "town", "error('no world')\n")
    holdfast.map = "town"
    holdfast.start()
    holdfast.server.wait_log(r"error.*town/init.lua:1: no world")
    player = holdfast.player()
    player.expect(b"The game could not be started. Its admins know")
    player.line("hello?")
    player.expect(b"Its admins know")
    assert "no world" in holdfast.admin("server", "map")["failed"]
    write_map(holdfast, "town")
    holdfast.admin("server", "reload")
    player.expect(b"back in town with nothing\r\n")
    assert "failed" not in holdfast.admin("server", "map")


def test_what_a_player_types_while_maps_change_is_heard_once(holdfast):
    """Forty changes under a flood of lines: none is lost, none is answered twice."""
    people = start_towns(holdfast, 1)
    lines = 400
    for number in range(lines):
        people[0].line(f"line {number}")
        if number % 10 == 0:
            holdfast.admin("server", "map", "wood" if number % 20 == 0 else "town")
    people[0].expect(f": line {lines - 1}\r\n".encode())
    answers = [line for line in people[0].all.split(b"\r\n") if b": line " in line]
    assert [int(line.rpartition(b" ")[2]) for line in answers] == list(range(lines))


# -- restart with a countdown -----------------------------------------------------------------------

def test_players_see_the_seconds_go_by_and_stay(holdfast):
    people = start_towns(holdfast)
    before = holdfast.times_ready()
    assert holdfast.ctl("restart", "3", "new", "rooms").returncode == 0
    assert holdfast.admin("server", "status")["restart_in_s"] <= 3
    for player in people:
        player.expect(b"[The game restarts in 3 seconds: new rooms. You stay connected.]\r\n")
        player.expect(b"[The game restarts in 1 second: new rooms. You stay connected.]\r\n")
        player.expect(b"back in town with nothing\r\n")
    holdfast.wait_ready(before + 1)
    assert "restart_in_s" not in holdfast.admin("server", "status")


def test_a_countdown_can_be_replaced_and_called_off(holdfast):
    people = start_towns(holdfast)
    holdfast.admin("server", "restart", "600")
    people[0].expect(b"[The game restarts in 10 minutes. You stay connected.]\r\n")
    holdfast.admin("server", "restart", "300", "sooner")
    people[0].expect(b"[The game restarts in 5 minutes: sooner. You stay connected.]\r\n")
    holdfast.admin("server", "restart", "cancel")
    people[0].expect(b"[The restart is called off.]\r\n")
    with pytest.raises(AdminError, match="no restart to call off"):
        holdfast.admin("server", "restart", "cancel")


def test_a_server_that_is_killed_in_the_middle_of_a_countdown_has_no_countdown(holdfast):
    people = start_towns(holdfast)
    holdfast.admin("server", "restart", "60")
    people[0].expect(b"[The game restarts in 1 minute. You stay connected.]\r\n")
    holdfast.server.kill9()
    holdfast.start_server()
    for player in people:
        player.expect(b"back in town with nothing\r\n")
    assert "restart_in_s" not in holdfast.admin("server", "status")


def test_a_new_program_that_would_not_start_is_refused_with_its_own_words(holdfast):
    """It passes every check that the running one can make; only running it tells."""
    holdfast.use_own_binaries()
    people = start_towns(holdfast)
    program = holdfast.bin / "holdfast-server"
    good = holdfast.dir / "good"
    program.rename(good)
    program.write_text("#!/bin/sh\necho libfancy.so: cannot open shared object file >&2\nexit 127\n")
    program.chmod(0o755)
    result = holdfast.ctl("restart")
    assert result.returncode == 1
    assert "libfancy.so: cannot open shared object file" in result.stderr
    people[0].line("hello")
    people[0].expect(b"town: hello\r\n")
    program.unlink()
    good.rename(program)
    holdfast.restart()
    people[0].expect(b"back in town with nothing\r\n")


def test_an_admin_speaks_to_everybody_and_steers_nobodys_terminal(holdfast):
    people = start_towns(holdfast)
    holdfast.admin("server", "say", "dinner\x1b[2J", "at", "six \u00e4\u009b")
    for player in people:
        player.expect("[Admin: dinner?[2J at six \u00e4??]\r\n".encode())
