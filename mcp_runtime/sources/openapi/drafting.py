"""From the operations of a document to drafts of tools, or to the reason why one cannot become a tool."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from mcp_runtime import schemas
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.sources.openapi import bodies, paging, parameters, swagger
from mcp_runtime.sources.openapi.answers import answer_schema
from mcp_runtime.sources.openapi.document import Document, Unusable, shown
from mcp_runtime.sources.openapi.naming import Names, operation_name
from mcp_runtime.sources.openapi.operation import BODY_ARGUMENT, Operation
from mcp_runtime.sources.openapi.schema_values import text_of
from mcp_runtime.sources.openapi.schema_writing import Schema, SchemaWriter
from mcp_runtime.sources.openapi.security import security_of
from mcp_runtime.sources.openapi.servers import server_of
from mcp_runtime.sources.upstream import RefusedOperation

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
MAXIMUM_OPERATIONS = 20_000
MAXIMUM_DESCRIPTION = 2_000
MAXIMUM_TITLE = 80

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})  # RFC 9110 section 9.2.1, and the method QUERY
_IDEMPOTENT = frozenset({"PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Found:
    """An operation as it stands in the document."""

    method: str
    path: str
    path_item: dict[str, Any]
    operation: dict[str, Any]


def found_in(document: Document) -> Iterator[Found | RefusedOperation]:
    """Every operation, or why a path has none. Raises Unusable for more than anybody can look through."""
    seen = 0
    for path, entry in document.section("paths").items():
        if path.startswith("x-"):
            continue
        try:
            path_item = document.followed(entry)
        except Unusable as reason:
            yield RefusedOperation(shown(path), str(reason))
            continue
        # OpenAPI 3.2 has room for methods of services' own.
        for method in document.mapping(path_item.get("additionalOperations")):
            yield RefusedOperation(f"{shown(method)} {shown(path)}", "Its method is not one that is sent.")
        for method in METHODS:
            if method not in path_item:
                continue
            seen += 1
            if seen > MAXIMUM_OPERATIONS:
                raise Unusable(f"The document has more than {MAXIMUM_OPERATIONS:,} operations.")
            operation = path_item[method]
            yield Found(method.upper(), path, path_item, operation if isinstance(operation, dict) else {})


class Drafter:
    """Drafts the tools of one document, whose address is `base` if it has one; `server` replaces the document's."""

    def __init__(self, document: Document, base: str, server: str = "") -> None:
        self._document = document
        self._base = base
        self._server = server
        self._names = Names()
        self._inputs = SchemaWriter(document, is_input=True)
        self._outputs = SchemaWriter(document, is_input=False)

    def draft(self, found: Found) -> ToolDraft | RefusedOperation:
        """The tool, or the reason."""
        name = self._names.take(operation_name(found.operation.get("operationId"), found.method, found.path))
        try:
            return self._tool(name, found)
        except Unusable as reason:
            return RefusedOperation(name, str(reason))
        except schemas.InvalidSchema as invalid:
            return RefusedOperation(name, f"Its schema is not valid: {shown(str(invalid))}")

    def _tool(self, name: str, found: Found) -> ToolDraft:
        if found.method == "TRACE":
            raise Unusable("TRACE repeats a request with its credentials; it is not sent.")
        operation, described, body = self._operation(found)
        input_schema = self._input_schema(described, body)
        output_schema = answer_schema(self._outputs, self._responses(found))
        if output_schema is not None:
            operation = msgspec.structs.replace(operation, structured=True)
        return ToolDraft(
            name=name,
            title=text_of(found.operation.get("summary"), MAXIMUM_TITLE),
            description=self._description(found, operation),
            input_schema=input_schema,
            output_schema=output_schema,
            annotations=annotations_of(found.method),
            config=msgspec.to_builtins(operation),
        )

    def _operation(self, found: Found) -> tuple[Operation, list[parameters.Described], bodies.DescribedBody | None]:
        path = parameters.require_path(found.path)
        given = parameters.given_parameters(self._document, found.path_item, found.operation)
        security = security_of(self._document, found.operation)
        needed = [scheme for alternative in security for scheme in alternative]
        described = parameters.described(self._document, path, given, needed)
        body = self._body(found, given)
        server, is_own = self._located(found)
        sent = [entry.parameter for entry in described]
        operation = Operation(
            method=cast("Any", found.method),
            server=server,
            own_server=is_own,
            path=path,
            parameters=sent,
            body=body.body if body else None,
            security=security,
            paging=paging.paging_of(sent),
        )
        return operation, described, body

    def _body(self, found: Found, given: list[dict[str, Any]]) -> bodies.DescribedBody | None:
        if self._document.is_swagger:
            return bodies.body_of(self._document, swagger.body_of(self._document, found.operation, given))
        return bodies.body_of(self._document, found.operation.get("requestBody"))

    def _located(self, found: Found) -> tuple[str, bool]:
        """The server, and whether it is this operation's own."""
        for holder in (found.operation, found.path_item):
            if not self._document.is_swagger and holder.get("servers"):
                return server_of(holder["servers"], self._base), True
        if self._server:
            return self._server, False
        if self._document.is_swagger:
            return server_of(swagger.servers_of(self._document, found.operation), self._base), False
        return server_of(self._document.root.get("servers"), self._base), False

    def _responses(self, found: Found) -> dict[str, Any]:
        if self._document.is_swagger:
            return swagger.responses_of(self._document, found.operation)
        responses = found.operation.get("responses")
        return responses if isinstance(responses, dict) else {}

    def _input_schema(self, described: list[parameters.Described], body: bodies.DescribedBody | None) -> Schema:
        properties: Schema = {}
        required: list[str] = []
        references: dict[str, None] = {}
        entries = [(entry.parameter.argument, entry, entry.parameter.required) for entry in described]
        for argument, entry, is_required in entries:
            properties[argument] = self._argument(entry.schema, entry.description, references)
            required += [argument] if is_required else []
        if body is not None:
            properties[BODY_ARGUMENT] = self._argument(body.schema, body.description, references)
            required += [BODY_ARGUMENT] if body.body.required else []
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            schema["required"] = required
        if references:
            schema["$defs"] = self._inputs.definitions(references)
        schemas.require_object_schema(schema)
        return schema

    def _argument(self, given: Any, description: str, references: dict[str, None]) -> Schema:
        schema, further = self._inputs.written(given)
        references |= dict.fromkeys(further)
        text = text_of(description)
        return {"description": text} | schema if text else schema

    def _description(self, found: Found, operation: Operation) -> str:
        own = [text_of(found.operation.get(name), MAXIMUM_DESCRIPTION) for name in ("summary", "description")]
        texts = [text for text in dict.fromkeys(own) if text] or [f"{found.method} {shown(found.path)}"]
        if found.operation.get("deprecated") is True:
            texts.append("Deprecated.")
        texts.append(paging.sentence_of(operation.paging))
        return "\n\n".join(text for text in texts if text)


def annotations_of(method: str) -> dict[str, Any]:
    """What the method alone promises (RFC 9110 section 9.2)."""
    if method in _SAFE:
        return {"readOnlyHint": True, "openWorldHint": True}
    return {
        "readOnlyHint": False,
        "destructiveHint": True,
        "idempotentHint": method in _IDEMPOTENT,
        "openWorldHint": True,
    }
