"""Load on one server from one core: by wrk where it is installed, else by a client of our own (tests/bench/client.py).

wrk is written in C and keeps every row saturated; the client in Python may leave the fastest row some idle time, which
costs that row a little more CPU per request (fewer requests per wake-up). The report says which one was used.
"""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from core.embedded.postgres import HOST
from tests.bench import wire
from tests.bench.processes import ROOT, Server

# A generator that hangs is ended this many seconds after it should have come back.
GRACE_SECONDS = 20
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class LoadFailed(Exception):
    """The load generator ended badly; the message carries its output."""


@dataclass(frozen=True)
class Load:
    """What one generator saw: completed requests, failed ones (any status but 2xx, broken connections), times in ms."""

    requests: int
    errors: int
    seconds: float
    p50_ms: float
    p99_ms: float


def generator() -> str:
    """The name of the load generator that this machine has."""
    return "wrk" if shutil.which("wrk") else "tests/bench/client.py"


def apply(server: Server, *, seconds: int, core: int, scratch: Path) -> Load:
    """Keeps the row's connections busy for `seconds` from `core`; raises LoadFailed."""
    pinned = ["taskset", "--cpu-list", str(core)]
    if generator() == "wrk":
        return _wrk(server, pinned, seconds, scratch)
    file = scratch / f"{server.port}.json"
    file.write_text(json.dumps([message.decode() for message in _messages(server)]), encoding="utf-8")
    arguments = [str(server.port), str(file), str(seconds), str(server.row.connections)]
    output = _run([*pinned, sys.executable, "-m", "tests.bench.client", *arguments], seconds)
    return Load(**json.loads(output))


def _wrk(server: Server, pinned: list[str], seconds: int, scratch: Path) -> Load:
    script = scratch / f"{server.port}.lua"
    script.write_bytes(_lua(server))
    arguments = [
        "--threads=1",
        f"--connections={server.row.connections}",
        f"--duration={seconds}s",
        "--latency",
        "--timeout=20s",
    ]
    url = f"http://{HOST}:{server.port}"
    return _parse(_run([*pinned, "wrk", *arguments, f"--script={script}", url], seconds))


def _messages(server: Server) -> list[bytes]:
    # Made beforehand, the whole set: the generator shall spend its core on sending.
    return [server.target.message(number) for number in range(wire.REQUESTS)]


def _lua(server: Server) -> bytes:
    quoted = b",\n".join(b"[==[\n" + message + b"]==]" for message in _messages(server))
    # A Lua long string turns CR LF into LF: put the CR back into the head.
    turn = b"for i = 1, #messages do messages[i] = messages[i]:gsub('\\n', '\\r\\n') end\n"
    loop = b"local at = 0\nfunction request() at = at % #messages + 1 return messages[at] end\n"
    return b"local messages = {\n" + quoted + b"}\n" + turn + loop


def _run(command: list[str], seconds: int) -> str:
    try:
        outcome = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds + GRACE_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise LoadFailed(f"{command[3]} did not come back") from None
    if outcome.returncode:
        raise LoadFailed(f"{command[3]}: {outcome.stderr[-1000:]}{outcome.stdout[-1000:]}")
    return outcome.stdout


def _parse(output: str) -> Load:
    found = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", output)
    if not found:
        raise LoadFailed(f"wrk said: {output[-1000:]}")
    refused = sum(int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", output))
    for line in re.findall(r"Socket errors: (.*)", output):
        refused += sum(int(number) for number in re.findall(r"\d+", line))
    return Load(
        requests=int(found[1]) - refused,
        errors=refused,
        seconds=float(found[2]) * UNITS[found[3]] / 1000,
        p50_ms=_percentile(output, 50),
        p99_ms=_percentile(output, 99),
    )


def _percentile(output: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m) *$", output, re.MULTILINE)
    if not found:
        raise LoadFailed(f"wrk said nothing of {percent} %: {output[-1000:]}")
    return float(found[1]) * UNITS[found[2]]
