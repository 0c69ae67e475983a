"""Databases, GraphQL and gRPC services the whole way: stored, imported by the job, approved, and called at a worker."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from core.tenancy import tenant_context
from mcp_runtime.models import ImportRun, Upstream
from mcp_runtime.services.importing import import_perform
from mcp_runtime.services.imports import import_start
from mcp_runtime.services.upstreams import UpstreamFields, upstream_create
from mcp_runtime.sources.upstream import UpstreamDraft
from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import in_console
from tests.mcp_runtime.sources.graphql.library import Library
from tests.mcp_runtime.sources.graphql.library import serving as serving_graphql
from tests.mcp_runtime.sources.grpc.shop import Shop as GrpcShop
from tests.mcp_runtime.sources.grpc.shop import serving as serving_grpc
from tests.mcp_runtime.sources.sql.shop import PASSWORD, make_shop

ORDERS = {
    "name": "orders",
    "sql": "SELECT id, notes FROM orders WHERE id >= :least ORDER BY id",
    "parameters": [{"name": "least", "type": "integer"}],
}


async def imported(stage: Stage, kind: str, **draft: Any) -> str:
    """Adds an upstream and imports it as the job does; what it speaks."""

    def work() -> str:
        slug = stage.endpoint.slug
        with tenant_context(stage.tenant.id):
            fields = UpstreamFields("Theirs", draft=UpstreamDraft(**draft))
            upstream_create(actor=stage.actor, endpoint_slug=slug, slug="their", kind=kind, fields=fields)
            run = import_start(actor=stage.actor, endpoint_slug=slug, upstream_slug="their", approves_clean=True)
        import_perform(run.tenant_id, run.pk)
        with tenant_context(stage.tenant.id):
            assert ImportRun.objects.get(pk=run.pk).error == ""
            return str(Upstream.objects.get(slug="their").speaks)

    return await in_console(work)


async def called(stage: Stage, worker: Worker, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of a call of the endpoint's tool."""
    answer = await stage.client(worker).modern("tools/call", {"name": name, "arguments": arguments})
    result: dict[str, Any] = answer.json["result"]
    return result


async def test_a_postgresql_database(stage: Stage, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = await in_console(make_shop)
    monkeypatch.setenv("OUTBOUND_ALLOW", f"{shop.host}:{shop.port}")
    await worker.shutdown()
    await worker.startup()  # reads what the operator allows
    speaks = await imported(stage, "sql", config=shop.config(ORDERS), secrets={"password": PASSWORD})
    assert speaks == "PostgreSQL 18.6"
    result = await called(stage, worker, "their_orders", {"least": 2})
    assert result["structuredContent"] == {
        "rows": [{"id": 2, "notes": None}, {"id": 3, "notes": "it's; DROP TABLE orders --"}],
        "truncated": False,
    }
    refused = await called(stage, worker, "their_orders", {"least": "2 OR true"})
    assert refused["isError"] is True


async def test_an_uploaded_sqlite_file(stage: Stage, worker: Worker, tmp_path: Path) -> None:
    def make() -> bytes:
        connection = sqlite3.connect(tmp_path / "a.db")
        connection.executescript("CREATE TABLE orders (id INTEGER, notes TEXT); INSERT INTO orders VALUES (1, 'x')")
        connection.close()
        return (tmp_path / "a.db").read_bytes()

    material = await in_console(make)
    speaks = await imported(stage, "sql", config={"engine": "sqlite", "statements": [ORDERS]}, material=material)
    assert speaks.startswith("SQLite 3.")
    calls = [called(stage, worker, "their_orders", {"least": number}) for number in (0, 1, 2)]
    results = await asyncio.gather(*calls)
    assert [len(result["structuredContent"]["rows"]) for result in results] == [1, 1, 0]


async def test_a_graphql_service(stage: Stage, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(token="")
    async with serving_graphql(library) as url:
        monkeypatch.setenv("OUTBOUND_ALLOW", url.removeprefix("http://").removesuffix("/graphql"))
        await worker.shutdown()
        await worker.startup()
        speaks = await imported(stage, "graphql", config={"url": url}, secrets={"X-Key": "0123456789-secret"})
        assert speaks.startswith("GraphQL (introspection, ")
        result = await called(stage, worker, "their_book", {"id": "1"})
    assert result["structuredContent"]["book"]["name"] == "Emma"
    assert library.requests[-1].headers["X-Key"] == "0123456789-secret"


async def test_a_grpc_service(stage: Stage, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = GrpcShop()
    async with serving_grpc(shop) as port:
        monkeypatch.setenv("OUTBOUND_ALLOW", f"127.0.0.1:{port}")
        await worker.shutdown()
        await worker.startup()
        config = {"url": f"grpc://127.0.0.1:{port}"}
        speaks = await imported(stage, "grpc", config=config, secrets={"x-key": "0123456789-secret"})
        assert speaks == "gRPC (reflection v1alpha, 1 services)"
        result = await called(stage, worker, "their_Shop.Echo", {"left": "x", "within": {"yes": True}})
    assert result["structuredContent"]["left"] == "x"
    assert shop.metadata[-1]["x-key"] == "0123456789-secret"
