"""The kind of upstream `http`: a service that hand-written HTTP tools call, known by the request that shows its health.

    {"url": "https://api.example.com/health", "method": "GET", "headers": {"Accept-Language": "en"}, "expects": "2xx"}

It offers nothing by itself: its tools are written one by one. It is probed, named where it is not well, stopped and
connected like every other upstream. Secret headers are no part of this: they are the draft's `secrets`.
"""

from typing import Annotated, Any, Literal, NoReturn

import msgspec

from core.outbound import FetchFailed, Limits, fetch, policy_from_environment, require_allowed_early
from core.outbound.destination import parse
from core.refusals import Refused
from mcp_runtime.sources.configuration import converted
from mcp_runtime.sources.contract import InvalidConfig, ToolHandler
from mcp_runtime.sources.http.config import MAXIMUM_URL_CHARACTERS, Texts
from mcp_runtime.sources.http.headers import canonical, header_faults
from mcp_runtime.sources.upstream import (
    Discovery,
    Health,
    Line,
    OpenUpstream,
    Report,
    ToolsAlone,
    UpstreamDraft,
    UpstreamFailed,
)

# What a health page says is thrown away: only that it answers, and how.
PROBE = Limits(seconds=5.0, response_bytes=64 * 1024, redirects=0)
_TOO_MANY = 429


class HttpService(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request that is made, and which answers to it are good ones."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=MAXIMUM_URL_CHARACTERS)]
    method: Literal["GET", "HEAD"] = "GET"
    headers: Texts = {}
    expects: Literal["2xx", "2xx or 3xx", "anything but 5xx"] = "2xx"

    def is_good(self, status: int) -> bool:
        """Whether an answer with this status says that the service is well."""
        below = {"2xx": 300, "2xx or 3xx": 400, "anything but 5xx": 500}[self.expects]
        return 200 <= status < below and status != _TOO_MANY


class HttpServiceSource:
    """Services that tools of the http source call."""

    kind = "http"
    title = "HTTP service"

    def check(self, draft: UpstreamDraft) -> UpstreamDraft:
        """The draft, complete. Raises InvalidConfig for what can be told wrong without the service."""
        config = converted(draft.config, HttpService)
        wrong = header_faults(config.headers, draft.secrets)
        try:
            require_allowed_early(config.url, policy_from_environment())
        except Refused as refused:
            wrong["config.url"] = str(refused)
        if draft.material is not None:
            wrong["material"] = "A service is reached by its URL: there is nothing to upload."
        if wrong:
            raise InvalidConfig(wrong)
        secrets = {canonical(name): value for name, value in draft.secrets.items()}
        return UpstreamDraft(msgspec.to_builtins(config), secrets)

    def destination(self, config: dict[str, Any]) -> str:
        """The service's origin."""
        origin = parse(converted(config, HttpService).url).origin
        return f"{origin.scheme}://{origin.authority}"

    def open(self, config: dict[str, Any], line: Line) -> OpenUpstream:
        """The service. Raises InvalidConfig."""
        return OpenHttpService(converted(config, HttpService), line)


class OpenHttpService(ToolsAlone):
    """A service in use."""

    def __init__(self, config: HttpService, line: Line) -> None:
        self._config = config
        self._line = line

    async def discover(self, report: Report) -> Discovery:
        """Nothing, once the service answers as it should. Raises UpstreamFailed."""
        await report(0, 0, "asking the service")
        await self.probe()
        return Discovery(speaks="HTTP")

    async def probe(self) -> None:
        """Makes the configured request. Raises UpstreamFailed."""
        headers = self._config.headers | dict(await self._line.credentials.secrets())
        token = await self._line.credentials.token("")
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        config = self._config
        try:
            answer = await fetch(self._line.http, config.method, config.url, headers=headers, limits=PROBE)
        except (FetchFailed, Refused) as failure:
            raise UpstreamFailed(str(failure)) from None
        if token is not None and answer.status == 401:
            await self._line.credentials.rejected("", token, answer.header("www-authenticate") or "")
        if not config.is_good(answer.status):
            _fail(answer.host, answer.status)

    def tool(self, operation: dict[str, Any]) -> ToolHandler:
        """Raises InvalidConfig: what calls this service is written down as tools of their own."""
        raise InvalidConfig({"config": "A service has no tools but those that are written by hand."})

    async def close(self) -> None:
        """Ends nothing: connections are the outbound door's."""


def _fail(host: str, status: int) -> NoReturn:
    if status == 401:
        raise UpstreamFailed(f"{host} does not take our credentials.", Health.NEEDS_LOGIN)
    if status == 403:
        raise UpstreamFailed(f"{host} refuses to answer us.", Health.DENIED)
    if status == _TOO_MANY:
        raise UpstreamFailed(f"{host} has had too many requests.", Health.DEGRADED)
    raise UpstreamFailed(f"{host} answered {status}.")
