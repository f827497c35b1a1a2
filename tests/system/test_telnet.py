"""Telnet as real clients speak it, and as none should: the same lines, however the bytes are cut."""

import time

import pytest

IAC, DONT, DO, WONT, WILL, SB, AYT, DM, IP, SE = 255, 254, 253, 252, 251, 250, 246, 242, 244, 240
TM = 6


def telnet(*parts):
    """bytes stay, numbers become bytes, text is encoded."""
    return b"".join(p if isinstance(p, bytes) else bytes([p]) if isinstance(p, int) else p.encode()
                    for p in parts)


@pytest.fixture
def line(holdfast):
    """A telnet-line user and the server that hears him."""
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    return player, link, key


def hears(link, key, wanted):
    assert link.text_of(key, len(wanted)) == wanted


LINE_ENDS = {
    "CR LF": b"one\r\ntwo\r\n", "CR NUL": b"one\r\0two\r\0", "LF": b"one\ntwo\n",
    "CR": b"one\rtwo\r\n", "mixed": b"one\r\0two\n",
}


@pytest.mark.parametrize("ends", LINE_ENDS)
def test_each_line_end_ends_one_line(line, ends):
    player, link, key = line
    player.send(LINE_ENDS[ends])
    hears(link, key, b"one\ntwo\n")
    player.send(b"three\n")
    hears(link, key, b"three\n")


@pytest.mark.parametrize("ends", LINE_ENDS)
def test_line_ends_cut_at_every_byte_are_the_same(line, ends):
    player, link, key = line
    for byte in LINE_ENDS[ends]:
        player.send(bytes([byte]))
        time.sleep(0.003)
    hears(link, key, b"one\ntwo\n")
    assert link.sync() == []


def test_empty_lines_are_lines(line):
    player, link, key = line
    player.send(b"\r\n\r\n\n\r\0")
    hears(link, key, b"\n\n\n\n")


# What is typed, and what the server must hear of it.
SEQUENCES = {
    "doubled-iac": (telnet("a", IAC, IAC, "b\r\n"), b"a\xffb\n"),
    "many-doubled": (telnet(bytes([IAC] * 8), "\r\n"), b"\xff\xff\xff\xff\n"),
    "commands": (telnet("a", IAC, 241, "b", IAC, 249, "c", IAC, 239, "d\r\n"), b"abcd\n"),
    "option": (telnet("a", IAC, WILL, 24, "b", IAC, DO, 1, "c", IAC, WONT, 3, IAC, DONT, 3, "\r\n"),
               b"abc\n"),
    "option-255": (telnet("a", IAC, WILL, IAC, "b\r\n"), b"ab\n"),
    "subnegotiation": (telnet("a", IAC, SB, 31, 0, 80, 0, 24, IAC, SE, "b\r\n"), b"ab\n"),
    "subnegotiation-with-iac": (telnet("a", IAC, SB, 31, 0, IAC, IAC, 0, 24, IAC, SE, "b\r\n"), b"ab\n"),
    "subnegotiation-with-line": (telnet("a", IAC, SB, 24, 0, "X\r\nY", IAC, SE, "b\r\n"), b"ab\n"),
    "subnegotiation-empty": (telnet("a", IAC, SB, IAC, SE, "b\r\n"), b"ab\n"),
    "compression-asked-by-nobody": (telnet("a", IAC, SB, 86, IAC, SE, b"x\x9cb\r\n"), b"ax\x9cb\n"),
    "iac-between-cr-and-lf": (telnet("a\r", IAC, 241, "\nb\r\n"), b"a\nb\n"),
    "iac-between-cr-and-nul": (telnet("a\r", IAC, 241, "\0b\r\n"), b"a\nb\n"),
    "erase-character": (telnet("abx", IAC, 247, "\r\n"), b"ab\n"),
    "erase-line": (telnet("junk", IAC, 248, "ab\r\n"), b"ab\n"),
    "backspace-and-delete": (b"abx\x08y\x7f\r\n", b"ab\n"),
    "backspace-of-utf8": ("ab\u00e9\x7f\r\n".encode(), b"ab\n"),
    "control-u": (b"junk\x15ab\r\n", b"ab\n"),
    "stray-nul": (b"a\0b\r\n", b"ab\n"),
    "se-alone": (telnet("a", IAC, SE, "b\r\n"), b"ab\n"),
}


@pytest.mark.parametrize("what", SEQUENCES)
def test_telnet_sequences_leave_the_same_line_however_they_are_cut(line, what):
    player, link, key = line
    typed, wanted = SEQUENCES[what]
    player.send(typed)
    hears(link, key, wanted)
    for cut in range(1, len(typed)):
        player.send(typed[:cut])
        time.sleep(0.004)
        player.send(typed[cut:])
        hears(link, key, wanted)
    for byte in typed:
        player.send(bytes([byte]))
        time.sleep(0.002)
    hears(link, key, wanted)
    assert link.sync() == []


def test_an_endless_subnegotiation_costs_no_memory_and_the_user_plays_on(holdfast, line):
    player, link, key = line
    rss = resident(holdfast.multiplexer.pid)
    player.send(telnet("before\r\n", IAC, SB, 201))
    hears(link, key, b"before\n")
    for _ in range(200):
        player.send(b"x" * 50_000)  # 10 MB
    assert resident(holdfast.multiplexer.pid) - rss < 4 * 1024 * 1024
    player.send(telnet(IAC, SE, "after\r\n"))
    hears(link, key, b"after\n")
    assert link.sync() == []


def test_after_a_subnegotiation_without_end_a_line_end_brings_him_back(line):
    player, link, key = line
    player.send(telnet(IAC, SB, 201, b"y" * 100_000, "\r\nafter\r\nand on\r\n"))
    data = b""
    while b"and on\n" not in data:
        _, piece = link.expect("GOT SUBCLIENT TEXT", key, None)
        data += piece
    assert data.endswith(b"after\nand on\n") and b"y" not in data


def resident(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def test_timing_mark_is_answered_behind_the_output_before_it(line):
    player, link, key = line
    link.send("SEND SUBCLIENT TEXT", key, b"before\r\n")
    link.sync()
    player.expect(b"before\r\n")
    player.send(telnet(IAC, IP, IAC, DO, TM))
    player.expect(telnet(IAC, WILL, TM))
    for _ in range(200):  # always: whatever the limit of other answers is
        player.send(telnet(IAC, DO, TM))
    for _ in range(200):
        player.expect(telnet(IAC, WILL, TM))
    assert player.new == b""


def test_interrupt_with_an_urgent_data_mark_as_gnu_telnet_sends_it(line):
    player, link, key = line
    player.send(telnet("abc", IAC, IP))
    player.send(bytes([IAC]))
    player.send_urgent(bytes([DM]))
    player.send(telnet(IAC, DO, TM, "hello\r\n"))
    hears(link, key, b"abchello\n")
    player.expect(telnet(IAC, WILL, TM))


def test_urgent_data_is_not_taken_out_of_a_line(line):
    player, link, key = line
    player.send(b"ab")
    player.send_urgent(b"c")
    player.send(b"d\r\n")
    hears(link, key, b"abcd\n")


def test_are_you_there_is_answered_with_a_line(line):
    player, link, key = line
    player.send(telnet(IAC, AYT))
    player.expect(b"\r\n")
    assert player.all.strip() and IAC not in player.all


def test_options_we_do_not_have_are_refused_once_each(line):
    player, link, key = line
    player.send(telnet(IAC, WILL, 24, IAC, DO, 3, IAC, WILL, 31))
    player.expect(telnet(IAC, DONT, 31))
    assert player.all == telnet(IAC, DONT, 24, IAC, WONT, 3, IAC, DONT, 31)


def test_a_negotiation_loop_ends_at_a_limit(line):
    player, link, key = line
    for _ in range(5000):
        player.send(telnet(IAC, WILL, 99, IAC, DO, 99))
    player.send(telnet(IAC, DO, TM))
    player.expect(telnet(IAC, WILL, TM))
    assert len(player.all) < 3 * 5000  # less than half of what was asked for
    player.line("still here")
    hears(link, key, b"still here\n")


def test_no_telnet_byte_is_sent_to_one_who_showed_none(line):
    player, link, key = line
    player.send(b"plain text\n")
    hears(link, key, b"plain text\n")
    link.send("SEND SUBCLIENT TEXT", key, b"a prompt> ")
    link.send("SEND SUBCLIENT TEXT", key, "caf\u00e9\r\n".encode())
    link.sync()
    link.close()
    player.expect(b"crashed")
    player.expect(b"\r\n")
    assert bytes([IAC]) not in player.all


def test_a_line_may_have_4000_bytes_and_longer_ones_are_cut_and_told_once(line):
    player, link, key = line
    player.send(b"f" * 4000 + b"\r\n")
    hears(link, key, b"f" * 4000 + b"\n")
    assert player.drain() == b""
    player.send(b"g" * 4001 + b"\r\n")
    hears(link, key, b"g" * 4000 + b"\n")
    player.expect(b"4000")
    player.expect(b"\r\n")
    for _ in range(20):
        player.send(b"h" * 5000)
        time.sleep(0.002)
    player.send(b"\r\nnext\r\n")
    hears(link, key, b"h" * 4000 + b"\nnext\n")
    player.expect(b"4000")
    player.expect(b"\r\n")
    link.send("SEND SUBCLIENT TEXT", key, b"the end\r\n")
    player.expect(b"the end\r\n")
    assert player.all.count(b"4000") == 2  # once a line, however many pieces it came in


def test_output_to_telnet_has_255_doubled_and_whole_line_ends(line):
    player, link, key = line
    link.send("SEND SUBCLIENT TEXT", key, b"a\xffb\ncr\rlf\r\nend\r\n")
    player.expect(b"end\r\n")
    assert player.all == b"a\xff\xffb\r\ncr\r\0lf\r\nend\r\n"


def test_output_cut_between_cr_and_lf_is_one_line_end(line):
    player, link, key = line
    for piece in (b"one\r", b"\ntwo\r", b"three\n", b"\n", b"end\r\n"):
        link.send("SEND SUBCLIENT TEXT", key, piece)
        link.sync()
    player.expect(b"end\r\n")
    assert player.all == b"one\r\ntwo\r\0three\r\n\r\nend\r\n"


def test_all_sequences_of_one_and_two_bytes_leave_him_in_his_place(line):
    """Rows B02: whatever comes behind 255, a line behind it is heard."""
    player, link, key = line
    for first in range(256):
        if first in (SB, IAC):
            continue
        second = bytes([0x41]) if first in (WILL, WONT, DO, DONT) else b""
        player.send(telnet(IAC, first) + second)
    player.send(telnet(IAC, SB, IAC, SE))
    player.send(b"\x15clean\r\n")
    hears(link, key, b"clean\n")


def test_a_client_that_ends_in_the_middle_of_everything_just_leaves(holdfast):
    server, link = holdfast.start_with_script()
    for rest in (telnet(IAC), telnet(IAC, WILL), telnet(IAC, SB), telnet(IAC, SB, 24, IAC), b"half",
                 b"half\r"):
        player = holdfast.player()
        key = server.newcomer(link)
        player.send(rest)
        player.close()
        message = link.next()
        if message[0] == "GOT SUBCLIENT TEXT":  # half CR is a line
            assert message[2] == b"half\n" and rest == b"half\r"
            message = link.next()
        assert message == ("LOST SUBCLIENT", key)


def test_a_reset_in_the_middle_of_a_line_delivers_the_whole_ones(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    player.send(b"whole\r\nhalf")
    hears(link, key, b"whole\n")
    player.reset()
    link.expect("LOST SUBCLIENT", key)


def test_one_who_ends_his_own_side_still_gets_output(holdfast):
    server, link = holdfast.start_with_script(half_close="20s")
    player = holdfast.player()
    key = server.newcomer(link)
    player.send(b"a question\r\n")
    player.half_close()
    hears(link, key, b"a question\n")
    link.send("SEND SUBCLIENT TEXT", key, b"an answer\r\n")
    player.expect(b"an answer\r\n")
    link.send("KILL SUBCLIENT", key)
    player.expect_end()


def test_ports_are_there_again_at_once_after_the_multiplexer_ended(holdfast):
    holdfast.start_multiplexer()
    player = holdfast.player()
    player.expect(b"away")
    assert holdfast.multiplexer.end() == 0
    holdfast.start_multiplexer()
    holdfast.player().expect(b"away")
