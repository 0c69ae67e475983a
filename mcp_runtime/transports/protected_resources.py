"""Protected resource metadata (RFC 9728): where a client that knows an endpoint's address alone is to log in."""

import logging

import msgspec

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.challenges import WELL_KNOWN
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.protocol import errors, jsonrpc
from mcp_runtime.protocol.headers import RequestHeaders
from mcp_runtime.protocol.replies import HeaderList, Reply, refusal_reply
from mcp_runtime.snapshots.held import Held
from mcp_runtime.snapshots.store import SnapshotStore
from mcp_runtime.transports.asgi import Receive, Scope, Send, send_reply, with_headers
from mcp_runtime.transports.door import endpoint_at
from mcp_runtime.transports.guards import Guards
from tenants.authorization.gate import CALL_SCOPE, OWN, READ_SCOPE, TRUSTED
from tenants.authorization.proofs import ALGORITHMS

logger = logging.getLogger(__name__)

FRESH_SECONDS = 60
# What is meant by the root of a tenant's own host.
HOME = "/mcp"
_VERBS = b"GET, HEAD, OPTIONS"
# Browsers' clients read it from any origin: it is the same for everybody.
_ANY_ORIGIN: HeaderList = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", _VERBS),
    (b"access-control-allow-headers", b"Accept, Content-Type, MCP-Protocol-Version"),
    (b"x-content-type-options", b"nosniff"),
)


class ProtectedResources:
    """Answers `/.well-known/oauth-protected-resource/t/<tenant>/<endpoint>/mcp`, and the same of other transports.

    At the root of a host that tenants share there is nothing: it could not say whose. At a tenant's own host it is the
    endpoint that is there, and the host is the issuer. `console_url` is where tenants' authorization servers are.
    """

    def __init__(self, *, store: SnapshotStore, guards: Guards, console_url: str) -> None:
        self._store = store
        self._guards = guards
        self._console_url = console_url

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            host = self._guards.host_in(RequestHeaders(scope["headers"]))
            reply = await self._answer(scope["method"], host, scope["path"].removeprefix(WELL_KNOWN))
        except Refused as refused:
            reply = refusal_reply(refused)
        except DatabaseAway:
            reply = refusal_reply(Refused(refusals.TEMPORARILY_UNAVAILABLE))
        except Exception:
            logger.exception("a request failed")
            reply = Reply(500, jsonrpc.error_envelope(b"", errors.INTERNAL_ERROR, "Internal error"))
        await send_reply(with_headers(send, _ANY_ORIGIN), reply)

    async def _answer(self, verb: str, host: str, path: str) -> Reply:
        if verb == "OPTIONS":
            return Reply(204, b"", ((b"allow", _VERBS),))
        if verb not in ("GET", "HEAD"):
            return refusal_reply(Refused(refusals.METHOD_NOT_ALLOWED), headers=((b"allow", _VERBS),))
        path = HOME if host and path in ("", "/") else path
        held = await endpoint_at(self._store, host, path)
        if held.served.is_open:
            raise Refused(refusals.NOT_FOUND, "Nobody has to log in to this endpoint.")
        body = msgspec.json.encode(self._metadata(held, host, path))
        return Reply(200, body, ((b"cache-control", b"public, max-age=%d" % FRESH_SECONDS),))

    def _servers(self, held: Held, host: str) -> list[str]:
        """Where one may log in: at our own authorization server first, where tokens of both are taken."""
        served = held.served
        ours = self._guards.url_at(host, "") if host else self._issuer(held)
        own = [ours] if served.logins != TRUSTED else []
        return own + (list(served.gate.trusted) if served.logins != OWN else [])

    def _metadata(self, held: Held, host: str, path: str) -> dict[str, object]:
        return {
            "resource": self._guards.url_at(host, path),
            "resource_name": held.served.name,
            "authorization_servers": self._servers(held, host),
            "scopes_supported": [READ_SCOPE, CALL_SCOPE],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": ALGORITHMS,
            "dpop_bound_access_tokens_required": held.served.requires_proof,
        }

    def _issuer(self, held: Held) -> str:
        return f"{self._console_url}/oauth/{held.served.tenant_id}"
