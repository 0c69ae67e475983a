"""The operations listener: liveness, readiness and metrics, answered from shared memory without asking any child."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

from core.supervision.child import ChildStatus, State

HEAD_BYTES = 8 * 1024
REQUEST_SECONDS = 5.0
METHODS = ("GET", "HEAD")
JSON = "application/json"
METRICS = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus text exposition format

type Answer = tuple[int, str, str]  # status, media type, body

REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    503: "Service Unavailable",
}


def answer(method: str, path: str, statuses: list[ChildStatus]) -> Answer:
    """The answer to a request, without any I/O."""
    pages: dict[str, Callable[[list[ChildStatus]], Answer]] = {"/livez": livez, "/readyz": readyz, "/metrics": metrics}
    page = pages.get(path.partition("?")[0])
    if page is None:
        return _problem(404, "There is nothing at this address. Try /livez, /readyz or /metrics.")
    if method not in METHODS:
        return _problem(405, "Use GET or HEAD.")
    return page(statuses)


def livez(_: list[ChildStatus]) -> Answer:
    """The supervisor lives: whoever reads this has its answer."""
    return 200, JSON, json.dumps({"status": "ok"})


def readyz(statuses: list[ChildStatus]) -> Answer:
    """200 when every child is well, else 503; either way what each one is."""
    well = all(status.is_well for status in statuses)
    children = {status.id: _child(status) for status in statuses}
    body = {"status": "ok" if well else "degraded", "children": children}
    return 200 if well else 503, JSON, json.dumps(body)


def _child(status: ChildStatus) -> dict[str, object]:
    facts = {
        "state": status.state,
        "well": status.is_well,
        "pid": status.pid,
        "restarts": status.restarts,
        "heartbeat_age_seconds": status.heartbeat_age,
        "loop_lag_seconds": status.loop_lag,
        "connections": status.vitals.connections,
        "task_restarts": status.vitals.task_restarts,
        "calls_lost": status.vitals.calls_lost,
        "memory_bytes": status.memory,
        "rolls": status.rolls or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def metrics(statuses: list[ChildStatus]) -> Answer:
    """Every child in the Prometheus text format."""
    return 200, METRICS, "\n".join(_lines(statuses)) + "\n"


def _lines(statuses: list[ChildStatus]) -> Iterator[str]:
    yield from _series("up", "gauge", "Whether the child is well.", statuses, lambda child: float(child.is_well))
    yield from _series(
        "given_up",
        "gauge",
        "Whether the child failed too often and is not started any more.",
        statuses,
        lambda child: float(child.state is State.FAILED),
    )
    yield from _series("restarts_total", "counter", "Times it came back.", statuses, lambda child: child.restarts)
    yield from _series(
        "heartbeat_age_seconds", "gauge", "Since its last heartbeat.", statuses, lambda child: child.heartbeat_age
    )
    yield from _series(
        "loop_lag_seconds", "gauge", "How late its event loop last ran.", statuses, lambda child: child.loop_lag
    )
    yield from _series(
        "connections", "gauge", "Connections it has open.", statuses, lambda child: child.vitals.connections
    )
    yield from _series(
        "task_restarts_total",
        "counter",
        "Times a supervised task inside it came back, since the process began.",
        statuses,
        lambda child: child.vitals.task_restarts,
    )
    yield from _series(
        "calls_lost_total",
        "counter",
        "Calls that the ledger will never have, since the process began: not journalled, or damaged in a journal.",
        statuses,
        lambda child: child.vitals.calls_lost,
    )
    yield from _series(
        "resident_memory_bytes",
        "gauge",
        "Resident memory of its first process.",
        statuses,
        lambda child: child.memory,
    )


def _series(
    name: str, kind: str, text: str, statuses: list[ChildStatus], value: Callable[[ChildStatus], float | None]
) -> Iterator[str]:
    full = f"armstrong_child_{name}"
    yield f"# HELP {full} {text}"
    yield f"# TYPE {full} {kind}"
    for status in statuses:
        if (number := value(status)) is not None:
            yield f'{full}{{child="{status.id}"}} {number}'


def _problem(status: int, detail: str) -> Answer:
    return status, JSON, json.dumps({"status": status, "title": REASONS[status], "detail": detail})


class OperationsListener:
    """An HTTP/1.1 server on a bound socket; each connection carries one request."""

    def __init__(self, listening: socket.socket, statuses: Callable[[], list[ChildStatus]]) -> None:
        self._listening = listening
        self._statuses = statuses
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Starts answering."""
        self._server = await asyncio.start_server(self._serve, sock=self._listening, limit=HEAD_BYTES)

    def close(self) -> None:
        """Stops answering."""
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                method, found = await self._read(reader)
                writer.write(_encode(method, found))
                await writer.drain()
        except (OSError, TimeoutError):
            pass  # whoever asked is gone, or never finished asking
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> tuple[str, Answer]:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path, version = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            return "GET", _problem(400, "This is not an HTTP/1.1 request head of at most 8 KiB.")
        if not version.startswith("HTTP/1."):
            return "GET", _problem(400, "Speak HTTP/1.1.")
        return method, answer(method, path, self._statuses())


def _encode(method: str, found: Answer) -> bytes:
    status, media_type, body = found
    content = body.encode()
    head = [
        f"HTTP/1.1 {status} {REASONS[status]}",
        f"content-type: {media_type}",
        f"content-length: {len(content)}",
        "cache-control: no-store",
        "connection: close",
        *(["allow: GET, HEAD"] if status == 405 else []),
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + (b"" if method == "HEAD" else content)
