"""What real clients make of our telnet options, by themselves."""

import re

import pytest

from daemons import SAFE, wait_for
from terminals import KBtin, Nc, Plink, Telnet, TinTin, TinyFugue

TINTIN_GMCP = r"""#event {IAC WILL GMCP} {#send {\xFF\xFD\xC9\}}
#event {IAC SB GMCP} {#showme {GOT GMCP %0 %1}}
"""


@pytest.fixture
def teller(holdfast):
    holdfast.map = "teller"

    def sit_down(kind, *more, listener="telnet-line"):
        if holdfast.multiplexer is None:
            holdfast.listen(kind=listener, more="negotiate = always")
            holdfast.start()
        home = holdfast.dir / f"home{len(holdfast.closers)}"
        home.mkdir()
        client = kind(holdfast.addresses["telnet"], home, *more)
        holdfast.closers.append(client.close)
        client.expect(f"hello {listener}")
        return client
    return holdfast, sit_down


def caps(client):
    """What the game has learnt of the client, field by field: terminals wrap long lines."""
    while client.read():
        pass
    client.line("caps")
    client.expect(rb"caps \{")
    wait_for(lambda: (client.read(), b"}" in client.all[client.eaten:])[1], "the caps come")
    return re.sub(rb"\s|\x1b\[[0-9;?]*[a-zA-Z]", b"", client.all[client.eaten:])


def learnt(client, *fields):
    """Until the game has learnt them."""
    last = []

    def known():
        last.append(caps(client))
        return all(f.encode() in last[-1] for f in fields)
    try:
        wait_for(known, f"{fields} are known")
    except AssertionError as why:
        raise AssertionError(f"{why}; last: {last[-1]}") from None


def plays_on(client, holdfast):
    """After all options, and over a crash of the game, lines go there and back."""
    client.line("echo gr\u00fcn")
    client.expect("\\[gr\u00fcn\\]".encode())
    holdfast.server.kill9()
    client.expect(re.escape(SAFE))
    holdfast.start_server()
    client.line("echo again")
    client.expect(rb"\[again\]")


def hides(client, password="open sesame", eof=b"it has 11 bytes"):
    client.line("hide")
    client.expect(b"Password: ")
    # He answers a moment after he was told to hide it; a person types no faster.
    wait_for(lambda: not client.read(1), "the client is quiet")
    begin = len(client.all)
    client.line(password)
    client.expect(eof)
    assert password.encode() not in client.all[begin:], client.all[begin:]
    client.line("echo shown again")
    client.expect(rb"\[shown again\]")


# ---- TinTin++ ----


def test_tintin_says_what_it_is_and_is_compressed(teller):
    holdfast, sit_down = teller
    client = sit_down(TinTin)
    learnt(client, '"client":"TINTIN++"', '"terminal":"xterm-256color"', '"mtts":', '"utf8":true',
           '"w":200', '"mccp":true', '"colors":')
    assert holdfast.metric("users_compressed") == 1
    client.line("lines 300")
    client.expect(rb"300 all work and no play makes a dull game of many words")
    assert holdfast.metric("bytes_compressed") < holdfast.metric("bytes_plain") / 3
    plays_on(client, holdfast)


def test_tintin_without_compression(teller):
    holdfast, sit_down = teller
    client = sit_down(TinTin, "#config {mccp} {off}\n")
    learnt(client, '"client":"TINTIN++"', '"w":200')
    assert holdfast.metric("users_compressed") == 0
    plays_on(client, holdfast)


def test_tintin_gets_gmcp(teller):
    holdfast, sit_down = teller
    client = sit_down(TinTin, TINTIN_GMCP)
    learnt(client, '"gmcp":{}')
    client.line('gmcp Char.Vitals [12,15]')
    client.expect(rb"GOT GMCP Char.Vitals \{1\}\{12\}\{2\}\{15\}")
    holdfast.restart()
    client.line('gmcp Room.Info [7]')
    client.expect(rb"GOT GMCP Room.Info \{1\}\{7\}")
    plays_on(client, holdfast)


def test_tintin_hides_a_password(teller):
    _, sit_down = teller
    client = sit_down(TinTin)
    learnt(client, '"mtts":')
    hides(client)


# ---- GNU telnet ----


def test_telnet_tells_its_window_and_hides_a_password(teller):
    holdfast, sit_down = teller
    client = sit_down(Telnet)
    learnt(client, '"terminal":"XTERM-256COLOR"', '"w":200', '"h":50', '"colors":256')
    client.child.setwinsize(40, 120)
    client.expect(rb'event naws \{"[wh]":\d+,"[wh]":\d+\}')
    learnt(client, '"w":120', '"h":40')
    hides(client)
    plays_on(client, holdfast)


def test_telnet_in_character_mode_is_echoed_and_edited_by_us(teller):
    holdfast, sit_down = teller
    client = sit_down(Telnet, listener="telnet-char")
    learnt(client, '"w":200', '"h":50')
    for _ in range(2):
        client.child.send("echo fi\u00fcve\x7f\x7f\x7fve\x1b[A")
        client.expect("echo fi\u00fcve\b \b\b \b\b \bve".encode())
        client.child.send("\r")
        client.expect(rb"\[five\]")
        client.child.send("junk and more\x17\x15echo clean\r")
        client.expect(rb"\[clean\]")
        holdfast.restart()
    client.child.send("hide\r")
    client.expect(b"Password: ")
    wait_for(lambda: not client.read(1), "the client is quiet")
    begin = len(client.all)
    client.child.send("open sesame\r")
    client.expect(b"it has 11 bytes")
    assert b"sesame" not in client.all[begin:]
    client.child.send("echo seen\r")
    client.expect(rb"echo seen\s+\[seen\]")


# ---- others ----


def test_tf_is_compressed_and_hides_a_password(teller):
    holdfast, sit_down = teller
    client = sit_down(TinyFugue)
    learnt(client, '"client":"TINYFUGUE"', '"terminal":"ANSI-ATTR"', '"mccp":true')
    hides(client)
    client.line("lines 300")
    client.expect(rb"300 all work")
    client.line("echo on")
    client.expect(rb"\[on\]")
    holdfast.restart()
    client.line("echo again")
    client.expect(rb"\[again\]")
    # At the end of the stream tf must neither hang nor spin.
    holdfast.admin("multiplexer", "kick", holdfast.users()[0]["key"], "good", "bye")
    client.expect(b"good bye")


def test_kbtin_is_compressed_and_hides_a_password(teller):
    holdfast, sit_down = teller
    client = sit_down(KBtin)
    learnt(client, '"client":"KBtin"', '"mccp":true', '"w":200')
    hides(client)
    plays_on(client, holdfast)


def test_plink_begins_itself_and_loses_nothing(teller):
    holdfast, sit_down = teller
    client = sit_down(Plink)
    learnt(client, '"terminal":"XTERM"')
    assert b"USER" not in client.all and b"root" not in client.all
    plays_on(client, holdfast)


def test_nc_sees_one_question_and_no_more(teller):
    holdfast, sit_down = teller
    client = sit_down(Nc)
    plays_on(client, holdfast)
    client.line("prompt hm")
    client.expect(rb"hm> ")
    client.line("hide")
    client.expect(rb"Password: ")
    client.line("seen")
    client.expect(rb"it has 4 bytes")
    assert client.all.count(b"\xff") == 2 and client.all.startswith(b"\xff\xfd\x18\xff\xfb\x46")
