"""The body of an operation: which of its media types is sent, and as what the argument is given."""

from dataclasses import dataclass
from typing import Any, cast

from mcp_runtime.sources.openapi.document import Document, Unusable, shown
from mcp_runtime.sources.openapi.operation import Body, BodyKind, Field, Style
from mcp_runtime.sources.openapi.swagger import FORM, JSON, MULTIPART

MAXIMUM_FIELDS = 1_000
_PREFERENCE: tuple[BodyKind, ...] = ("json", "form", "multipart", "text", "binary")
_STYLES = frozenset({"form", "spaceDelimited", "pipeDelimited", "tabDelimited", "deepObject"})
_TEXT_TYPES = ("xml", "yaml", "graphql", "javascript", "sparql", "sql", "csv", "ndjson", "jsonl", "json-seq")


@dataclass(frozen=True, slots=True)
class DescribedBody:
    """A body, and the schema of its argument as the document has it."""

    body: Body
    schema: Any
    description: str


def body_of(document: Document, request_body: Any) -> DescribedBody | None:
    """The body that is sent; None without any. Raises Unusable."""
    if request_body is None:
        return None
    given = document.followed(request_body)
    content = given.get("content")
    if not isinstance(content, dict) or not content:
        return None
    media_type, entry = min(content.items(), key=lambda item: _PREFERENCE.index(kind_of(item[0])))
    entry = document.followed(entry) if isinstance(entry, dict) else {}
    kind, schema = kind_of(media_type), entry.get("schema", {})
    description = given.get("description")
    sent = _concrete(media_type, kind)
    is_object = kind not in ("form", "multipart") or _properties(document, schema) is not None
    body = Body(
        kind=kind if is_object else "text",
        media_type=sent,
        required=given.get("required") is True,
        fields=_fields(document, schema, entry) if kind in ("form", "multipart") else [],
    )
    return DescribedBody(body, _argument_schema(body, schema), description if isinstance(description, str) else "")


def kind_of(media_type: str) -> BodyKind:
    """How a body of this media type is written."""
    name = media_type.partition(";")[0].strip().lower()
    if name in (JSON, "text/json", "*/*", "application/*", "") or name.endswith(("+json", "/json")):
        return "json"
    if name == FORM:
        return "form"
    if name in (MULTIPART, "application/form-data") or name.startswith("multipart/"):
        return "multipart"
    if name.startswith("text/") or name.endswith(_TEXT_TYPES):
        return "text"
    return "binary"


def _concrete(media_type: str, kind: BodyKind) -> str:
    """The media type that is sent for one that may be a range."""
    usual = {"json": JSON, "form": FORM, "multipart": MULTIPART, "text": "text/plain"}
    name = media_type.strip()
    if "*" in name or not name:
        return usual.get(kind, "application/octet-stream")
    if not name.isascii() or not name.isprintable():
        raise Unusable(f"Its body's media type cannot be sent: {shown(name)}.")
    return MULTIPART if kind == "multipart" else name


def _argument_schema(body: Body, schema: Any) -> Any:
    if body.kind == "text":
        return {"type": "string", "description": f"The body as text ({body.media_type})."}
    if body.kind == "binary":
        sentence = f"The body's bytes ({body.media_type}), in Base64."
        return {"type": "string", "format": "binary", "description": sentence}
    return schema


def _properties(document: Document, schema: Any) -> dict[str, Any] | None:
    """The properties of a form's schema, those of its parts included; None for what is no object."""
    if not isinstance(schema, dict):
        return None
    schema = document.followed(schema)
    found: dict[str, Any] = {}
    listed = [schema.get(word) for word in ("allOf", "anyOf", "oneOf")]
    parts = [part for entries in listed if isinstance(entries, list) for part in entries if isinstance(part, dict)]
    for part in parts[:MAXIMUM_FIELDS]:
        properties = document.followed(part).get("properties")
        found |= properties if isinstance(properties, dict) else {}
    own = schema.get("properties")
    found |= own if isinstance(own, dict) else {}
    is_other = schema.get("type") not in (None, "object") and not found
    return None if is_other else found


def _fields(document: Document, schema: Any, entry: dict[str, Any]) -> list[Field]:
    properties = _properties(document, schema) or {}
    if len(properties) > MAXIMUM_FIELDS:
        raise Unusable(f"Its form has more than {MAXIMUM_FIELDS:,} fields.")
    encoding = entry.get("encoding")
    encoding = encoding if isinstance(encoding, dict) else {}
    fields = [_field(document, name, child, encoding.get(name)) for name, child in properties.items()]
    return [field for field in fields if field != Field(field.name)]


def _field(document: Document, name: str, schema: Any, encoding: Any) -> Field:
    encoding = encoding if isinstance(encoding, dict) else {}
    schema = document.followed(schema) if isinstance(schema, dict) else {}
    style, explode, media_type = (encoding.get(word) for word in ("style", "explode", "contentType"))
    if not isinstance(style, str) or style not in _STYLES:
        style = "json" if explode is None and schema.get("type") == "object" else "form"
    return Field(
        name=name,
        style=cast("Style", style),
        explode=explode if isinstance(explode, bool) else style in ("form", "deepObject"),
        binary=_is_binary(schema) or (schema.get("type") == "array" and _is_binary(_items(document, schema))),
        media_type=media_type if isinstance(media_type, str) and _is_sendable(media_type) else "",
    )


def _items(document: Document, schema: dict[str, Any]) -> dict[str, Any]:
    items = schema.get("items")
    return document.followed(items) if isinstance(items, dict) else {}


def _is_binary(schema: dict[str, Any]) -> bool:
    if schema.get("type") == "file" or schema.get("format") == "binary":
        return True
    return "contentMediaType" in schema and schema.get("type") == "string" and "contentEncoding" not in schema


def _is_sendable(media_type: str) -> bool:
    return media_type.isascii() and media_type.isprintable() and "," not in media_type and "*" not in media_type
