"""The source `http`: one request to a service, through the outbound door."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from core.outbound import (
    Client,
    FetchFailed,
    Limits,
    Response,
    fetch,
    policy_from_environment,
    require_allowed_early,
)
from core.refusals import Refused
from mcp_runtime.snapshots.structs import ToolSnapshot
from mcp_runtime.sources.contract import (
    CallContext,
    InvalidConfig,
    ToolDraft,
    ToolHandler,
    ToolResult,
    Workshop,
    detached,
    text_result,
)
from mcp_runtime.sources.http.config import HttpConfig, read_config
from mcp_runtime.sources.http.headers import canonical
from mcp_runtime.sources.http.plan import Plan, plan_of, require_declared
from mcp_runtime.sources.http.result import ResultReader, parse_result
from mcp_runtime.sources.http.secrets import bind, hiding, release
from mcp_runtime.sources.http.template import BadArgument


class HttpSource:
    """Requests to services that speak HTTP."""

    kind = "http"
    title = "HTTP request"

    def check(self, draft: ToolDraft) -> ToolDraft:
        """The draft, its secrets bound to the URL's origin. Raises InvalidConfig."""
        config = read_config(draft.config)
        plan = plan_of(config)
        _require_destination(plan)
        parse_result(config.result, hide=str)
        require_declared(plan, draft.input_schema)
        if draft.output_schema is not None and not config.result.structured:
            sentence = "An output schema describes structured content: turn config.result.structured on."
            raise InvalidConfig({"output_schema": sentence})
        secrets = bind(draft.secrets, plan.location.origin)
        _require_once(secrets, config)
        return replace(draft, secrets=secrets)

    def compile(self, tool: ToolSnapshot, secrets: dict[str, str], workshop: Workshop) -> ToolHandler:
        """The function that sends the tool's request. Raises InvalidConfig."""
        config = read_config(tool.config)
        plan = plan_of(config)
        try:
            headers = release(secrets, plan.location.origin)
        except InvalidConfig as error:
            # The tool stays where its author sees it, and says what to do.
            return Refusing(" ".join(error.fields.values()))
        reader = parse_result(config.result, hiding(headers))
        return detached(tool, Caller(workshop.http, config, plan, headers, reader))


@dataclass(frozen=True, slots=True)
class Refusing:
    """Answers every call with what has to be done before the tool can be called."""

    sentence: str

    async def __call__(self, context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        """The sentence, as an error."""
        return text_result(self.sentence, is_error=True)


@dataclass(frozen=True, slots=True)
class Caller:
    """Sends the request of one tool. `secrets` are headers that win over configured ones of the same name."""

    client: Client
    config: HttpConfig
    plan: Plan
    secrets: dict[str, str]
    reader: ResultReader

    async def __call__(self, context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        """The mapped answer, or an error that says what failed: no secret in it and no internal address."""
        seconds = min(self.config.timeout, context.deadline - asyncio.get_running_loop().time())
        if seconds <= 0:
            return text_result("No time is left to call the service.", is_error=True)
        try:
            response = await self._send(
                context, arguments, Limits(seconds=seconds, response_bytes=self.config.size_limit)
            )
        except (BadArgument, FetchFailed, Refused) as error:
            return text_result(str(error), is_error=True)
        return self.reader.read(response)

    async def _send(self, context: CallContext, arguments: dict[str, Any], limits: Limits) -> Response:
        trace = context.trace.headers if context.trace else {}
        return await fetch(
            self.client,
            self.config.method,
            self.plan.url(arguments),
            headers=trace | self.plan.headers.render(arguments) | self.secrets,
            body=self.plan.body.render(arguments),
            limits=limits,
        )


def _require_destination(plan: Plan) -> None:
    try:
        require_allowed_early(plan.location.origin, policy_from_environment())
    except Refused as refused:
        raise InvalidConfig({"config.url": str(refused)}) from None


def _require_once(secrets: dict[str, str], config: HttpConfig) -> None:
    given = {canonical(name) for name in config.headers}
    twice = [name for name, value in secrets.items() if value and name in given]
    if twice:
        raise InvalidConfig({f"config.headers.{name}": "This header is a secret one too." for name in twice})
