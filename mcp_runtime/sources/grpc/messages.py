"""Messages as JSON Schema, by the JSON mapping of proto3 (https://protobuf.dev/programming-guides/json/)."""

from itertools import combinations
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

DEFINITIONS = 300
EXCLUSIVE = 8  # members of a oneof of which each pair is excluded in the schema; the message itself excludes any
ENUM_NAMES = 500
INTEGERS = frozenset(
    {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32}
    | {FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32}
)
LONG_INTEGERS = frozenset(
    {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64}
    | {FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64}
)
FLOATS = frozenset({FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE})
UNSIGNED = frozenset(
    {FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32}
    | {FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64}
)
FLOAT: dict[str, Any] = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
LONG: dict[str, Any] = {"type": ["string", "integer"], "pattern": "^-?[0-9]{1,20}$"}
BYTES: dict[str, Any] = {"type": "string", "contentEncoding": "base64"}
# Messages that JSON has a form of its own for; wrappers stand for nothing where they are left out, so null is no value.
SPECIAL: dict[str, dict[str, Any]] = {
    "google.protobuf.Timestamp": {"type": "string", "description": "A time as in 2026-01-02T03:04:05Z (RFC 3339)."},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string", "description": "Names of fields, with commas between them."},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}},
    "google.protobuf.BoolValue": {"type": "boolean"},
    "google.protobuf.StringValue": {"type": "string"},
    "google.protobuf.BytesValue": BYTES,
    "google.protobuf.Int32Value": {"type": "integer"},
    "google.protobuf.UInt32Value": {"type": "integer", "minimum": 0},
    "google.protobuf.Int64Value": LONG,
    "google.protobuf.UInt64Value": LONG,
    "google.protobuf.FloatValue": FLOAT,
    "google.protobuf.DoubleValue": FLOAT,
}
NULL = "google.protobuf.NullValue"


class TooManyTypes(Exception):
    """The message consists of more types than a schema is made for."""


class Schemas:
    """Schemas of messages, each once in `definitions`; strict ones say what is taken, others what is answered."""

    def __init__(self, *, is_strict: bool) -> None:
        self._is_strict = is_strict
        self.definitions: dict[str, dict[str, Any]] = {}

    def whole(self, message: Descriptor) -> dict[str, Any]:
        """The schema of a message that is a tool's arguments or result. Raises TooManyTypes."""
        schema = self._object(message)
        return schema | ({"$defs": self.definitions} if self.definitions else {})

    def _object(self, message: Descriptor) -> dict[str, Any]:
        properties = {field.json_name: self._field(field) for field in message.fields}
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        if not self._is_strict:
            return schema
        required = [field.json_name for field in message.fields if field.is_required]
        excluded = _excluded(message)
        schema |= {"additionalProperties": False}
        schema |= {"required": required} if required else {}
        return schema | ({"not": {"anyOf": excluded}} if excluded else {})

    def _field(self, field: FieldDescriptor) -> dict[str, Any]:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return {"type": "object", "additionalProperties": self._single(field.message_type.fields_by_name["value"])}
        single = self._single(field)
        return {"type": "array", "items": single} if field.is_repeated else single

    def _single(self, field: FieldDescriptor) -> dict[str, Any]:
        if field.message_type is not None:
            return self._message(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        return self._scalar(field.type)

    def _message(self, message: Descriptor) -> dict[str, Any]:
        special = SPECIAL.get(message.full_name)
        if special is not None:
            return dict(special)
        name = message.full_name
        if name not in self.definitions:
            if len(self.definitions) >= DEFINITIONS:
                raise TooManyTypes
            self.definitions[name] = {}  # there already when a field leads back here
            self.definitions[name] = self._object(message)
        return {"$ref": f"#/$defs/{name}"}

    def _enum(self, enum: EnumDescriptor) -> dict[str, Any]:
        if enum.full_name == NULL:
            return {"type": "null"}
        names = [value.name for value in enum.values]
        if not self._is_strict:
            return {"type": ["string", "integer"]}  # a number where the service has a newer one
        return {"type": "string", "enum": names} if len(names) <= ENUM_NAMES else {"type": "string"}

    def _scalar(self, kind: int) -> dict[str, Any]:
        if kind in INTEGERS:
            low, high = (0, 2**32 - 1) if kind in UNSIGNED else (-(2**31), 2**31 - 1)
            return {"type": "integer", "minimum": low, "maximum": high}
        if kind in LONG_INTEGERS:
            return dict(LONG)
        if kind in FLOATS:
            return dict(FLOAT)
        if kind == FieldDescriptor.TYPE_BYTES:
            return dict(BYTES)
        return {"type": "boolean" if kind == FieldDescriptor.TYPE_BOOL else "string"}


def _excluded(message: Descriptor) -> list[dict[str, Any]]:
    """The pairs of fields of which only one may be there."""
    pairs: list[dict[str, Any]] = []
    for oneof in message.oneofs:
        names = [field.json_name for field in oneof.fields]
        if len(names) <= EXCLUSIVE:
            pairs.extend({"required": list(pair)} for pair in combinations(names, 2))
    return pairs
