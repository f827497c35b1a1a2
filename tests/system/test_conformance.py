"""The conformance suites, run as anybody would run them, against both daemons."""

import json
import pathlib
import subprocess
import sys

from daemons import PATIENCE, child_environment
import agnet  # noqa: F401  (puts the suites on the path)
from test_messages import address_of_this_machine

TESTS = pathlib.Path(__file__).resolve().parents[1]


def text_of(address):
    return f"unix:{address}" if isinstance(address, str) else f"tcp:{address[0]}:{address[1]}"


def run_suite(side, *arguments, expect=0):
    """Runs one suite; {case: verdict}. It must end with that status."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", f"conformance.{side}", "--patience", str(PATIENCE), "--json",
         *map(str, arguments)], cwd=TESTS, env=child_environment(), capture_output=True, text=True,
        timeout=600, stdin=subprocess.DEVNULL)
    assert done.stdout.startswith("{"), (done.stdout + done.stderr)[-3000:]
    report = json.loads(done.stdout)
    failed = [f"{r['name']}: {r['why']}" for r in report["results"]
              if r["verdict"] in ("fail", "error")]
    assert done.returncode == expect, "\n".join([str(done.returncode), *failed, done.stderr])
    return {r["name"]: r["verdict"] for r in report["results"]}


def skipped(verdicts):
    return {name for name, verdict in verdicts.items() if verdict == "skip"}


def test_our_multiplexer_conforms(holdfast):
    here = address_of_this_machine()
    holdfast.listen("telnet")
    holdfast.listen("raw", "raw")
    _, port = holdfast.listen("open", where="everywhere")
    holdfast.start_multiplexer()
    elsewhere = ["--elsewhere", f"tcp:{here}:{port}", "--local", f"tcp:127.0.0.1:{port}"] if here else []
    verdicts = run_suite(
        "multiplexer", "--listen", text_of(str(holdfast.link_path)),
        "--player", text_of(holdfast.addresses["telnet"]),
        "--raw", text_of(holdfast.addresses["raw"]), *elsewhere,
        "--extensions", "--destructive", "--redial", PATIENCE)
    expected = {"end.goes-offline"} | (set() if here else {"accept.refuses-who-comes-from-elsewhere"})
    assert skipped(verdicts) == expected
    assert holdfast.multiplexer.wait() == 0


def test_our_multiplexer_says_goodbye_as_it_should(holdfast):
    holdfast.start_multiplexer()
    verdicts = run_suite(
        "multiplexer", "--listen", text_of(str(holdfast.link_path)),
        "--player", text_of(holdfast.addresses["telnet"]), "--only", "end", "--destructive",
        "--stop-command", f"kill {holdfast.multiplexer.pid}")
    assert verdicts == {"end.terminate": "skip", "end.goes-offline": "pass"}
    assert holdfast.multiplexer.wait() == 0


def test_our_server_conforms(holdfast):
    holdfast.map = "prober"
    holdfast.start_server(wait=False)
    ctl = f"{holdfast.bin / 'holdfastctl'} --run-dir {holdfast.run_dir}"
    verdicts = run_suite(
        "server", "--connect", text_of(str(holdfast.link_path)),
        "--probe", "ping <{n}>", "--answer", "pong <{n}>", "--quit", "quit", "--save", "save {n}",
        "--restart-command", f"{ctl} restart", "--extensions", "--destructive", "--redial", PATIENCE)
    assert skipped(verdicts) == set()
    assert holdfast.server.wait() == 0


def test_every_case_finds_a_peer_that_is_wrong_and_no_fault_with_one_that_is_right():
    done = subprocess.run([sys.executable, "-B", "-m", "conformance.mutants"], cwd=TESTS,
                          env=child_environment(), capture_output=True, text=True, timeout=900,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_suites_try_every_message_of_the_protocol():
    from conformance import mux_answers, server_messages, wire
    assert mux_answers.down_messages() == {wire.MESSAGES[n][0] for n in wire.PLAIN & wire.DOWN}
    assert server_messages.up_messages() == {wire.MESSAGES[n][0] for n in wire.PLAIN & wire.UP}


def run_words(side, *words):
    return subprocess.run([sys.executable, "-B", "-m", f"conformance.{side}", *map(str, words)],
                          cwd=TESTS, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


def test_each_exit_status_of_the_suites_means_what_their_manual_says(tmp_path):
    nobody = ["--connect", f"unix:{tmp_path}/nobody"]
    assert run_words("server").returncode == 64
    assert run_words("server", "--connect", "nonsense").returncode == 64
    assert run_words("server", *nobody, "--probe", "without a number").returncode == 64
    assert run_words("server", *nobody, "--only", "no-such-case").returncode == 64
    assert run_words("server", *nobody).returncode == 69
    never = ["--listen", f"unix:{tmp_path}/never", "--player", f"unix:{tmp_path}/never-either"]
    said = run_words("multiplexer", *never, "--redial", "0.2")
    assert said.returncode == 69 and "Bail out!" in said.stdout
    for side in ("multiplexer", "server"):
        listed = run_words(side, "--list")
        assert listed.returncode == 0
        names = [line.split("\t")[0] for line in listed.stdout.splitlines()]
        assert len(names) == len(set(names)) > 100
