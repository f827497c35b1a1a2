"""Saved info: one blob of 1 to 4044 bytes per user, that outlives the server and dies with the user."""

import random
import struct

from . import wire
from .cases import MUST, SHOULD
from .mux_bench import case, require
from .wire import Ended, encode, pack_key


def get(t, link, key):
    """What is saved for him, or None."""
    link.send("GET SUBCLIENT SAVED INFO", key)
    message = link.next()
    if message == ("THERE IS NO SUBCLIENT SAVED INFO", key):
        return None
    require(message[:2] == ("SUBCLIENT SAVED INFO IS", key), f"the answer is {message[0]}")
    return message[2]


def save(link, key, data):
    link.send("SAVE SUBCLIENT INFO", key, data)
    link.expect("SAVED SUBCLIENT INFO", key)


@case("saved.sizes", MUST, "section 1 (4044 bytes) and ids 26, 28, 37, 44")
def sizes(t):
    """1, 2, 255, 256, 4043 and 4044 bytes come back as they were saved."""
    link = t.start()
    user = t.join()
    rng = random.Random(3)
    for size in (1, 2, 255, 256, 4043, wire.PAYLOAD_MAX):
        data = bytes(rng.randrange(256) for _ in range(size))
        save(link, user.key, data)
        require(get(t, link, user.key) == data, f"{size} bytes come back as others")


@case("saved.every-value", MUST, "section 3 (Binary)")
def every_value(t):
    """All 256 values of a byte come back, also alone, and also in a listing."""
    link = t.start()
    user = t.join()
    for value in range(256):
        save(link, user.key, bytes([value]))
        require(get(t, link, user.key) == bytes([value]), f"the byte {value} comes back as another")
    save(link, user.key, bytes(range(256)))
    link = t.restart()
    require(link.users[user.key].saved == bytes(range(256)), "the listing says something else")


@case("saved.too-much", SHOULD, "section 1 and id 29 (a size error)")
def too_much(t):
    """4045 bytes are refused, by 29 or by closing the link, and the old value stays."""
    link = t.start()
    user = t.join()
    save(link, user.key, b"old")
    data = struct.pack("<H", 12) + pack_key(user.key) + struct.pack("<H", 4045) + b"x" * 4045
    link.send_raw(struct.pack("<HBB", 4 + len(data), 26, 2) + data)
    try:
        link.expect("COULD NOT SAVE SUBCLIENT INFO", user.key)
    except Ended:
        t.drop()
        link = t.greet(t.accept())
        require(user.key in link.users, "the user was dropped")
    require(get(t, link, user.key) == b"old", "the old value is gone")


@case("saved.replaces", MUST, "section 3 (id 26)")
def replaces(t):
    """What is saved replaces what was there, whole."""
    link = t.start()
    user = t.join()
    for data in (b"x" * 1000, b"y", b"z" * 4044, b"w" * 10):
        save(link, user.key, data)
        require(get(t, link, user.key) == data, "another value comes back")


@case("saved.deleted", MUST, "section 3 (id 27, 45)")
def deleted(t):
    """What was deleted is gone, and deleting nothing is no error."""
    link = t.start()
    user = t.join()
    for data in (None, b"something"):
        if data:
            save(link, user.key, data)
        link.send("DELETE SUBCLIENT SAVED INFO", user.key)
        heard = link.sync()
        require(heard in ([], [("DELETED SUBCLIENT SAVED INFO", user.key)]), f"the answer is {heard}")
        require(get(t, link, user.key) is None, "it is still there")


@case("saved.deletion-is-answered", SHOULD, "section 3 (id 27, 30)")
def deletion_answered(t):
    """DELETE SUBCLIENT SAVED INFO is answered by DELETED SUBCLIENT SAVED INFO."""
    link = t.start()
    user = t.join()
    t.answer(link, ("DELETED SUBCLIENT SAVED INFO",), "DELETE SUBCLIENT SAVED INFO", user.key)


@case("saved.for-each-user", MUST, "section 3 (id 26)")
def each(t):
    """Each user has his own."""
    link = t.start()
    users = [t.join() for _ in range(4)]
    for n, user in enumerate(users[:3]):
        save(link, user.key, b"of %d" % n)
    for n, user in enumerate(users):
        require(get(t, link, user.key) == (b"of %d" % n if n < 3 else None), f"user {n} has another's")


@case("saved.outlives-a-restart-and-a-crash", MUST, "section 4 (saved info outlives the server)")
def outlives(t):
    """What was saved is there for the next server, after a goodbye and after a crash."""
    link = t.start()
    user, other = t.join(), t.join()
    data = bytes(range(256)) * 15 + b"end"
    save(link, user.key, data)
    for again in (t.restart, t.crash, t.crash):
        link = again()
        require(link.users[user.key].saved == data, "the listing says something else")
        require(link.users[other.key].saved is None, "another user has something saved")
        require(get(t, link, user.key) == data, "asked for, it is something else")
    t.shown(user, b"<still here>\r\n")


@case("saved.while-not-ready", MUST, "section 3 (id 4, 26)")
def while_not_ready(t):
    """Saving and asking work while NOT READY, also on a new link."""
    link = t.start()
    user = t.join()
    link = t.crash(ready=False)
    save(link, user.key, b"early")
    require(get(t, link, user.key) == b"early", "another value comes back")


@case("saved.a-cut-message-changes-nothing", MUST, "section 4 (one blob; a partial message is none)")
def cut(t):
    """A SAVE SUBCLIENT INFO that is cut by a crash leaves the old value whole."""
    link = t.start()
    user = t.join()
    save(link, user.key, b"old" * 300)
    link.send_raw(encode("SAVE SUBCLIENT INFO", user.key, b"new" * 1000)[:-1])
    link = t.crash()
    require(link.users[user.key].saved == b"old" * 300, "the value is another")


@case("saved.dies-with-the-user", MUST, "section 4 (saved info dies with the user)")
def dies(t):
    """Who comes after a user has nothing of his, whether he left, was killed, or left while the server was away."""
    link = t.start()
    for way in ("left", "killed", "away"):
        user = t.join(link)
        save(link, user.key, b"secret")
        if way == "left":
            t.leave(user, link)
        elif way == "killed":
            link.send("KILL SUBCLIENT", user.key)
            user.player.expect_end()
            user.player.reset()
            link.expect("KILLED SUBCLIENT", user.key)
        else:
            t.drop()
            user.player.reset()
            link = t.greet(t.accept())
            if user.key in link.users:  # not noticed before it dialled
                link.expect("LOST SUBCLIENT", user.key)
        t.answer(link, ("NO SUCH SUBCLIENT",), "GET SUBCLIENT SAVED INFO", user.key)
        following = t.join(link)
        require(get(t, link, following.key) is None, f"{way}: the next user has it")
        t.leave(following, link)
