"""The game that ships, with real programs: what its own tests, which are in Lua, cannot see."""

import json
import re

import pytest

from browsers import chromium, quit_chromium
from daemons import TOP, free_port, wait_for
from players import Player
from terminals import Telnet, TinTin
from test_api import ask, value
from test_markup import client
from test_telnet_options import DO, ECHO, GMCP, IAC, SB, WILL, WONT, telnet

FIRST, SECOND = "open sesame", "barbarossa"


@pytest.fixture
def anteroom(holdfast):
    holdfast.maps = TOP / "server" / "lua" / "maps"
    holdfast.map = "anteroom"
    holdfast.listen()
    holdfast.listen("options", more="negotiate = always")
    holdfast.listen("web", "websocket")
    holdfast.port = free_port()
    holdfast.cvars = {"sv_api": "1", "sv_api_ports": f"127.0.0.1:{holdfast.port}"}
    holdfast.start()
    return holdfast


def enter(world, name, listener="telnet", **how):
    player = world.player(listener, **how)
    player.expect(b"Name: ")
    player.line(name)
    player.expect(f"Welcome, {name}.".encode())
    player.expect(b"Exits: ")
    return player


def give_password(player, password=FIRST):
    player.line("password")
    player.expect(b"Your new password: ")
    player.line(password)
    player.expect(b"The same once more: ")
    player.line(password)
    player.expect(b"Your name has its password now.\r\n")


def come_in(world, name, password=FIRST, listener="telnet", **how):
    player = world.player(listener, **how)
    player.expect(b"Name: ")
    player.line(name)
    player.expect(b"Password: ")
    player.line(password)
    player.expect(f"Welcome, {name}.".encode())
    return player


def contents(world, path):
    """The elements of an array that a route answers."""
    return [element["content"] for element in value(world, path)]


def admin(world, name="Ada"):
    """Somebody with the role that only the console gives."""
    player = enter(world, name)
    give_password(player)
    world.admin("server", "grant", name, "admin")
    player.line("quit")
    player.expect_end()
    return come_in(world, name)


def crash(world):
    world.server.kill9()
    world.start_server()


def test_each_command_with_two_players(anteroom):
    anna, ben = enter(anteroom, "Anna"), enter(anteroom, "Ben")
    anna.expect(b"Ben comes in from the road.\r\n")
    for line, mine, his in (
            ("look", b"Also here: Ben.\r\n", None),
            ("say hello", b"You say: hello\r\n", b"Anna says: hello\r\n"),
            ("'hello too", b"You say: hello too\r\n", b"Anna says: hello too\r\n"),
            ("emote bows", b"Anna bows.\r\n", b"Anna bows.\r\n"),
            (":smiles!", b"Anna smiles!\r\n", b"Anna smiles!\r\n"),
            ("tell be psst", b"You tell Ben: psst\r\n", b"Anna tells you: psst\r\n"),
            ("who", b"Ben is in the hall.\r\n2 people in all.\r\n", None),
            ("help say", b"say <text>: talks to those in the same room", None),
            ("help", b"who [<name>]: everyone in the house, or whose names begin so\r\n", None),
            ("news", b"The house is open.", None),
            ("colours 16", b"Colours are 16: \x1b[0;31mred\x1b[0m", None),
            ("colours off", b"Colours are off: red,", None),
            ("prompt on", b"The prompt is on.\r\n> ", None),
            ("prompt off", b"The prompt is off.\r\n", None),
            ("n", b"You are in the library.\r\n", b"Anna goes north.\r\n"),
            ("go south", b"You are in the hall.\r\n", b"Anna arrives from the north.\r\n"),
            ("west", b"You cannot go west from here.", None),
            ("dance", b'"dance" is not a word this house knows.', None),
            ("announce me", b'"announce" is not a word this house knows.', None),
            ("quit", b"Goodbye, Anna.\r\n", b"Anna has left.\r\n")):
        anna.line(line)
        anna.expect(mine)
        if his:
            ben.expect(his)
    anna.expect_end()


def test_a_password_is_changed_over_a_kill_at_each_step(anteroom):
    anna = enter(anteroom, "Anna")
    give_password(anna)
    anna.line("east")
    anna.expect(b"You are in the kitchen.\r\n")
    anna.line("password")
    for prompt, line in ((b"Your password until now: ", FIRST), (b"Your new password: ", SECOND),
                         (b"The same once more: ", SECOND)):
        anna.expect(prompt)
        crash(anteroom)
        anna.expect(prompt)  # it stands there again
        anna.line(line)
    anna.expect(b"Your name has its password now.\r\n")
    crash(anteroom)
    anna.line("look")
    anna.expect(b"You are in the kitchen.\r\n")
    anna.line("quit")
    anna.expect_end()
    again = anteroom.player()
    again.expect(b"Name: ")
    again.line("anna")
    again.expect(b"Password: ")
    again.line(FIRST)
    again.expect(b"That is not the password of Anna.\r\n")
    again.expect(b"Password: ")
    crash(anteroom)
    again.expect(b"Password: ")
    again.line(SECOND)
    again.expect(b"Welcome, Anna.")
    everything = b"".join(p.read_bytes() for p in anteroom.dir.rglob("*") if p.is_file())
    assert SECOND.encode() not in everything


def test_what_is_typed_for_a_password_is_hidden_from_the_first_letter_to_the_last(anteroom):
    player = anteroom.player("options")
    player.expect(b"Name: ")
    player.send(telnet(IAC, DO, GMCP))
    player.line("Anna")
    for package in ("Char.Name", "Room.Info"):
        player.expect(telnet(IAC, SB, GMCP, package, " {"))
    player.line("password")
    player.expect(telnet(IAC, WILL, ECHO))
    player.send(telnet(IAC, DO, ECHO))
    for prompt in (b"Your new password: ", b"The same once more: "):
        shown = player.expect(prompt)
        assert telnet(IAC, WONT, ECHO) not in shown
        player.line(FIRST)
    assert telnet(IAC, WONT, ECHO) not in player.expect(b"Your name has its password now.\r\n")
    player.expect(telnet(IAC, WONT, ECHO))


def test_who_comes_from_another_map_comes_in_by_the_door_and_sees_what_he_types(anteroom):
    player = enter(anteroom, "Anna", "options")
    player.send(telnet(IAC, DO, GMCP))
    player.line("password")
    player.expect(telnet(IAC, WILL, ECHO))
    player.send(telnet(IAC, DO, ECHO))
    player.expect(b"Your new password: ")
    anteroom.admin("server", "map", "four")
    anteroom.server.wait_log("map four: loaded")
    anteroom.admin("server", "map", "anteroom")
    player.expect(telnet(IAC, WONT, ECHO))
    player.expect(b"What is your name?\r\n")
    player.line("Anna")
    player.expect(b"Welcome, Anna.")


@pytest.mark.parametrize("kind", [Telnet, TinTin])
def test_passwords_are_not_seen_in_telnet_and_tintin(anteroom, kind):
    home = anteroom.dir / "home"
    home.mkdir()
    person = kind(anteroom.addresses["options"], home)
    anteroom.closers.append(person.close)
    person.expect("Name: ")
    person.line("Anna")
    person.expect("Exits: ")
    for line, prompt in (("password", "Your new password: "), (FIRST, "The same once more: "),
                         (FIRST, "has its password now"), ("password", "Your password until now: "),
                         (FIRST, "Your new password: "), (SECOND, "The same once more: "),
                         (SECOND, "has its password now"), ("say done", "You say: ")):
        person.line(line)
        person.expect(prompt)
    assert FIRST.encode() not in person.all and SECOND.encode() not in person.all
    assert b"say done" in person.all


def test_names_and_words_that_would_steer_are_refused_or_shown_as_they_are(anteroom):
    anna, raw = enter(anteroom, "Anna"), anteroom.player("telnet")
    raw.expect(b"Name: ")
    for name in ("{red}Bob{/}", "Bo\u009bb", "\u202eBob", "Bob\u2066", "B\x00o b", "<b>Bob</b>"):
        raw.line(name)
        raw.expect(b"What is your name?\r\n")
    raw.line("Bob")
    raw.expect(b"Exits: ")
    raw.line("say {red}a{{\u009b31m\u202eb\u2069 <c> &amp; %s \x07\x08d")
    anna.expect("Bob says: {red}a{{\ufffd31mb <c> &amp; %s".encode())
    raw.line("tell anna {/}{bold}")
    anna.expect(b"Bob tells you: {/}{bold}\r\n")
    raw.line("{red}")
    raw.expect(b'"{red}" is not a word this house knows.')
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae", anna.all)


def test_a_screen_reader_is_shown_words_alone(anteroom):
    player = client(anteroom, 1 | 4 | 8 | 64, listener="options", ask=None)
    player.expect(b"Name: ")
    player.line("Anna")
    player.expect(b"Exits: ")
    player.line("colours")
    player.expect(b"Colours are auto: red, green, blue, orange.\r\n")
    player.line("say done")
    player.expect(b"You say: done\r\n")
    assert b"\x1b" not in player.all and b"> " not in player.all


def test_admins_kick_ban_announce_and_say_who_may_come(anteroom):
    ada, ben = admin(anteroom), enter(anteroom, "Ben")
    cleo = enter(anteroom, "Cleo", source="127.0.0.9")
    ada.line("who")
    ada.expect(re.compile(rb"Cleo is in the hall, \d+:1 from 127\.0\.0\.9 .*with an unknown client"))
    ada.line("announce dinner is {red}served")
    for player in (ada, ben, cleo):
        player.expect(b"Announcement: dinner is {red}served\r\n")
    ada.line("ban 127.0.0.9 1h force no shouting")
    cleo.expect(b"no shouting")
    cleo.expect_end()
    banned = Player(anteroom.addresses["telnet"], source="127.0.0.9")
    anteroom.players.append(banned)
    banned.expect(b"no shouting")
    ada.line("unban 127.0.0.9")
    wait_for(lambda: not anteroom.admin("multiplexer", "bans"), "the ban is lifted")
    enter(anteroom, "Dora", source="127.0.0.9")
    ada.line("accept localhost")
    wait_for(lambda: anteroom.admin("multiplexer", "accept", "show") != "all", "it is told")
    ada.line("kick Ben be nice")
    ben.expect(b"be nice\r\n")
    ben.expect_end()
    ada.line("help")
    ada.expect(b"For admins: ")


def test_an_admin_restarts_the_game_and_is_still_one(anteroom):
    ada, ben = admin(anteroom), enter(anteroom, "Ben")
    before = anteroom.times_ready()
    ada.line("restart 2 for a {new} stove")
    ben.expect(b"for a {new} stove")
    anteroom.wait_ready(before + 1)
    ada.line("announce back again")
    ben.expect(b"Announcement: back again\r\n")


def test_other_programs_ask_who_is_where_and_announce(anteroom):
    anna, ben = enter(anteroom, "Anna"), enter(anteroom, "Ben")
    ben.line("n")
    ben.expect(b"You are in the library.\r\n")
    assert [(p["name"]["content"], p["room"]["content"]) for p in contents(anteroom, "/players")] == \
        [("Anna", "hall"), ("Ben", "library")]
    rooms = {r["id"]["content"]: r for r in contents(anteroom, "/rooms")}
    assert rooms["library"]["people"]["content"] == [{"content": "Ben", "type": "string"}]
    assert rooms["attic"]["exits"]["content"]["down"]["content"] == "library"
    for body in (None, "[]", '{"text": 5}', '{"text": ""}', "no json"):
        assert ask(anteroom, "/announce", "POST", body)[0] == 400
    assert ask(anteroom, "/announce", "POST", json.dumps({"text": "{red}dinner\x1b[2J"}))[0] == 200
    for player in (anna, ben):
        player.expect(b"Announcement: {red}dinner[2J\r\n")
    assert ask(anteroom, "/announce")[0] == 405


def test_the_page_plays_with_a_prompt_and_a_hidden_password(anteroom):
    driver, why = chromium()
    if driver is None:
        pytest.skip(why)
    anteroom.closers.append(lambda: quit_chromium(driver))
    host, port = anteroom.addresses["web"]
    driver.get(f"http://{host}:{port}/")

    def log():
        return driver.execute_script("return document.querySelector('[role=log]').innerText")

    def field():
        return driver.find_element("css selector", "form input")

    wait_for(lambda: "What is your name?" in log(), "the question is shown")
    field().send_keys("Anna\n")
    wait_for(lambda: "Exits: north" in log(), "the hall is shown")
    field().send_keys("password\n")
    wait_for(lambda: field().get_attribute("type") == "password", "the field hides what is typed")
    for prompt in ("once more", "has its password"):
        field().send_keys(FIRST + "\n")
        wait_for(lambda p=prompt: p in driver.execute_script("return document.body.innerText"), prompt)
    wait_for(lambda: field().get_attribute("type") == "text", "it shows again what is typed")
    assert FIRST not in driver.execute_script("return document.body.innerText")
