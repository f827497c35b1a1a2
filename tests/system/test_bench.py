"""The benchmarks run, whatever their figures are: here only whether every table gets its rows."""

import subprocess
import sys

from daemons import BUILD, TOP


def test_every_table_of_the_benchmark_gets_its_rows(tmp_path):
    done = subprocess.run([sys.executable, TOP / "tests/bench/bench.py", "--smoke", "--out", tmp_path],
                          capture_output=True, text=True, timeout=240,
                          env={"HOLDFAST_BUILD": str(BUILD), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"})
    assert done.returncode == 0, done.stdout + done.stderr
    report = (tmp_path / "report.md").read_text()
    for name in ("relay", "memory", "restart", "restart-lua", "fan", "frames", "neighbours", "connects",
                 "compression"):
        assert f"({name}.svg)" in report
        assert "<rect" in (tmp_path / f"{name}.svg").read_text()
    for peer in ("haproxy", "nginx", "bare epoll"):
        assert f"| {peer} " in report
