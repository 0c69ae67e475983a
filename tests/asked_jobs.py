"""Which jobs were asked for: the messages that wait at the run's own broker, where nobody takes any."""

import base64
import json
import os
from typing import Any

import redis

QUEUE = "celery"


def asked(name: str) -> list[list[Any]]:
    """The arguments with which a job was asked for in this run, the latest first."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as broker:
        kept: Any = broker.lrange(QUEUE, 0, -1)
    messages = [json.loads(each) for each in kept]
    wanted = [message["body"] for message in messages if message["headers"]["task"] == name]
    return [json.loads(base64.b64decode(body))[0] for body in wanted]
