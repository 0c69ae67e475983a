"""What ends the rest of a stream before its answer has come: whatever ends any stream."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mcp_runtime.services.access_keys import access_key_revoke
from mcp_runtime.worker import Worker
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import BOUND_SECONDS, Exchange, serving
from tests.mcp_runtime.requirements.conftest import furnish
from tests.mcp_runtime.requirements.sandbox import Room
from tests.mcp_runtime.requirements.speaking import Speaker, since, speaking

pytestmark = since("2025-11-25", "2025-11-25")


@pytest.fixture
def own(cast: Cast) -> Stage:
    """An endpoint of this test alone."""
    return furnish(cast.tenant, cast.alice)


async def _let_go(version: str, worker: Worker, own: Stage, room: Room) -> tuple[Speaker, str]:
    """A client whose call goes on without it, and the event it comes back to."""
    speaker = await speaking(version, worker, own.path, own.key)
    call = speaker.start("release", {"room": room.name})
    await call.start()
    primed = await call.frame()
    assert (await call.frame()).startswith("retry: ")
    return speaker, primed.splitlines()[0].removeprefix("id: ")


async def _ends(stream: Exchange) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while await stream.chunk() is not None:
            pass


type End = Callable[[Speaker, Stage, Worker], Awaitable[object]]


async def _revoke(_speaker: Speaker, own: Stage, _worker: Worker) -> None:
    slug, key = own.endpoint.slug, own.access_key.pk
    await own.change(lambda actor: access_key_revoke(actor=actor, endpoint_slug=slug, access_key_id=key))


async def _end_session(speaker: Speaker, _own: Stage, _worker: Worker) -> None:
    assert (await speaker.client.send("DELETE")).status == 204


async def _shut_down(_speaker: Speaker, _own: Stage, worker: Worker) -> None:
    worker.end_streams()


@pytest.mark.parametrize("end", [_revoke, _end_session, _shut_down])
async def test_the_rest_of_a_stream_ends_as_any_stream_does(
    own: Stage, worker: Worker, room: Room, version: str, end: End
) -> None:
    speaker, last = await _let_go(version, worker, own, room)
    async with serving(Worker()) as elsewhere:
        rest = await speaker.elsewhere(elsewhere).stream(last_event_id=last)
        await end(speaker, own, elsewhere)
        await _ends(rest)
    room.go_on.set()
