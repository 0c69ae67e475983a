"""Discovery before connecting: server cards and catalogues, for any page of any origin, of what is public alone."""

import hashlib
import logging

from core import refusals
from core.refusals import Refused
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.protocol import errors, jsonrpc
from mcp_runtime.protocol.headers import IF_NONE_MATCH, RequestHeaders
from mcp_runtime.protocol.replies import HeaderList, Reply, refusal_reply
from mcp_runtime.protocol.server_card import CARD_TYPE, CATALOGUE_TYPE, Place
from mcp_runtime.snapshots.catalogues import Catalogues
from mcp_runtime.snapshots.store import SnapshotStore, is_slug
from mcp_runtime.transports.asgi import Receive, Scope, Send, send_reply, with_headers
from mcp_runtime.transports.guards import Guards

logger = logging.getLogger(__name__)

CARD, CATALOGUE = "/server-card", "/.well-known/ai-catalog.json"
FRESH_SECONDS = 60
_VERBS = b"GET, HEAD, OPTIONS"
# Any page may read what anybody may: there are no credentials in it, and none are looked at.
_ANY_ORIGIN: HeaderList = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", _VERBS),
    (b"access-control-allow-headers", b"Accept, Content-Type, If-None-Match"),
    (b"access-control-expose-headers", b"ETag"),
    (b"x-content-type-options", b"nosniff"),
)


class Discovery:
    """Answers `/t/<tenant>/<endpoint>/mcp/server-card` and `/t/<tenant>/.well-known/ai-catalog.json`.

    There is no catalogue at the root: it would tell tenants of each other. An endpoint that is neither open nor listed
    looks like one that is not there.
    """

    def __init__(self, *, store: SnapshotStore, catalogues: Catalogues, guards: Guards) -> None:
        self._store = store
        self._catalogues = catalogues
        self._guards = guards

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            headers = RequestHeaders(scope["headers"])
            self._guards.check_host(headers)
            reply = await self._answer(scope, headers)
        except Refused as refused:
            reply = refusal_reply(refused)
        except DatabaseAway:
            reply = refusal_reply(Refused(refusals.TEMPORARILY_UNAVAILABLE))
        except Exception:
            logger.exception("a request failed")
            reply = Reply(500, jsonrpc.error_envelope(b"", errors.INTERNAL_ERROR, "Internal error"))
        await send_reply(with_headers(send, _ANY_ORIGIN), reply)

    async def _answer(self, scope: Scope, headers: RequestHeaders) -> Reply:
        verb = scope["method"]
        if verb == "OPTIONS":
            return Reply(204, b"", ((b"allow", _VERBS),))
        if verb not in ("GET", "HEAD"):
            return refusal_reply(Refused(refusals.METHOD_NOT_ALLOWED), headers=((b"allow", _VERBS),))
        path: str = scope["path"]
        if path.endswith(CARD):
            return _document(headers, await self._card(path), CARD_TYPE)
        return _document(headers, await self._catalogue(path), CATALOGUE_TYPE)

    async def _card(self, path: str) -> bytes:
        """The card; raises Refused(NOT_FOUND) for an endpoint that is not public."""
        endpoint = path.removesuffix(CARD)
        held = endpoint.endswith("/mcp") and (self._store.get(endpoint) or await self._store.find(endpoint))
        if not held or not (held.served.is_open or held.served.is_listed):
            raise Refused(refusals.NOT_FOUND)
        return Place(self._guards.public_url, path.split("/")[2]).card(held.served)

    async def _catalogue(self, path: str) -> bytes:
        """The catalogue; raises Refused(NOT_FOUND) for a tenant that lists nothing, as for one that is not there."""
        start, _, tenant = path.removesuffix(CATALOGUE).rpartition("/")
        listed = await self._catalogues.of(tenant) if start == "/t" and is_slug(tenant) else []
        if not listed:
            raise Refused(refusals.NOT_FOUND)
        return Place(self._guards.public_url, tenant).catalogue(listed)


def _document(headers: RequestHeaders, body: bytes, media_type: str) -> Reply:
    """The document, or that it is still the one that the client has (RFC 9110 section 13.1.2)."""
    tag = b'"%b"' % hashlib.sha256(body).hexdigest()[:32].encode()
    kept = ((b"etag", tag), (b"cache-control", b"public, max-age=%d" % FRESH_SECONDS))
    known = [item.strip().removeprefix(b"W/") for item in headers.get(IF_NONE_MATCH, b"").split(b",")]
    if tag in known or known == [b"*"]:
        return Reply(304, b"", kept)
    return Reply(200, body, kept, media_type.encode())
