"""Requests to one MCP server through the outbound door, with its credentials, and what its refusals say of it."""

from collections.abc import Mapping
from typing import NamedTuple

from core.outbound import FetchFailed, Response, StreamLimits, fetch_stream
from core.outbound.destination import parse
from core.refusals import Refused
from mcp_runtime.sources.mcp.config import McpConfig
from mcp_runtime.sources.upstream import Health, Line, UpstreamFailed
from tenants.vault.oauth.challenges import bearer_challenge

RESPONSE_BYTES = 4 * 1024 * 1024
STREAM_BYTES = 32 * 1024 * 1024
EVENT_BYTES = RESPONSE_BYTES
# A stream that is only listened to goes on for days: what bounds it is time and the size of each event.
ENDLESS_BYTES = 2**62
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_TOO_MANY = 429


class Faulty(UpstreamFailed):
    """The server is there and fails."""


class LoginNeeded(UpstreamFailed):
    """Somebody has to log in; `challenge` is the WWW-Authenticate that says for what."""

    def __init__(self, sentence: str, challenge: str) -> None:
        super().__init__(sentence, Health.NEEDS_LOGIN)
        self.challenge = challenge


class Sent(NamedTuple):
    """One HTTP request to the server, for `principal`; `url` where it is another than the configured one."""

    method: str
    headers: Mapping[str, str]
    body: bytes | None
    principal: str
    url: str = ""


class Link:
    """The way to one server."""

    def __init__(self, config: McpConfig, line: Line) -> None:
        self._line = line
        self.url = config.url
        self.host = parse(config.url).origin.host
        self._headers = dict(config.headers)

    async def send(self, sent: Sent, limits: StreamLimits) -> Response:
        """The answer, whatever its status but those that refuse us. Raises UpstreamFailed."""
        credentials = self._line.credentials
        token = await credentials.token(sent.principal)
        response = await self._fetch(sent, token, limits)
        if not _asks_for_login(response):
            return self._admitted(response)
        challenge = response.header("www-authenticate") or ""
        if await credentials.rejected(sent.principal, token or "", challenge):
            response = await self._fetch(sent, await credentials.token(sent.principal), limits)
        return self._admitted(response)

    async def _fetch(self, sent: Sent, token: str | None, limits: StreamLimits) -> Response:
        secrets = await self._line.credentials.secrets()
        headers = {**self._headers, **sent.headers, **secrets}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            return await fetch_stream(
                self._line.http, sent.method, sent.url or self.url, headers=headers, body=sent.body, limits=limits
            )
        except (FetchFailed, Refused) as failure:
            raise UpstreamFailed(str(failure)) from None

    def _admitted(self, response: Response) -> Response:
        status = response.status
        if _asks_for_login(response):
            why = "wants somebody to log in." if status == _UNAUTHORIZED else "asks for more than its login covers."
            raise LoginNeeded(f"{self.host} {why}", response.header("www-authenticate") or "")
        if status == _FORBIDDEN:
            raise UpstreamFailed(f"{self.host} refuses this account.", Health.DENIED)
        if status == _TOO_MANY:
            raise UpstreamFailed(f"{self.host} takes no more requests at this moment.", Health.DEGRADED)
        if status >= 500 and not _is_message(response):
            raise Faulty(f"{self.host} failed with HTTP status {status}.")
        return response


def _asks_for_login(response: Response) -> bool:
    if response.status == _FORBIDDEN:
        return bearer_challenge(response.header("www-authenticate") or "").lacks_scope
    return response.status == _UNAUTHORIZED


def _is_message(response: Response) -> bool:
    return response.body.lstrip().startswith(b'{"jsonrpc"')
