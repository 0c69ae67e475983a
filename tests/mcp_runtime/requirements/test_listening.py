"""Streams that clients listen on (from 2026-07-28): what they honour, whom they reach, and every way they end."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mcp_runtime.protocol import errors
from mcp_runtime.services.access_keys import access_key_issue, access_key_revoke
from mcp_runtime.services.content import resource_create
from mcp_runtime.sources.contract import ResourceDraft
from mcp_runtime.transports.limits import Limits
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, Exchange, serving
from tests.mcp_runtime.requirements.conftest import Meet, furnish
from tests.mcp_runtime.requirements.speaking import (
    STATELESS_REVISIONS,
    Speaker,
    message_of,
    messages_of,
    result_of,
    speaking,
    told,
)

requirement = pytest.mark.requirement
pytestmark = STATELESS_REVISIONS
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
LISTS = ("toolsListChanged", "promptsListChanged", "resourcesListChanged")
NOTE = "notes://today"
ALL: dict[str, Any] = {**dict.fromkeys(LISTS, True), "resourceSubscriptions": [NOTE]}


async def _listen(speaker: Speaker, identifier: Any = 1, **wanted: Any) -> tuple[Exchange, dict[str, Any]]:
    """An open stream, and its first message."""
    stream = speaker.open("subscriptions/listen", {"notifications": wanted}, identifier)
    assert await stream.start() == 200
    return stream, message_of(await stream.frame())


async def _announce(speaker: Speaker, *kinds: str, uri: str = "") -> None:
    for arguments in ({"kind": kind} for kind in kinds) if kinds else ({"uri": uri},):
        assert result_of(await speaker.call("announce", arguments))


async def _farewell(stream: Exchange) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two messages with which the server ends a stream; nothing follows."""
    cancelled, result = [message_of(frame) for frame in (await stream.frame()).strip().split("\n\n")]
    await asyncio.wait_for(stream.task, BOUND_SECONDS)
    assert stream.outgoing.empty()
    return cancelled, result


@requirement("listen", "listen-acknowledged")
@pytest.mark.parametrize("identifier", [1, 0, "", "a", -7])
async def test_the_first_message_says_what_is_honoured_under_the_requests_own_id(
    speaker: Speaker, identifier: Any
) -> None:
    wanted = {"toolsListChanged": True, "promptsListChanged": False, "resourceSubscriptions": [NOTE, "notes://gone"]}
    stream, first = await _listen(speaker, identifier, **wanted)
    assert stream.headers["content-type"] == "text/event-stream"
    assert first["method"] == "notifications/subscriptions/acknowledged"
    assert first["params"]["notifications"] == {"toolsListChanged": True, "resourceSubscriptions": [NOTE]}
    named = first["params"]["_meta"][SUBSCRIPTION]
    assert (type(named), named) == (type(identifier), identifier)
    await stream.leave()


@requirement("listen-filter", "listen-tags")
async def test_a_stream_hears_of_what_it_asked_for_alone_and_from_any_worker(
    speaker: Speaker, other_worker: Worker
) -> None:
    streams = {name: (await _listen(speaker, name, **{name: True}))[0] for name in LISTS}
    streams["resourceSubscriptions"] = (await _listen(speaker, "resourceSubscriptions", resourceSubscriptions=[NOTE]))[
        0
    ]
    elsewhere = speaker.elsewhere(other_worker)
    await _announce(elsewhere, "tools", "prompts", "resources")
    await _announce(elsewhere, uri="notes://picture")
    await _announce(elsewhere, uri=NOTE)
    heard = {name: (await messages_of(stream, 1))[0] for name, stream in streams.items()}
    assert {name: message["method"] for name, message in heard.items()} == {
        "toolsListChanged": "notifications/tools/list_changed",
        "promptsListChanged": "notifications/prompts/list_changed",
        "resourcesListChanged": "notifications/resources/list_changed",
        "resourceSubscriptions": "notifications/resources/updated",
    }
    assert {name: message["params"]["_meta"][SUBSCRIPTION] for name, message in heard.items()} == {
        n: n for n in streams
    }
    assert heard["resourceSubscriptions"]["params"]["uri"] == NOTE
    for stream in streams.values():
        assert stream.outgoing.empty()
        await stream.leave()


@requirement("listen-params")
async def test_wishes_that_are_malformed_are_refused(speaker: Speaker) -> None:
    wrong: tuple[Any, ...] = (
        {"toolsListChanged": 1}, {"promptsListChanged": "yes"}, {"resourcesListChanged": None},
        {"resourceSubscriptions": "x"}, {"resourceSubscriptions": [1]}, {"resourceSubscriptions": {}},
        {"resourceSubscriptions": [NOTE] * 1_001}, [], "all", None,
    )  # fmt: skip
    for wanted in wrong:
        answer = await speaker.ask("subscriptions/listen", {"notifications": wanted})
        assert told(answer) == (400, errors.INVALID_PARAMS, 1), wanted
    assert told(await speaker.ask("subscriptions/listen", {})) == (400, errors.INVALID_PARAMS, 1)


@requirement("listen-same-id")
async def test_two_clients_may_listen_under_the_same_id(
    meet: Meet, sandbox: Stage, neighbour: Stage, colleague: str
) -> None:
    first, second, foreign = await meet(), await meet(key=colleague), await meet(where=neighbour)
    streams = [(await _listen(client, 1, toolsListChanged=True))[0] for client in (first, second, foreign, first)]
    await _announce(first, "tools")
    for stream in (streams[0], streams[1], streams[3]):
        assert (await messages_of(stream, 1))[0]["params"]["_meta"] == {SUBSCRIPTION: 1}
    await streams[0].leave()
    await _announce(first, "tools")
    assert (await messages_of(streams[3], 1))[0]["method"] == "notifications/tools/list_changed"
    assert streams[2].outgoing.empty()
    for stream in streams[1:]:
        await stream.leave()


@requirement("listen-tenants")
async def test_a_stream_hears_nothing_of_another_tenants_endpoint(
    meet: Meet, sandbox: Stage, neighbour: Stage, other_worker: Worker
) -> None:
    mine, theirs = await meet(), await meet(where=neighbour, at=other_worker)
    stream, _ = await _listen(mine, **ALL)
    await _announce(theirs, "tools", "prompts", "resources")
    await _announce(theirs, uri=NOTE)
    assert stream.outgoing.empty()
    await _announce(mine, "prompts")
    assert (await messages_of(stream, 1))[0]["method"] == "notifications/prompts/list_changed"
    await stream.leave()


@pytest.fixture
def own(cast: Cast) -> Stage:
    """An endpoint of this test alone."""
    return furnish(cast.tenant, cast.alice)


@requirement("listen-authorization")
async def test_what_a_key_may_not_read_it_does_not_hear_of(own: Stage, worker: Worker, version: str) -> None:
    slug = own.endpoint.slug
    _, scoped = await own.change(
        lambda actor: access_key_issue(actor=actor, endpoint_slug=slug, name="echo", tools=["echo", "announce"])
    )
    speaker = await speaking(version, worker, own.path, scoped)
    stream, first = await _listen(speaker, **ALL)
    assert "resourceSubscriptions" not in first["params"]["notifications"]
    await _announce(speaker, uri=NOTE)
    draft = ResourceDraft(uri="notes://new", name="New", config={"text": "x"})
    await own.change(lambda actor: resource_create(actor=actor, endpoint_slug=slug, source="static", draft=draft))
    await _announce(speaker, "tools")
    assert (await messages_of(stream, 1))[0]["method"] == "notifications/tools/list_changed"
    await stream.leave()


@requirement("listen-ends-with-its-key")
async def test_a_stream_ends_when_its_key_expires_or_is_revoked(own: Stage, worker: Worker, version: str) -> None:
    slug, soon = own.endpoint.slug, timezone.now() + timedelta(seconds=2)
    brief = await own.change(
        lambda actor: access_key_issue(actor=actor, endpoint_slug=slug, name="brief", expires_at=soon)
    )
    doomed = await own.change(lambda actor: access_key_issue(actor=actor, endpoint_slug=slug, name="doomed"))
    streams = []
    for _, key in (brief, doomed):
        speaker = await speaking(version, worker, own.path, key)
        streams.append((await _listen(speaker, "s", toolsListChanged=True))[0])
    await own.change(lambda actor: access_key_revoke(actor=actor, endpoint_slug=slug, access_key_id=doomed[0].pk))
    for stream in reversed(streams):
        cancelled, result = await _farewell(stream)
        assert (cancelled["method"], cancelled["params"]["requestId"]) == ("notifications/cancelled", "s")
        assert (result["id"], result["result"]["resultType"]) == ("s", "complete")


@requirement("listen-shutdown", "cancelled-by-the-server")
async def test_a_worker_that_shuts_down_says_so_and_another_takes_over(
    sandbox: Stage, other_worker: Worker, version: str
) -> None:
    async with serving(Worker()) as worker:
        speaker = await speaking(version, worker, sandbox.path, sandbox.key)
        stream, _ = await _listen(speaker, 9, toolsListChanged=True)
        worker.end_streams()
        cancelled, result = await _farewell(stream)
    assert cancelled["params"] == {"_meta": {SUBSCRIPTION: 9}, "requestId": 9}
    assert result["id"] == 9
    assert result["result"]["_meta"][SUBSCRIPTION] == 9
    again = speaker.elsewhere(other_worker)
    stream, first = await _listen(again, 10, toolsListChanged=True)
    assert first["params"]["_meta"] == {SUBSCRIPTION: 10}
    await _announce(again, "tools")
    assert (await messages_of(stream, 1))[0]["params"]["_meta"] == {SUBSCRIPTION: 10}
    await stream.leave()


@requirement("listen-slow-consumer")
async def test_a_client_that_does_not_read_loses_its_stream_and_others_hear_on(
    sandbox: Stage, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_runtime.transports.streams.SEND_SECONDS", 0.05)
    async with serving(Worker()) as worker:
        speaker = await speaking(version, worker, sandbox.path, sandbox.key)
        slow = speaker.open("subscriptions/listen", {"notifications": ALL})
        assert await slow.start() == 200
        await slow.frame()
        slow.block()
        quick, _ = await _listen(speaker, 2, **ALL)
        await _announce(speaker, "tools")
        assert (await messages_of(quick, 1))[0]["method"] == "notifications/tools/list_changed"
        await asyncio.wait_for(asyncio.shield(slow.task), BOUND_SECONDS)
        await _announce(speaker, "prompts")
        assert (await messages_of(quick, 1))[0]["method"] == "notifications/prompts/list_changed"
        await quick.leave()


@requirement("listen-bounded")
async def test_streams_are_bounded_in_number(sandbox: Stage, version: str) -> None:
    async with serving(Worker(limits=Limits(streams=1))) as worker:
        speaker = await speaking(version, worker, sandbox.path, sandbox.key)
        stream, _ = await _listen(speaker, **ALL)
        refused = await speaker.ask("subscriptions/listen", {"notifications": ALL}, 2)
        assert (refused.status, refused.json["error"]["data"]["refusal"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        await stream.leave()
        stream, _ = await _listen(speaker, **ALL)
        await stream.leave()


@requirement("listen-left")
async def test_nothing_is_said_to_a_client_that_has_left(speaker: Speaker) -> None:
    stream, _ = await _listen(speaker, **ALL)
    await stream.leave()
    assert [event for event in _drained(stream) if event.get("body")] == []


def _drained(stream: Exchange) -> list[dict[str, Any]]:
    return [stream.outgoing.get_nowait() for _ in range(stream.outgoing.qsize())]


@requirement("listen-keep-alive")
async def test_a_silent_stream_is_kept_alive(sandbox: Stage, version: str) -> None:
    async with serving(Worker(limits=Limits(keep_alive_seconds=0.01))) as worker:
        stream, _ = await _listen(await speaking(version, worker, sandbox.path, sandbox.key), **ALL)
        for _ in range(2):
            assert await stream.chunk() == b": keep-alive\n\n"
        await stream.leave()
