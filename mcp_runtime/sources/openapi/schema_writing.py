"""Schemas of OpenAPI as JSON Schema 2020-12 that stands by itself: references become `$defs`, cycles stay cycles.

What is written accepts all that the document's schema accepts, and more where the document cannot be held to: the
service checks its input itself, and a value that was refused here for no reason could not be sent at all. Of answers
even less is demanded, since services answer null and new values where their documents do not say so.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mcp_runtime.sources.openapi import schema_values as values
from mcp_runtime.sources.openapi.document import Document, Unusable, pointer_of

MAXIMUM_DEPTH = 24  # of one schema, before the next reference
MAXIMUM_PROPERTIES = 1_000
# All that a tool's schema refers to, in bytes. What is further away than this is left open.
DEFINITIONS_BYTES = 96 * 1024
LEFT_OPEN = {"description": "Not described here: the schema would be too large. See the service's documentation."}

_NAME = re.compile(r"[^A-Za-z0-9_.-]+")

type Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Definition:
    """A schema that others refer to, and what it refers to itself."""

    schema: Schema
    references: tuple[str, ...]
    size: int


@dataclass(slots=True)
class SchemaWriter:
    """Writes the schemas of a document, as input of tools or as what they answer. Keeps what it wrote."""

    document: Document
    is_input: bool
    _names: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _definitions: dict[str, Definition] = field(default_factory=dict)

    def written(self, schema: Any) -> tuple[Schema, tuple[str, ...]]:
        """The schema, and the references that it has. Raises Unusable."""
        references: dict[str, None] = {}
        return self._schema(schema, references, MAXIMUM_DEPTH), tuple(references)

    def definitions(self, references: Iterable[str]) -> dict[str, Schema]:
        """`$defs` with these references and all that they lead to, the nearest first. Raises Unusable."""
        waiting = deque(dict.fromkeys(references))
        seen, found, room = set(waiting), {}, DEFINITIONS_BYTES
        while waiting:
            reference = waiting.popleft()
            definition = self.definition(reference)
            room -= definition.size
            if room < 0:
                found[self._named(reference)] = LEFT_OPEN
                continue
            found[self._named(reference)] = definition.schema
            further = [name for name in definition.references if name not in seen]
            seen.update(further)
            waiting.extend(further)
        return found

    def definition(self, reference: str) -> Definition:
        """What a reference leads to, written. Raises Unusable."""
        if reference not in self._definitions:
            schema, references = self.written(self.document.target(reference))
            self._definitions[reference] = Definition(schema, references, len(msgspec.json.encode(schema)))
        return self._definitions[reference]

    def _named(self, reference: str) -> str:
        if reference not in self._names:
            last = (pointer_of(reference) or ("document",))[-1]
            base = _NAME.sub("_", last).strip("_")[:64] or "schema"
            name, number = base, 2
            while name in self._taken:
                name, number = f"{base}_{number}", number + 1
            self._taken.add(name)
            self._names[reference] = name
        return self._names[reference]

    def _schema(self, schema: Any, references: dict[str, None], depth: int) -> Schema:
        if schema is False:
            return {"not": {}}
        if not isinstance(schema, dict):
            return {}
        if not depth:
            raise Unusable("Its schema is nested too deeply.")
        if isinstance(schema.get("$ref"), str):
            return self._reference(schema, references, depth)
        written = self._plain(schema)
        self._enumerate(schema, written)
        self._nest(schema, written, references, depth - 1)
        self._combine(schema, written, references, depth - 1)
        self._limit_exclusively(schema, written)
        return self._nullable(schema, written)

    def _reference(self, schema: Schema, references: dict[str, None], depth: int) -> Schema:
        reference = schema["$ref"]
        self.document.target(reference)
        references[reference] = None
        written: Schema = {"$ref": f"#/$defs/{self._named(reference)}"}
        if self.document.has_dialect_of_its_own:
            # Whatever stands beside a reference is ignored there, but people mean these two.
            description = values.text_of(schema.get("description"))
            return self._nullable(schema, written | ({"description": description} if description else {}))
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        return written | self._schema(beside, references, depth - 1) if beside else written

    def _plain(self, schema: Schema) -> Schema:
        written: Schema = {}
        types = values.types_of(schema.get("type"))
        if types:
            types = types if self.is_input or "null" in types else [*types, "null"]
            written["type"] = types[0] if len(types) == 1 else types
        for keyword, read in values.PLAIN.items():
            if keyword not in schema or not (self.is_input or keyword in values.DESCRIBING):
                continue
            value = read(schema[keyword])
            if value is not None:
                written[keyword] = value
        if self.is_input:
            self._describe(schema, written)
        return written

    def _describe(self, schema: Schema, written: Schema) -> None:
        if schema.get("format") in ("binary", "byte") or schema.get("type") == "file":
            written |= {"type": "string", "contentEncoding": "base64"}
            written.pop("format", None)
        if "default" in schema and values.examples_of(schema["default"]) is not None:
            written["default"] = schema["default"]
        examples = values.examples_of(schema["example"]) if "example" in schema else None
        if examples is None and isinstance(schema.get("examples"), list) and schema["examples"]:
            examples = values.examples_of(schema["examples"][0])
        if examples is not None and examples != [None]:
            written["examples"] = examples
        told_by = schema.get("discriminator")
        told_by = told_by.get("propertyName") if isinstance(told_by, dict) else told_by
        if isinstance(told_by, str) and told_by:
            sentence = f"Its property {told_by[:100]} says which kind it is."
            written["description"] = f"{written.get('description', '')} {sentence}".strip()

    def _enumerate(self, schema: Schema, written: Schema) -> None:
        if not self.is_input:
            return
        listed = [schema["const"]] if "const" in schema else schema.get("enum")
        enum = values.enum_of(listed)
        if enum is None:
            return
        written["enum"] = enum
        types = values.types_of(written.get("type"))
        if types and not any(values.fits(value, types) for value in enum):
            del written["type"]  # "integer", and then texts of digits: what is listed is what is taken

    def _nest(self, schema: Schema, written: Schema, references: dict[str, None], depth: int) -> None:
        properties = schema.get("properties")
        if isinstance(properties, dict):
            self._properties(properties, written, references, depth)
        for keyword in ("patternProperties",):
            if isinstance(schema.get(keyword), dict):
                named = {name: child for name, child in schema[keyword].items() if values.pattern_of(name)}
                written[keyword] = {name: self._schema(child, references, depth) for name, child in named.items()}
        # `false` is left out: with `allOf` it forbids what the other parts demand, as documents do by mistake.
        if isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
            written["additionalProperties"] = self._schema(schema["additionalProperties"], references, depth)
        items, prefix = schema.get("items"), schema.get("prefixItems")
        tuple_items = items if isinstance(items, list) else prefix
        if isinstance(items, dict):
            written["items"] = self._schema(items, references, depth)
        if isinstance(tuple_items, list) and tuple_items:
            written["prefixItems"] = [self._schema(item, references, depth) for item in tuple_items]

    def _properties(self, properties: dict[str, Any], written: Schema, references: dict[str, None], depth: int) -> None:
        if len(properties) > MAXIMUM_PROPERTIES:
            raise Unusable(f"Its schema has an object of more than {MAXIMUM_PROPERTIES:,} properties.")
        unsent = "readOnly" if self.is_input else "writeOnly"
        kept = {
            name: child
            for name, child in properties.items()
            if not (isinstance(child, dict) and child.get(unsent) is True)
        }
        written["properties"] = {name: self._schema(child, references, depth) for name, child in kept.items()}
        if "required" in written:
            written["required"] = [name for name in written["required"] if name in kept or name not in properties]
            if not written["required"]:
                del written["required"]

    def _combine(self, schema: Schema, written: Schema, references: dict[str, None], depth: int) -> None:
        # `oneOf` becomes `anyOf`: kinds that a discriminator tells apart often fit several of the schemas.
        for keyword, becomes in (("allOf", "allOf"), ("anyOf", "anyOf"), ("oneOf", "anyOf")):
            parts = schema.get(keyword)
            if not isinstance(parts, list) or not parts:
                continue
            combined = [self._schema(part, references, depth) for part in parts]
            if becomes in written:
                written.setdefault("allOf", []).append({becomes: combined})
            else:
                written[becomes] = combined

    def _limit_exclusively(self, schema: Schema, written: Schema) -> None:
        if not self.is_input:
            return
        for keyword, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            given = schema.get(keyword)
            if given is True and inclusive in written:
                written[keyword] = written.pop(inclusive)
            elif (number := values.number_of(given)) is not None:
                written[keyword] = number

    def _nullable(self, schema: Schema, written: Schema) -> Schema:
        if not (schema.get("nullable") is True or schema.get("x-nullable") is True):
            return written
        if "$ref" in written or "anyOf" in written or "allOf" in written:
            return {"anyOf": [written, {"type": "null"}]}
        if "type" in written:
            types = values.types_of(written["type"])
            written["type"] = types if "null" in types else [*types, "null"]
        if "enum" in written and None not in written["enum"]:
            written["enum"] = [*written["enum"], None]
        return written
