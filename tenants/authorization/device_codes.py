"""Devices that wait for a person (RFC 8628): their codes, what the person is shown, and the person's answer.

Each runs inside the tenant's context. A user code is eight of twenty letters, none of which is a vowel, so that no word
comes of it, and none of which is taken for another or for a digit: 34 bits, for ten minutes, against ten tries.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from core import crypto, keys, refusals
from core.refusals import Refused
from tenants.authorization import grants, pace, people, resources, scopes, tokens
from tenants.authorization.clients import KnownClient
from tenants.models import DeviceCode, GrantOrigin, User

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LETTERS = 8
LIFETIME = timedelta(minutes=10)
INTERVAL_SECONDS = 5
SLOWER_SECONDS = 5  # RFC 8628 section 3.5
TRIES = 10  # of one person, in ten minutes
PURPOSE = "user-code"


@dataclass(frozen=True, slots=True)
class Codes:
    """What a device is given: what it asks with, and what it shows."""

    device_code: str
    user_code: str


def codes_made(*, tenant_id: UUID, client: KnownClient, scope: str, resource: str) -> Codes:
    """Fresh codes; a `resource` that is empty is for the person to choose."""
    user_code = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    made = Codes(tokens.secret(tokens.DEVICE), f"{user_code[:4]}-{user_code[4:]}")
    DeviceCode.objects.create(
        tenant_id=tenant_id,
        client=client.row,
        digest=keys.digest(made.device_code),
        user_code_digest=_digest(user_code),
        resource=resource,
        scopes=scope,
        expires_at=timezone.now() + LIFETIME,
        interval_seconds=INTERVAL_SECONDS,
    )
    return made


def require_tries(user: User) -> None:
    """Counts one more code that a person typed; raises Refused(RATE_LIMITED) for one too many."""
    if not pace.is_within(PURPOSE, str(user.pk), most=TRIES, seconds=pace.WINDOW_SECONDS):
        raise Refused(refusals.RATE_LIMITED, "You typed too many codes. Try again in ten minutes.")


def waiting(user_code: str) -> DeviceCode | None:
    """The device that shows a code and waits for an answer; None for any other text."""
    typed = "".join(character for character in user_code.upper() if character in ALPHABET)
    rows = DeviceCode.objects.select_related("client").filter(grant=None, refused_at=None, used_at=None)
    return rows.filter(user_code_digest=_digest(typed), expires_at__gt=timezone.now()).first()


def waiting_still(device_id: UUID) -> DeviceCode:
    """A device that was found before, held against a second answer; raises Refused(EXPIRED)."""
    held = DeviceCode.objects.select_for_update(of=("self",)).select_related("client")
    row = held.filter(pk=device_id, grant=None, refused_at=None, expires_at__gt=timezone.now()).first()
    if row is None:
        raise Refused(refusals.EXPIRED, "This code was answered already, or is too old. Start again on the device.")
    return row


def device_allowed(row: DeviceCode, user: User, resource: resources.Resource, *, by_sso: bool) -> None:
    """Grants a device what it asks for; `by_sso` says whether the person had signed in by single sign-on.

    Raises Refused(PERMISSION_DENIED) for a person who can give nothing of it.
    """
    scope = scopes.within(row.scopes, people.most_of(user.pk))
    if not scope:
        raise Refused(refusals.PERMISSION_DENIED, "You can grant nothing of what this device asks for.")
    terms = grants.Terms(scope, resource, origin=GrantOrigin.DEVICE, by_sso=by_sso)
    row.grant = grants.grant_open(tenant_id=row.tenant_id, client=KnownClient(row.client), user=user, terms=terms)
    row.save(update_fields=["grant"])


def device_refused(row: DeviceCode) -> None:
    """Tells a device no."""
    row.refused_at = timezone.now()
    row.save(update_fields=["refused_at"])


def _digest(user_code: str) -> str:
    return crypto.sign(PURPOSE, user_code.encode()).hex()
