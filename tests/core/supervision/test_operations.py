"""The operations listener, as a probe and as Prometheus see it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.supervision.child import ChildStatus, State
from core.supervision.operations import HEAD_BYTES, OperationsListener, answer

WELL = ChildStatus(
    id="web",
    state=State.READY,
    completes=False,
    pid=42,
    restarts=3,
    heartbeat_age=0.25,
    loop_lag=0.001,
    memory=1024,
)
STEP = replace(WELL, id="migrate", state=State.ENDED, completes=True, pid=None, heartbeat_age=None, memory=None)


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        (WELL, 200),
        (STEP, 200),
        (replace(WELL, heartbeat_age=60.0), 503),
        (replace(WELL, state=State.RESTARTING), 503),
        (replace(WELL, state=State.FAILED), 503),
        (replace(STEP, state=State.STARTING), 503),
        (replace(STEP, state=State.FAILED), 503),
    ],
)
def test_readiness_says_whether_every_child_is_well(child: ChildStatus, expected: int) -> None:
    status, _, body = answer("GET", "/readyz", [WELL, child])
    assert status == expected
    assert json.loads(body)["status"] == ("ok" if expected == 200 else "degraded")


def test_liveness_does_not_depend_on_the_children() -> None:
    assert answer("GET", "/livez?verbose=1", [replace(WELL, state=State.FAILED)])[0] == 200


def test_metrics_name_every_child() -> None:
    _, media_type, body = answer("GET", "/metrics", [WELL, STEP])
    assert media_type.startswith("text/plain; version=0.0.4")
    lines = body.splitlines()
    assert 'armstrong_child_up{child="web"} 1.0' in lines
    assert 'armstrong_child_restarts_total{child="web"} 3' in lines
    assert 'armstrong_child_heartbeat_age_seconds{child="web"} 0.25' in lines
    assert 'armstrong_child_loop_lag_seconds{child="web"} 0.001' in lines
    assert 'armstrong_child_resident_memory_bytes{child="web"} 1024' in lines
    assert 'armstrong_child_up{child="migrate"} 1.0' in lines
    assert not [line for line in lines if "memory" in line and "migrate" in line]


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    """A listener with one healthy child."""
    listening = socket.create_server(("127.0.0.1", 0))
    listener = OperationsListener(listening, lambda: [WELL])
    await listener.start()
    yield listening.getsockname()
    listener.close()


async def exchange(address: tuple[str, int], request: bytes) -> tuple[bytes, bytes]:
    """The head and the body that come back."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request)
        await writer.drain()
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return head, body


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /livez/ HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"POST /nothing HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /livez\r\n\r\n", b"400"),
        (b"GET /livez HTTP/2.0\r\n\r\n", b"400"),
        (b"\xff\xfe nonsense\r\n\r\n", b"400"),
        (b"GET /" + b"x" * (HEAD_BYTES * 3), b"400"),
    ],
)
async def test_every_request_gets_a_json_answer(address: tuple[str, int], request_head: bytes, status: bytes) -> None:
    head, body = await exchange(address, request_head)
    assert head.split(b" ")[1] == status
    assert b"content-type: application/json" in head
    json.loads(body)


async def test_a_wrong_method_is_told_the_right_ones(address: tuple[str, int]) -> None:
    head, _ = await exchange(address, b"DELETE /metrics HTTP/1.1\r\n\r\n")
    assert b"allow: GET, HEAD" in head.split(b"\r\n")


async def test_head_has_the_length_but_not_the_body(address: tuple[str, int]) -> None:
    head, body = await exchange(address, b"HEAD /livez HTTP/1.1\r\n\r\n")
    assert b"content-length: 16" in head
    assert body == b""


async def test_one_that_never_finishes_asking_does_not_keep_others_waiting(address: tuple[str, int]) -> None:
    _, lingering = await asyncio.open_connection(*address)
    lingering.write(b"GET /livez HTT")
    await lingering.drain()
    head, _ = await exchange(address, b"GET /livez HTTP/1.1\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    lingering.close()
