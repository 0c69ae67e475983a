"""Reading a configuration into its type: what is wrong is named by its place in the configuration."""

import re
from typing import Any

import msgspec

from mcp_runtime.sources.contract import InvalidConfig

_PLACE = re.compile(r"^(?P<sentence>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_NAMED_FIELD = re.compile(r"^Object (?:contains unknown|missing required) field `(?P<name>[^`]*)`")


def converted[ShapeT](config: Any, shape: type[ShapeT], *, field: str = "config") -> ShapeT:
    """`config` as a `shape`; raises InvalidConfig naming the wrong place, such as `config.messages[0].role`."""
    try:
        return msgspec.convert(config, shape)
    except msgspec.ValidationError as error:
        raise InvalidConfig(_by_place(str(error), field)) from None


def _by_place(message: str, field: str) -> dict[str, str]:
    place = _PLACE.match(message)
    sentence, path = (place["sentence"], place["path"] or "") if place else (message, "")
    named = _NAMED_FIELD.match(sentence)
    if named:
        path += f".{named['name']}"
        sentence = "There is no such setting" if "unknown" in sentence else "This is needed"
    return {f"{field}{path}": f"{sentence}."}
