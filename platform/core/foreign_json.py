"""JSON that others wrote: one object, or one exception whatever is wrong with it."""

from typing import Any

import msgspec


class NotAnObject(ValueError):
    """What was sent is no JSON object: malformed, of another encoding, nested too deeply, or of another kind."""


def foreign_object(body: bytes) -> dict[str, Any]:
    """The object in `body`. Raises NotAnObject."""
    try:
        document = msgspec.json.decode(body)
    # Deep nesting and wrong UTF-8 are no DecodeError.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotAnObject from None
    if not isinstance(document, dict):
        raise NotAnObject
    return document
