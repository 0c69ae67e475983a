"""The names of a tenant's authorization server: its own, and each of the tenant's hosts for clients that begin there.

It is one server with one set of keys, clients and grants. A client has to hear the issuer that it asked (RFC 8414
section 3.3, RFC 9207), so a request that came by a host's endpoints speaks as that host throughout.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.conf import settings

from tenants.hosts.directory import hosting, hosts_of

_host: ContextVar[str] = ContextVar("host_that_is_spoken_as", default="")


def issuer_of(tenant_id: UUID | str) -> str:
    """The issuer of a tenant's authorization server (RFC 8414 section 2), as the client of this request knows it."""
    host = _host.get()
    return hosting().url(host) if host else own_issuer(tenant_id)


def endpoints_of(tenant_id: UUID | str) -> str:
    """What the URLs of the server's endpoints begin with, for the client of this request."""
    host = _host.get()
    return f"{own_issuer(tenant_id)}/at/{host}" if host else own_issuer(tenant_id)


def own_issuer(tenant_id: UUID | str) -> str:
    """The issuer that a tenant has whatever its hosts are."""
    return f"{settings.CONSOLE_URL}/oauth/{tenant_id}"


def issuers_of(tenant_id: UUID) -> list[str]:
    """Every issuer that a tenant's tokens may name."""
    return [own_issuer(tenant_id), *(hosting().url(host) for host in hosts_of(tenant_id))]


def host_asked() -> str:
    """The host by whose endpoints this request came; empty for none."""
    return _host.get()


@contextmanager
def asked_at(host: str) -> Iterator[None]:
    """Speaks as the tenant's host in the block."""
    token = _host.set(host)
    try:
        yield
    finally:
        _host.reset(token)
