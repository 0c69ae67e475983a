"""The source `openapi`: services described by an OpenAPI document."""

import asyncio
from dataclasses import replace
from typing import Any

from core.outbound import FetchFailed, Limits, Response, ResponseTooLarge, fetch
from core.refusals import Refused
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft, ToolHandler
from mcp_runtime.sources.http.encoding import as_it_stands
from mcp_runtime.sources.openapi.calling import Caller
from mcp_runtime.sources.openapi.config import OpenApiConfig, alternatives_of, probe_operation, read_config
from mcp_runtime.sources.openapi.document import Document, Unusable, document_of
from mcp_runtime.sources.openapi.drafting import Drafter, Found, found_in
from mcp_runtime.sources.openapi.operation import Operation, Scheme, read_operation
from mcp_runtime.sources.openapi.reading import MAXIMUM_JSON_BYTES, UnreadableDocument, read_document
from mcp_runtime.sources.openapi.requests import RequestPlan
from mcp_runtime.sources.openapi.schema_values import text_of
from mcp_runtime.sources.openapi.servers import ASK, origin_of, server_of
from mcp_runtime.sources.openapi.swagger import servers_of
from mcp_runtime.sources.upstream import (
    Discovery,
    Health,
    Line,
    RefusedOperation,
    Report,
    ToolsAlone,
    UpstreamDraft,
    UpstreamFailed,
)

DOCUMENT_LIMITS = Limits(seconds=60, response_bytes=MAXIMUM_JSON_BYTES)
DOCUMENT_TYPES = "application/vnd.oai.openapi+json, application/json, application/yaml;q=0.9, */*;q=0.5"
PROBE_SECONDS = 10.0
MAXIMUM_SECRETS = 20
MAXIMUM_INSTRUCTIONS = 1_000
REPORT_EVERY = 50
MISPLACED = (
    "The operation is at another address than the credentials were given for. Set config.server to it, if they may be "
    "sent there."
)


class OpenApiSource:
    """Services that describe themselves with Swagger 2.0 or OpenAPI 3."""

    kind = "openapi"
    title = "OpenAPI"

    def check(self, draft: UpstreamDraft) -> UpstreamDraft:
        """The draft; of an uploaded document, with its server. Raises InvalidConfig."""
        config = read_config(draft.config)
        _require_secrets(draft.secrets)
        if draft.material is None or config.server:
            return draft
        try:
            server = _server(document_of(read_document(draft.material)), config.url)
        except UnreadableDocument as error:
            raise InvalidConfig({"material": str(error)}) from None
        except Unusable as error:
            raise InvalidConfig({"config.server": str(error)}) from None
        return replace(draft, config=draft.config | {"server": server})

    def destination(self, config: dict[str, Any]) -> str:
        """The origin of the server, or else of the document."""
        return _destination(read_config(config))

    def open(self, config: dict[str, Any], line: Line) -> "OpenOpenApi":
        """The service, ready to be used. Raises InvalidConfig."""
        return OpenOpenApi(read_config(config), line)


class OpenOpenApi(ToolsAlone):
    """One service. It keeps nothing open besides what the line keeps."""

    def __init__(self, config: OpenApiConfig, line: Line) -> None:
        self._config = config
        self._line = line

    async def discover(self, report: Report) -> Discovery:
        """Every operation as a tool, or why it is none. Raises UpstreamFailed."""
        await report(0, 0, "Reading the document")
        try:
            data = await self._document()
            if not data:
                raise UnreadableDocument("There is no document: give its address as config.url, or upload it.")
            document = await asyncio.to_thread(_read, data)
            return await self._drafted(document, report)
        except (UnreadableDocument, Unusable) as error:
            raise UpstreamFailed(str(error)) from None

    async def _drafted(self, document: Document, report: Report) -> Discovery:
        found = list(found_in(document))
        drafter = Drafter(document, self._config.url, self._config.server)
        discovery = Discovery(instructions=_instructions(document), speaks=_speaks(document))
        for start in range(0, len(found), REPORT_EVERY):
            made = await asyncio.to_thread(_drafts, drafter, found[start : start + REPORT_EVERY])
            discovery.tools += [tool for tool in made if isinstance(tool, ToolDraft)]
            discovery.refused += [refused for refused in made if isinstance(refused, RefusedOperation)]
            await report(min(start + REPORT_EVERY, len(found)), len(found), "Reading operations")
        return discovery

    async def _document(self) -> bytes:
        if not self._config.url:
            return await self._line.material()
        try:
            response = await fetch(
                self._line.http, "GET", self._config.url, headers={"Accept": DOCUMENT_TYPES}, limits=DOCUMENT_LIMITS
            )
        except (FetchFailed, Refused) as error:
            raise UpstreamFailed(str(error)) from None
        if not 200 <= response.status <= 299:
            sentence = f"{response.host} answered {response.status} when it was asked for the OpenAPI document."
            raise UpstreamFailed(sentence, _health_of(response.status))
        return response.body

    async def probe(self) -> None:
        """Asks what the configuration says, or for the server's own address. Raises UpstreamFailed."""
        operation = probe_operation(self._config)
        caller = self._caller(operation, operation.security) if operation else self._probing()
        try:
            answered = await caller.ask({}, "", PROBE_SECONDS, {})
        except ResponseTooLarge:
            return  # it answered, and at length
        except (FetchFailed, Refused) as error:
            raise UpstreamFailed(str(error)) from None
        except UpstreamFailed as failed:
            if failed.health is Health.NEEDS_LOGIN and await self._is_without_meaning():
                return
            raise
        self._judge(answered.response)

    async def _is_without_meaning(self) -> bool:
        """Whether a 401 says nothing: nobody knows where the stored secrets go before an operation says so."""
        return not self._config.probe and not self._config.schemes and bool(await self._line.credentials.secrets())

    def _judge(self, response: Response) -> None:
        status = response.status
        is_expected = 200 <= status <= 399 if self._config.probe else status != 403 and status < 500
        if not is_expected:
            raise UpstreamFailed(f"{response.host} answered {status} to the probe.", _health_of(status))

    def _probing(self) -> Caller:
        """A request for the probe's path, or for the server's own, with all credentials whose place is known."""
        if not (server := self._config.server or _destination(self._config)):
            raise UpstreamFailed(f"It is not known where to ask. {ASK}")
        path = self._config.probe if isinstance(self._config.probe, str) and self._config.probe else "/"
        operation = Operation(
            method="GET", server=server, path=as_it_stands(path).replace("{", "%7B").replace("}", "%7D")
        )
        return self._caller(operation, [*alternatives_of(self._config), [Scheme("oauth2", "oauth2")], []])

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """How an operation is called. Raises InvalidConfig."""
        typed = read_operation(operation)
        return self._caller(typed, typed.security or alternatives_of(self._config))

    def _caller(self, operation: Operation, security: list[list[Scheme]]) -> Caller:
        server = operation.server if operation.own_server else self._config.server or operation.server
        misplaced = "" if origin_of(server) == _destination(self._config) else MISPLACED
        plan = RequestPlan(operation, server)
        config = self._config
        return Caller(self._line, operation, plan, security, config.timeout, config.size_limit, misplaced)

    async def close(self) -> None:
        """Nothing is open."""


def _read(data: bytes) -> Document:
    return document_of(read_document(data))


def _drafts(drafter: Drafter, batch: list[Found | RefusedOperation]) -> list[ToolDraft | RefusedOperation]:
    return [made if isinstance(made, RefusedOperation) else drafter.draft(made) for made in batch]


def _server(document: Document, base: str) -> str:
    servers = servers_of(document, {}) if document.is_swagger else document.root.get("servers")
    return server_of(servers, base)


def _destination(config: OpenApiConfig) -> str:
    return origin_of(config.server or config.url)


def _speaks(document: Document) -> str:
    return "Swagger 2.0" if document.is_swagger else f"OpenAPI {document.version}"


def _instructions(document: Document) -> str:
    return text_of(document.section("info").get("description"), MAXIMUM_INSTRUCTIONS)


def _health_of(status: int) -> Health:
    return {401: Health.NEEDS_LOGIN, 403: Health.DENIED}.get(status, Health.DOWN)


def _require_secrets(secrets: dict[str, str]) -> None:
    wrong = {
        f"secrets.{name}": "A secret has no line breaks and no control characters."
        for name, value in secrets.items()
        if not value.isprintable()
    }
    if len(secrets) > MAXIMUM_SECRETS:
        wrong["secrets"] = f"An API has at most {MAXIMUM_SECRETS} secrets."
    if wrong:
        raise InvalidConfig(wrong)
