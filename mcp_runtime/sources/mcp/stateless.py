"""The era without sessions (from 2026-07-28): each request says for itself whom it is from, and stands alone."""

import itertools
from functools import partial
from typing import Any

from core.outbound import Response, StreamLimits
from mcp_runtime.protocol import errors
from mcp_runtime.protocol.conversing import LOG_LEVEL
from mcp_runtime.protocol.jsonrpc import Kind, Message, encode
from mcp_runtime.protocol.mirrored import encode_value
from mcp_runtime.protocol.revisions import NEWEST_STATELESS
from mcp_runtime.protocol.stateless import CAPABILITIES_KEY, VERSION_KEY
from mcp_runtime.sources.mcp.capabilities import INFO, capabilities_of
from mcp_runtime.sources.mcp.era import About, Ear, NothingToHear, read_about
from mcp_runtime.sources.mcp.hearing import SILENT_SECONDS, messages_of, note
from mcp_runtime.sources.mcp.link import ENDLESS_BYTES, RESPONSE_BYTES, STREAM_BYTES, Link, Sent
from mcp_runtime.sources.mcp.messages import Answered, broken, read_messages, result_of
from mcp_runtime.sources.mcp.requests import Caller, EraChanged, Request, nobody
from mcp_runtime.sources.mcp.running import Posted, converse
from mcp_runtime.sources.mcp.talk import Talk
from mcp_runtime.sources.upstream import UpstreamFailed

VERSION = NEWEST_STATELESS.version
CLIENT_KEY = "io.modelcontextprotocol/clientInfo"
LISTEN_SECONDS = 10.0
ACCEPT = "application/json, text/event-stream"
# 2026-07-28, basic/versioning: errors by which a server shows that it belongs to this era.
MODERN_ERRORS = frozenset(
    {errors.HEADER_MISMATCH, errors.MISSING_CLIENT_CAPABILITY, errors.UNSUPPORTED_PROTOCOL_VERSION}
)


class Stateless:
    """One server of this era."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._ids = itertools.count(1)

    async def about(self, caller: Caller) -> About:
        """What server/discover says."""
        try:
            result = await self.request(Request("server/discover"), caller)
        except Answered as error:
            if error.code == errors.METHOD_NOT_FOUND:
                raise EraChanged from None
            raise
        supported = result.get("supportedVersions")
        if type(supported) is not list:
            raise broken("The server does not say which versions it speaks.")
        if VERSION not in supported:
            raise EraChanged
        return read_about(VERSION, result)

    async def request(self, request: Request, caller: Caller) -> dict[str, Any]:
        """The result; `input_required` is one of them."""
        identifier = next(self._ids)
        running = Posted(partial(self._post, request, caller, identifier))
        try:
            await running.begin()
            return _result(await converse(running, b"%d" % identifier, Talk(caller, identifier, _refuse)))
        finally:
            # Closing is how this era cancels (basic/patterns/cancellation).
            running.close()

    async def _post(self, request: Request, caller: Caller, identifier: int, size: int = STREAM_BYTES) -> Response:
        body = {
            "jsonrpc": "2.0",
            "id": identifier,
            "method": request.method,
            "params": {**request.params, "_meta": _meta(caller, identifier)},
        }
        headers = {
            "Accept": ACCEPT,
            "Content-Type": "application/json",
            "MCP-Protocol-Version": VERSION,
            "Mcp-Method": request.method,
            **request.headers,
        }
        if request.name is not None:
            headers["Mcp-Name"] = encode_value(request.name)
        seconds = caller.seconds
        idle = seconds if size == STREAM_BYTES else SILENT_SECONDS
        limits = StreamLimits(seconds, RESPONSE_BYTES, size, idle)
        sent = Sent("POST", headers, encode(body), caller.principal)
        response = await self._link.send(sent, limits)
        if response.status == 200:
            return response
        if _require_same_era(response, b"%d" % identifier):
            response = await self._link.send(sent, limits)
        return response

    async def listen(self, about: About, uris: frozenset[str], ear: Ear) -> None:
        """Hears of changes until the server ends the stream (basic/patterns/subscriptions)."""
        wanted = _wanted(about, uris)
        if not wanted:
            raise NothingToHear
        caller = nobody(LISTEN_SECONDS)
        identifier = next(self._ids)
        request = Request("subscriptions/listen", {"notifications": wanted})
        response = await self._post(request, caller, identifier, ENDLESS_BYTES)
        if response.stream is None:
            result_of(read_messages(response.body, batches=False)[0])
            raise broken("The server does not keep a stream of changes open.")
        try:
            ear.opened()
            async for message in messages_of(response.stream):
                if message.kind is Kind.RESPONSE:
                    result_of(message)
                    return
                note(message, ear.changed, ear.updated)
        finally:
            response.stream.close()

    async def close(self) -> None:
        """Nothing is open here."""


def _wanted(about: About, uris: frozenset[str]) -> dict[str, Any]:
    """The SubscriptionFilter of what the server declares."""
    kinds = ("tools", "prompts", "resources")
    wanted: dict[str, Any] = {f"{kind}ListChanged": True for kind in kinds if about.setting(kind, "listChanged")}
    if uris and about.setting("resources", "subscribe"):
        wanted["resourceSubscriptions"] = sorted(uris)
    return wanted


def _meta(caller: Caller, identifier: int) -> dict[str, Any]:
    meta: dict[str, Any] = {
        VERSION_KEY: VERSION,
        CAPABILITIES_KEY: capabilities_of(caller.abilities),
        CLIENT_KEY: INFO,
        "progressToken": identifier,
    }
    level = caller.conversation.log_level
    if level is not None:
        meta[LOG_LEVEL] = level
    return {**meta, **caller.trace.headers} if caller.trace is not None else meta


def _result(message: Message) -> dict[str, Any]:
    result = result_of(message)
    kind = result.get("resultType", "complete")
    if kind not in ("complete", "input_required"):
        raise broken("The server answered with a kind of result that was not asked for.")
    return result


def _require_same_era(response: Response, expected: bytes) -> bool:
    """Whether the same request is to be sent again, to a server that refuses the version and then names it.

    Raises EraChanged for a refusal that servers of this era do not give.
    """
    try:
        (message,) = read_messages(response.body, batches=False)
        result_of(message)
    except Answered as error:
        is_ours = message.id == expected or error.code in MODERN_ERRORS
        named = error.data.get("supported") if type(error.data) is dict else None
        is_named = type(named) is list and VERSION in named
        if not is_ours or (error.code == errors.UNSUPPORTED_PROTOCOL_VERSION and not is_named):
            raise EraChanged from None
        return error.code == errors.UNSUPPORTED_PROTOCOL_VERSION
    except UpstreamFailed:
        raise EraChanged from None
    return False


async def _refuse(_answer: bytes) -> None:
    raise broken("The server sent a request, which this revision has none of.")
