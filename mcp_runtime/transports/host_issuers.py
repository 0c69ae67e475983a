"""A tenant's host as the issuer that it is to clients which begin there: metadata, and where the endpoints are.

A client of 2025-03-26 leaves out the path of the address that it knows and looks for metadata at the root of the host
(basic/authorization of that revision, "Authorization Base URL"); without them it takes `/authorize`, `/token` and
`/register` there, which lead on to the console: 307 keeps method and body.
"""

import logging
from typing import Any

import msgspec

from core import refusals
from core.refusals import Refused
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.protocol import errors, jsonrpc
from mcp_runtime.protocol.headers import PROTOCOL_VERSION, RequestHeaders
from mcp_runtime.protocol.replies import HeaderList, Reply, refusal_reply
from mcp_runtime.snapshots.servers import Servers
from mcp_runtime.transports.asgi import Receive, Scope, Send, send_reply, with_headers
from mcp_runtime.transports.guards import Guards
from tenants.authorization.metadata import metadata_of

logger = logging.getLogger(__name__)

METADATA = frozenset({"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"})
# Each with the verb that it is for, and the status that leads on.
ENDPOINTS = {"/authorize": ("GET", 302), "/token": ("POST", 307), "/register": ("POST", 307)}
ISSUER_PLACES = METADATA | ENDPOINTS.keys()
FRESH_SECONDS = 60
# Browsers' clients come from any origin; no cookie counts here.
_ANY_ORIGIN: HeaderList = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
    (b"access-control-allow-headers", b"Accept, Authorization, Content-Type, MCP-Protocol-Version"),
    (b"x-content-type-options", b"nosniff"),
)


class HostIssuers:
    """`console_url` is where the endpoints are that a host leads to."""

    def __init__(self, *, servers: Servers, guards: Guards, console_url: str) -> None:
        self._servers = servers
        self._guards = guards
        self._console_url = console_url

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            reply = await self._answer(scope)
        except Refused as refused:
            reply = refusal_reply(refused)
        except DatabaseAway:
            reply = refusal_reply(Refused(refusals.TEMPORARILY_UNAVAILABLE))
        except Exception:
            logger.exception("a request failed")
            reply = Reply(500, jsonrpc.error_envelope(b"", errors.INTERNAL_ERROR, "Internal error"))
        await send_reply(with_headers(send, _ANY_ORIGIN), reply)

    async def _answer(self, scope: Scope) -> Reply:
        headers = RequestHeaders(scope["headers"])
        host = self._guards.host_in(headers)
        if not host:
            # At the root of a host that tenants share nothing could say whose.
            raise Refused(refusals.NOT_FOUND)
        server = await self._servers.of(host, self._guards.hosting.slug_at(host))
        verb, path = scope["method"], scope["path"]
        if verb == "OPTIONS":
            return Reply(204, b"")
        endpoints = f"{self._console_url}/oauth/{server.tenant_id}/at/{host}"
        if path in METADATA:
            issuer, revision = self._guards.url_at(host, ""), headers.text(PROTOCOL_VERSION) or ""
            said = metadata_of(issuer, endpoints, registers=server.registers, revision=revision)
            return _metadata(verb, said)
        return _onward(verb, path, endpoints, scope["query_string"])


def _metadata(verb: str, said: dict[str, Any]) -> Reply:
    if verb not in ("GET", "HEAD"):
        return refusal_reply(Refused(refusals.METHOD_NOT_ALLOWED), headers=((b"allow", b"GET, HEAD, OPTIONS"),))
    kept = ((b"cache-control", b"public, max-age=%d" % FRESH_SECONDS), (b"vary", PROTOCOL_VERSION))
    return Reply(200, msgspec.json.encode(said), kept)


def _onward(verb: str, path: str, endpoints: str, query: bytes) -> Reply:
    wanted, status = ENDPOINTS[path]
    if verb != wanted:
        allowed = f"{wanted}, OPTIONS".encode()
        return refusal_reply(Refused(refusals.METHOD_NOT_ALLOWED), headers=((b"allow", allowed),))
    # What a parser of requests lets through has no white space; anything else has no place in a URL (RFC 3986).
    if not query.isascii() or not query.decode("ascii").isprintable():
        raise Refused(refusals.MALFORMED_REQUEST)
    location = f"{endpoints}{path}".encode() + (b"?" + query if query else b"")
    return Reply(status, b"", ((b"location", location), (b"cache-control", b"no-store")))
