"""JSON Pointer (RFC 6901)."""

import re
from typing import Any

VALID = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)

type Pointer = tuple[str, ...]


class InvalidPointer(Exception):
    """The text is not a JSON Pointer."""


class NothingThere(Exception):
    """The document has no value at the pointer."""


def parse_pointer(text: str) -> Pointer:
    """The steps of a pointer, the empty one having none; raises InvalidPointer."""
    if not VALID.fullmatch(text):
        raise InvalidPointer
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def resolve(pointer: Pointer, document: Any) -> Any:
    """The value that the pointer leads to (RFC 6901 section 4); raises NothingThere."""
    for step in pointer:
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and INDEX.fullmatch(step) and int(step) < len(document):
            document = document[int(step)]
        else:
            raise NothingThere
    return document
