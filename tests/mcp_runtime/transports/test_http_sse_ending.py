"""HTTP+SSE: who may use a stream, how much of it, and everything that ends it."""

import asyncio
import json
import os
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from core.keys import ACCESS_KEY
from mcp_runtime.services.access_keys import access_key_revoke
from mcp_runtime.services.content import resource_create, resource_update
from mcp_runtime.services.endpoints import endpoint_delete
from mcp_runtime.sources.contract import ResourceDraft
from mcp_runtime.transports.connections import MAXIMUM_IN_FLIGHT
from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Probe, Stage, add_tool, make_stage
from tests.mcp_runtime.driving import BOUND_SECONDS, Client, request, serving
from tests.mcp_runtime.snapshots.proxy import proxying
from tests.mcp_runtime.sockets import at_socket, sse
from tests.mcp_runtime.transports.test_doors import refusal_of

EVENTS: dict[str, str | None] = {"accept": "text/event-stream"}
PING = request("ping")


def _refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["data"]["refusal"]


@pytest.mark.requirement("sse-authorization")
async def test_a_stream_needs_the_key_and_so_does_each_message(stage: Stage, origin: str, other_origin: str) -> None:
    url = f"http://{origin}{stage.at('sse')}"
    async with httpx.AsyncClient(headers={"accept": "text/event-stream"}) as http:
        assert _refusal(await http.get(url)) == (401, "authentication_required")
        wrong = await http.get(url, headers={"authorization": f"Bearer {ACCESS_KEY}_wrong"})
        assert _refusal(wrong) == (401, "invalid_credentials")
        assert "www-authenticate" in wrong.headers
        assert _refusal(await http.get(f"{url}?access_token={stage.key}")) == (400, "token_in_query")
    async with sse(origin, stage.at("sse"), stage.key) as client:
        for client.posts_to in (origin, other_origin):
            assert (await client.post(PING, authorization="Bearer no")).status_code == 401
            assert (await client.post(PING, cookie=f"sessionid={stage.key}", authorization="")).status_code == 401
            assert (await client.post(PING)).status_code == 202
            assert (await client.answer(1))["result"] == {}


@pytest.fixture
def colleague(stage: Stage) -> str:
    """Another key for the same endpoint."""
    return stage.issue_key()[1]


@pytest.mark.requirement("sse-owner")
async def test_another_principal_cannot_post_to_it(
    stage: Stage, colleague: str, origin: str, other_origin: str
) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        for client.posts_to in (origin, other_origin):
            answer = await client.post(PING, authorization=f"Bearer {colleague}")
            assert _refusal(answer) == (404, "session_not_found")
        assert (await client.ask("ping", identifier=2))["result"] == {}
        assert client.heard == []


@pytest.mark.requirement("sse-owner")
async def test_another_endpoint_knows_nothing_of_it(
    stage: Stage, open_stage: Stage, origin: str, other_origin: str
) -> None:
    """Not even where everybody is the same principal."""
    async with sse(origin, open_stage.at("sse")) as client, sse(origin, stage.at("sse"), stage.key) as other:
        query = client.messages.partition("?")[2]
        for other.posts_to in (origin, other_origin):
            answer = await other.post(PING, f"{stage.at('messages')}?{query}")
            assert _refusal(answer) == (404, "session_not_found")


async def test_an_address_is_not_guessed(stage: Stage, origin: str, other_origin: str) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        path, _, address = client.messages.partition("?session_id=")
        worker, nonce, tag = address.split(".")
        forged = ["", "x", address[:-1], f"{worker}.{'0' * 32}.{tag}", f"{'0' * 16}.{nonce}.{tag}", f"{address}&x=1",
                  f"{worker}.{nonce}.{'0' * 64}", address.upper(), f"{address}%00"]  # fmt: skip
        for client.posts_to in (origin, other_origin):
            for guess in forged:
                answer = await client.post(PING, f"{path}?session_id={guess}")
                assert _refusal(answer) == (404, "session_not_found")
            for query in ("", "?", "?session=x", "?Session_id=x"):
                answer = await client.post(PING, path + query)
                assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32600)


@pytest.mark.requirement("sse-ends-with-its-connection")
async def test_a_message_to_a_stream_that_ended_is_not_taken(stage: Stage, origin: str, other_origin: str) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        await client.initialize()
        messages = client.messages
    async with sse(origin, stage.at("sse"), stage.key) as client:
        for client.posts_to in (origin, other_origin):
            async with asyncio.timeout(BOUND_SECONDS):
                while (answer := await client.post(PING, messages)).status_code == 202:
                    pass
            assert _refusal(answer) == (404, "session_not_found")


async def test_a_message_to_a_worker_that_ended_is_not_taken(
    stage: Stage, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.transports.mailboxes.ANSWER_SECONDS", 0.01)
    async with at_socket(Worker()) as gone, sse(gone, stage.at("sse"), stage.key) as client:
        messages = client.messages
    async with sse(origin, stage.at("sse"), stage.key) as client:
        assert _refusal(await client.post(PING, messages)) == (404, "session_not_found")


async def test_while_the_broker_is_away_other_workers_are_out_of_reach_and_the_own_is_not(stage: Stage) -> None:
    async with (
        proxying(os.environ["REDIS_URL"]) as broker,
        at_socket(Worker(redis_url=broker.url)) as near,
        at_socket(Worker()) as far,
        sse(near, stage.at("sse"), stage.key) as here,
        sse(far, stage.at("sse"), stage.key, posts_to=near) as there,
    ):
        await here.initialize()
        await broker.cut()
        assert (await here.ask("ping"))["result"] == {}
        assert _refusal(await there.post(PING)) == (503, "temporarily_unavailable")
        set_level = await here.ask("logging/setLevel", {"level": "info"}, 2)
        assert set_level["error"]["data"]["refusal"] == "temporarily_unavailable"


@pytest.mark.requirement("sse-origin")
@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.2"])
async def test_another_host_name_is_refused(stage: Stage, origin: str, host: str) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client, httpx.AsyncClient() as http:
        headers = {"host": host, "authorization": f"Bearer {stage.key}", "accept": "text/event-stream"}
        assert _refusal(await http.get(f"http://{origin}{stage.at('sse')}", headers=headers)) == (
            421,
            "host_not_allowed",
        )
        assert _refusal(await client.post(PING, host=host)) == (421, "host_not_allowed")


@pytest.mark.requirement("sse-origin")
async def test_a_foreign_page_is_refused_and_an_allowed_one_may_read(open_stage: Stage, origin: str) -> None:
    allowed = "https://app.example.com"
    async with sse(origin, open_stage.at("sse"), page=allowed) as client, httpx.AsyncClient() as http:
        assert client.response.headers["access-control-allow-origin"] == allowed
        assert (await client.post(PING, origin=allowed)).headers["access-control-allow-origin"] == allowed
        for foreign in ("https://evil.example.com", "null"):
            opened = await http.get(f"http://{origin}{open_stage.at('sse')}", headers={"origin": foreign})
            assert _refusal(opened) == (403, "origin_not_allowed")
            assert _refusal(await client.post(PING, origin=foreign)) == (403, "origin_not_allowed")
        preflight = {"origin": allowed, "access-control-request-method": "POST"}
        for path in (open_stage.at("sse"), open_stage.at("messages")):
            assert (await http.options(f"http://{origin}{path}", headers=preflight)).status_code == 204


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_page_cannot_post_what_it_may_send_without_asking(
    open_stage: Stage, origin: str, content_type: str
) -> None:
    async with sse(origin, open_stage.at("sse")) as client:
        page = await client.post(PING, content_type=content_type, origin="https://app.example.com")
        assert _refusal(page) == (415, "unsupported_media_type")
        assert (await client.post(PING, content_type=content_type)).status_code == 202


@pytest.mark.parametrize(("transport", "allow"), [("sse", "GET"), ("messages", "POST")])
async def test_each_address_has_one_verb(stage: Stage, worker: Worker, transport: str, allow: str) -> None:
    client = stage.client(worker, path=stage.at(transport))
    for verb in {"GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS"} - {allow}:
        answer = await client.send(verb, body=json.dumps(PING).encode())
        assert refusal_of(answer) == (405, "method_not_allowed")
        assert answer.headers["allow"] == allow


async def test_a_stream_is_asked_for_as_events(stage: Stage, worker: Worker) -> None:
    client = stage.client(worker, path=stage.at("sse"))
    for accept in ("application/json", None, ""):
        assert refusal_of(await client.send("GET", headers={"accept": accept})) == (406, "not_acceptable")


async def test_what_does_not_exist_has_no_stream(stage: Stage, worker: Worker) -> None:
    for transport in ("sse", "messages", "ws"):
        for path in (f"/t/{stage.tenant.slug}/nothing/{transport}", f"/t/nobody/{stage.endpoint.slug}/{transport}"):
            answer = await Client(worker, path, stage.key).send("GET", headers=EVENTS)
            assert refusal_of(answer) == (404, "not_found")


@pytest.mark.requirement("sse-bounded")
async def test_streams_are_bounded_in_number_whatever_their_transport(stage: Stage) -> None:
    async with serving(Worker(limits=Limits(streams=1))) as worker:
        client = stage.client(worker, path=stage.at("sse"))
        held = client.open("GET", headers=EVENTS)
        assert await held.start() == 200
        assert (await held.chunk() or b"").startswith(b"event: endpoint")
        assert refusal_of(await client.send("GET", headers=EVENTS)) == (503, "overloaded")
        modern = stage.client(worker).open_modern("subscriptions/listen", {"notifications": {}})
        assert await modern.start() == 503
        await held.leave()
        again = client.open("GET", headers=EVENTS)
        assert await again.start() == 200
        await again.leave()


@pytest.mark.requirement("sse-bounded")
async def test_a_message_is_at_most_1_mib(stage: Stage, origin: str, other_origin: str) -> None:
    call = request("tools/call", {"name": "echo", "arguments": {"x": "y" * (1024 * 1024 - 200)}})
    async with sse(origin, stage.at("sse"), stage.key) as client:
        for client.posts_to in (origin, other_origin):
            assert _refusal(await client.post(b" " * (1024 * 1024 + 1))) == (413, "body_too_large")
            assert (await client.post(call)).status_code == 202
            assert len((await client.answer(1))["result"]["content"][0]["text"]) > 1024 * 1023


@pytest.mark.requirement("sse-bounded")
async def test_requests_under_way_are_bounded(stage: Stage, probe: Probe, origin: str, other_origin: str) -> None:
    async with sse(origin, stage.at("sse"), stage.key, posts_to=other_origin) as client:
        for number in range(MAXIMUM_IN_FLIGHT):
            await client.post(request("tools/call", {"name": "wait"}, number))
        refused = await client.ask("tools/call", {"name": "echo"}, "more")
        assert refused["error"]["data"]["refusal"] == "overloaded"
        probe.go_on.set()
        answered = [await client.message() for _ in range(MAXIMUM_IN_FLIGHT)]
        assert {answer["id"] for answer in answered} == set(range(MAXIMUM_IN_FLIGHT))
        assert {answer["result"]["content"][0]["text"] for answer in answered} == {"went on"}


@pytest.mark.requirement("sse-bounded")
async def test_a_client_that_does_not_read_is_let_go_and_others_go_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.transports.streams.SEND_SECONDS", 0.05)
    monkeypatch.setattr("mcp_runtime.transports.connections.SEND_SECONDS", 0.05)
    large = request("tools/call", {"name": "echo", "arguments": {"x": "y" * 500_000}})
    async with (
        at_socket(Worker()) as origin,
        sse(origin, stage.at("sse"), stage.key) as reader,
        sse(origin, stage.at("sse"), stage.key) as deaf,
        asyncio.timeout(BOUND_SECONDS),
    ):
        while (answer := await deaf.post(large)).status_code == 202:
            pass
        assert _refusal(answer) in [(404, "session_not_found"), (503, "overloaded")]
        assert (await reader.ask("ping"))["result"] == {}


async def test_a_silent_stream_is_kept_alive(stage: Stage) -> None:
    async with serving(Worker(limits=Limits(keep_alive_seconds=0.01))) as worker:
        held = stage.client(worker, path=stage.at("sse")).open("GET", headers=EVENTS)
        await held.start()
        await held.chunk()
        for _ in range(2):
            assert await held.chunk() == b": keep-alive\n\n"
        await held.leave()


async def test_a_revoked_key_ends_its_streams_and_their_calls_and_no_others(
    stage: Stage, colleague: str, probe: Probe, origin: str, other_origin: str
) -> None:
    slug, key = stage.endpoint.slug, stage.access_key.pk
    async with (
        sse(origin, stage.at("sse"), stage.key) as client,
        sse(other_origin, stage.at("sse"), stage.key) as elsewhere,
        sse(origin, stage.at("sse"), colleague) as stays,
    ):
        await client.post(request("tools/call", {"name": "wait"}))
        await asyncio.wait_for(probe.started.wait(), BOUND_SECONDS)
        await stage.change(lambda actor: access_key_revoke(actor=actor, endpoint_slug=slug, access_key_id=key))
        for ended in (client, elsewhere):
            await ended.end()
            assert (await ended.post(PING)).status_code == 401
        await asyncio.wait_for(probe.cancelled.wait(), BOUND_SECONDS)
        assert (await stays.ask("ping"))["result"] == {}


@pytest.fixture
def brief_key(stage: Stage) -> str:
    """A key that expires in a moment."""
    return stage.issue_key(expires_at=timezone.now() + timedelta(seconds=1))[1]


async def test_a_stream_ends_with_its_keys_time(stage: Stage, brief_key: str, origin: str) -> None:
    async with sse(origin, stage.at("sse"), brief_key) as client:
        await client.end()


async def test_a_stream_lives_for_a_day_at_most(stage: Stage, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_runtime.transports.connections.LIFETIME_SECONDS", 0.05)
    async with sse(origin, stage.at("sse"), stage.key) as client:
        await client.end()


async def test_a_deleted_endpoint_ends_its_streams(stage: Stage, origin: str) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        await stage.change(lambda actor: endpoint_delete(actor=actor, endpoint_slug=stage.endpoint.slug))
        await client.end()
        assert _refusal(await client.post(PING)) == (404, "not_found")


async def test_a_worker_that_shuts_down_ends_its_streams(stage: Stage) -> None:
    worker = Worker()
    async with at_socket(worker) as origin, sse(origin, stage.at("sse"), stage.key) as client:
        worker.end_streams()
        await client.end()


@pytest.mark.requirement("sse-notifications")
async def test_changes_of_tools_and_of_subscribed_resources_are_told(
    stage: Stage, origin: str, other_origin: str
) -> None:
    slug = stage.endpoint.slug
    draft = ResourceDraft(uri="notes://today", name="Today", config={"text": "one"})
    resource = await stage.change(
        lambda actor: resource_create(actor=actor, endpoint_slug=slug, source="static", draft=draft)
    )
    async with sse(origin, stage.at("sse"), stage.key, posts_to=other_origin) as client:
        await client.initialize()
        assert (await client.ask("resources/subscribe", {"uri": "notes://today"}))["result"] == {}
        await stage.change(lambda actor: add_tool(actor, slug, "fresh"))
        assert (await client.message())["method"] == "notifications/tools/list_changed"
        draft.config = {"text": "two"}
        await stage.change(
            lambda actor: resource_update(actor=actor, endpoint_slug=slug, resource_id=resource.pk, draft=draft)
        )
        updated = await client.message()
        assert (updated["method"], updated["params"]) == ("notifications/resources/updated", {"uri": "notes://today"})


async def test_a_stream_of_one_tenant_is_nothing_to_another(
    stage: Stage, stranger: Stage, origin: str, other_origin: str
) -> None:
    async with sse(origin, stage.at("sse"), stage.key) as client:
        for client.posts_to in (origin, other_origin):
            query = client.messages.partition("?")[2]
            own = await client.post(PING, f"{stranger.at('messages')}?{query}", authorization=f"Bearer {stranger.key}")
            assert _refusal(own) == (404, "session_not_found")
            hers = await client.post(PING, authorization=f"Bearer {stranger.key}")
            assert hers.status_code == 401


@pytest.fixture
def stranger(cast: Cast, probe: Probe) -> Stage:
    """Charlie's endpoint in a tenant of his own."""
    return make_stage(cast.elsewhere, cast.charlie)
