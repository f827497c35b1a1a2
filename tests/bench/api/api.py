#!/usr/bin/env python3
"""Measures the HTTP API beside nginx and libmicrohttpd, and writes build/bench/api.md.

All answer the same bytes; ours come from a Lua function that builds a table of three strings for each
request. wrk asks with 1, 10 and 100 connections; who is compared runs in turns (A B C A B C), each
figure is the median of its rounds. Figures do not travel from machine to machine; ratios do."""

import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from subjects import BUILD, children_of, cpu_us, free_port, wait_port  # noqa: E402

MAP = """
register_api_route("/bench", "get", function()
	return { [0] = "the first", [1] = "the second", [2] = "the third" }
end)
"""
BODY = ('{"message":{"content":{"0":{"content":"the first","type":"string"},'
        '"1":{"content":"the second","type":"string"},"2":{"content":"the third","type":"string"}},'
        '"type":"array_object"},"status":"success"}')
CONNECTIONS = (1, 10, 100)


class Subject:
    def __init__(self, name, directory, argv, port, stdin=None):
        self.name, self.dir, self.port = name, directory, port
        self.process = subprocess.Popen([str(a) for a in argv], stdin=stdin or subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL,
                                        stderr=open(directory / "log", "ab"))
        wait_port(port)
        self.rounds = {n: [] for n in CONNECTIONS}

    def pids(self):
        return [self.process.pid, *children_of(self.process.pid)]

    def load(self, connections, seconds):
        before = sum(map(cpu_us, self.pids()))
        told = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
                               "--timeout", "30s",  # of 100 at 20 a second the last waits for 5
                               f"http://127.0.0.1:{self.port}/bench"], capture_output=True, text=True,
                              timeout=seconds + 60, stdin=subprocess.DEVNULL, check=True).stdout
        spent = sum(map(cpu_us, self.pids())) - before
        if "Non-2xx" in told or "Socket errors" in told:
            raise RuntimeError(f"{self.name}: {told}")
        requests = int(re.search(r"(\d+) requests in", told)[1])
        self.rounds[connections].append((
            float(re.search(r"Requests/sec: *([\d.]+)", told)[1]),
            microseconds(re.search(r"50% +(\S+)", told)[1]),
            microseconds(re.search(r"99% +(\S+)", told)[1]), spent / max(requests, 1)))

    def medians(self, connections):
        return [statistics.median(column) for column in zip(*self.rounds[connections])]

    def end(self):
        self.process.terminate()
        self.process.wait(20)


def microseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def nginx(directory):
    port = free_port()
    (directory / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 1024; }}
http {{
	access_log off; keepalive_requests 1000000000;
	server {{ listen 127.0.0.1:{port} backlog=1024; default_type application/json;
		location / {{ return 200 '{BODY}'; }} }}
}}
""")
    return Subject("nginx, return", directory, ["nginx", "-p", directory, "-c", directory / "nginx.conf"],
                   port)


def microhttpd(directory):
    port = free_port()
    (directory / "body").write_text(BODY)
    with open(directory / "body", "rb") as body:
        return Subject("libmicrohttpd, epoll", directory, [BUILD / "bench" / "microhttpd", port], port,
                       body)


def holdfast(directory, name, **cvars):
    port = free_port()
    map_dir = directory / "maps" / "bench"
    map_dir.mkdir(parents=True)
    (map_dir / "init.lua").write_text(MAP)
    (directory / "run").mkdir()
    sets = {"sv_map": "bench", "sv_api": 1, "sv_api_ports": f"127.0.0.1:{port}", "sv_api_clients": 256,
            **cvars}
    words = [word for item in sets.items() for word in ("--set", "%s=%s" % item)]
    subject = Subject(name, directory, [BUILD / "holdfast-server", "--run-dir", directory / "run",
                                        "--maps", directory / "maps", *words], port)
    answer = subprocess.run(["curl", "-sS", f"http://127.0.0.1:{port}/bench"], capture_output=True,
                            text=True, timeout=20, stdin=subprocess.DEVNULL, check=True).stdout
    assert answer == BODY, answer
    return subject


def frames_of(subject):
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(subject.dir / "run" / "server.sock"))
        line.sendall(b'{"argv": ["metrics"]}\n')
        return json.loads(line.makefile().readline())["answer"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in a minute; the figures are rough")
    args = parser.parse_args()
    rounds, seconds, frame_seconds = (1, 1, 5) if args.quick else (5, 3, 60)
    out = BUILD / "bench"
    out.mkdir(parents=True, exist_ok=True)
    top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
    subjects = []

    def folder(name):
        (top / name).mkdir()
        return top / name
    try:
        subjects.append(nginx(folder("nginx")))
        subjects.append(microhttpd(folder("microhttpd")))
        subjects.append(holdfast(folder("one"), "Holdfast, Lua"))
        ours = subjects[-1]
        subjects.append(holdfast(folder("rate"), "Holdfast, sv_api_rate 1 (as NightFall)", sv_api_rate=1))
        for _ in range(rounds):
            for connections in CONNECTIONS:
                for subject in subjects:
                    subject.load(connections, seconds)
        lines = ["# The HTTP API beside nginx and libmicrohttpd", "",
                 f"{rounds} rounds of {seconds} s, medians; {os.cpu_count()} processors, of which wrk has "
                 "one. Processor time is that of the server's process, all its threads.", "",
                 "| server | connections | requests/s | p50, us | p99, us | CPU a request, us |",
                 "|---|--:|--:|--:|--:|--:|"]
        for connections in CONNECTIONS:
            for subject in subjects:
                rate, p50, p99, cpu = subject.medians(connections)
                lines.append(f"| {subject.name} | {connections} | {rate:,.0f} | {p50:,.0f} | {p99:,.0f} | "
                             f"{cpu:.1f} |")
        ratio = ours.medians(100)[0] / subjects[0].medians(100)[0]
        lines += ["", f"Aim: with 100 connections at least 0.7 of nginx's requests: {ratio:.2f}, "
                  f"{'met' if ratio >= 0.7 else 'NOT met'}."]
        # two that have seen nothing of the load before: a server counts all frames of its life
        subjects += [holdfast(folder("busy"), "busy"), holdfast(folder("beside"), "beside")]
        subjects[-2].load(100, frame_seconds)
        busy, beside = map(frames_of, subjects[-2:])
        late = busy["frame_late_p99_us"]
        lines += [f"Aim: frames begin at most 1 ms late (p99) under 100 connections for {frame_seconds} s: "
                  f"{late / 1000:.2f} ms, {'met' if late <= 1000 else 'NOT met'}; the latest "
                  f"{busy['frame_late_max_us'] / 1000:.2f} ms, frames left out {busy['frames_late']}. "
                  f"Of a server beside it that had nothing to do: p99 {beside['frame_late_p99_us'] / 1000:.2f} ms, the latest "
                  f"{beside['frame_late_max_us'] / 1000:.2f} ms."]
        text = "\n".join(lines) + "\n"
        (out / "api.md").write_text(text)
        print(text)
    finally:
        for subject in subjects:
            subject.end()
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
