"""The chain of the audit log, as anybody can check it from an export, without us and without Django.

Each event's digest is the SHA-256 of the digest before it and of the event's fields in order, each written as its
length in bytes, a colon, itself and a comma ("-," where there is nothing), so that no text can be moved between fields.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

FIELDS = (
    "sequence", "at", "actor_kind", "actor_id", "actor_name", "address", "request_id", "action", "target_kind",
    "target_id", "target_name",
)  # fmt: skip
_MEMBERS = {*FIELDS, "changes", "previous", "digest"}


class Broken(Exception):
    """The chain does not hold; the message says where, and how one sees it."""


class Verified(NamedTuple):
    """What was found whole: how many events, and the last one's sequence and digest, to compare with what we show."""

    events: int
    sequence: int
    digest: str


def verify(lines: Iterable[str]) -> Verified:
    """Checks an export in JSON Lines, which may begin anywhere in the chain. Raises Broken."""
    events, sequence, digest = 0, 0, ""
    for number, event in enumerate(_events(lines), start=1):
        if events and (event["sequence"] != sequence + 1 or event["previous"] != digest):
            raise Broken(f"Line {number}: event {event['sequence']} does not follow event {sequence}.")
        if digest_of(event) != event["digest"]:
            raise Broken(f"Line {number}: event {event['sequence']} was altered.")
        events, sequence, digest = events + 1, event["sequence"], event["digest"]
    return Verified(events, sequence, digest)


def digest_of(event: dict[str, Any]) -> str:
    """The digest that an event has to have."""
    told = [event["previous"], *(str(event[name]) for name in FIELDS)]
    told += [value for change in event["changes"] for value in change]
    return hashlib.sha256("".join(map(_part, told)).encode()).hexdigest()


def _part(value: str | None) -> str:
    return "-," if value is None else f"{len(value.encode())}:{value},"


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            event = json.loads(line, object_pairs_hook=_object)
            is_event = _is_event(event)
            digest_of(event)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            is_event = False
        if not is_event:
            raise Broken(f"Line {number} is no event of an audit log.")
        yield event


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name occurs twice, so that others may read another value than was checked")
    return made


def _is_event(event: dict[str, Any]) -> bool:
    """Whether it has exactly what the digest is over: what else it had could be anything."""
    texts = [event[name] for name in _MEMBERS - {"sequence", "changes"}]
    changes: list[Any] = event["changes"]
    texts += [text for change in changes for text in change if text is not None]
    return (
        event.keys() == _MEMBERS
        and type(event["sequence"]) is int
        and all(type(text) is str for text in texts)
        and type(changes) is list
        and all(type(change) is list and len(change) == 3 for change in changes)
    )
