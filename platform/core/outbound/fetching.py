"""One bounded exchange through the door: whole body or a failure that says why, redirects followed with care."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache
from typing import NamedTuple, Self

from core import refusals
from core.outbound.destination import Destination, Origin, parse, require_allowed
from core.outbound.dialling import Dialler
from core.outbound.failures import TimedOut, TooManyRedirects
from core.outbound.policy import Policy, policy_from_environment
from core.outbound.pool import Pool
from core.outbound.requests import written
from core.outbound.streams import Stream
from core.outbound.wire import Answer, Flow, Question
from core.refusals import Refused

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})  # RFC 9110 section 15.4
# All that another origin gets of a redirected request's headers: any other may be a credential.
HARMLESS_HEADERS = frozenset({"accept", "accept-language", "user-agent"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})  # RFC 9110 section 9.2.2
BODY_KEPT_STATUSES = frozenset({307, 308})  # RFC 9110 sections 15.4.8 and 15.4.9


class Limits(NamedTuple):
    """What one exchange may take: `seconds` for all of it, redirects included; bytes after decompression."""

    seconds: float = 10.0
    response_bytes: int = 256 * 1024
    redirects: int = 3


USUAL = Limits()


class StreamLimits(NamedTuple):
    """What an exchange may take whose answer may be an event stream: `seconds` to its head, `response_bytes` for any
    other answer; then `stream_bytes` in all, and `idle_seconds` from one piece to the next."""

    seconds: float = 10.0
    response_bytes: int = 256 * 1024
    stream_bytes: int = 16 * 1024 * 1024
    idle_seconds: float = 60.0
    redirects: int = 3


class Response(NamedTuple):
    """A complete answer. `host` is who gave it, after redirects."""

    host: str
    answer: Answer

    @property
    def status(self) -> int:
        """The status code."""
        return self.answer.status

    @property
    def reason(self) -> str:
        """The reason phrase, which may be empty."""
        return self.answer.reason.decode("latin-1")

    @property
    def body(self) -> bytes:
        """The body, decoded from its content coding."""
        return self.answer.body

    def header(self, name: str) -> str | None:
        """The value of the first header of this name, given in lower case."""
        wanted = name.encode()
        return next((value.decode("latin-1") for key, value in self.answer.headers if key == wanted), None)

    @property
    def stream(self) -> Stream | None:
        """The body where it is an event stream that was asked for."""
        return self.answer.stream

    @property
    def charset(self) -> str | None:
        """What the content type says the text is encoded as, in lower case."""
        return _charset(self.header("content-type") or "")


@lru_cache(maxsize=256)
def _charset(content_type: str) -> str | None:
    message = Message()
    message["Content-Type"] = content_type
    return message.get_content_charset()


class Client:
    """The outbound door of one event loop; its owner closes it. Without `policy`, OUTBOUND_ALLOW says what is allowed.

    It keeps connections alive, follows no redirect by itself, keeps no cookies, and uses no proxy.
    """

    def __init__(self, policy: Policy | None = None, dialler: Dialler | None = None) -> None:
        self.policy = policy_from_environment() if policy is None else policy
        self.dialler = dialler or Dialler(self.policy)
        self.pool = Pool(self.dialler.dial)

    async def close(self) -> None:
        """Closes all connections; requests that are under way fail."""
        await self.pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()


@dataclass(slots=True)
class _Exchange:
    method: str
    destination: Destination
    headers: Mapping[str, str]
    body: bytes | None = None

    @property
    def origin(self) -> Origin:
        return self.destination.origin

    def redirected(self, status: int, location: str) -> "_Exchange":
        """The exchange that an answer sends us to (RFC 9110 section 15.4). Raises Refused."""
        destination = self.destination.joined(location)
        host = self.origin.host
        if self.origin.is_encrypted and not destination.origin.is_encrypted:
            raise Refused(refusals.DESTINATION_REFUSED, f"{host} redirects to an unencrypted address.")
        keeps = status in BODY_KEPT_STATUSES or self.method in SAFE_METHODS
        elsewhere = destination.origin != self.origin
        if elsewhere and keeps and self.method not in SAFE_METHODS:
            raise Refused(refusals.DESTINATION_REFUSED, f"{host} redirects a {self.method} to another host.")
        method, body = (self.method, self.body) if keeps else ("GET", None)
        return _Exchange(method, destination, self._headers_for(body, elsewhere=elsewhere), body)

    def _headers_for(self, body: bytes | None, *, elsewhere: bool) -> dict[str, str]:
        dropped = {"content-type"} if body is None else set()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
        if elsewhere:
            headers = {name: value for name, value in headers.items() if name.lower() in HARMLESS_HEADERS}
        return headers


async def fetch(
    client: Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limits: Limits = USUAL,
) -> Response:
    """Sends one request and reads the whole answer.

    `url` is percent-encoded already and is sent as it stands. Raises FetchFailed, and Refused(DESTINATION_REFUSED)
    for a URL, a header, an address or a redirect that is not allowed; neither tells an internal address.
    """
    question = _Asked(limits.response_bytes)
    return await _followed(client, _Exchange(method, parse(url), headers or {}, body), limits, question)


async def fetch_stream(
    client: Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limits: StreamLimits,
) -> Response:
    """Sends one request; an event stream is handed out as `Response.stream`, any other answer whole.

    Whoever gets a stream closes it. `url` and what is raised are as for `fetch`; reading raises FetchFailed too.
    """
    question = _Asked(limits.response_bytes, Flow(limits.stream_bytes, limits.idle_seconds))
    usual = Limits(limits.seconds, limits.response_bytes, limits.redirects)
    return await _followed(client, _Exchange(method, parse(url), headers or {}, body), usual, question)


class _Asked(NamedTuple):
    """What of an answer is taken."""

    limit: int
    flow: Flow | None = None


async def _followed(client: Client, exchange: _Exchange, limits: Limits, asked: _Asked) -> Response:
    host = exchange.origin.host
    try:
        async with asyncio.timeout(limits.seconds):
            for _hop in range(limits.redirects + 1):
                answer = await _send(client, exchange, asked)
                response = Response(exchange.origin.host, answer)
                if answer.status not in REDIRECT_STATUSES or (location := response.header("location")) is None:
                    return response
                exchange = exchange.redirected(answer.status, location)
    except TimeoutError:
        raise TimedOut(f"{host} did not answer within {limits.seconds:.3g} s.") from None
    raise TooManyRedirects(f"{host} redirected more than {limits.redirects} times.")


async def _send(client: Client, exchange: _Exchange, asked: _Asked) -> Answer:
    require_allowed(exchange.origin, client.policy)
    data = written(exchange.method, exchange.destination, exchange.headers, exchange.body)
    question = Question(data, asked.limit, exchange.method == "HEAD", asked.flow)
    return await client.pool.ask(exchange.origin, question, is_repeatable=exchange.method in IDEMPOTENT_METHODS)
