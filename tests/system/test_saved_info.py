"""What the game keeps about a user outlives the game, whole, and dies with the user."""

import os
import re

import pytest

from agnet import PAYLOAD_MAX, encode
from daemons import wait_for

BYTES = bytes(range(256)) * 16


@pytest.mark.parametrize("size", [1, 2, 255, 256, 4043, 4044])
def test_saved_info_comes_back_bit_by_bit(holdfast, size):
    server, link = holdfast.start_with_script()
    holdfast.player()
    key = server.newcomer(link)
    for start in (0, 100, 255):  # each byte value at many places, NUL and 255 at the ends too
        info = BYTES[start:start + size].ljust(size, b"\0")
        link.send("SAVE SUBCLIENT INFO", key, info)
        link.expect("SAVED SUBCLIENT INFO", key)
        link.send("GET SUBCLIENT SAVED INFO", key)
        link.expect("SUBCLIENT SAVED INFO IS", key, info)
        link.close()
        link = server.start()
        assert link.users[key].saved == info


def test_each_byte_value_alone_is_kept(holdfast):
    server, link = holdfast.start_with_script()
    holdfast.player()
    key = server.newcomer(link)
    for value in range(256):
        link.send("SAVE SUBCLIENT INFO", key, bytes([value]))
        link.expect("SAVED SUBCLIENT INFO", key)
        link.send("GET SUBCLIENT SAVED INFO", key)
        link.expect("SUBCLIENT SAVED INFO IS", key, bytes([value]))


def test_a_new_value_replaces_the_old_one_a_shorter_one_too(holdfast):
    server, link = holdfast.start_with_script()
    holdfast.player()
    key = server.newcomer(link)
    for info in (b"x" * PAYLOAD_MAX, b"short", b"y" * 1000):
        link.send("SAVE SUBCLIENT INFO", key, info)
        link.expect("SAVED SUBCLIENT INFO", key)
    link.close()
    assert server.start().users[key].saved == b"y" * 1000


def test_deleted_info_is_gone_and_deleting_nothing_is_no_error(holdfast):
    server, link = holdfast.start_with_script()
    holdfast.player()
    key = server.newcomer(link)
    link.send("DELETE SUBCLIENT SAVED INFO", key)
    link.expect("DELETED SUBCLIENT SAVED INFO", key)
    link.send("SAVE SUBCLIENT INFO", key, b"x")
    link.expect("SAVED SUBCLIENT INFO", key)
    link.send("DELETE SUBCLIENT SAVED INFO", key)
    link.expect("DELETED SUBCLIENT SAVED INFO", key)
    link.close()
    link = server.start()
    assert link.users[key].saved is None  # THERE IS NO, not an empty one
    link.send("GET SUBCLIENT SAVED INFO", key)
    link.expect("THERE IS NO SUBCLIENT SAVED INFO", key)


def test_it_dies_with_the_user_while_the_server_is_away(holdfast):
    server, link = holdfast.start_with_script()
    leaving, staying = holdfast.player(), holdfast.player()
    leaving_key = server.newcomer(link)
    staying_key = server.newcomer(link)
    for key in (leaving_key, staying_key):
        link.send("SAVE SUBCLIENT INFO", key, b"of %d" % key[0])
        link.expect("SAVED SUBCLIENT INFO", key)
    link.close()
    leaving.close()
    wait_for(lambda: len(holdfast.users()) == 1, "the multiplexer sees him go")
    holdfast.player()
    link = server.start()
    assert {k: u.saved for k, u in link.users.items()} == {staying_key: b"of %d" % staying_key[0]}
    new_key = server.newcomer(link)
    link.send("GET SUBCLIENT SAVED INFO", new_key)
    link.expect("THERE IS NO SUBCLIENT SAVED INFO", new_key)
    link.send("GET SUBCLIENT SAVED INFO", leaving_key)
    link.expect("NO SUCH SUBCLIENT", leaving_key)
    assert staying.is_connected()


def test_each_user_has_his_own(holdfast):
    server, link = holdfast.start_with_script()
    saved = {}
    for n in range(100):
        holdfast.player()
        key = server.newcomer(link)
        saved[key] = b"%d " % n * 400
        link.send("SAVE SUBCLIENT INFO", key, saved[key])
        link.expect("SAVED SUBCLIENT INFO", key)
    link.close()
    assert {k: u.saved for k, u in server.start().users.items()} == saved


def test_a_save_that_is_cut_by_a_crash_leaves_the_old_value_whole(holdfast):
    server, link = holdfast.start_with_script()
    holdfast.player()
    key = server.newcomer(link)
    link.send("SAVE SUBCLIENT INFO", key, b"the old one")
    link.expect("SAVED SUBCLIENT INFO", key)
    message = encode("SAVE SUBCLIENT INFO", key, b"the new one" * 300)
    for cut in (1, 3, 4, 6, 18, 20, 21, len(message) // 2, len(message) - 1):
        link.socket.sendall(message[:cut])
        link.close()
        link = server.start()
        assert link.users[key].saved == b"the old one"


def test_what_a_script_saves_comes_back_after_a_crash_and_after_a_restart(holdfast):
    holdfast.map = "keeper"
    holdfast.start()
    player = holdfast.player()
    player.expect(b"new\r\n")
    for size in (0, 1, 500, 3900):
        text = "z" * size
        player.line(f"save {text}")
        player.expect(b"kept\r\n")
        holdfast.server.kill9()
        holdfast.start_server()
        player.expect(b"old %d %s\r\n" % (size, text.encode()))
        holdfast.restart()
        player.expect(b"old %d %s\r\n" % (size, text.encode()))


def test_what_does_not_fit_is_refused_with_the_number_of_bytes_and_the_old_value_stays(holdfast):
    holdfast.map = "keeper"
    holdfast.start()
    player = holdfast.player()
    player.line("save small")
    player.expect(b"kept\r\n")
    player.line("grow 5000")
    refusal = player.expect(b"\r\n")
    assert b"refused" in refusal and any(c in b"0123456789" for c in refusal), refusal
    holdfast.server.kill9()
    holdfast.start_server()
    player.expect(b"old 5 small\r\n")


def test_a_player_about_whom_nothing_was_kept_is_restored_all_the_same(holdfast):
    holdfast.map = "keeper"
    holdfast.start()
    player = holdfast.player()
    player.expect(b"new\r\n")
    holdfast.server.kill9()
    holdfast.start_server()
    player.expect(b"old nothing\r\n")
    player.line("save x")
    player.expect(b"kept\r\n")


def test_name_and_role_are_kept_without_a_word_from_the_script(holdfast):
    holdfast.map = "keeper"
    holdfast.start()
    player = holdfast.player()
    player.line("name Ann")
    player.expect(b"I am Ann\r\n")
    holdfast.server.kill9()
    holdfast.start_server()
    player.line("who am I")
    player.expect(b"I am Ann\r\n")


# -- it may be secret ---------------------------------------------------------------------------

def mappings(pid):
    """(first, last, flags, name) of the writable memory of a process."""
    head = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$")
    at = None
    for line in open(f"/proc/{pid}/smaps"):
        match = head.match(line)
        if match:
            at = (int(match[1], 16), int(match[2], 16), match[3], match[4])
        elif line.startswith("VmFlags:") and "w" in at[2] and at[3] not in ("[vvar]", "[vsyscall]"):
            yield at[0], at[1], line.split()[1:], at[3]


def found_in_memory(pid, secret):
    """Whether a core dump of the process would have it, and whether the rest of its memory has."""
    dumped = kept = False
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for first, last, flags, _ in mappings(pid):
            mem.seek(first)
            try:
                has = secret in mem.read(last - first)
            except OSError:
                continue
            if "dd" in flags:
                kept |= has
            else:
                dumped |= has
    return dumped, kept


def test_what_was_saved_is_in_no_core_dump_and_wiped_when_its_user_goes(holdfast):
    if "build-san" in str(holdfast.bin):
        pytest.skip("a sanitizer has terabytes of memory of its own")
    server, link = holdfast.start_with_script()
    player, other = holdfast.player(), holdfast.player()
    key = server.newcomer(link)
    server.newcomer(link)
    old, new = (os.urandom(100).hex().encode() for _ in range(2))
    pid = holdfast.multiplexer.pid
    try:
        found_in_memory(pid, old)
    except PermissionError:
        pytest.skip("this machine does not let us look into the process")
    link.send("SAVE SUBCLIENT INFO", key, old)
    link.expect("SAVED SUBCLIENT INFO", key)
    assert found_in_memory(pid, old) == (False, True)
    link.send("SAVE SUBCLIENT INFO", key, new)
    link.expect("SAVED SUBCLIENT INFO", key)
    assert found_in_memory(pid, old) == (False, False)
    assert found_in_memory(pid, new) == (False, True)
    assert holdfast.metric("saved_count") == 1
    assert holdfast.metric("saved_bytes") == len(new)
    player.close()
    link.expect("LOST SUBCLIENT", key)
    assert found_in_memory(pid, new) == (False, False)
    assert holdfast.metric("saved_count") == holdfast.metric("saved_bytes") == 0
    told = holdfast.multiplexer.text() + repr(holdfast.users())
    assert old.decode() not in told and new.decode() not in told


def test_ten_thousand_full_values_would_fit_into_what_is_promised(holdfast):
    server, link = holdfast.start_with_script()
    users = 300
    for n in range(users):
        holdfast.player()
        link.send("SAVE SUBCLIENT INFO", server.newcomer(link), b"%04d" % n + b"x" * 4040)
        link.expect("SAVED SUBCLIENT INFO")
    assert holdfast.metric("saved_bytes") == users * 4044
    assert holdfast.metric("saved_memory") <= users * 4044 * 1.1 + 256 * 1024
