"""The process that speaks TLS: how it ends and is back, what it has of the keys, and its certificates."""

import os
import re
import signal
import subprocess
import time

from daemons import GOODBYE, PATIENCE, wait_for
from tls_players import TLS12, TLS13, helper_pid, plays


# -- its process -----------------------------------------------------------------------------------

def test_when_it_is_killed_only_its_players_go_and_it_is_back(tls):
    tls.start()
    plain = tls.holdfast.player()
    plain.expect(b"hello telnet-line\r\n")
    for times in (1, 2, 3):
        players = [tls.player() for _ in range(5)]
        for player in players:
            plays(player)
        os.kill(helper_pid(tls), signal.SIGKILL)
        for player in players:
            player.expect_end()
        wait_for(lambda: tls.metric("closed_tls_lost") == 6 * times - 1, "all have a named end")
        # Who comes while it is away waits for it.
        plays(tls.player(), "back")
        assert tls.metric("tls_restarts") == times
    plays(plain)
    assert tls.metric("closed_left") + tls.metric("closed_lost") == 0
    assert tls.holdfast.multiplexer.text().count("was killed by signal 9; 5 players") >= 1


def test_one_that_stands_still_is_replaced(tls):
    tls.start(tls_hang_after="3s")
    player = tls.player()
    plays(player)
    first = helper_pid(tls)
    os.kill(first, signal.SIGSTOP)
    tls.holdfast.multiplexer.wait_log(r"holdfast-tls \(pid \d+\) has stood still for \d+ s: killing it")
    player.expect_end()
    wait_for(lambda: tls.metric("tls_restarts") == 1, "another is started")
    plays(tls.player())
    assert helper_pid(tls) != first and tls.metric("tls_restarts") == 1
    # When it is the multiplexer that stood still, nothing comes of it.
    survivor = tls.player()
    plays(survivor)
    tls.holdfast.multiplexer.stop()
    time.sleep(4)
    tls.holdfast.multiplexer.go_on()
    plays(survivor)
    assert tls.metric("tls_restarts") == 1


def test_what_he_typed_before_it_died_is_said(tls):
    tls.start(held_input="64KiB")
    player = tls.player()
    plays(player)
    tls.holdfast.multiplexer.stop()
    player.line("echo my last words")
    wait_for(lambda: waits_between(tls) > 0, "it has passed them on")
    os.kill(tls_pid := helper_of(tls.holdfast), signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{tls_pid}/fd/3"), "it is dead")
    tls.holdfast.multiplexer.go_on()
    wait_for(lambda: tls.metric("closed_tls_lost") == 1, "he is gone")
    wait_for(lambda: tls.holdfast.admin("server", "metrics")["lines_in"] == 2, "and was heard")


def helper_of(holdfast):
    """Its pid, without asking."""
    pid, = re.findall(r"holdfast-tls runs as pid (\d+)", holdfast.multiplexer.text())[-1:]
    return int(pid)


def waits_between(tls):
    """Bytes that the multiplexer has not read of its socket pairs, by the kernel's own count."""
    shown = subprocess.run(["ss", "-xnH"], capture_output=True, text=True, timeout=PATIENCE).stdout
    inodes = {what[8:-1] for what in tls.holdfast.multiplexer.descriptors().values()
              if what.startswith("socket:")}
    return sum(int(row.split()[2]) for row in shown.splitlines() if row.split()[5] in inodes)


def test_it_ends_with_the_multiplexer_whose_last_words_go_through_it(tls):
    tls.start()
    players = [tls.player(version=v) for v in (TLS12, TLS13)]
    for player in players:
        plays(player)
    pid = helper_pid(tls)
    tls.holdfast.multiplexer.signal(signal.SIGTERM)
    for player in players:
        player.expect(GOODBYE)
        player.expect_end()
        assert not hasattr(player, "fault"), player.fault  # with a close_notify
        player.close()
    assert tls.holdfast.multiplexer.wait() == 0
    assert not os.path.exists(f"/proc/{pid}")


def test_it_ends_when_the_multiplexer_is_killed(tls):
    tls.start()
    player = tls.player()
    plays(player)
    pid = helper_pid(tls)
    tls.holdfast.multiplexer.kill9()
    player.expect_end()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "it ends")


def test_signals_of_a_terminal_or_of_systemd_do_not_end_it(tls):
    tls.start()
    player = tls.player()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(helper_pid(tls), number)
    plays(player)


def test_the_multiplexer_never_has_the_key_and_nobody_may_look_into_who_has(tls):
    tls.start()
    plays(tls.player())
    pem = (tls.holdfast.dir / "main" / "key.pem").read_bytes()
    text = subprocess.run(["openssl", "pkey", "-noout", "-text"], input=pem, capture_output=True,
                          check=True).stdout.decode()
    digits = re.search(r"priv:\s+((?:[0-9a-f:\s])+)pub:", text)[1]
    secret = bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits))[-32:].rjust(32, b"\0")
    # OpenSSL keeps the bytes of a number's words the least first.
    needles = (secret[8:24], secret[8:16][::-1], pem.splitlines()[1][:40])
    has = memory_has(tls.holdfast.multiplexer.pid, needles)
    assert has == [False, False, False]
    helper = helper_pid(tls)
    assert any(memory_has(helper, needles))  # or this test would see nothing
    if "san" not in str(tls.holdfast.bin):
        assert os.stat(f"/proc/{helper}/mem").st_uid == 0
        assert "Max core file size        0 " in open(f"/proc/{helper}/limits").read()
    # Nor has it anything of the multiplexer's but what it was given.
    given = [what for what in os.scandir(f"/proc/{helper}/fd")]
    files = [os.readlink(f.path) for f in given if int(f.name) > 2]
    assert not [f for f in files if f.startswith("/") and f != "/dev/null"], files
    assert sum(f.startswith("socket:") for f in files) <= 1 + 2 + 2, files
    assert not any(str(tls.holdfast.dir / "main") in w for w in tls.holdfast.multiplexer.descriptors().values())


def memory_has(pid, needles):
    found = [False] * len(needles)
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for row in maps:
            span, rights = row.split()[:2]
            begin, end = (int(x, 16) for x in span.split("-"))
            if not rights.startswith("rw") or end - begin > 1 << 28:
                continue
            try:
                mem.seek(begin)
                data = mem.read(end - begin)
            except OSError:
                continue
            found = [f or n in data for f, n in zip(found, needles)]
    return found


# -- certificates ----------------------------------------------------------------------------------

def shown(tls, name="localhost"):
    """The certificate that a newcomer is shown, in DER."""
    player = tls.player(name=name)
    der = player.socket.getpeercert(True)
    player.close()
    return der


def test_a_reload_shows_new_certificates_and_keeps_old_ones_when_they_are_bad(tls):
    tls.start()
    folder = tls.holdfast.dir / "main"
    first = shown(tls)
    player = tls.player()
    plays(player)
    bad = [("key.pem", lambda p: p.write_text("nonsense"), "holds no private key in PEM"),
           ("cert.pem", lambda p: p.write_text(""), "holds no certificate in PEM"),
           ("cert.pem", lambda p: p.unlink(), "No such file or directory"),
           ("key.pem", lambda p: p.chmod(0o644), "others may read it"),
           ("key.pem", lambda p: p.write_bytes(subprocess.run(
               ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
               capture_output=True, check=True).stdout), "does not belong to the certificate")]
    for name, spoil, why in bad:
        kept = (folder / name).read_bytes()
        spoil(folder / name)
        tls.holdfast.multiplexer.signal(signal.SIGHUP)
        wait_for(lambda why=why: why in tls.status().get("trouble", ""), f"{why} is told")
        tls.holdfast.multiplexer.wait_log(
            f"certificate main: {re.escape(str(folder / name))}: {why}.*; the old certificates stay in use")
        assert shown(tls) == first
        (folder / name).write_bytes(kept)
        (folder / name).chmod(0o600)
    for name in ("cert.pem", "key.pem"):
        (folder / name).unlink()
    assert tls.holdfast.ctl("cert", "self-signed", "--name", "localhost", folder).returncode == 0
    tls.holdfast.multiplexer.signal(signal.SIGHUP)
    wait_for(lambda: "trouble" not in tls.status(), "the new one is in use")
    assert shown(tls) != first
    plays(player, "and the old connection lives")


def test_certificates_may_be_added_by_a_reload_and_are_shown_with_their_days(tls):
    tls.start()
    told, = tls.status()["certificates"]
    assert told["certificate"] == "main" and told["names"] == "localhost 127.0.0.1"
    assert told["days"] in (824, 825) and tls.metric("tls_certificate_days") in (824, 825)
    folder = tls.certificate("short", "short.example.org")
    short = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out",
         folder / "cert.pem", "-days", "5", "-subj", "/CN=short.example.org"], capture_output=True)
    assert short.returncode == 0, short.stderr
    tls.holdfast.write_config()
    tls.holdfast.admin("multiplexer", "reload")
    wait_for(lambda: len(tls.status()["certificates"]) == 2, "both are known")
    tls.holdfast.multiplexer.wait_log(r"certificate short \(short.example.org\) ends in [45] days")
    assert shown(tls, "short.example.org") != shown(tls, "localhost")
    plays(tls.player(name="short.example.org", version=TLS12))


def test_a_certificate_to_begin_with_is_made_once_and_for_the_names_that_are_given(holdfast):
    def cert(*words):
        return holdfast.ctl("cert", *words)
    folder = holdfast.dir / "new"
    made = cert("self-signed", "--name", "play.example.org", "--name", "2001:db8::7", folder)
    assert made.returncode == 0 and made.stderr == ""
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    key = (folder / "key.pem").read_bytes()
    text = subprocess.run(["openssl", "x509", "-noout", "-text", "-in", folder / "cert.pem"],
                          capture_output=True, text=True, check=True).stdout
    assert "DNS:play.example.org, IP Address:2001:DB8:0:0:0:0:0:7" in text
    assert "NIST CURVE: P-256" in text and "CA:FALSE" in text and "TLS Web Server" in text
    # The lines that it says are right as they are.
    config = holdfast.dir / "said.conf"
    config.write_text("\n".join(re.findall(r"^    (.*)$", made.stdout, re.M)))
    check = [holdfast.bin / "holdfast-multiplexer", "--check-config", "--config", config]
    assert subprocess.run(check, timeout=PATIENCE).returncode == 0
    again = cert("self-signed", folder)
    assert again.returncode == 1 and "File exists" in again.stderr
    assert (folder / "key.pem").read_bytes() == key
    assert cert("self-signed", holdfast.dir / "other").returncode == 0  # names of this machine
    for words in ((), ("self-signed",), ("self-signed", "--name"), ("self-signed", "a", "b"), ("new", "a")):
        assert cert(*words).returncode == 64
    assert cert("self-signed", "--name", "no such", holdfast.dir / "third").returncode == 1
    assert not (holdfast.dir / "third").exists()


def test_a_bad_certificate_at_the_start_is_told_and_nothing_starts(tls):
    tls.listen("telnets", "telnet-line")
    folder = tls.holdfast.dir / "main"
    config = tls.holdfast.write_config(tls.certificates)
    check = [tls.holdfast.bin / "holdfast-multiplexer", "--config", config, "--run-dir",
             tls.holdfast.run_dir]

    def refused(*words):
        got = subprocess.run([*check, *words], capture_output=True, text=True, timeout=PATIENCE)
        return got.returncode, got.stderr
    assert refused("--check-config") == (0, "")
    (folder / "key.pem").chmod(0o604)
    for words in ((), ("--check-config",)):
        code, why = refused(*words)
        assert code == 78 and f"certificate main: {folder}/key.pem: others may read it" in why
    (folder / "key.pem").chmod(0o640)  # as Debian's ssl-cert has them
    assert refused("--check-config") == (0, "")
    key = (folder / "key.pem").read_bytes()
    locked = subprocess.run(["openssl", "pkey", "-aes256", "-passout", "pass:x"], input=key,
                            capture_output=True, check=True).stdout
    (folder / "key.pem").write_bytes(locked)
    code, why = refused("--check-config")
    assert code == 78 and "locked with a passphrase" in why
    tls.holdfast.write_config()
    code, why = refused("--check-config")
    assert code == 78 and "tls needs certificate main {" in why and "multiplexer.conf:" in why
