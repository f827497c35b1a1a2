"""The console of holdfastctl: typed at a terminal, or from a pipe."""

import os
import subprocess

import pytest

from daemons import wait_for
from terminals import Terminal
from test_maps import start_towns, write_map


@pytest.fixture
def console(holdfast):
    """console(daemon): holdfastctl in a terminal of its own."""
    opened = []

    def open_console(daemon="server"):
        terminal = Terminal([str(holdfast.bin / "holdfastctl"), "--run-dir", str(holdfast.run_dir),
                             daemon], holdfast.dir)
        opened.append(terminal)
        terminal.expect(f"{daemon}> ")
        return terminal

    yield open_console
    for terminal in opened:
        terminal.close()


def run_piped(holdfast, daemon, text, *options):
    return subprocess.run([str(holdfast.bin / "holdfastctl"), "--run-dir", str(holdfast.run_dir),
                           *options, daemon], input=text, capture_output=True, text=True, timeout=60)


def test_a_command_a_cvar_and_a_players_name_are_completed(holdfast, console):
    holdfast.map = "keeper"
    holdfast.start()
    player = holdfast.player()
    player.line("name Annabel")
    player.expect(b"I am Annabel\r\n")
    terminal = console()
    terminal.child.send("stat\t\r")
    terminal.expect("holdfast-server", "server> ")
    terminal.child.send("set sv_na\t\"The Cave\"\r")
    terminal.expect("done", "server> ")
    terminal.child.send("kick anna\tbe nice\r")
    assert b"You were disconnected by an admin: be nice" in player.expect_end()
    terminal.expect("done", "server> ")
    assert holdfast.admin("server", "get", "sv_name") == {"sv_name": "The Cave"}


def test_what_can_be_meant_is_listed_and_the_line_stays(holdfast, console):
    holdfast.start()
    terminal = console()
    terminal.child.send("accept \t\t")
    terminal.expect("localhost  all  show", "server> accept ")
    terminal.child.send("sh\t\r")
    terminal.expect("accept: all")


def test_the_line_before_comes_back_and_ctrl_c_gives_up_a_line(holdfast, console):
    holdfast.start()
    terminal = console("multiplexer")
    terminal.line("accept show")
    terminal.expect("accept: all", "multiplexer> ")
    terminal.child.send("\x1b[A\r")
    terminal.expect("accept: all", "multiplexer> ")
    terminal.child.send("accept localhost")
    terminal.expect("accept localhost")
    terminal.child.send("\x03")
    terminal.child.send("status\r")
    terminal.expect("holdfast-multiplexer")
    assert holdfast.admin("multiplexer", "accept") == {"accept": "all"}


def test_quit_asks_once_more_and_exit_only_leaves(holdfast, console):
    holdfast.start()
    terminal = console()
    terminal.line("quit")
    terminal.expect("This ends the server itself", "server> ")
    terminal.line("status")
    terminal.expect("holdfast-server", "server> ")
    terminal.line("quit")
    terminal.expect("This ends the server itself", "server> ")
    terminal.line("exit")
    wait_for(lambda: not terminal.read() and not terminal.child.isalive(), "the console is left")
    assert holdfast.server.is_alive()
    terminal = console()
    terminal.child.send("\x04")
    wait_for(lambda: not terminal.read() and not terminal.child.isalive(), "and by Ctrl-D")
    terminal = console()
    terminal.line("quit")
    terminal.expect("This ends the server itself", "server> ")
    terminal.line("quit")
    terminal.expect("done")
    holdfast.expected_status[holdfast.server.pid] = 3
    assert holdfast.server.wait() == 3


def test_the_console_outlives_the_server(holdfast, console):
    holdfast.start()
    terminal = console()
    holdfast.server.kill9()
    terminal.line("status")
    terminal.expect("the game is restarting or away; players wait", "server> ")
    holdfast.start_server()
    before = holdfast.times_ready()
    terminal.line("restart")
    terminal.expect("done", "server> ")
    holdfast.wait_ready(before + 1)
    terminal.line("status")
    terminal.expect("holdfast-server", "server> ")


def test_commands_come_from_a_pipe_too(holdfast):
    holdfast.start()
    result = run_piped(holdfast, "server", "// a remark\nset sv_name Cave\n\nget sv_name\nexit\nquit\n")
    assert result.returncode == 0 and result.stdout == "done\nsv_name: Cave\n", result
    result = run_piped(holdfast, "multiplexer", "frob\naccept show\n")
    assert result.returncode == 1 and "no such command: frob" in result.stderr, result
    assert result.stdout == "accept: all\n"
    result = run_piped(holdfast, "server", "get sv_name\n", "--json")
    assert result.stdout == '{"ok":true,"answer":{"sv_name":"Cave"}}\n'


def test_commands_of_the_map_are_on_the_console(holdfast, console):
    start_towns(holdfast, 1)
    write_map(holdfast, "wood", more="""
command("shout", { usage = "<player> <text>", help = "be heard" }, function(caller, words, rest)
	all:send(caller.name .. " shouts " .. rest)
	caller:send("it echoes")
end)
""")
    holdfast.admin("server", "map", "wood")
    people = holdfast.players
    people[0].expect(b"back in wood")
    assert holdfast.admin("server", "shout", "hello", "there") == "it echoes\n"
    people[0].expect(b"console shouts hello there\r\n")
    terminal = console()
    terminal.child.send("sho\thi\r")
    terminal.expect("it echoes", "server> ")
    terminal.line("help shout")
    terminal.expect("be heard")


def test_what_players_are_called_never_steers_the_admins_terminal(holdfast, console):
    write_map(holdfast, "town", """
game.on("join", function(p) end)
command("bad", {}, function(caller) caller:send("red \\27[31m and \\xff and \\xc2\\x9b.") end)
""")
    holdfast.map = "town"
    holdfast.start()
    terminal = console()
    terminal.line("bad")
    terminal.expect(r"red ", "server> ")
    tail = terminal.all.partition(b"red ")[2].partition(b"\n")[0]
    assert not any(byte < 0x20 and byte != 0x0d or 0x80 <= byte for byte in tail), tail
    assert os.path.exists(holdfast.run_dir)


def test_seta_outlives_a_restart_and_a_crash(holdfast):
    holdfast.start()
    holdfast.admin("server", "seta", "sv_name", "The \"Deep\" Cave")
    holdfast.admin("server", "set", "sv_fps", "33")
    holdfast.restart()
    assert holdfast.admin("server", "get", "sv_name") == {"sv_name": 'The "Deep" Cave'}
    assert holdfast.admin("server", "get", "sv_fps") == {"sv_fps": "20"}
    holdfast.server.kill9()
    holdfast.start_server()
    assert holdfast.admin("server", "get", "sv_name") == {"sv_name": 'The "Deep" Cave'}
    holdfast.admin("server", "seta", "sv_name")
    holdfast.restart()
    assert holdfast.admin("server", "get", "sv_name") == {"sv_name": "Holdfast"}
