"""The kind of upstream `graphql`: a service, of which each operation that its author allows is a tool."""

import asyncio
from functools import partial
from typing import Any

import graphql
import msgspec

from core.outbound import Limits, policy_from_environment, require_allowed_early
from core.outbound.destination import parse as parse_url
from core.refusals import Refused
from mcp_runtime.sources.configuration import converted
from mcp_runtime.sources.contract import CallContext, InvalidConfig, ToolHandler, ToolResult, text_result
from mcp_runtime.sources.graphql import documents, schema
from mcp_runtime.sources.graphql.config import GraphqlConfig, Operation, read_config
from mcp_runtime.sources.graphql.documents import RefusedDocument
from mcp_runtime.sources.graphql.exchange import Answer, Exchange
from mcp_runtime.sources.graphql.proposals import Proposals, propose
from mcp_runtime.sources.graphql.schema import InvalidGraph
from mcp_runtime.sources.graphql.tools import tool_of
from mcp_runtime.sources.http.headers import header_faults
from mcp_runtime.sources.upstream import (
    Discovery,
    Health,
    Line,
    OpenUpstream,
    RefusedOperation,
    Report,
    ToolsAlone,
    UpstreamDraft,
    UpstreamFailed,
)

INTROSPECTION = Limits(seconds=20.0, response_bytes=schema.INTROSPECTION_BYTES, redirects=0)
PROBE = Limits(seconds=5.0, response_bytes=64 * 1024, redirects=0)
PROBING = {"query": "{ __typename }"}
REPORT_EACH = 20  # operations


class GraphqlSource:
    """Services that speak GraphQL over HTTP."""

    kind = "graphql"
    title = "GraphQL service"

    def check(self, draft: UpstreamDraft) -> UpstreamDraft:
        """The draft, complete. Raises InvalidConfig for what can be told wrong without the service."""
        config = read_config(draft.config)
        wrong = header_faults(config.headers, draft.secrets) | _wrong_operations(config)
        try:
            require_allowed_early(config.url, policy_from_environment())
        except Refused as refused:
            wrong["config.url"] = str(refused)
        if draft.material:
            try:
                schema.read_upload(draft.material)
            except InvalidGraph as error:
                wrong["material"] = str(error)
        if wrong:
            raise InvalidConfig(wrong)
        return draft

    def destination(self, config: dict[str, Any]) -> str:
        """The service's origin."""
        origin = parse_url(read_config(config).url).origin
        return f"{origin.scheme}://{origin.authority}"

    def open(self, config: dict[str, Any], line: Line) -> OpenUpstream:
        """The service. Raises InvalidConfig."""
        return OpenService(read_config(config), line)


class OpenService(ToolsAlone):
    """A service in use."""

    def __init__(self, config: GraphqlConfig, line: Line) -> None:
        self._config = config
        self._material = line.material
        self._exchange = Exchange(config.url, config.headers, line)

    async def discover(self, report: Report) -> Discovery:
        """Every operation, held to the schema as it is now. Raises UpstreamFailed."""
        await report(0, 0, "reading the schema")
        known, where = await self._schema()
        proposals = await self._proposals(known)
        found = Discovery(speaks=f"GraphQL ({where}, {len(known.type_map)} types)", refused=proposals.refused)
        for number, operation in enumerate(proposals.operations):
            if number % REPORT_EACH == 0:
                await report(number, len(proposals.operations), operation.name)
            try:
                found.tools.append(await asyncio.to_thread(tool_of, operation, known, self._config.limits))
            except RefusedDocument as error:
                found.refused.append(RefusedOperation(operation.name, str(error)))
        return found

    async def _proposals(self, known: graphql.GraphQLSchema) -> Proposals:
        if self._config.operations:
            return Proposals(list(self._config.operations), [])
        return await asyncio.to_thread(propose, known)

    async def _schema(self) -> tuple[graphql.GraphQLSchema, str]:
        material = await self._material()
        try:
            if material:
                return await asyncio.to_thread(schema.read_upload, material), "uploaded schema"
            answer = await self._exchange.ask({"query": schema.QUESTION}, INTROSPECTION)
            _require_introspection(answer)
            return await asyncio.to_thread(schema.read_introspection, answer.data), "introspection"
        except InvalidGraph as error:
            raise UpstreamFailed(str(error)) from None

    async def probe(self) -> None:
        """Asks for the name of the query type. Raises UpstreamFailed."""
        answer = await self._exchange.ask(PROBING, PROBE)
        if answer.is_forbidden:
            raise UpstreamFailed("The service refuses to answer us.", Health.DENIED)
        if not isinstance(answer.data, dict):
            raise UpstreamFailed("The service does not answer the smallest question.")

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """How an operation is asked for. Raises InvalidConfig."""
        return partial(self._call, converted(operation, Operation))

    async def _call(self, operation: Operation, context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        seconds = min(operation.timeout, context.deadline - asyncio.get_running_loop().time())
        if seconds <= 0:
            return text_result("No time is left to ask the service.", is_error=True)
        limits = Limits(seconds=seconds, response_bytes=operation.size_limit, redirects=0)
        question = {"query": operation.document, "variables": arguments}
        return _result(await self._exchange.ask(question, limits, context.principal))

    async def close(self) -> None:
        """Ends nothing: connections are the outbound door's."""


def _result(answer: Answer) -> ToolResult:
    data = msgspec.json.encode(answer.data).decode()
    if answer.errors:
        said = "The service answered with errors: " + " ".join(answer.errors)
        return text_result(said if answer.data is None else f"{said}\nWhat it answered besides: {data}", is_error=True)
    if not isinstance(answer.data, dict):
        return text_result("The service answered no data.", is_error=True)
    return ToolResult([{"type": "text", "text": data}], structured=answer.data, has_structured=True)


def _require_introspection(answer: Answer) -> None:
    if answer.is_forbidden and answer.data is None:
        raise UpstreamFailed("The service refuses to tell its schema: upload it as SDL.", Health.DENIED)
    if answer.data is None or not answer.data:
        raise UpstreamFailed("The service does not tell its schema (introspection is off): upload it as SDL.")


def _wrong_operations(config: GraphqlConfig) -> dict[str, str]:
    wrong: dict[str, str] = {}
    names: set[str] = set()
    for number, operation in enumerate(config.operations):
        field = f"config.operations[{number}]"
        try:
            documents.parse(operation.document, config.limits)
        except RefusedDocument as error:
            wrong[f"{field}.document"] = str(error)
        if operation.name in names:
            wrong[f"{field}.name"] = "Another operation has this name."
        names.add(operation.name)
    return wrong
