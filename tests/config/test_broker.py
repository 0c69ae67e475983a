"""The way to the broker: what cannot be read stops nobody."""

import logging
import os
from typing import Any

import pytest
import redis
from kombu.connection import Connection
from kombu.entity import Queue

from tests.conftest import unique

UNREADABLE = (b"nonsense", b"\xff\xfe\x00", b"{}", b"[1, 2]", b'{"properties": 7}', b'{"body": "x", "properties": {}}')


def test_messages_that_cannot_be_read_are_dropped_and_said(caplog: pytest.LogCaptureFixture) -> None:
    name, read = unique("queue"), list[Any]()

    def consume(body: Any, message: Any) -> None:
        read.append(body)
        message.ack()

    url = os.environ["REDIS_URL"]
    with redis.Redis.from_url(url) as client, Connection(url, transport="config.broker:SturdyTransport") as connection:
        queue = Queue(name)
        client.lpush(name, *UNREADABLE)
        with connection.Producer() as producer:
            producer.publish({"well": True}, routing_key=name)
        with connection.Consumer([queue], callbacks=[consume]):
            while not read:
                connection.drain_events(timeout=5)
        assert client.llen(name) == 0
    assert read == [{"well": True}]
    said = [record for record in caplog.records if "a message that no task can be is dropped" in record.getMessage()]
    assert len(said) == len(UNREADABLE)
    assert all(record.levelno == logging.ERROR for record in said)
