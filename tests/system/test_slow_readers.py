"""One who does not read is closed, says the log by how much; nobody else notices anything."""

import re

from agnet import EVERYONE
from daemons import wait_for

LIMIT = 256 * 1024


def test_a_user_who_does_not_read_is_closed_and_the_log_says_at_how_many_bytes(holdfast):
    holdfast.listen("local", "raw", where="unix")
    server, link = holdfast.start_with_script()
    slow, other = holdfast.player("local"), holdfast.player("local")
    key = server.newcomer(link)
    other_key = server.newcomer(link)
    for _ in range(2000):  # 2 MB
        link.send("SEND SUBCLIENT TEXT", key, b"x" * 1000)
    link.send("SEND SUBCLIENT TEXT", other_key, b"you are fine\r\n")
    other.expect(b"you are fine\r\n")
    wait_for(lambda: ("LOST SUBCLIENT", key) in heard(link), "the server is told")
    holdfast.multiplexer.wait_log(rf"{key[0]}:{key[1]} .*closed.*Output queue overflow.*\d{{5}}")
    waited = int(re.search(r"Output queue overflow\D*(\d+)", holdfast.multiplexer.text())[1])
    assert waited >= LIMIT
    # Not a byte more than the socket had taken and the limit.
    assert len(slow.expect_end()) < 2_000_000
    assert len(holdfast.users()) == 1


def heard(link):
    link.read_some(0.05)
    return link.heard


def test_fifty_others_on_the_same_broadcast_get_everything(holdfast):
    holdfast.listen("local", "raw", where="unix")
    holdfast.listen("telnet")
    server, link = holdfast.start_with_script()
    slow = [holdfast.player("local") for _ in range(3)]
    others = [holdfast.player("telnet" if n % 2 else "local") for n in range(50)]
    keys = [server.newcomer(link) for _ in range(53)]
    wanted = b""
    for n in range(1000):
        text = b"%06d %s\r\n" % (n, b"b" * 990)
        wanted += text
        link.send("SEND SUBCLIENT TEXT", EVERYONE, text)
        if n % 10 == 9:
            for player in others:
                player.drain()
    for player in others:
        player.expect(b"000999 " + b"b" * 990 + b"\r\n")
        assert player.all == wanted
        assert player.is_connected()
    for player in slow:
        player.expect_end()
    lost = {m[1] for m in link.sync() if m[0] == "LOST SUBCLIENT"}
    assert lost == set(keys[:3])


def test_a_slow_reader_who_reads_in_time_loses_nothing(holdfast):
    holdfast.listen("local", "raw", where="unix")
    server, link = holdfast.start_with_script(output_limit="1MiB")
    player = holdfast.player("local")
    key = server.newcomer(link)
    wanted = b"".join(b"%07d\n" % n for n in range(100_000))  # 800 KB
    for at in range(0, len(wanted), 4000):
        link.send("SEND SUBCLIENT TEXT", key, wanted[at:at + 4000])
    link.sync()
    player.expect(b"0099999\n")
    assert player.all == wanted


def test_a_flooding_script_loses_the_slow_player_and_serves_the_others(holdfast):
    holdfast.map = "talker"
    holdfast.start()
    slow = holdfast.player(receive_buffer=4096)
    others = [holdfast.player() for _ in range(20)]
    for player in [slow, *others]:
        player.expect(b"hello telnet-line\r\n")
    slow.line("flood 100000")  # 10 MB: more than the kernel holds for anyone
    for n, player in enumerate(others):
        player.line(f"echo {n}")
    for n, player in enumerate(others):
        player.expect(b"[%d] %d\r\n" % (len(str(n)), n))
    holdfast.multiplexer.wait_log("Output queue overflow")
    wait_for(lambda: len(holdfast.users()) == 20, "he is gone")
    others[0].line("echo the end")
    others[0].expect(b"[7] the end\r\n")


def test_one_who_ended_his_side_and_goes_while_output_waits_is_gone_at_once(holdfast):
    """Not when half_close is over, however long that is."""
    holdfast.map = "talker"
    holdfast.listen("local", "raw", where="unix")
    holdfast.listen("telnet")
    holdfast.start(half_close="30s", output_limit="64MiB", output_soft="64MiB")
    for n, listener in enumerate(("local", "telnet")):
        player = holdfast.player(listener, receive_buffer=None if listener == "local" else 4096)
        player.expect(b"hello")
        player.line("flood 50000")
        player.half_close()
        wait_for(lambda: holdfast.metric("queue_bytes") > 1_000_000, "much waits for him")
        player.close()
        wait_for(lambda: holdfast.users() == [], "he is gone")
        assert holdfast.metric("closed_left") == n + 1
