"""Calls of earlier servers that wait for clients of 2026-07-28: gone on with once, at any worker, or told as lost."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.refusals import Refused
from mcp_runtime.bus import Bus
from mcp_runtime.protocol.conversing import InputRequired
from mcp_runtime.sources.conversation import Answer, Elicit, ListRoots, Question, Sample
from mcp_runtime.sources.mcp import parking as parking_module
from mcp_runtime.sources.mcp.parking import Parking
from mcp_runtime.sources.upstream import UpstreamFailed
from tests.mcp_runtime.sources.calling import text_of
from tests.mcp_runtime.sources.mcp.opening import Client, Opened, opened, serving
from tests.mcp_runtime.sources.mcp.sdk_server import Made, make_server

pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")

ANSWERS: dict[type, Answer] = {
    Elicit: {"action": "accept", "content": {"name": "Joe"}},
    Sample: {"role": "assistant", "content": {"type": "text", "text": "42"}, "model": "m"},
    ListRoots: {"roots": [{"uri": "file:///home"}]},
}


@dataclass
class Returning(Client):
    """A client of 2026-07-28: asking it ends the call, and it calls again with answers and with its memory."""

    brought: dict[str, Answer] = field(default_factory=dict)

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        missing = {key: question for key, question in questions.items() if key not in self.brought}
        if missing:
            raise InputRequired(missing, "")
        return {key: self.brought[key] for key in questions}

    def answer(self, asked: InputRequired) -> None:
        """Brings an answer to each question with the next call."""
        self.brought |= {key: ANSWERS[type(question)] for key, question in asked.questions.items()}


@dataclass
class Worker:
    """What a worker has of all this."""

    bus: Bus
    parking: Parking
    upstream: Opened


@asynccontextmanager
async def worker(url: str, transport: str) -> AsyncIterator[Worker]:
    """A worker with the upstream open."""
    bus = Bus(os.environ["REDIS_URL"])
    running = asyncio.ensure_future(bus.run())
    parking = Parking(bus)
    try:
        await bus.connected.wait()
        async with opened(url, transport, parking=parking) as upstream:
            yield Worker(bus, parking, upstream)
    finally:
        await parking.close()
        running.cancel()
        await asyncio.wait({running})
        await bus.close()


@dataclass
class Scene:
    """Two workers before one server."""

    made: Made
    first: Worker
    second: Worker


@pytest.fixture(params=["session", "http_sse"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    made = make_server()
    is_sse = request.param == "http_sse"
    app = made.server.sse_app() if is_sse else made.server.streamable_http_app()
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(serving(app))
        url = origin + ("/sse" if is_sse else "/mcp")
        first = await stack.enter_async_context(worker(url, request.param))
        second = await stack.enter_async_context(worker(url, request.param))
        yield Scene(made, first, second)


async def ask(at: Worker, client: Returning, tool: str = "greet", **arguments: Any) -> InputRequired:
    """Calls, and is asked."""
    with pytest.raises(InputRequired) as asked:
        await at.upstream.call(tool, arguments, client)
    return asked.value


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize(
    ("tool", "arguments", "answer"),
    [("greet", {}, "Hello, Joe"), ("think", {"about": "x"}, "42"), ("roots", {}, "file:///home")],
)
async def test_the_very_call_goes_on_at_any_worker(
    scene: Scene, tool: str, arguments: dict[str, Any], answer: str, *, elsewhere: bool
) -> None:
    client = Returning()
    client.answer(await ask(scene.first, client, tool, **arguments))
    back = scene.second if elsewhere else scene.first
    assert text_of(await back.upstream.call(tool, arguments, client)) == answer
    assert scene.made.greetings == (1 if tool == "greet" else 0)
    assert client.memory == {}


async def test_a_second_answer_to_the_same_question_is_refused(scene: Scene) -> None:
    client = Returning()
    client.answer(await ask(scene.first, client))
    again = Returning(memory=dict(client.memory))
    again.brought = client.brought
    await scene.first.upstream.call("greet", {}, client)
    with pytest.raises(Refused, match="gone on with already") as refused:
        await scene.second.upstream.call("greet", {}, again)
    assert refused.value.refusal.name == "call_lost"
    assert scene.made.greetings == 1


async def test_a_call_that_may_be_repeated_is(scene: Scene) -> None:
    client = Returning()
    client.answer(await ask(scene.first, client))
    await scene.first.parking.close()
    assert text_of(await scene.second.upstream.call("greet", {}, client, repeatable=True)) == "Hello, Joe"
    assert scene.made.greetings == 2


async def test_an_answer_that_comes_late_is_told_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking_module, "PARKED_SECONDS", 0.05)
    client = Returning()
    client.answer(await ask(scene.first, client))
    await scene.made.ended.wait()
    with pytest.raises(Refused, match="waited too long"):
        await scene.first.upstream.call("greet", {}, client)


async def test_a_worker_that_is_gone_is_told_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking_module, "HEARD_SECONDS", 0.1)
    client = Returning()
    client.answer(await ask(scene.first, client))
    client.memory["parked"]["handle"] = "0" * 16 + ".x"
    with pytest.raises(Refused, match="has ended"):
        await scene.first.upstream.call("greet", {}, client)


async def test_anothers_call_is_not_gone_on_with(scene: Scene) -> None:
    client = Returning()
    client.answer(await ask(scene.first, client))
    with pytest.raises(Refused, match="not yours"):
        await scene.second.upstream.call("greet", {}, client, principal="charlie")


async def test_calls_that_wait_are_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking_module, "PARKED_OF_A_TENANT", 1)
    await ask(scene.first, Returning())
    with pytest.raises(UpstreamFailed, match="Too many calls wait"):
        await scene.first.upstream.call("greet", {}, Returning())


async def test_without_an_answer_it_is_asked_again(scene: Scene) -> None:
    client = Returning()
    asked = await ask(scene.first, client)
    assert (await ask(scene.second, client)).questions == asked.questions
    client.answer(asked)
    assert text_of(await scene.second.upstream.call("greet", {}, client)) == "Hello, Joe"
