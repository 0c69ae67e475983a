"""What is kept of a stream for those who come back: the latest, bounded in number and in bytes."""

import os
import secrets
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from mcp_runtime.transports.replay import MAXIMUM_BYTES, MAXIMUM_EVENTS, Memory, ReplayLog

MEBIBYTE = 1024 * 1024


@pytest.fixture
async def log() -> AsyncIterator[ReplayLog]:
    async with redis.asyncio.Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield ReplayLog(client)


async def _numbers(log: ReplayLog, stream: str) -> list[int]:
    return [event.number async for event in log.after("session", stream, 0, 1.0) if event is not None]


async def test_a_stream_of_long_messages_keeps_the_latest_of_them(log: ReplayLog) -> None:
    stream, memory = secrets.token_hex(8), Memory()
    for number in range(1, 21):
        keep = memory.after(MEBIBYTE)
        await log.append("session", stream, number, b"x" * MEBIBYTE, keep=keep, is_last=number == 20)
    assert await _numbers(log, stream) == [17, 18, 19, 20]


async def test_a_stream_of_short_messages_is_kept_whole(log: ReplayLog) -> None:
    stream, memory = secrets.token_hex(8), Memory()
    for number in range(1, 301):
        await log.append("session", stream, number, b"{}", keep=memory.after(2), is_last=number == 300)
    assert await _numbers(log, stream) == list(range(1, 301))


def test_the_last_message_is_kept_however_long_it_is() -> None:
    memory = Memory()
    assert [memory.after(size) for size in (1, 10 * MAXIMUM_BYTES, 1)] == [1, 1, 1]


def test_events_are_bounded_in_number_and_forgotten_bytes_count_no_more() -> None:
    memory = Memory()
    assert {memory.after(0) for _ in range(3 * MAXIMUM_EVENTS)} == set(range(1, MAXIMUM_EVENTS + 1))
    share = MAXIMUM_BYTES // MAXIMUM_EVENTS
    assert memory.after(share) == MAXIMUM_EVENTS
    assert {memory.after(share) for _ in range(3 * MAXIMUM_EVENTS)} == {MAXIMUM_EVENTS}
