"""What PostgreSQL's values become in JSON, and the schemas that say so."""

import base64
from typing import Any

import msgspec
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.types import TypeInfo

BOOLEAN = frozenset({"bool"})
INTEGER = frozenset({"int2", "int4", "int8", "oid"})
FLOAT = frozenset({"float4", "float8"})
JSON = frozenset({"json", "jsonb"})
BYTES = "bytea"
INSTANTS = frozenset({"timestamp", "timestamptz"})
NOT_FINITE = ("NaN", "Infinity", "-Infinity")
FLOAT_SCHEMA = {"anyOf": [{"type": "number"}, {"enum": [*NOT_FINITE, None]}]}


class TextLoader(Loader):
    """Whatever JSON has no type for, as the server writes it: exact decimals, dates, ranges, addresses, …"""

    def load(self, data: Buffer) -> str:
        """The text."""
        return bytes(data).decode("utf-8", "replace")


class InstantLoader(Loader):
    """Dates with times, as RFC 3339 writes them; the session's time zone is UTC."""

    def load(self, data: Buffer) -> str:
        """The instant; `infinity` and years before Christ stay as they are."""
        text = bytes(data).decode()
        if not text[0].isdecimal() or text.endswith("BC"):
            return text
        return text.replace(" ", "T").replace("+00", "Z")


class FloatLoader(Loader):
    """Numbers, and names of those that JSON cannot write."""

    def load(self, data: Buffer) -> float | str:
        """The number, or its name."""
        text = bytes(data).decode()
        return text if text in NOT_FINITE else float(text)


class BytesLoader(Loader):
    """Bytes as base64 (RFC 4648 section 4)."""

    def load(self, data: Buffer) -> str:
        """The text; the session's `bytea_output` is hex."""
        return base64.b64encode(bytes.fromhex(bytes(data).decode().removeprefix("\\x"))).decode()


class JsonLoader(Loader):
    """JSON as it is; as text where it holds numbers or depths that cannot be passed on."""

    def load(self, data: Buffer) -> Any:
        """The value."""
        try:
            return msgspec.json.decode(bytes(data))
        except (msgspec.DecodeError, RecursionError):
            return bytes(data).decode("utf-8", "replace")


def adapters() -> AdaptersMap:
    """How values of every type that servers bring along are read; those of other types are texts by default."""
    made = AdaptersMap(psycopg.adapters)
    for info in psycopg.adapters.types:
        if info.name not in BOOLEAN | INTEGER:
            made.register_loader(info.oid, _loader(info.name))
    return made


def _loader(name: str) -> type[Loader]:
    if name in FLOAT:
        return FloatLoader
    if name in JSON:
        return JsonLoader
    if name in INSTANTS:
        return InstantLoader
    return BytesLoader if name == BYTES else TextLoader


def schema_of(oid: int) -> dict[str, Any]:
    """The JSON Schema of a column's values. Each may be NULL: PostgreSQL does not say which cannot."""
    info = psycopg.adapters.types.get(oid)
    if info is None:
        return {"type": ["string", "null"]}
    if info.array_oid == oid:
        return {"type": ["array", "null"], "description": f"{info.name}[]"}
    return _scalar(info)


def _scalar(info: TypeInfo) -> dict[str, Any]:
    if info.name in BOOLEAN:
        return {"type": ["boolean", "null"]}
    if info.name in INTEGER:
        return {"type": ["integer", "null"]}
    if info.name in FLOAT:
        return FLOAT_SCHEMA
    if info.name in JSON:
        return {"description": info.name}
    if info.name == BYTES:
        return {"type": ["string", "null"], "contentEncoding": "base64"}
    return {"type": ["string", "null"], "description": info.name}
