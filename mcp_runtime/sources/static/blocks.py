"""PromptMessages as an author may write them: each kind of content with its members (2026-07-28, "ContentBlock")."""

import base64
from typing import Annotated, Any, Literal

import msgspec

from mcp_runtime.metadata import InvalidMetadata, require_icons, require_meta
from mcp_runtime.sources.configuration import converted
from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.static.placeholders import without
from mcp_runtime.uris import InvalidUri, require_uri

MAXIMUM_MESSAGES = 100


class _Annotations(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    audience: list[Literal["user", "assistant"]] = []
    priority: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    last_modified: str = ""


class _Block(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", kw_only=True, rename="camel"):
    annotations: _Annotations = msgspec.field(default_factory=_Annotations)
    meta: dict[str, Any] = msgspec.field(default_factory=dict, name="_meta")


class _Text(_Block, tag="text"):
    text: str


class _Image(_Block, tag="image"):
    data: str
    mime_type: str


class _Audio(_Block, tag="audio"):
    data: str
    mime_type: str


class _Link(_Block, tag="resource_link"):
    uri: str
    name: str
    title: str = ""
    description: str = ""
    mime_type: str = ""
    size: Annotated[int, msgspec.Meta(ge=0)] = 0
    icons: list[dict[str, Any]] = []


class _Contents(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    uri: str
    mime_type: str = ""
    text: str | None = None
    blob: str | None = None
    meta: dict[str, Any] = msgspec.field(default_factory=dict, name="_meta")


class _Embedded(_Block, tag="resource"):
    resource: _Contents


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    role: Literal["user", "assistant"]
    content: _Text | _Image | _Audio | _Link | _Embedded


def require_messages(messages: list[dict[str, Any]]) -> None:
    """Raises InvalidConfig that names the place, unless these are PromptMessages that every client can read."""
    if not 1 <= len(messages) <= MAXIMUM_MESSAGES:
        raise InvalidConfig({"config.messages": f"Write 1 to {MAXIMUM_MESSAGES} messages."})
    for number, message in enumerate(messages):
        place = f"config.messages[{number}]"
        _require_content(converted(message, _Message, field=place).content, f"{place}.content")


def _require_content(content: _Block, place: str) -> None:
    _require_metadata(content, place)
    match content:
        case _Image(data=data) | _Audio(data=data):
            _require_base64(data, f"{place}.data")
        case _Link(uri=uri):
            _require_uri(uri, f"{place}.uri")
        case _Embedded(resource=resource):
            _require_uri(resource.uri, f"{place}.resource.uri")
            if (resource.text is None) == (resource.blob is None):
                raise InvalidConfig({f"{place}.resource": "Give either a text or a blob."})
            _require_base64(resource.blob or "", f"{place}.resource.blob")


def _require_metadata(content: _Block, place: str) -> None:
    try:
        require_meta(content.meta)
        if isinstance(content, _Embedded):
            require_meta(content.resource.meta)
        if isinstance(content, _Link):
            require_icons(content.icons)
    except InvalidMetadata as error:
        raise InvalidConfig({place: str(error)}) from None


def _require_base64(data: str, place: str) -> None:
    """Data with a placeholder is for its caller to get right."""
    if without(data) != data:
        return
    try:
        base64.b64decode(data, validate=True)
    except ValueError:
        raise InvalidConfig({place: "This is not base64."}) from None


def _require_uri(uri: str, place: str) -> None:
    """A URI that is wholly an argument is for its caller to get right."""
    filled = without(uri)
    try:
        require_uri(filled if filled != "x" else "x:x")
    except InvalidUri as error:
        raise InvalidConfig({place: str(error)}) from None
