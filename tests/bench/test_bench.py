"""The benchmark's arithmetic and its readings: what it refuses to count, and what it refuses to report."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import figures, load, wire
from tests.bench.__main__ import FLOOR
from tests.bench.figures import Sample
from tests.bench.processes import ROOT, serving

WRK = """Running 3s test @ http://127.0.0.1:1
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.73ms    1.02ms  22.39ms   80.00%
  Latency Distribution
     50%  2.51ms
     75%    3.20ms
     90%    4.00ms
     99%    1.20s
  35000 requests in 3.10s, 8.51MB read
  Socket errors: connect 0, read 3, write 1, timeout 2
  Non-2xx or 3xx responses: 10
Requests/sec:  11290.32
"""


def sample(row: str, cpu_us: float) -> Sample:
    return Sample(row=row, cpu_us=cpu_us, wall_rps=1, requests=1, errors=0, p50_ms=1, p99_ms=1, rss_mb=1)


def test_a_row_is_compared_with_the_floor_of_its_own_run() -> None:
    samples = [sample("floor", 40), sample("ours", 60), sample("floor", 50), sample("ours", 90), sample("floor", 60)]
    floor, ours = figures.figures(samples, "floor")
    assert (floor.cpu_median, floor.cpu_best, floor.spread, floor.ratio) == (50, 40, 1.5, 1)
    assert (ours.cpu_median, ours.cpu_best, ours.spread, ours.ratio) == (75, 60, 1.5, 1.5)
    assert figures.table([floor, ours]).count("\n") == 4


def test_what_wrk_saw_fail_is_not_counted_as_done() -> None:
    seen = load._parse(WRK)  # noqa: SLF001  # wrk's words, as they are
    assert seen == load.Load(requests=35000 - 16, errors=16, seconds=3.1, p50_ms=2.51, p99_ms=1200)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (401, b"{}"),
        (200, json.dumps({"id": 8, "result": {"content": [{"text": wire.TEXT}]}}).encode()),
        (200, json.dumps({"id": 7, "result": {"content": [{"text": "something else"}]}}).encode()),
    ],
)
def test_an_answer_that_is_not_the_echo_is_refused(status: int, content: bytes) -> None:
    with pytest.raises(wire.WrongAnswer):
        wire.check(status, content, 7)


def test_the_client_of_our_own_measures_where_wrk_is_absent(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    with serving(FLOOR, core=core, logs=tmp_path) as server:
        before = server.cpu_seconds()
        arguments = [str(server.port), FLOOR.path, "none", "1", "4"]
        command = [sys.executable, "-m", "tests.bench.client", *arguments]
        output = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=30).stdout
        seen = load.Load(**json.loads(output))
        assert seen.requests > 100
        assert seen.errors == 0
        assert server.cpu_seconds() > before
