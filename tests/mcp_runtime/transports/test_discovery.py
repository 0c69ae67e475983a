"""Server cards and catalogues: public facts for whoever asks, and silence about everything else."""

import json
import re
from typing import Any

import pytest

from mcp_runtime.models import Endpoint
from mcp_runtime.services.endpoints import Presentation, endpoint_create, endpoint_update
from mcp_runtime.snapshots import catalogues
from mcp_runtime.worker import Worker
from tests.conftest import unique
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Answer, Client, eventually

ICON = {"src": "https://example.com/i.png"}
PLAIN: dict[str, str | None] = {"accept": None, "content-type": None}
VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]


async def _get(worker: Worker, path: str, method: str = "GET", **headers: str | None) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await Client(worker, path).send(method, headers={**PLAIN, **named})


async def _present(stage: Stage, access: str = "open", **presentation: Any) -> None:
    def update(actor: Any) -> Endpoint:
        return endpoint_update(
            actor=actor,
            endpoint_slug=stage.endpoint.slug,
            name="Demo",
            instructions="Not for the card.",
            access=access,
            allowed_origins=[],
            presentation=Presentation(**presentation),
        )

    await stage.change(update)


def _card(stage: Stage) -> str:
    return f"{stage.path}/server-card"


def _catalogue(stage: Stage) -> str:
    return f"/t/{stage.tenant.slug}/.well-known/ai-catalog.json"


@pytest.mark.requirement("server-cards")
async def test_a_card_says_how_to_connect_and_nothing_more(open_stage: Stage, worker: Worker) -> None:
    await _present(open_stage, description="Tells the weather.", website_url="https://example.com", icons=[ICON])
    answer = await _get(worker, _card(open_stage))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/mcp-server-card+json")
    card = json.loads(answer.body)
    url = f"http://localhost:8100/t/{open_stage.tenant.slug}/{open_stage.endpoint.slug}"
    assert card == {
        "$schema": "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json",
        "name": f"localhost/{open_stage.tenant.slug}.{open_stage.endpoint.slug}",
        "version": card["version"],
        "title": "Demo",
        "description": "Tells the weather.",
        "websiteUrl": "https://example.com",
        "icons": [ICON],
        "remotes": [
            {"type": "streamable-http", "url": f"{url}/mcp", "supportedProtocolVersions": VERSIONS},
            {"type": "sse", "url": f"{url}/sse", "supportedProtocolVersions": ["2024-11-05"]},
        ],
    }
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", card["name"])


@pytest.mark.requirement("server-cards")
async def test_a_card_agrees_with_what_the_endpoint_says_of_itself(open_stage: Stage, worker: Worker) -> None:
    card = json.loads((await _get(worker, _card(open_stage))).body)
    discovered = (await Client(worker, open_stage.path).modern("server/discover")).json["result"]
    about = discovered["_meta"]["io.modelcontextprotocol/serverInfo"]
    assert (card["version"], card["title"]) == (about["version"], about["title"])
    assert set(discovered["supportedVersions"]) <= set(card["remotes"][0]["supportedProtocolVersions"])
    assert card["description"]


async def test_a_card_may_be_read_by_any_page_and_kept(open_stage: Stage, worker: Worker) -> None:
    answer = await _get(worker, _card(open_stage), origin="https://anywhere.example", cookie="sessionid=x")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["cache-control"] == "public, max-age=60"
    tag = answer.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await _get(worker, _card(open_stage), if_none_match=known)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert (await _get(worker, _card(open_stage), if_none_match='"other"')).status == 200
    await _present(open_stage, description="Another.")

    async def changed() -> bool:
        return (await _get(worker, _card(open_stage), if_none_match=tag)).status == 200

    await eventually(changed)


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 204), ("POST", 405), ("PUT", 405), ("DELETE", 405)])
async def test_only_reading_is_answered(open_stage: Stage, worker: Worker, method: str, status: int) -> None:
    for path in (_card(open_stage), _catalogue(open_stage)):
        answer = await _get(worker, path, method)
        assert (answer.status, answer.headers["allow"]) == (status, "GET, HEAD, OPTIONS")
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_foreign_host_is_refused(open_stage: Stage, worker: Worker) -> None:
    for path in (_card(open_stage), _catalogue(open_stage)):
        assert (await _get(worker, path, host="evil.example")).status == 421


@pytest.mark.requirement("server-cards")
async def test_an_endpoint_behind_a_key_looks_like_none_until_it_is_listed(stage: Stage, worker: Worker) -> None:
    closed = await _get(worker, _card(stage))
    absent = await _get(worker, f"/t/{stage.tenant.slug}/no-such/mcp/server-card")
    nowhere = await _get(worker, "/t/no-such/no-such/mcp/server-card")
    assert {(answer.status, answer.body) for answer in (closed, absent, nowhere)} == {(404, closed.body)}
    await _present(stage, access="key", listed=True)

    async def shown() -> bool:
        return (await _get(worker, _card(stage))).status == 200

    await eventually(shown)
    card = json.loads((await _get(worker, _card(stage))).body)
    assert [remote["headers"][0]["name"] for remote in card["remotes"]] == ["Authorization", "Authorization"]


async def test_a_catalogue_names_what_its_tenant_lists(
    open_stage: Stage, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogues, "KEPT_SECONDS", 0.0)
    empty = await _get(worker, _catalogue(open_stage))
    nowhere = await _get(worker, "/t/no-such/.well-known/ai-catalog.json")
    assert (empty.status, empty.body) == (nowhere.status, nowhere.body) == (404, nowhere.body)
    await open_stage.change(
        lambda actor: endpoint_create(
            actor=actor, slug=unique("listed"), name="Listed", presentation=Presentation(listed=True)
        )
    )
    await open_stage.change(lambda actor: endpoint_create(actor=actor, slug=unique("other"), name="Other"))
    answer = await _get(worker, _catalogue(open_stage))
    assert answer.headers["content-type"] == "application/ai-catalog+json"
    catalogue = json.loads(answer.body)
    assert catalogue["specVersion"] == "1.0"
    (entry,) = catalogue["entries"]
    assert (entry["displayName"], entry["type"]) == ("Listed", "application/mcp-server-card+json")
    assert entry["identifier"].startswith(f"urn:air:localhost:mcp:{open_stage.tenant.slug}.")
    path = entry["url"].removeprefix("http://localhost:8100")
    assert (await _get(worker, path)).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/ai-catalog.json",
        "/t/.well-known/ai-catalog.json",
        "/t//.well-known/ai-catalog.json",
        "/t/a/b/.well-known/ai-catalog.json",
        "/t/%2e%2e/.well-known/ai-catalog.json",
        "/t/a\0b/.well-known/ai-catalog.json",
        "/x/demo/.well-known/ai-catalog.json",
        "/server-card",
        "/mcp/server-card",
        "/t/a/mcp/server-card",
        "/t/a/b/sse/server-card",
        "/t/a/b/server-card",
        "/t/a/b/mcp/server-card/server-card",
    ],
)
async def test_what_is_not_an_address_of_discovery_is_not_found(worker: Worker, path: str) -> None:
    assert (await _get(worker, path)).status == 404
