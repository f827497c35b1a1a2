"""Who types while no game is there, and leaves before it is back, has still said it."""

from daemons import AWAY, CRASHED, wait_for


def known(holdfast, **options):
    """A user the game knows, with something saved: (server, link, player, key)."""
    server, link = holdfast.start_with_script(**options)
    player = holdfast.player()
    key = server.newcomer(link)
    link.send("SAVE SUBCLIENT INFO", key, b"he is Bob")
    link.expect("SAVED SUBCLIENT INFO", key)
    return server, link, player, key


def nothing_else(link):
    """What a turn tells at its end comes behind the answer to a question of that turn."""
    assert link.sync() + link.sync() == []


def leave(holdfast, *players):
    count = len(holdfast.users())
    for player in players:
        player.close()
    wait_for(lambda: len(holdfast.users()) == count - len(players), "the multiplexer sees them go")


def say_and_leave(holdfast, player, text):
    before = holdfast.metric("bytes_from_users")
    player.line(text)
    wait_for(lambda: holdfast.metric("bytes_from_users") > before, "it is read")
    leave(holdfast, player)


def test_the_next_game_hears_of_him_his_words_and_his_end_in_this_order(holdfast):
    server, link, player, key = known(holdfast)
    link.close()
    player.expect(CRASHED)
    say_and_leave(holdfast, player, "drop sword")
    later = holdfast.player()
    later.expect(AWAY)
    later.line("I came later")
    link = server.start()
    assert list(link.users) == [key]
    assert link.users[key].saved == b"he is Bob"
    link.expect("GOT SUBCLIENT TEXT", key, b"drop sword\n")
    link.expect("LOST SUBCLIENT", key)
    later_key = server.newcomer(link)
    link.expect("GOT SUBCLIENT TEXT", later_key, b"I came later\n")
    link.send("GET SUBCLIENT SAVED INFO", key)  # what was saved died with him
    link.expect("NO SUCH SUBCLIENT", key)
    # The game after that one hears nothing of him any more.
    link.close()
    link = server.start()
    assert list(link.users) == [later_key]
    nothing_else(link)


def test_a_stranger_who_came_typed_and_left_is_told_like_one_who_came(holdfast):
    holdfast.start_multiplexer()
    player = holdfast.player()
    player.expect(AWAY)
    say_and_leave(holdfast, player, "hello?")
    server = holdfast.scripted_server()
    link = server.start()
    assert link.users == {}
    key = server.newcomer(link)
    link.expect("GOT SUBCLIENT TEXT", key, b"hello?\n")
    link.expect("LOST SUBCLIENT", key)


def test_a_game_that_dies_before_it_is_ready_leaves_him_to_the_next(holdfast):
    server, link, player, key = known(holdfast)
    link.close()
    player.expect(CRASHED)
    say_and_leave(holdfast, player, "drop sword")
    for _ in range(3):
        link = server.start(ready=False)
        assert link.users[key].saved == b"he is Bob"
        link.close()
    link = server.start()
    link.expect("GOT SUBCLIENT TEXT", key, b"drop sword\n")
    link.expect("LOST SUBCLIENT", key)
    nothing_else(link)


def test_one_who_left_while_not_ready_is_not_lost_when_that_game_dies(holdfast):
    server, link, player, key = known(holdfast)
    link.send("NOT READY")
    link.sync()
    say_and_leave(holdfast, player, "drop sword")
    link.close()
    link = server.start()
    assert link.users[key].saved == b"he is Bob"
    link.expect("GOT SUBCLIENT TEXT", key, b"drop sword\n")
    link.expect("LOST SUBCLIENT", key)


def test_the_game_may_ask_save_and_kill_before_it_hears_that_he_left(holdfast):
    server, link, player, key = known(holdfast)
    link.close()
    player.expect(CRASHED)
    say_and_leave(holdfast, player, "drop sword")
    link = server.start(ready=False)
    link.send("SEND SUBCLIENT TEXT", key, b"welcome back\r\n")
    link.send("SAVE SUBCLIENT INFO", key, b"new")
    link.expect("SAVED SUBCLIENT INFO", key)
    link.send("GET SUBCLIENT SAVED INFO", key)
    link.expect("SUBCLIENT SAVED INFO IS", key, b"new")
    link.send("KILL SUBCLIENT", key)
    link.expect("KILLED SUBCLIENT", key)
    link.send("READY")
    nothing_else(link)


def test_no_more_are_kept_than_is_set_and_strangers_take_only_half_of_the_places(holdfast):
    server, link = holdfast.start_with_script(departed_max="6")
    players = [holdfast.player() for _ in range(5)]
    keys = [server.newcomer(link) for _ in players]
    link.close()
    for n in range(5):
        stranger = holdfast.player()
        stranger.expect(AWAY)
        say_and_leave(holdfast, stranger, f"stranger {n}")
    assert holdfast.metric("input_dropped") == 2
    for player in players:
        say_and_leave(holdfast, player, "player")
    assert holdfast.metric("input_dropped") == 2 + 2
    answer = holdfast.admin("multiplexer", "queues")
    assert answer["bytes"] == answer["sum"] > 0
    link = server.start()
    assert list(link.users) == keys[:3]
    while sum(m[0] == "LOST SUBCLIENT" for m in link.heard) < 6:
        link.next()
    assert holdfast.admin("multiplexer", "queues")["bytes"] == 0


def test_quit_typed_while_the_game_is_away_waits_for_it_like_anything_else(holdfast):
    server, link, player, key = known(holdfast)
    link.close()
    player.expect(CRASHED)
    player.line("quit")
    wait_for(lambda: holdfast.users()[0]["held"] > 0, "it is held")
    assert player.is_connected()
    link = server.start()
    link.expect("GOT SUBCLIENT TEXT", key, b"quit\n")


def test_the_real_game_carries_out_what_one_who_left_meanwhile_had_typed(holdfast):
    holdfast.map = "talker"
    holdfast.start()
    leaver, other = holdfast.player(), holdfast.player()
    for player in (leaver, other):
        player.expect(b"hello telnet-line\r\n")
    holdfast.server.kill9()
    other.expect(b"[The game crashed")
    say_and_leave(holdfast, leaver, "all 1")
    holdfast.start_server()
    other.expect(b"00000001 aaa")


def test_the_end_of_the_multiplexer_does_not_wait_for_those_who_left(holdfast):
    server, link, player, key = known(holdfast)
    link.close()
    server.close()
    player.expect(CRASHED)
    say_and_leave(holdfast, player, "drop sword")
    assert holdfast.multiplexer.end() == 0
