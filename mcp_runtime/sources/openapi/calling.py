"""Calling one operation: the request with its credentials, once more where the login was renewed, and the answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.outbound import ConnectionFailed, FetchFailed, Limits, ResponseBroken, TimedOut, fetch
from core.outbound.fetching import Response
from core.refusals import Refused
from mcp_runtime.sources.contract import CallContext, ToolResult, text_result
from mcp_runtime.sources.http.secrets import hiding
from mcp_runtime.sources.http.template import BadArgument
from mcp_runtime.sources.openapi.credentials import Presented, presented
from mcp_runtime.sources.openapi.operation import Operation, Scheme
from mcp_runtime.sources.openapi.requests import RequestPlan
from mcp_runtime.sources.openapi.results import result_of
from mcp_runtime.sources.upstream import Health, Line, UpstreamFailed
from tenants.vault.oauth.challenges import bearer_challenge

MAXIMUM_CHALLENGE = 2_000
_REFUSED = {
    401: "The service does not accept the stored credentials.",
    403: "The service asks for more than its login covers.",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and the credentials that asked for it."""

    response: Response
    presented: Presented

    @property
    def challenge(self) -> str:
        """Its WWW-Authenticate."""
        return (self.response.header("www-authenticate") or "")[:MAXIMUM_CHALLENGE]

    @property
    def wants_login(self) -> bool:
        """Whether it refused the credentials, or a token whose scope does not reach (RFC 6750 section 3.1)."""
        if self.response.status == 403:
            return self.presented.token is not None and bearer_challenge(self.challenge).lacks_scope
        return self.response.status == 401


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one operation. `security` are the alternatives of credentials; `misplaced` is why none may be sent."""

    line: Line
    operation: Operation
    plan: RequestPlan
    security: list[list[Scheme]]
    seconds: float
    response_bytes: int
    misplaced: str = ""

    async def __call__(self, context: CallContext, arguments: dict[str, Any]) -> ToolResult:
        """The answer as a result. Raises UpstreamFailed where there is none."""
        seconds = min(self.seconds, context.deadline - asyncio.get_running_loop().time())
        if seconds <= 0:
            return text_result("No time is left to call the service.", is_error=True)
        trace = context.trace.headers if context.trace else {}
        try:
            answered = await self.ask(arguments, context.principal, seconds, trace)
        except (BadArgument, Refused, FetchFailed) as error:
            return text_result(str(error), is_error=True)
        return result_of(self.operation, answered.response, hiding(answered.presented.hidden()))

    async def ask(
        self, arguments: Mapping[str, Any], principal: str, seconds: float, trace: Mapping[str, str]
    ) -> Answered:
        """The service's answer. Raises UpstreamFailed (also for a login), BadArgument, Refused and FetchFailed."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        answered = await self._once(arguments, principal, seconds, trace)
        if answered.wants_login and await self._is_renewed(answered, principal):
            answered = await self._once(arguments, principal, max(end - loop.time(), 0), trace)
        if answered.wants_login:
            raise UpstreamFailed(_REFUSED[answered.response.status], Health.NEEDS_LOGIN)
        return answered

    async def _is_renewed(self, answered: Answered, principal: str) -> bool:
        token = answered.presented.token
        return token is not None and await self.line.credentials.rejected(principal, token, answered.challenge)

    async def _once(
        self, arguments: Mapping[str, Any], principal: str, seconds: float, trace: Mapping[str, str]
    ) -> Answered:
        request = self.plan.request(arguments)
        held = await presented(self.line.credentials, self.security, principal)
        if held.values and self.misplaced:
            raise UpstreamFailed(self.misplaced, Health.NEEDS_LOGIN)
        held.put(request)
        headers = dict(trace) | request.all_headers
        limits = Limits(seconds=seconds, response_bytes=self.response_bytes)
        try:
            response = await fetch(
                self.line.http, request.method, request.url, headers=headers, body=request.body, limits=limits
            )
        except ConnectionFailed as error:
            raise UpstreamFailed(str(error), Health.DOWN) from None
        except (TimedOut, ResponseBroken) as error:
            raise UpstreamFailed(str(error), Health.DEGRADED) from None
        return Answered(response, held)
