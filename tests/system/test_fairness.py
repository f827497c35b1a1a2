"""Who sends without end gets his share of a turn and of the link, and no more."""

from daemons import HANGS, BACK, wait_for

SHARE = 1024
LINK = 1024 * 1024  # what the link's buffers hold at most, ours and the kernel's


def fill_with(player, data):
    """Sends what the multiplexer and the kernel take."""
    player.socket.setblocking(False)
    sent = 0
    try:
        while sent < len(data):
            sent += player.socket.send(data[sent:sent + 65536])
    except BlockingIOError:
        pass
    return sent


def test_one_line_does_not_wait_behind_all_that_fifty_flooders_have_typed(holdfast):
    flooders = 50
    held = 256 * 1024
    holdfast.listen("local", "raw", where="unix")
    server, link = holdfast.start_with_script(held_input="256KiB")
    flood = [holdfast.player("local") for _ in range(flooders)]
    keys = [server.newcomer(link) for _ in flood]
    honest = holdfast.player("local")
    honest_key = server.newcomer(link)
    link.send("NOT READY")
    link.sync()
    data = (b"f" * 79 + b"\n") * (1024 * 1024 // 80)

    def all_held():
        for player in flood:
            fill_with(player, data)
        return sum(u["held"] for u in holdfast.users()) >= flooders * (held - 8192)
    wait_for(all_held, "what they typed is held")
    honest.send(b"me too\n")
    wait_for(lambda: any(0 < u["held"] < 100 for u in holdfast.users()), "his line is held")
    link.send("READY")
    before = 0
    while True:
        key, text = link.expect("GOT SUBCLIENT TEXT")
        if key == honest_key:
            break
        before += len(text)
    assert before <= 2 * flooders * SHARE + LINK
    assert flooders * held > 4 * (2 * flooders * SHARE + LINK)
    # And the flooders are served alike.
    got = dict.fromkeys(keys, 0)
    while sum(got.values()) < 4 * 1024 * 1024:
        key, text = link.expect("GOT SUBCLIENT TEXT")
        got[key] += len(text)
    assert max(got.values()) - min(got.values()) <= 2 * SHARE + 4096
    for player in flood:
        player.reset()


def test_a_lasting_flood_does_not_keep_a_line_back(holdfast):
    """The link is full all the time; who types a line now and then is heard in between."""
    holdfast.listen("local", "raw", where="unix")
    server, link = holdfast.start_with_script()
    flood = [holdfast.player("local") for _ in range(20)]
    for _ in flood:
        server.newcomer(link)
    honest = holdfast.player("local")
    honest_key = server.newcomer(link)
    data = (b"f" * 79 + b"\n") * 4000
    for n in range(20):
        for player in flood:
            fill_with(player, data)
        honest.send(b"%d\n" % n)
        before = 0
        while True:
            key, text = link.expect("GOT SUBCLIENT TEXT")
            if key == honest_key:
                assert text == b"%d\n" % n
                break
            before += len(text)
            if before % 7 == 0:
                fill_with(flood[before % 20], data)
        assert before <= 4 * 1024 * 1024
    for player in flood:
        player.reset()


def test_a_server_that_spins_and_reads_nothing_is_told_once_and_loses_nothing(holdfast):
    holdfast.listen("local", "raw", where="unix")
    server, link = holdfast.start_with_script(hang_after="1s", tick="100ms")
    player = holdfast.player("local")
    key = server.newcomer(link)
    quiet = holdfast.player("local")
    server.newcomer(link)
    data = b"".join(b"%07d\n" % n for n in range(200_000))
    sent = 0
    # From here on the server reads nothing.
    player.expect(HANGS + b"\r\n")
    quiet.expect(HANGS + b"\r\n")
    while holdfast.metric("reads_stopped") == 0:  # until his held input is full
        sent += fill_with(player, data[sent:])
        assert sent < len(data)
    sent += fill_with(player, data[sent:])
    assert sent < len(data)  # and the rest waits in his connection
    assert holdfast.metric("server_hangs") == 1
    assert quiet.is_connected() and player.is_connected()
    assert link.text_of(key, sent // 8 * 8) == data[:sent // 8 * 8]
    for one in (player, quiet):
        one.socket.setblocking(True)
        one.expect(BACK + b"\r\n")
        assert one.all.count(HANGS) == 1
