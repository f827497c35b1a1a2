"""Who types faster than input_rate is read no faster: nothing he typed is lost, nobody else waits."""

from daemons import wait_for
from test_flow import check_sum


def start(holdfast, kind="telnet-line", **options):
    holdfast.listen("door", kind)
    server, link = holdfast.start_with_script(**options)
    player = holdfast.player("door")
    return server, link, player, server.newcomer(link)


def lift_the_limit(holdfast):
    holdfast.options["input_rate"] = "0"
    holdfast.write_config()
    holdfast.admin("multiplexer", "reload")


def text_of(messages, key):
    return b"".join(m[2] for m in messages if m[0] == "GOT SUBCLIENT TEXT" and m[1] == key)


def test_a_burst_comes_at_once_and_the_rest_at_the_rate(holdfast):
    # A line an hour, almost: whatever comes beyond the burst came by mistake.
    server, link, player, key = start(holdfast, input_rate="1", input_burst_lines="30")
    other = holdfast.player("door")
    other_key = server.newcomer(link)
    lines = [b"line %d" % n for n in range(2000)]
    player.send(b"\r\n".join(lines) + b"\r\n")
    wait_for(lambda: holdfast.metric("reads_paced") == 1, "his reading is stopped")
    other.line("and I?")
    while not text_of(link.heard, other_key):
        assert link.read_some(10)
    assert text_of(link.heard, other_key) == b"and I?\n"
    came = text_of(link.heard, key)
    assert came.startswith(b"line 0\nline 1\n")
    assert came.count(b"\n") < 100  # 30, and one a second on a slow machine
    lift_the_limit(holdfast)
    wanted = b"\n".join(lines) + b"\n"
    while len(text_of(link.heard, key)) < len(wanted):
        assert link.read_some(10)
    assert text_of(link.heard, key) == wanted
    assert player.is_connected()
    check_sum(holdfast)


def test_the_rate_goes_on_by_itself_and_keeps_everything_in_order(holdfast):
    server, link, player, key = start(holdfast, input_rate="200", input_burst_lines="20")
    wanted = b"".join(b"%d\n" % n for n in range(400))
    player.send(wanted.replace(b"\n", b"\r\n"))
    assert link.text_of(key, len(wanted)) == wanted
    assert holdfast.metric("reads_paced") >= 2


def test_bytes_without_a_line_end_are_limited_too(holdfast):
    server, link, player, key = start(holdfast, "raw", input_rate="1", input_burst_bytes="1KiB")
    player.socket.setblocking(False)
    data = bytes(range(97, 123)) * 400
    player.send(data)
    wait_for(lambda: holdfast.metric("reads_paced") == 1, "his reading is stopped")
    came = text_of(link.sync(), key)
    assert 900 <= len(came) <= 1024 + 500  # 10 a second on a slow machine
    lift_the_limit(holdfast)
    assert came + link.text_of(key, len(data) - len(came)) == data


def test_who_floods_and_leaves_has_still_said_it_all(holdfast):
    server, link, player, key = start(holdfast, input_rate="500", input_burst_lines="10")
    wanted = b"".join(b"%d\n" % n for n in range(300))
    player.send(wanted.replace(b"\n", b"\r\n"))
    player.close()
    assert link.text_of(key, len(wanted)) == wanted
    link.expect("LOST SUBCLIENT", key)


def test_the_preset_lets_people_type_and_paste(holdfast):
    """The default of the product, which the other tests switch off."""
    server, link, player, key = start(holdfast, input_rate="20")
    wanted = b"".join(b"a pasted line, number %d\n" % n for n in range(90))
    player.send(wanted.replace(b"\n", b"\r\n"))
    assert link.text_of(key, len(wanted)) == wanted
    assert holdfast.metric("reads_paced") == 0


def test_a_reload_takes_effect_for_who_is_connected(holdfast):
    server, link, player, key = start(holdfast)
    player.send(b"x\r\n" * 1000)
    link.text_of(key, 2000)
    holdfast.options.update(input_rate="1", input_burst_lines="5")
    holdfast.write_config()
    holdfast.admin("multiplexer", "reload")
    player.send(b"y\r\n")
    link.text_of(key, 2)
    player.send(b"y\r\n" * 50)
    wait_for(lambda: holdfast.metric("reads_paced") >= 1, "his reading is stopped")
    lift_the_limit(holdfast)
    link.text_of(key, 100)
