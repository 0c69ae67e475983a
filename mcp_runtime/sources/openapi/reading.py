"""A document's bytes as JSON values: JSON or YAML, bounded in bytes, parts and depth, each name once in its mapping."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
import yaml

from mcp_runtime.yaml_scalars import NotJson, plain_value

MAXIMUM_JSON_BYTES = 32 * 1024 * 1024
# Reading YAML takes four times as long as JSON of the same size.
MAXIMUM_YAML_BYTES = 16 * 1024 * 1024
MAXIMUM_DEPTH = 100
# With what aliases stand for counted each time that they are used.
MAXIMUM_PARTS = 5_000_000

_MERGE = "<<"  # YAML 1.1's merge key, which people use beside anchors
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class UnreadableDocument(Exception):
    """The bytes are not a document that can be read; the message says why."""


def read_document(data: bytes) -> dict[str, Any]:
    """The mapping that `data` is, in UTF-8. Raises UnreadableDocument."""
    is_json = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    limit = MAXIMUM_JSON_BYTES if is_json else MAXIMUM_YAML_BYTES
    if len(data) > limit:
        raise UnreadableDocument(f"The document is larger than {limit // 1024 // 1024} MiB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableDocument("The document is not UTF-8.") from None
    document = _read_json(text) if is_json else _read_yaml(text)
    if not isinstance(document, dict):
        raise UnreadableDocument("The document is not a mapping of names to values, as OpenAPI documents are.")
    _require_bounds(document)
    if _SURROGATE.search(data):
        _require_unicode(document)
    return document


def _read_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except RecursionError:
        raise UnreadableDocument("The document is nested too deeply.") from None
    except ValueError as error:
        raise UnreadableDocument(f"The document is not JSON: {error}.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UnreadableDocument(f"The name {twice[:100]!r} is used twice in one object.")
    return value


def _constant(text: str) -> NoReturn:
    raise UnreadableDocument(f"{text} is not a number that JSON has.")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UnreadableDocument("Numbers are finite.")
    return number


def _require_bounds(document: Any) -> None:
    # By identity: what YAML's aliases share is looked at once, its weight was counted when it was read.
    level, seen, parts = [document], {id(document)}, 0
    for _depth in range(MAXIMUM_DEPTH):
        following = []
        for node in level:
            for child in node.values() if isinstance(node, dict) else node:
                if isinstance(child, dict | list) and id(child) not in seen:
                    seen.add(id(child))
                    following.append(child)
            parts += len(node)
        if parts > MAXIMUM_PARTS:
            raise UnreadableDocument(f"The document has more than {MAXIMUM_PARTS:,} parts.")
        level = following
        if not level:
            return
    raise UnreadableDocument(f"The document is nested deeper than {MAXIMUM_DEPTH} levels.")


def _require_unicode(document: Any) -> None:
    try:
        msgspec.json.encode(document)
    except UnicodeEncodeError:
        raise UnreadableDocument("The document holds text that is not Unicode: half of a surrogate pair.") from None
    except OverflowError:
        pass  # an integer that msgspec does not write; what becomes of it is decided where it is used


def _read_yaml(text: str) -> Any:
    try:
        return _YamlReader(text).document()
    except (yaml.YAMLError, NotJson) as error:
        raise UnreadableDocument(f"The document is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UnreadableDocument("The document is nested too deeply.") from None


class _YamlReader:
    """Builds the values of one document out of YAML's events, and weighs what aliases repeat."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
        self._anchored: dict[str, tuple[Any, int]] = {}
        self._parts = 0

    def document(self) -> Any:
        documents = [self._value(next(self._events), 0) for event in self._events if _begins(event)]
        if len(documents) != 1:
            raise UnreadableDocument("The document is one YAML document.")
        return documents[0]

    def _value(self, event: yaml.Event, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event.anchor)
        before = self._parts
        self._weigh(1)
        value = self._node(event, depth)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchored[anchor] = (value, self._parts - before)
        return value

    def _node(self, event: yaml.Event, depth: int) -> Any:
        if depth > MAXIMUM_DEPTH:
            raise UnreadableDocument(f"The document is nested deeper than {MAXIMUM_DEPTH} levels.")
        tag = getattr(event, "tag", None)
        if tag is not None and not (isinstance(event, yaml.ScalarEvent) and tag == "tag:yaml.org,2002:str"):
            raise UnreadableDocument(f"The YAML tag {tag[:100]} is not taken.")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)]
        return self._mapping(depth + 1)

    def _mapping(self, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        for event in self._until(yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise UnreadableDocument("A name in a mapping is a text.")
            name = event.value  # as it is written: a status 200 without quotes is meant as a text
            value = self._value(next(self._events), depth)
            if name == _MERGE and event.implicit[0]:
                merged.extend(_merged(value))
            elif name in mapping:
                raise UnreadableDocument(f"The name {name[:100]!r} is used twice in one mapping.")
            else:
                mapping[name] = value
        for further in merged:
            mapping = further | mapping
        return mapping

    def _aliased(self, anchor: str | None) -> Any:
        if anchor is None or anchor not in self._anchored:
            raise UnreadableDocument(f"The alias *{anchor} stands for nothing, or for what it is part of.")
        value, weight = self._anchored[anchor]
        self._weigh(weight)
        return value

    def _weigh(self, parts: int) -> None:
        self._parts += parts
        if self._parts > MAXIMUM_PARTS:
            raise UnreadableDocument(f"The document has more than {MAXIMUM_PARTS:,} parts, its aliases written out.")

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event


def _begins(event: yaml.Event) -> bool:
    return isinstance(event, yaml.DocumentStartEvent)


def _merged(value: Any) -> list[dict[str, Any]]:
    mappings = value if isinstance(value, list) else [value]
    if not all(isinstance(mapping, dict) for mapping in mappings):
        raise UnreadableDocument("A merge key (<<) takes mappings.")
    return mappings


def _scalar(event: yaml.ScalarEvent) -> Any:
    return plain_value(event.value) if event.implicit[0] else event.value
