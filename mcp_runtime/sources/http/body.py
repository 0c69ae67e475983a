"""What a request carries: JSON in which arguments stand as values, a form, or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from mcp_runtime.sources.http.config import FormBody, JsonBody
from mcp_runtime.sources.http.parameters import parse_parameters
from mcp_runtime.sources.http.template import Absent, BadArgument, InvalidTemplate, parse_template, verbatim

MAXIMUM_DEPTH = 32
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"

type Arguments = Mapping[str, Any]
type Builder = Callable[[Arguments], Any]


@dataclass(frozen=True, slots=True)
class Body:
    """A compiled body: its media type ("" for none), its placeholders, and the function that writes it."""

    media_type: str
    names: tuple[str, ...]
    render: Callable[[Arguments], bytes | None]


def parse_body(config: JsonBody | FormBody | None) -> Body:
    """Compiles the configured body; raises InvalidTemplate."""
    if config is None:
        return Body("", (), lambda _arguments: None)
    if isinstance(config, FormBody):
        parameters = parse_parameters(config.fields)
        return Body(FORM_TYPE, parameters.names, lambda arguments: "&".join(parameters.render(arguments)).encode())
    names: list[str] = []
    build = _builder(config.template, names, MAXIMUM_DEPTH)
    if not names:
        constant = msgspec.json.encode(build({}))
        return Body(JSON_TYPE, (), lambda _arguments: constant)
    return Body(JSON_TYPE, tuple(names), lambda arguments: _json(build, arguments))


def _json(build: Builder, arguments: Arguments) -> bytes:
    try:
        return msgspec.json.encode(build(arguments))
    except Absent as absent:
        raise BadArgument(f"{absent} is needed: it is the whole body.") from None
    except (UnicodeEncodeError, OverflowError):
        raise BadArgument("An argument holds a text or a number that JSON cannot hold.") from None


def _builder(template: Any, names: list[str], depth: int) -> Builder:
    if not depth:
        raise InvalidTemplate(f"The body is nested deeper than {MAXIMUM_DEPTH} levels.")
    if isinstance(template, str):
        return _text_builder(template, names)
    if isinstance(template, dict):
        return _object_builder({_key(key): _builder(value, names, depth - 1) for key, value in template.items()})
    if isinstance(template, list):
        return _list_builder([_builder(item, names, depth - 1) for item in template])
    return lambda _arguments: template


def _text_builder(text: str, names: list[str]) -> Builder:
    template = parse_template(text)
    names.extend(template.names)
    sole = template.sole
    if sole is None:
        return lambda arguments: template.render(arguments, verbatim)
    return lambda arguments: _argument(arguments, sole)


def _argument(arguments: Arguments, name: str) -> Any:
    # Null is a value here, unlike in a text: JSON can say it.
    if name not in arguments:
        raise Absent(name)
    return arguments[name]


def _object_builder(members: dict[str, Builder]) -> Builder:
    def build(arguments: Arguments) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key, member in members.items():
            try:
                value[key] = member(arguments)
            except Absent:
                continue
        return value

    return build


def _list_builder(items: list[Builder]) -> Builder:
    def build(arguments: Arguments) -> list[Any]:
        value: list[Any] = []
        for item in items:
            try:
                value.append(item(arguments))
            except Absent:
                continue
        return value

    return build


def _key(text: str) -> str:
    template = parse_template(text)
    if template.names:
        raise InvalidTemplate("The name of a member cannot be an argument.")
    return template.literals[0]
