"""Networks that a tenant's endpoints may be called from, at every door of a worker."""

import asyncio

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from core import tickets
from mcp_runtime.transports.guards import Guards
from mcp_runtime.worker import Worker
from tenants.services.networks import networks_set
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import eventually
from tests.mcp_runtime.sockets import at_socket, sse, websocket
from tests.mcp_runtime.transports.lanes import modern_bytes, read_response

HERE, ELSEWHERE = "127.0.0.0/8", "192.0.2.0/24"
RUNTIME = "http://localhost:8100"


async def _allow(stage: Stage, *networks: str) -> None:
    await stage.change(
        lambda actor: networks_set(actor=actor, endpoints=list(networks), console=[], address="127.0.0.1")
    )


class _Caller:
    """One connection that repeats itself, as clients do, so that its head is recognised."""

    def __init__(self, stage: Stage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.stage, self.reader, self.writer = stage, reader, writer

    async def status(self, **headers: str) -> int:
        """The status that a call is answered with."""
        call = {"name": "echo", "arguments": {}}
        self.writer.write(modern_bytes(self.stage, "tools/call", call, host="localhost:8100", **headers))
        return (await read_response(self.reader))[0]

    async def settled(self, status: int, **headers: str) -> None:
        """Returns once that is the status."""

        async def now() -> bool:
            return await self.status(**headers) == status

        await eventually(now)


async def _caller(stage: Stage, origin: str) -> _Caller:
    return _Caller(stage, *await asyncio.open_connection(*origin.split(":")))


async def test_a_connection_in_the_fast_lane_is_held_to_each_change(stage: Stage) -> None:
    async with at_socket(Worker()) as origin:
        caller = await _caller(stage, origin)
        await caller.settled(200)
        await _allow(stage, ELSEWHERE)
        await caller.settled(403)
        assert await caller.status(x_forwarded_for="192.0.2.1") == 403
        await _allow(stage, ELSEWHERE, HERE)
        await caller.settled(200)
        await _allow(stage)
        await caller.settled(200)
        caller.writer.close()


async def test_what_proxies_say_counts_and_what_clients_say_does_not(stage: Stage) -> None:
    await _allow(stage, ELSEWHERE, "2001:db8::/32")
    async with at_socket(Worker(guards=Guards(RUNTIME, [], proxies=1))) as origin:
        caller = await _caller(stage, origin)
        good = ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::7", "127.0.0.1, 192.0.2.1"]
        bad = ["192.0.2.1, 127.0.0.1", "", "unknown", "192.0.2.1:1", "192.0.2.1,", "2001:db9::1"]
        assert [await caller.status(x_forwarded_for=told) for told in good] == [200] * len(good)
        assert [await caller.status(x_forwarded_for=told) for told in bad] == [403] * len(bad)
        assert await caller.status() == 403
        caller.writer.close()


async def test_every_door_refuses_and_says_why(stage: Stage) -> None:
    await _allow(stage, ELSEWHERE)
    headers = {"authorization": f"Bearer {stage.key}", "accept": "text/event-stream"}
    async with at_socket(Worker()) as origin, httpx.AsyncClient(headers=headers) as http:
        for transport, verb in (("mcp", "GET"), ("mcp", "DELETE"), ("sse", "GET"), ("messages", "POST"), ("ws", "GET")):
            answer = await http.request(verb, f"http://{origin}{stage.at(transport)}")
            assert answer.status_code == 403, (transport, verb)
            assert answer.json()["error"]["data"]["refusal"] == "address_not_allowed"
        async with websocket(origin, stage.at("ws"), stage.key) as socket:
            assert await socket.closed() == (4403, "address_not_allowed")
        strange = {"authorization": f"Bearer {tickets.PREFIX}forged"}
        assert (await http.get(f"http://{origin}{stage.path}", headers=strange)).status_code == 401


async def test_open_streams_end_when_the_list_changes(stage: Stage) -> None:
    async with at_socket(Worker()) as origin:
        async with (
            sse(origin, stage.at("sse"), stage.key) as stream,
            websocket(origin, stage.at("ws"), stage.key) as socket,
        ):
            await stream.initialize()
            await socket.initialize()
            await _allow(stage, ELSEWHERE)
            await stream.end()
            await socket.closed()
        with pytest.raises((AssertionError, ConnectionClosed)):
            async with sse(origin, stage.at("sse"), stage.key):
                pass


async def test_the_consoles_own_calls_are_let_in(stage: Stage) -> None:
    await _allow(stage, ELSEWHERE)
    ticket = tickets.mint(
        tenant_id=str(stage.tenant.id), endpoint_id=str(stage.endpoint.pk), user_id=str(stage.owner.pk)
    )
    async with at_socket(Worker()) as origin:
        caller = await _caller(stage, origin)
        assert await caller.status(authorization=f"Bearer {ticket}") == 200
        assert await caller.status() == 403
        caller.writer.close()
