"""Networks that nobody is let in from: who may make bans, whom they keep out and throw out, what they
outlive, and who hears of them."""

import json
import socket

import pytest

from daemons import Daemon, wait_for
from players import Player
from test_chain import tower # pylint: disable=unused-import
from test_several_multiplexers import open_fronts

HOME = "127.0.0.1"
AWAY = "127.0.0.2"  # another address of this machine, which is banned in most tests
WORDS = b"You are banned from here: no more spam\r\n"


@pytest.fixture
def game(holdfast):
    holdfast.listen()
    holdfast.map = "banner"
    holdfast.start()
    return holdfast


def bans(holdfast, who="multiplexer"):
    """{network: (reason, by, whether it ends)}"""
    return {ban["net"]: (ban["reason"], ban["by"], ban["seconds_left"] is not None)
            for ban in holdfast.admin(who, "bans")}


def wait_bans(holdfast, *nets):
    for who in ("multiplexer", "server"):
        wait_for(lambda who=who: sorted(bans(holdfast, who)) == sorted(nets), f"{who} bans {nets}")


def is_let_in(holdfast, source=AWAY, where="telnet"):
    visitor = holdfast.player(where, source=source)
    try:
        visitor.line("hello")
    except OSError:
        pass
    try:
        visitor.expect(b"you say hello\r\n")
        return True
    except AssertionError:
        assert visitor.ended and visitor.all.startswith(b"You are banned from here"), visitor.all
        return False
    finally:
        visitor.close()


def say(player, line, answer=b"says true\r\n"):
    player.line(line)
    player.expect(answer)


def ban_by_ctl(holdfast, net):
    assert holdfast.ctl("ban", net, "1h", "force", "no more spam").returncode == 0


def ban_by_console(holdfast, net):
    holdfast.admin("server", "ban", net, "1h", "force", "no more spam")


def ban_by_script(holdfast, net):
    player = holdfast.player()
    say(player, f"force {net} 3600")
    player.close()


@pytest.mark.parametrize("ban", [ban_by_ctl, ban_by_console, ban_by_script])
def test_a_ban_is_made_from_everywhere_and_keeps_out_and_throws_out(game, ban):
    bystander, target = game.player(), game.player(source=AWAY)
    for player in (bystander, target):
        say(player, "hello", b"you say hello\r\n")
    ban(game, AWAY)
    target.expect(b"[You are banned from here: ")
    target.expect_end()
    wait_bans(game, AWAY)
    before = game.metric("users_accepted")
    assert not is_let_in(game)
    assert game.metric("users_accepted") == before
    assert is_let_in(game, HOME)
    say(bystander, "bans", b"that is all\r\n")
    assert bystander.is_connected()
    assert game.metric("closed_banned") == 2
    answer = game.ctl("unban", AWAY)
    assert answer.returncode == 0
    wait_bans(game)
    assert is_let_in(game)


def test_a_player_is_banned_by_his_name_his_key_or_his_handle(game):
    for word in ("key", "script"):
        admin, target = game.player(), game.player(source=AWAY)
        say(target, "name Tom")
        key = next(u["key"] for u in game.users() if u["address"] == AWAY)
        if word == "key":
            assert json.loads(game.ctl("--json", "ban", key, "force").stdout)["answer"]["net"] == AWAY
        else:
            say(admin, "him Tom")
        target.expect_end()
        wait_bans(game, AWAY)
        say(admin, f"unban {AWAY}")
        wait_bans(game)


def test_a_ban_of_one_who_has_left_or_of_a_name_says_what_it_lacks(game):
    visitor = game.player()
    say(visitor, "hello", b"you say hello\r\n")
    key = game.users()[0]["key"]
    visitor.close()
    wait_for(lambda: not game.users(), "he has left")
    wait_for(lambda: not game.admin("server", "players"), "the game knows it")
    for word in (key, "5", "1:2:3"):
        assert f"no such user: {word}; `users` lists the keys" in game.ctl("ban", word).stderr
        assert f"no such player: {word}; `players`" in game.ctl("server", "ban", word).stderr
    assert "'Tom' is no IP address; for a name: holdfastctl server ban NAME" in \
        game.ctl("ban", "Tom").stderr
    for who in ("multiplexer", "server"):
        for word in ("192.0.2", "2001:dg8::1", "192.0.2.0/x"):
            stderr = game.ctl(who, "ban", word).stderr
            assert stderr.startswith("holdfastctl: ban: ") and "for a name" not in stderr, stderr


def test_one_who_is_kept_may_stay_but_not_come_again(game):
    admin, target = game.player(), game.player(source=AWAY)
    say(target, "hello", b"you say hello\r\n")
    say(admin, "keep 127.0.0.2")
    wait_bans(game, AWAY)
    say(target, "hello", b"you say hello\r\n")
    assert not is_let_in(game)


def test_a_ban_of_this_machine_or_of_half_the_world_needs_the_word_force(game):
    player = game.player()
    for net, why in (("127.0.0.1", "this machine"), ("::1", "this machine"),
                     ("127.0.0.0/8", "this machine"), ("0.0.0.0/0", "very large"),
                     ("::/0", "very large"), ("8.0.0.0/6", "very large"), ("2000::/3", "very large"),
                     ("::ffff:0:0/96", "very large")):
        for answer in (game.ctl("ban", net, "x"), game.ctl("server", "ban", net, "x")):
            assert answer.returncode == 1 and why in answer.stderr + answer.stdout, answer
        player.line(f"ban {net}")
        player.expect(b"says nil: ")
    for who in ("multiplexer", "server"):
        assert "'7y' is no time such as" in game.ctl(who, "ban", "192.0.2.1", "7y").stderr
    player.line("ban 1.2.3.4/5")
    player.expect(b"behind the network's own")
    player.line("ban nonsense")
    player.expect(b"no IP address")
    player.line("unban 9.9.9.9")
    player.expect(b"says nil: it is not banned")
    assert game.ctl("unban", "9.9.9.9").returncode == 1
    assert game.ctl("server", "unban", "9.9.9.9").returncode == 1
    wait_bans(game)
    game.admin("multiplexer", "ban", "8.0.0.0/6", "force")
    wait_bans(game, "8.0.0.0/6")


def test_bans_end_when_their_time_is_over(game):
    game.admin("multiplexer", "ban", AWAY, "2", "force")
    wait_bans(game, AWAY)
    assert not is_let_in(game)
    wait_bans(game)
    assert is_let_in(game)


def test_bans_outlive_everything_that_ends(game):
    game.admin("server", "ban", "192.0.2.0/24", "2h", "no", "more", "spam")
    game.admin("server", "ban", "2001:db8::/32")
    game.admin("server", "ban", AWAY, "force", "no more spam")
    game.admin("multiplexer", "ban", "198.51.100.1")
    wait_bans(game, "192.0.2.0/24", "2001:db8::/32", AWAY, "198.51.100.1")
    game.admin("multiplexer", "unban", "198.51.100.1")
    all_of_them = bans(game)
    assert all_of_them["192.0.2.0/24"][0] == "no more spam" and all_of_them["192.0.2.0/24"][2]
    assert all_of_them["2001:db8::/32"][0] is None and not all_of_them["2001:db8::/32"][2]
    game.server.kill9()
    assert game.player(source=AWAY).expect_end() == WORDS # also while it is away
    game.start_server()
    wait_for(lambda: bans(game, "server") == all_of_them, "the new game knows them")
    game.restart()
    wait_for(lambda: bans(game, "server") == all_of_them, "and the next one")
    assert not is_let_in(game)
    path = game.run_dir / "bans"
    wait_for(lambda: "198.51.100.1" in path.read_text() and "lifted" in path.read_text(), "written")
    game.multiplexer.kill9()
    game.start_multiplexer()
    assert bans(game) == all_of_them
    game.wait_ready()
    assert not is_let_in(game)
    wait_for(lambda: bans(game, "server") == all_of_them, "all know all")
    game.server.end()
    game.multiplexer.end()
    game.start()
    assert bans(game) == all_of_them
    assert not is_let_in(game)


def test_a_damaged_file_is_named_with_its_lines_and_nothing_of_it_is_lost(holdfast):
    holdfast.listen()
    path = holdfast.run_dir / "bans"
    text = (b'{"holdfast": "bans", "written": 1700000000, "count": 7}\n'
            b'{"net": "192.0.2.0/24", "made": 1700000000, "until": null, "by": "x", "reason": "a"}\n'
            b'{"net": "192.0.2.0/24\n'
            b'\xff\xfe\0 noise\n'
            b'{"net": "nowhere", "made": 1, "until": null, "by": "x"}\n'
            b'{"net": "198.51.100.0/24", "made": 1700000000, "until": 1700000001, "by": "x"}\n'
            b'{"net": "203.0.113.9", "made": 1700000000, "until": null, "by": "x"}')
    path.write_bytes(text)
    holdfast.start()
    for line, what in ((3, "newline"), (4, "."), (5, "no IP address"),
                       (8, "lines are missing")):
        holdfast.multiplexer.wait_log(rf"{path}:{line}: .*{what}")
    assert sorted(bans(holdfast)) == ["192.0.2.0/24", "203.0.113.9"]
    wait_for(lambda: path.read_bytes() != text, "written anew")
    assert (holdfast.run_dir / "bans.damaged").read_bytes() == text
    holdfast.multiplexer.end()
    path.unlink()
    path.mkdir()
    failed = Daemon([holdfast.bin / "holdfast-multiplexer", "--config",
                     holdfast.dir / "multiplexer.conf", "--run-dir", holdfast.run_dir],
                    holdfast.dir / "failed.log")
    assert failed.wait() == 1
    assert f"{path}: the bans cannot be read: no regular file" in failed.text()
    path.rmdir()
    holdfast.start()


def test_a_mapped_address_is_the_address_it_maps(game):
    game.admin("multiplexer", "ban", "::ffff:127.0.0.2", "force")
    wait_bans(game, AWAY)
    assert not is_let_in(game)
    assert is_let_in(game, HOME)


def proxy_header(source):
    return f"PROXY TCP4 {source} 127.0.0.1 5000 4000\r\n".encode()


def test_behind_a_proxy_the_address_it_tells_is_judged(holdfast):
    holdfast.listen("proxied", more="proxies = '127.0.0.1'")
    _, port = holdfast.listen("page", kind="websocket", more="proxies = '127.0.0.1'")
    holdfast.map = "banner"
    holdfast.start()
    holdfast.admin("multiplexer", "ban", "192.0.2.0/24", "no", "more", "spam")
    holdfast.admin("multiplexer", "ban", HOME, "force")
    stays = holdfast.player("proxied")
    stays.send(proxy_header("198.51.100.1"))
    say(stays, "hello", b"you say hello\r\n")
    for address in ("192.0.2.1", "192.0.2.255"):
        visitor = holdfast.player("proxied")
        visitor.send(proxy_header(address))
        assert visitor.expect_end() == WORDS
    visitor = holdfast.player("page")
    visitor.send(proxy_header("192.0.2.1") + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = visitor.expect_end()
    assert answer.startswith(b"HTTP/1.1 403 ") and b"no more spam" in answer
    holdfast.admin("multiplexer", "ban", "198.51.100.1")
    assert b"You are banned" in stays.expect_end()
    assert holdfast.metric("closed_banned") == 4


def test_by_tls_one_who_is_banned_is_closed_before_any_of_it_is_spoken(tls):
    tls.listen("proxied", "telnet-line", "proxies = '127.0.0.1'")
    tls.listen("direct", "telnet-line")
    tls.start("banner")
    holdfast = tls.holdfast
    stays = tls.player("direct", trust=tls.trust, name="localhost")
    say(stays, "hello", b"you say hello\r\n")
    holdfast.admin("multiplexer", "ban", AWAY, "force")
    assert holdfast.player("direct", source=AWAY).expect_end() == b""
    visitor = holdfast.player("proxied")
    visitor.send(proxy_header(AWAY) + b"\x16\x03\x01")
    assert visitor.expect_end() == b""
    assert tls.metric("tls_handshakes") == 1 and holdfast.metric("closed_banned") == 2
    holdfast.admin("multiplexer", "ban", HOME, "force", "no", "more", "spam")
    stays.expect(b"[You are banned from here: no more spam]\r\n")
    stays.expect_end()


def test_a_browser_is_told_403_and_a_local_socket_is_never_banned(holdfast):
    holdfast.listen("page", kind="websocket")
    holdfast.listen("local", where="unix")
    holdfast.map = "banner"
    holdfast.start()
    holdfast.admin("multiplexer", "ban", "::/0", "force", "no", "more", "spam")
    for _ in range(20): # whether what it asks comes before we close or after
        visitor = holdfast.player("page")
        visitor.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = visitor.expect_end()
        assert answer.startswith(b"HTTP/1.1 403 ") and answer.endswith(WORDS.replace(b"\r\n", b"\n"))
    say(holdfast.player("local"), "hello", b"you say hello\r\n")


def test_ten_thousand_bans_are_kept_and_one_more_is_refused(holdfast):
    """And an accept costs no more than with one: those who are not banned come in as before."""
    holdfast.listen()
    holdfast.map = "banner"
    lines = [json.dumps({"holdfast": "bans", "written": 1700000000, "count": 9999})]
    lines += [json.dumps({"net": f"10.{n >> 8}.{n & 255}.{n % 7 * 16}/{28 + n % 5 if n % 7 * 16 % 16 == 0 else 32}",
                          "made": 1700000000 + n, "until": None, "by": "test", "reason": "r" * 100})
              for n in range(9999)]
    (holdfast.run_dir / "bans").write_text("\n".join(lines) + "\n")
    holdfast.start()
    wait_for(lambda: len(holdfast.admin("server", "bans")) == 9999, "the game knows all")
    holdfast.admin("server", "ban", AWAY, "force")
    wait_for(lambda: holdfast.metric("bans_now") == 10000, "full")
    for who in ("multiplexer",):
        answer = holdfast.ctl(who, "ban", "203.0.113.1")
        assert answer.returncode == 1 and "there are 10000 bans" in answer.stderr
    holdfast.admin("server", "ban", "203.0.113.1")
    holdfast.server.wait_log("the multiplexer does not ban 203.0.113.1: there are 10000 bans")
    assert not is_let_in(holdfast)
    assert is_let_in(holdfast, HOME)
    holdfast.server.kill9()
    holdfast.start_server()
    wait_for(lambda: len(holdfast.admin("server", "bans")) == 10000, "so does the next one")


def test_a_ban_goes_down_the_chain_as_far_as_it_is_long(tower):
    upper = tower.worlds[0]
    upper.map = "banner"
    lower = tower.lean(upper)
    upper.start()
    lower.start_multiplexer()
    lower.wait_ready()
    below, admin = lower.player(source=AWAY), lower.player()
    for player in (below, admin):
        say(player, "hello", b"you say hello\r\n")
    say(admin, f"force {AWAY}")
    below.expect(b"[You are banned from here: forced]")
    below.expect_end()
    wait_for(lambda: list(bans(lower)) == list(bans(upper)) == [AWAY], "both ban him")
    assert not is_let_in(lower) and not is_let_in(upper)
    key = next(u["key"] for u in upper.users() if u["key"].count(":") == 2 and u["address"] == HOME)
    answer = upper.ctl("--json", "ban", key, "5m", "force", "keep")
    assert json.loads(answer.stdout)["answer"]["net"] == HOME
    wait_for(lambda: sorted(bans(lower)) == [HOME, AWAY], "by his key there too")
    lower.multiplexer.kill9()
    upper.admin("multiplexer", "unban", AWAY)
    upper.admin("multiplexer", "ban", "192.0.2.1")
    lower.start_multiplexer()
    wait_for(lambda: sorted(bans(lower)) == sorted(bans(upper)) == [HOME, "192.0.2.1"], "caught up")
    lower.admin("multiplexer", "ban", "192.0.2.2") # its own is its own
    lower.admin("multiplexer", "unban", HOME)
    assert "192.0.2.2" in bans(lower) and "192.0.2.2" not in bans(upper)
    wait_for(lambda: is_let_in(lower), "there he is in again")


def test_several_multiplexers_come_to_have_the_same_bans(holdfast):
    first, second, third = open_fronts(holdfast, "banner", sv_link_grace="60s")

    def wait_all(fronts, *nets):
        for front in fronts:
            wait_for(lambda front=front: sorted(b["net"] for b in front.admin("bans")) == sorted(nets),
                     f"{front.name} bans {nets}")
        wait_for(lambda: sorted(bans(holdfast, "server")) == sorted(nets), "so says the game")

    everywhere = [first, second, third]
    target = Player(("127.0.0.1", third.port), source=AWAY)
    holdfast.players.append(target)
    say(target, "hello", b"you say hello\r\n")
    first.admin("ban", AWAY, "1h", "force", "once")
    target.expect(b"[You are banned from here: once]")
    holdfast.admin("server", "ban", "192.0.2.1")
    second.admin("ban", "192.0.2.2")
    wait_all(everywhere, AWAY, "192.0.2.1", "192.0.2.2")
    third.daemon.kill9() # what happens without it, it hears of
    first.admin("unban", AWAY)
    second.admin("ban", "192.0.2.3")
    wait_all([first, second], "192.0.2.1", "192.0.2.2", "192.0.2.3")
    third.start()
    wait_all(everywhere, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    holdfast.server.kill9() # and what happens without the game
    first.admin("unban", "192.0.2.1")
    second.admin("unban", "192.0.2.2")
    third.admin("ban", "192.0.2.4")
    holdfast.start_server(wait=False)
    wait_all(everywhere, "192.0.2.3", "192.0.2.4")


def test_a_flood_of_refused_ones_fills_no_log_and_is_counted_to_the_last(game):
    game.admin("multiplexer", "ban", AWAY, "force")
    before = game.metric("log_left_out")
    for _ in range(300):
        visitor = socket.create_connection(game.addresses["telnet"], source_address=(AWAY, 0))
        visitor.close()
    wait_for(lambda: game.metric("closed_banned") == 300, "each is counted")
    wait_for(lambda: game.metric("log_left_out") - before +
             game.multiplexer.text().count("refused: banned") == 300, "and each is logged or left out")
    game.multiplexer.wait_log(r"\d+ refusals suppressed in this log")
    assert game.metric("log_left_out") > before


def test_every_connection_is_in_one_counter(game):
    """N05: what came is what was dropped, what was closed for each reason, and who is here."""
    game.admin("multiplexer", "ban", AWAY, "force")
    stays = game.player()
    say(stays, "hello", b"you say hello\r\n")
    for _ in range(5):
        game.player(source=AWAY).expect_end()
        leaves = game.player()
        say(leaves, "hello", b"you say hello\r\n")
        leaves.close()
    stranger = game.player()
    stranger.send(b"GET / HTTP/1.1\r\n\r\n")
    stranger.expect_end()

    def sums():
        m = game.admin("multiplexer", "metrics")
        closed = sum(v for name, v in m.items() if name.startswith("closed_"))
        return m["connections"] == 12 and m["users_now"] == 1 and \
            m["connections"] == m["connections_dropped"] + closed + m["users_now"]
    wait_for(sums, "the counters add up")
