"""Webhooks of tenants: where they may go, and the secrets that sign them, which are the vault's by the holder's id.

Each runs inside the tenant's context.
"""

import re
from urllib.parse import urlsplit
from uuid import UUID

from core.crypto import Forged
from core.envelope import KeyGone
from core.outbound import policy_from_environment, require_allowed_early
from core.refusals import Refused
from core.webhooks import new_secret
from tenants.access import Actor
from tenants.validation import refused_fields
from tenants.vault.secrets import secret_remove, secret_store, secrets_opened

SECRET, FORMER_SECRET = "signing", "former_signing"
_ORIGIN = re.compile(r"https?://[^/?#]+")


def require_webhook_url(url: str) -> str:
    """An https URL that the outbound door lets through; raises Refused(INVALID_INPUT) at the field `url`."""
    try:
        is_https = urlsplit(url).scheme == "https"
        if not is_https:
            raise refused_fields({"url": "Give an https URL."})
        require_allowed_early(url, policy_from_environment())
    except ValueError:
        raise refused_fields({"url": "This is no URL."}) from None
    except Refused as refused:
        raise refused_fields({"url": str(refused)}) from None
    return url


def webhook_rotate(*, actor: Actor, holder: UUID, url: str) -> str:
    """A new secret. The former one signs beside it until the next rotation, so that receivers can change over in their
    own time. Raises like `secret_store`."""
    where = _origin(url)
    former = secrets_opened(tenant_id=actor.tenant.id, holder=holder, destination=where).get(SECRET)
    if former:
        secret_store(actor=actor, holder=holder, name=FORMER_SECRET, value=former, destination=where)
    secret = new_secret()
    secret_store(actor=actor, holder=holder, name=SECRET, value=secret, destination=where)
    return secret


def webhook_forget_former(*, actor: Actor, holder: UUID) -> None:
    """Signs with the present secret alone, once every receiver knows it."""
    secret_remove(actor=actor, holder=holder, name=FORMER_SECRET)


def webhook_keys(*, tenant_id: UUID, holder: UUID, url: str) -> list[str]:
    """What to sign with, the present secret first; nothing where it cannot be opened."""
    try:
        found = secrets_opened(tenant_id=tenant_id, holder=holder, destination=_origin(url))
    except (Forged, KeyGone):
        return []
    return [found[name] for name in (SECRET, FORMER_SECRET) if name in found]


def _origin(url: str) -> str:
    found = _ORIGIN.match(url)
    return found[0].lower() if found else ""
