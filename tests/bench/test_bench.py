"""The benchmark's arithmetic and its readings: what it refuses to count, and what it refuses to report."""

import base64
import hmac
import json
import os
import random
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.bench import contextforge, figures, findings, gate, load, offering, plot, soak, wire
from tests.bench.figures import Label, Sample
from tests.bench.findings import Finding, Goal
from tests.bench.processes import ROOT, serving
from tests.bench.rows import FLOOR

SVG = "{http://www.w3.org/2000/svg}"
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
    labels = dict.fromkeys(("floor", "ours"), Label("2026-07-28", "echo"))
    assert figures.table([floor, ours], labels).count("\n") == 4


def test_what_wrk_saw_fail_is_not_counted_as_done() -> None:
    seen = load._parse(WRK.replace("1.20s", "1.20s "))  # noqa: SLF001  # wrk's words, as they are
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


@pytest.mark.system
def test_the_client_of_our_own_measures_where_wrk_is_absent(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    with serving(FLOOR, core=core, logs=tmp_path) as server:
        before = server.cpu_seconds()
        file = tmp_path / "messages.json"
        file.write_text(json.dumps([server.target.message(number).decode() for number in range(10)]))
        arguments = [str(server.port), str(file), "1", "4"]
        command = [sys.executable, "-m", "tests.bench.client", *arguments]
        output = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=30).stdout
        seen = load.Load(**json.loads(output))
        assert seen.requests > 100
        assert seen.errors == 0
        assert server.cpu_seconds() > before


def passes(here: list[float], base: list[float], floor: list[float]) -> list[Sample]:
    by_row = {gate.HERE: here, gate.BASE: base, FLOOR.name: floor}
    return [sample(row, cost) for row, costs in by_row.items() for cost in costs]


def test_the_gate_compares_pass_with_pass() -> None:
    slow_second_pass = passes([50, 100, 51], [50, 99, 50], [40, 55, 41])
    found = gate.verdict(slow_second_pass)
    assert (round(found.times, 2), found.unrest, found.code) == (1.01, 1.375, 0)


def test_the_gate_fails_what_is_more_than_a_tenth_dearer() -> None:
    assert gate.verdict(passes([55, 55, 55], [50, 50, 50], [40, 40, 40])).code == 0
    found = gate.verdict(passes([56, 56, 10], [50, 50, 50], [40, 40, 40]))
    assert found.code == 1
    assert "1.12 times" in found.sentence
    assert "too dear" in found.sentence


def test_the_gate_says_nothing_of_a_restless_machine() -> None:
    found = gate.verdict(passes([500, 500], [50, 50], [40, 61]))
    assert found.code == 2
    assert "no verdict" in found.sentence


def test_the_picture_has_a_bar_for_each_row_and_a_line_at_the_floor() -> None:
    lines = figures.figures([sample("floor", 40), sample("ours <b>", 60), sample("peer", 4000)], "floor")
    drawn = ET.fromstring(plot.svg(lines, "2026-11-22"))  # noqa: S314  # made here
    bars = [float(bar.get("width", 0)) for bar in drawn.iter(f"{SVG}rect") if "bar" in bar.get("class", "")]
    floors = [line for line in drawn.iter(f"{SVG}line") if line.get("class") == "floor"]
    texts = [text.text for text in drawn.iter(f"{SVG}text")]
    assert bars == sorted(bars)
    assert len(bars) == 3
    assert float(floors[0].get("x1", 0)) == pytest.approx(plot.LEFT + bars[0], abs=0.1)
    assert "ours <b>" in texts
    assert "4,000" in texts


def test_calls_of_sessions_take_turns() -> None:
    call = wire.Call(wire.WITH_SESSIONS, sessions=2)
    target = wire.Target(1, "/mcp", "key", call, ("one", "two"))
    assert [target.headers(number)["Mcp-Session-Id"] for number in range(3)] == ["one", "two", "one"]
    assert b"_meta" not in target.message(1)
    assert "Mcp-Session-Id" not in wire.Target(1, "/mcp", "key", wire.ECHO).headers(0)


def test_the_gateways_token_is_signed() -> None:
    head, claims, signature = contextforge.token("secret", 1000).split(".")
    signed = hmac.digest(b"secret", f"{head}.{claims}".encode(), "sha256")
    assert base64.urlsafe_b64decode(signature + "==")[:32] == signed
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["exp"] == 1000 + contextforge.TOKEN_SECONDS


def test_a_goal_is_reached_from_its_own_side() -> None:
    assert Goal(12).is_met(12)
    assert not Goal(12).is_met(12.1)
    assert Goal(4000, at_least=True).is_met(4000)
    assert not Goal(4000, at_least=True).is_met(3999)
    slow = Finding("p", "opening", 2000, "/s", "one", Goal(4000, at_least=True))
    assert (slow.verdict, findings.share_of_goal(slow)) == ("NO", 2.0)
    assert findings.share_of_goal(Finding("p", "dropped", 0, "streams", "one", Goal(0))) == 1.0


def test_figures_are_written_as_table_raw_and_picture(tmp_path: Path) -> None:
    found = [Finding("p", "a <b>", 1234.5, "ms", "one", Goal(2000)), Finding("p", "c", 0.5, "s", "one")]
    text = findings.write(tmp_path, "p", found, {"when": "now"})
    assert "| a <b> | 1,234 ms | ≤ 2,000 | yes | one |  |" in text
    assert (tmp_path / "p.md").read_text() == text
    assert [entry["met"] for entry in json.loads((tmp_path / "p.json").read_text())["findings"]] == ["yes", ""]
    picture = ET.fromstring((tmp_path / "p.svg").read_text())  # noqa: S314  # our own
    assert [element.text for element in picture.iter(f"{SVG}text") if element.text == "a <b>"] == ["a <b>"]


def test_a_slope_is_told_from_none() -> None:
    chance = random.Random(3)  # noqa: S311  # no secret
    noise = [chance.gauss(0, 1) for _ in range(600)]
    flat, rising = soak.slope(noise), soak.slope([value + second / 100 for second, value in enumerate(noise)])
    assert flat.low <= 0 <= flat.high
    assert flat.sentence.startswith("not distinguishable from 0")
    assert rising.low > 0
    assert rising.value == pytest.approx(36, rel=0.1)
    assert rising.sentence.startswith("not 0")


def test_an_offer_goes_on_at_a_server_that_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        offer = offering.Offer(listening.getsockname()[1], [b"GET / HTTP/1.1\r\n\r\n"], connections=2, depth=3)
        offer.run(rate=1_000, seconds=1)
    (said,) = [offering.Second(**json.loads(line)) for line in capsys.readouterr().out.splitlines()]
    assert (said.sent, said.answered, said.errors) == (6, 0, 0)
    assert said.held_back > 900
    for line in offer.lines.values():
        line.socket.close()
    offer.poll.close()


def test_an_answer_is_timed_from_its_own_sending() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        offer = offering.Offer(listening.getsockname()[1], [b"GET / HTTP/1.1\r\n\r\n"], connections=1, depth=4)
        (line,) = offer.lines.values()
        assert line.send([offer.requests[0]] * 2)
        server, _ = listening.accept()
        server.sendall(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 503 Busy\r\n\r\n")
        while offer.second.answered < 2:
            offer._hear(1.0)  # noqa: SLF001
        assert (offer.second.errors, len(offer.times), len(line.waiting)) == (1, 2, 0)
        for connection in (server, line.socket):
            connection.close()
        offer.poll.close()
