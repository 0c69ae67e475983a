"""The authorization server as clients meet it that began at one of a tenant's own hosts, which is its issuer then.

The endpoints stay at the console's origin, where people sign in; the host leads to them (`mcp_runtime/transports`).
"""

import functools
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponseBase

from console.oauth.machines import NOWHERE, refusal, sent
from core.tenancy import tenant_context
from tenants.authorization.issuers import asked_at
from tenants.authorization.signing import issuer_make_known
from tenants.hosts.directory import is_host_of
from tenants.models import Tenant


def at_host(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Serves a view of the authorization server as the issuer that a tenant's host is; other hosts are nowhere."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, tenant_id: UUID, host: str, **named: Any) -> HttpResponseBase:
        with asked_at(host):
            try:
                is_there = _is_there(tenant_id, host)
            except (OperationalError, InterfaceError):
                return sent(refusal(503, "temporarily_unavailable", "Try again shortly."))
            return view(request, tenant_id, **named) if is_there else sent(NOWHERE)

    return guarded


def _is_there(tenant_id: UUID, host: str) -> bool:
    """Whether the host is the tenant's; workers then know of it before its tokens come."""
    if not is_host_of(host, tenant_id):
        return False
    with tenant_context(tenant_id):
        found = Tenant.objects.filter(pk=tenant_id, delete_after=None).exists()
        if found:
            issuer_make_known(tenant_id)
    return found
