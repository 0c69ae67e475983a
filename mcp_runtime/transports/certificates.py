"""For which hosts a proxy may have certificates made: it asks here before it has one made on demand.

Caddy's `on_demand_tls { ask … }` has set the form: a GET with `domain`, and any status of success for yes.
"""

import logging
from urllib.parse import parse_qs

from core import refusals
from core.networks import address_of
from core.refusals import Refused
from mcp_runtime.lines import DatabaseAway
from mcp_runtime.protocol.headers import FORWARDED_FOR, HOST, RequestHeaders
from mcp_runtime.protocol.replies import Reply, refusal_reply
from mcp_runtime.snapshots.servers import Servers
from mcp_runtime.transports.asgi import Receive, Scope, Send, send_reply
from mcp_runtime.transports.guards import LOOPBACK, Guards
from tenants.hosts.addressing import LONGEST_NAME, is_host_name

logger = logging.getLogger(__name__)

CERTIFICATES = "/certificates/ask"
_MAXIMUM_QUERY = 4 * LONGEST_NAME
# What a proxy adds to a request that it passes on.
_PASSED_ON = (FORWARDED_FOR, b"forwarded", b"via", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip")


class Certificates:
    """Says yes to hosts that are a tenant's now, to programs on this machine that ask by themselves."""

    def __init__(self, *, servers: Servers, guards: Guards) -> None:
        self._servers = servers
        self._guards = guards

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
            reply = refusal_reply(Refused(refusals.TEMPORARILY_UNAVAILABLE))
        await send_reply(send, reply)

    async def _answer(self, scope: Scope) -> Reply:
        """200 for a tenant's host. Raises Refused: NOT_FOUND for any other, and to whoever is not on this machine."""
        if not _is_from_here(scope):
            raise Refused(refusals.NOT_FOUND)
        if scope["method"] not in ("GET", "HEAD"):
            return refusal_reply(Refused(refusals.METHOD_NOT_ALLOWED), headers=((b"allow", b"GET, HEAD"),))
        host = _domain_in(scope["query_string"])
        try:
            await self._servers.of(host, self._guards.hosting.slug_at(host))
        except Refused as refused:
            if refused.refusal == refusals.HOST_NOT_ALLOWED:
                raise Refused(refusals.NOT_FOUND, "This is no tenant's host.") from None
            raise
        return Reply(200, b"", ((b"cache-control", b"no-store"),))


def _is_from_here(scope: Scope) -> bool:
    """Whether a request comes from this machine and means it, and no proxy on it passed it on for somebody."""
    headers = RequestHeaders(scope["headers"])
    host = headers.get(HOST, b"").decode("latin-1").lower()
    if HOST in headers.repeated or (host if host in LOOPBACK else host.rpartition(":")[0]) not in LOOPBACK:
        return False
    peer = address_of((scope.get("client") or ("",))[0])
    passed_on = any(name.lower() in _PASSED_ON for name, _ in scope["headers"])
    return peer is not None and peer.is_loopback and not passed_on


def _domain_in(query: bytes) -> str:
    """The one name that is asked about; raises Refused(NOT_FOUND) for what is none."""
    found = parse_qs(query[:_MAXIMUM_QUERY].decode("latin-1")).get("domain", [])
    host = found[0].lower().removesuffix(".") if len(found) == 1 else ""
    if not is_host_name(host):
        raise Refused(refusals.NOT_FOUND, "This is no name of a host.")
    return host
