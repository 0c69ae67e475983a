"""The Channels layer's connections: one that was lost is noticed, and made again."""

import asyncio
import errno
import logging
import os

import pytest
import redis.exceptions
from channels_redis.pubsub import RedisPubSubChannelLayer

from core.broker_lines import layer_host
from tests.conftest import unique

BOUND_SECONDS = 10


async def test_a_connection_that_timed_out_is_made_again() -> None:
    url, group = os.environ["REDIS_URL"], unique("group")
    layer, other = (RedisPubSubChannelLayer(hosts=[layer_host(url)], prefix="lines") for _ in range(2))
    try:
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        # As the kernel ends a connection whose peer does not answer any more.
        reader = layer._get_layer()._shards[0]._pubsub.connection._reader  # type: ignore[no-untyped-call]  # noqa: SLF001  nothing else shows it
        reader.set_exception(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))
        async with asyncio.timeout(BOUND_SECONDS):
            hearing = asyncio.ensure_future(layer.receive(channel))
            while not hearing.done():
                await other.group_send(group, {"type": "message"})
                await asyncio.wait({hearing}, timeout=0.1)
        assert hearing.result() == {"type": "message"}
    finally:
        await layer.flush()
        await other.flush()


def test_every_kind_of_address_is_understood() -> None:
    plain, encrypted = layer_host("redis://:word@host:7000/3"), layer_host("rediss://host/1")
    assert (plain["host"], plain["port"], plain["db"], plain["password"]) == ("host", 7000, 3, "word")
    assert {plain["connection_class"], encrypted["connection_class"]} & {
        layer_host("unix:///x")["connection_class"]
    } == set()
    assert plain["connection_class"] is not encrypted["connection_class"]


def test_that_valkey_is_away_is_a_sentence_and_a_defect_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("channels_redis.pubsub")
    for error in (redis.exceptions.ConnectionError("refused"), ZeroDivisionError()):
        try:
            raise error
        except Exception:
            logger.exception("Unexpected exception in receive task")
    away, defect = caplog.records
    assert (away.levelname, away.getMessage(), away.exc_info) == (
        "WARNING",
        "nothing is heard from Valkey: ConnectionError",
        None,
    )
    assert (defect.levelname, bool(defect.exc_info)) == ("ERROR", True)
