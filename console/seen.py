"""Which sessions of members a tenant saw: noted once a minute, so that pages cost no more for it."""

import logging

from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from console.client_addresses import client_address
from console.entry import signed_in
from core.tenancy import tenant_context
from tenants.access import Actor
from tenants.services.sessions import Seen, session_seen

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 60


def note_seen(request: HttpRequest, actor: Actor) -> None:
    """Notes the session of a request in its tenant, unless Valkey is away. Opens a context of its own."""
    key = request.session.session_key or ""
    try:
        due = cache.add(f"seen:{actor.tenant.id}:{key}", 1, PAUSE_SECONDS)
    except (RedisError, OSError) as error:
        logger.warning("sessions are not noted: %s", type(error).__name__)
        return
    if due:
        by_sso = signed_in(request, actor.user, actor.tenant.id).by_sso
        seen = Seen(key, client_address(request), request.headers.get("User-Agent", ""), by_sso)
        with tenant_context(actor.tenant.id):
            session_seen(actor=actor, seen=seen)
