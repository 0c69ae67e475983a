"""YAML front matter of Markdown texts as JSON: the core schema of YAML 1.2, bounded, without aliases and tags.

What clients compare is YAML 1.2.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from mcp_runtime.yaml_scalars import NotJson, plain_value

MAXIMUM_CHARACTERS = 8 * 1024
MAXIMUM_DEPTH = 16
LARGEST_INTEGER = 2**53  # what every JSON implementation can carry exactly (RFC 8259 section 6)

_FENCED = re.compile(r"\ufeff?---\r?\n(?P<yaml>.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


class InvalidFrontmatter(Exception):
    """The text does not begin with front matter that JSON can hold; the message says why."""


def read_frontmatter(text: str) -> dict[str, Any]:
    """The mapping between the `---` lines that `text` begins with. Raises InvalidFrontmatter."""
    found = _FENCED.match(text[: MAXIMUM_CHARACTERS + 1])
    if found is None:
        limit = MAXIMUM_CHARACTERS // 1024
        raise InvalidFrontmatter(f"It begins with YAML between two lines of ---, of at most {limit} KiB.")
    try:
        value = _document(yaml.parse(found["yaml"], Loader=yaml.CSafeLoader))
    except yaml.YAMLError as error:
        raise InvalidFrontmatter(f"This is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(value, dict):
        raise InvalidFrontmatter("It is a mapping of names to values.")
    return value


def _document(events: Iterator[yaml.Event]) -> Any:
    """The value of the one document."""
    documents = [
        _value(next(events), events, MAXIMUM_DEPTH) for event in events if isinstance(event, yaml.DocumentStartEvent)
    ]
    if len(documents) != 1:
        raise InvalidFrontmatter("It is one YAML document.")
    return documents[0]


def _value(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Any:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise InvalidFrontmatter("Write values out: anchors and aliases are not taken.")
    if getattr(event, "tag", None) is not None:
        raise InvalidFrontmatter("Tags are not taken.")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if not depth:
        raise InvalidFrontmatter(f"It is nested deeper than {MAXIMUM_DEPTH} levels.")
    if isinstance(event, yaml.SequenceStartEvent):
        return [_value(item, events, depth - 1) for item in _until(yaml.SequenceEndEvent, events)]
    return _mapping(events, depth - 1)


def _mapping(events: Iterator[yaml.Event], depth: int) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for event in _until(yaml.MappingEndEvent, events):
        name = _value(event, events, depth)
        if not isinstance(name, str) or name in mapping:
            raise InvalidFrontmatter(f"Each name is a text and is used once, other than {name}.")
        mapping[name] = _value(next(events), events, depth)
    return mapping


def _until(end: type[yaml.Event], events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    for event in events:
        if isinstance(event, end):
            return
        yield event


def _scalar(event: yaml.ScalarEvent) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return text
    try:
        value = plain_value(text)
    except NotJson as error:
        raise InvalidFrontmatter(str(error)) from None
    if type(value) is int and abs(value) > LARGEST_INTEGER:
        raise InvalidFrontmatter("Integers are at most 2^53.")
    return value
