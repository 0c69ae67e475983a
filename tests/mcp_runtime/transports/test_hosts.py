"""Endpoints at tenants' own hosts: who is there, and who is not, through a worker and over both shells."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings

from core.tenancy import tenant_context
from mcp_runtime.services.endpoints import endpoint_create, endpoint_delete
from mcp_runtime.services.hosts import default_set, host_claim, host_release, host_verify, proof_of
from mcp_runtime.transports.websocket import GOING_AWAY
from mcp_runtime.worker import Worker
from tenants.models import Tenant
from tenants.services.tenants import tenant_rename
from tests.conftest import Cast, unique
from tests.dns_server import Names, names
from tests.mcp_runtime.conftest import Probe, Stage, add_tool, make_stage
from tests.mcp_runtime.driving import BOUND_SECONDS, Client, Exchange, eventually, in_console, request, serving
from tests.mcp_runtime.sockets import websocket
from tests.mcp_runtime.transports.lanes import CALL, in_lanes, modern_bytes, read_response
from tests.mcp_runtime.transports.test_direct_streams import WANTED, listening

__all__ = ["names"]

DOMAIN = "hosts.example"


@pytest.fixture(autouse=True)
def _domain(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TENANT_DOMAIN = DOMAIN
    monkeypatch.setenv("TENANT_DOMAIN", DOMAIN)


@pytest.fixture
async def worker(_domain: None) -> AsyncIterator[Worker]:
    """A worker that knows the domain."""
    async with serving(Worker()) as worker:
        yield worker


@pytest.fixture
def theirs(cast: Cast, probe: Probe) -> Stage:
    """Charlie's endpoint."""
    return make_stage(cast.elsewhere, cast.charlie)


def _bring(stage: Stage, names: Names, name: str) -> UUID:
    """A host that the stage's tenant has verified for its endpoint; its id."""
    with tenant_context(stage.tenant.id):
        host = host_claim(actor=stage.actor, name=name, endpoint_slug=stage.endpoint.slug)
    names.texts.setdefault(proof_of(host).name, []).append(proof_of(host).text)
    with tenant_context(stage.tenant.id):
        actor = stage.actor
    return host_verify(actor=actor, host_id=host.pk).pk


async def _ping(worker: Worker, stage: Stage, host: str, path: str = "/mcp", key: str | None = None) -> int:
    client = Client(worker, path, key or stage.key)
    return (await client.modern("tools/list", host=host)).status


def _name() -> str:
    return f"{unique('mcp')}.example.com"


async def test_each_endpoint_is_at_its_tenants_host(worker: Worker, stage: Stage) -> None:
    host = f"{stage.tenant.slug}.{DOMAIN}"
    assert await _ping(worker, stage, host, f"/{stage.endpoint.slug}/mcp") == 200
    assert await _ping(worker, stage, host) == 200
    assert await _ping(worker, stage, host, "/nothing/mcp") == 404
    assert await _ping(worker, stage, host, f"/{stage.endpoint.slug}/mcp", key="amk_wrong") == 401


@pytest.mark.parametrize("spelling", ["{}:8443", "{}.", "{}.:80", " {} "])
async def test_spellings_of_a_host_are_one_host(worker: Worker, stage: Stage, spelling: str) -> None:
    host = f"{stage.tenant.slug}.{DOMAIN}".upper()
    assert await _ping(worker, stage, spelling.format(host)) == 200


@pytest.mark.parametrize(
    "host",
    [
        *("{}.hosts.example.evil.example", "x.{}.hosts.example", "hosts.example", "{}hosts.example", "{}", ""),
        *("{}.hosts.example:x", "{}.hosts.example..", "127.0.0.2", "[::2]", "user@{}.hosts.example"),
        *("{}.hosts.example/x", "\xff.example", "evil.example"),
    ],
)  # fmt: skip
async def test_what_is_no_host_of_a_tenants(worker: Worker, stage: Stage, host: str) -> None:
    for path in ("/mcp", stage.path):
        client = Client(worker, path, stage.key)
        answer = await client.modern("tools/list", host=host.format(stage.tenant.slug))
        assert answer.status == 421
        assert answer.json["error"]["data"]["refusal"] == "host_not_allowed"


async def test_a_host_that_comes_twice_is_refused(worker: Worker, stage: Stage) -> None:
    host = f"{stage.tenant.slug}.{DOMAIN}".encode()
    raw = [(b"host", host), (b"host", host), (b"authorization", b"Bearer " + stage.key.encode())]
    exchange = Client(worker, "/mcp").open_raw("POST", b"{}", raw)
    assert await exchange.start() == 421


async def test_the_path_of_one_tenant_is_not_at_the_host_of_another(
    worker: Worker, stage: Stage, theirs: Stage, names: Names
) -> None:
    brought = _name()
    await in_console(lambda: _bring(theirs, names, brought))
    assert await _ping(worker, stage, "localhost", stage.path) == 200
    for host in (f"{theirs.tenant.slug}.{DOMAIN}", brought):
        assert await _ping(worker, stage, host, stage.path) == 421
        assert await _ping(worker, stage, host, theirs.path) == 421
        # The key of another tenant's endpoint.
        assert await _ping(worker, stage, host, "/mcp") == 401
        assert await _ping(worker, theirs, host, "/mcp") == 200
    assert await _ping(worker, theirs, f"{stage.tenant.slug}.{DOMAIN}", f"/{theirs.endpoint.slug}/mcp") == 404


async def test_the_default_is_at_the_host_itself(worker: Worker, stage: Stage) -> None:
    host = f"{stage.tenant.slug}.{DOMAIN}"
    assert await _ping(worker, stage, host) == 200
    other = await in_console(lambda: _second(stage))
    # That there are two now changes nothing for clients of the first.
    assert await _ping(worker, stage, host) == 200
    await stage.change(lambda actor: default_set(actor=actor, endpoint_slug=other))
    await eventually(lambda: _is(401, worker, stage, host))
    await stage.change(lambda actor: endpoint_delete(actor=actor, endpoint_slug=other))
    await eventually(lambda: _is(200, worker, stage, host))


async def _is(status: int, worker: Worker, stage: Stage, host: str) -> bool:
    return await _ping(worker, stage, host) == status


def _second(stage: Stage) -> str:
    with tenant_context(stage.tenant.id):
        return endpoint_create(actor=stage.actor, slug=unique("s"), name="Second").slug


async def test_a_former_name_of_a_tenant_goes_on(worker: Worker, stage: Stage) -> None:
    former = f"{stage.tenant.slug}.{DOMAIN}"
    new = unique("renamed")
    await stage.change(lambda actor: tenant_rename(actor=actor, name="Renamed", slug=new))
    assert await _ping(worker, stage, former) == 200
    assert await _ping(worker, stage, f"{new}.{DOMAIN}") == 200


async def test_a_tenant_that_is_being_deleted_is_at_no_host(worker: Worker, stage: Stage, names: Names) -> None:
    brought, own = _name(), f"{stage.tenant.slug}.{DOMAIN}"
    await in_console(lambda: _bring(stage, names, brought))
    assert await _ping(worker, stage, brought) == await _ping(worker, stage, own) == 200
    await stage.change(lambda _: Tenant.objects.update(delete_after=timezone.now()))
    # A worker that holds nothing of it yet; the other one is told by what deletes.
    async with serving(Worker()) as fresh:
        assert await _ping(fresh, stage, brought) == await _ping(fresh, stage, own) == 404


async def test_a_host_is_given_up_and_anothers(worker: Worker, stage: Stage, theirs: Stage, names: Names) -> None:
    brought = _name()
    assert await _ping(worker, stage, brought) == 421
    host_id = await in_console(lambda: _bring(stage, names, brought))
    await eventually(lambda: _is(200, worker, stage, brought))
    assert await _ping(worker, stage, brought, f"/{stage.endpoint.slug}/mcp") == 421
    await stage.change(lambda actor: host_release(actor=actor, host_id=host_id))
    await eventually(lambda: _is(421, worker, stage, brought))
    await in_console(lambda: _bring(theirs, names, brought))
    await eventually(lambda: _is(200, worker, theirs, brought))
    assert await _ping(worker, stage, brought) == 401


async def test_a_host_that_is_given_up_takes_the_streams_along_that_came_by_it(
    worker: Worker, stage: Stage, names: Names
) -> None:
    """Whatever their credential is: those of an access key, which goes on at the endpoint's other addresses."""
    brought, own = _name(), f"{stage.tenant.slug}.{DOMAIN}"
    host_id = await in_console(lambda: _bring(stage, names, brought))
    assert await _ping(worker, stage, brought) == 200
    staying = [await _stream(Client(worker, "/mcp", stage.key), own), await _stream(stage.client(worker), "localhost")]
    going = [await _stream(Client(worker, path, stage.key), brought) for path in ("/mcp", "/sse")]
    listener = Client(worker, "/mcp", stage.key).open_modern("subscriptions/listen", WANTED, host=brought)
    assert await listener.start() == 200
    going.append(listener)
    async with in_lanes(worker) as lanes:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": lanes.ports["lane"]}
        async with listening(lanes, stage, path="/mcp", Host=brought) as direct:
            assert (await direct.event()).startswith(b"event")
            async with websocket(brought, "/ws", stage.key, **where) as socket:
                await socket.initialize()
                await stage.change(lambda actor: host_release(actor=actor, host_id=host_id))
                for exchange in going:
                    await asyncio.wait_for(exchange.task, BOUND_SECONDS)
                assert (await socket.closed())[0] == GOING_AWAY
            while await direct.event():
                pass
    await stage.change(lambda actor: add_tool(actor, stage.endpoint.slug, "further"))
    for exchange in staying:
        assert "tools/list_changed" in await exchange.frame()


async def _stream(client: Client, host: str) -> Exchange:
    """An open stream of a session, or over HTTP+SSE."""
    if client.path.endswith("mcp"):
        told = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        answer = await client.post(request("initialize", told, 0), host=host)
        client.session = answer.headers["mcp-session-id"]
    exchange = client.open("GET", headers={"host": host, "accept": "text/event-stream"})
    assert await exchange.start() == 200
    return exchange


async def test_the_lane_serves_hosts_and_forgets_them(worker: Worker, stage: Stage, names: Names, cast: Cast) -> None:
    brought = _name()
    host_id = await in_console(lambda: _bring(stage, names, brought))
    data = modern_bytes(stage, "tools/call", CALL, path="/mcp", Host=brought)
    foreign = modern_bytes(stage, "tools/call", CALL, Host=brought)
    async with in_lanes(worker) as lanes:
        reader, writer = await asyncio.open_connection("127.0.0.1", lanes.ports["lane"])
        for _ in range(4):
            writer.write(data)
            assert (await read_response(reader))[0] == 200
        assert lanes.taken == 3  # the first had it loaded
        writer.write(foreign)
        assert (await read_response(reader))[0] == 421
        await stage.change(lambda actor: host_release(actor=actor, host_id=host_id))

        async def gone() -> bool:
            writer.write(data)
            return (await read_response(reader))[0] == 421

        await eventually(gone)
        writer.close()


@pytest.mark.parametrize("target", ["http://{}/mcp", "http://other.example/mcp"])
async def test_a_target_with_a_host_of_its_own(worker: Worker, stage: Stage, target: str) -> None:
    """What counts is the Host header, which a client has to send alike (RFC 9112 section 3.2.2)."""
    host = f"{stage.tenant.slug}.{DOMAIN}"
    data = modern_bytes(stage, "tools/list", path=target.format(host), Host=host)
    async with in_lanes(worker) as lanes:
        for port in lanes.ports.values():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            status, _, body = await read_response(reader)
            assert status in (200, 404, 421)
            json.loads(body)
            writer.close()
