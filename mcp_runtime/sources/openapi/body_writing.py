"""The argument `body` as the bytes of a request: JSON, a form, a multipart form, a text, or bytes out of Base64."""

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from mcp_runtime.sources.http.template import BadArgument
from mcp_runtime.sources.openapi.operation import Body, BodyKind, Field
from mcp_runtime.sources.openapi.styles import json_text, query_pairs, single

MAXIMUM_PARTS = 1_000


def written_body(body: Body, value: Any) -> tuple[str, bytes]:
    """The content type and the bytes. Raises BadArgument."""
    return _WRITERS[body.kind](body, value)


def _json(body: Body, value: Any) -> tuple[str, bytes]:
    return body.media_type, json_text(body.argument, value).encode()


def _form(body: Body, value: Any) -> tuple[str, bytes]:
    fields = _fields_of(body)
    pairs = [
        f"{name}={text}"
        for key, member in _object(body, value).items()
        if member is not None
        for name, text in _form_pairs(fields.get(key) or _usual(key, member), member)
    ]
    return body.media_type, "&".join(pairs).encode()


def _form_pairs(field: Field, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict | list):
        return query_pairs(field.name, value, field.style, explode=field.explode)
    return query_pairs(field.name, value, "form", explode=True)


def _usual(name: str, value: Any) -> Field:
    # OpenAPI 3.1, "Encoding Object", contentType: objects are JSON where the document says nothing else.
    return Field(name, style="json" if isinstance(value, dict) else "form")


def _multipart(body: Body, value: Any) -> tuple[str, bytes]:
    fields = _fields_of(body)
    pieces: list[bytes] = []
    # Cannot be in what is sent but by a chance of 2^-128, so nothing that is sent can end its part.
    boundary = secrets.token_hex(16)
    for name, member in _object(body, value).items():
        field = fields.get(name) or _usual(name, member)
        for item in member if isinstance(member, list) and field.style != "json" else [member]:
            pieces += [_part(boundary, field, item)] if item is not None else []
        if len(pieces) > MAXIMUM_PARTS:
            raise BadArgument(f"{body.argument} has more than {MAXIMUM_PARTS:,} parts.")
    return f"{body.media_type}; boundary={boundary}", b"".join([*pieces, f"--{boundary}--\r\n".encode()])


def _part(boundary: str, field: Field, value: Any) -> bytes:
    name = _quoted(field.name)
    if field.binary:
        disposition, media_type = f'name="{name}"; filename="{name}"', field.media_type or "application/octet-stream"
        data = decoded(field.name, value)
    else:
        disposition = f'name="{name}"'
        media_type = field.media_type or ("application/json" if isinstance(value, dict | list) else "")
        data = _utf8(field.name, json_text(field.name, value) if "json" in media_type else single(field.name, value))
    typed = f"Content-Type: {media_type}\r\n" if media_type else ""
    head = f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n{typed}\r\n"
    return head.encode() + data + b"\r\n"


def _quoted(name: str) -> str:
    """A name within quotation marks, as browsers write it (HTML, "Multipart form data")."""
    return _utf8(name, name).decode().replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _text(body: Body, value: Any) -> tuple[str, bytes]:
    return body.media_type, _utf8(body.argument, single(body.argument, value))


def _binary(body: Body, value: Any) -> tuple[str, bytes]:
    return body.media_type, decoded(body.argument, value)


def decoded(name: str, value: Any) -> bytes:
    """The bytes that an argument gives in Base64. Raises BadArgument."""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise BadArgument(f"{name} is not Base64.") from None


def _utf8(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadArgument(f"{name} is not valid Unicode.") from None


def _object(body: Body, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadArgument(f"{body.argument} is an object: its properties are the fields of a form.")
    return value


def _fields_of(body: Body) -> dict[str, Field]:
    return {field.name: field for field in body.fields}


_WRITERS: dict[BodyKind, Callable[[Body, Any], tuple[str, bytes]]] = {
    "json": _json,
    "form": _form,
    "multipart": _multipart,
    "text": _text,
    "binary": _binary,
}
