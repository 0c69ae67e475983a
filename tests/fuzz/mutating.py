"""Changes to a POST that keep its body JSON: without them nearly every mutation of bytes ends at the decoder."""

import json
import random
from collections.abc import Iterator
from typing import Any

from tests.fuzz.vocabulary import HEADERS, MEMBERS, SCALARS, WORDS

type Place = tuple[Any, Any]  # a container, and the key or index of a value in it


def mutate(data: bytes, seed: int) -> bytes | None:
    """The same POST with one to four changes to the values of its body or its headers; None where that is no JSON."""
    head, gap, body = data.partition(b"\n\n")
    try:
        root = [json.loads(body)]
    except (ValueError, RecursionError):
        return None
    chance = random.Random(seed)  # noqa: S311  reproducible, not secret
    for _ in range(chance.randint(1, 4)):
        _change(root, chance)
    if chance.random() < 0.2:
        head += f"\n{chance.choice(HEADERS)}:{chance.choice(WORDS)}".encode("utf-8", "replace")
    try:
        return head + (gap or b"\n\n") + json.dumps(root[0], ensure_ascii=chance.random() < 0.5).encode()
    except (ValueError, RecursionError):
        return None


def _change(root: list[Any], chance: random.Random) -> None:
    container, key = chance.choice(list(_places(root)))
    kind = chance.randrange(6)
    if kind == 0:
        container[key] = chance.choice(SCALARS)
    elif kind == 1:
        container[key] = {chance.choice(MEMBERS): container[key]}
    elif kind == 2:
        container[key] = [container[key]] * chance.randint(0, 3)
    elif kind == 3 and isinstance(container, dict):
        container[chance.choice(MEMBERS)] = container.pop(key)
    elif kind == 4 and isinstance(container, dict):
        container[chance.choice(MEMBERS)] = chance.choice(SCALARS)
    elif container is not root:
        del container[key]


def _places(root: list[Any]) -> Iterator[Place]:
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
            yield node, key
            if isinstance(value, dict | list):
                waiting.append(value)
