"""Telling providers what was revoked: again and again with growing pauses, and never twice at once."""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.crypto import Forged
from core.envelope import KeyGone, Keyring
from core.jitter import jittered
from core.outbound import Client
from core.tenancy import tenant_context
from tenants.models import Revocation, RevocationDue, RevocationOutcome
from tenants.vault.keyrings import keyring_for_opening
from tenants.vault.oauth.errand import Errand, decode
from tenants.vault.oauth.failures import OAuthFailed, ProviderAway
from tenants.vault.oauth.revoking import REVOKED, revoke
from tenants.vault.oauth.running import with_provider
from tenants.vault.purposes import REVOCATION, own_row
from tenants.vault.revocations import UNREADABLE

logger = logging.getLogger(__name__)

MAXIMUM_ATTEMPTS = 12  # with the pauses below, two days
FIRST_PAUSE = 10.0
LONGEST_PAUSE = 6 * 3600.0
# Longer than any errand takes: whoever dies with one leaves it to another then.
HELD = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one errand. `again` says that it is worth another attempt."""

    http_status: int | None
    error: str = ""
    again: bool = False


def errands_run(*, tenant_id: UUID | None = None, seconds: float = 60.0) -> int:
    """Tells providers what is due, of one tenant or of all; how many errands were run. Opens contexts of its own.

    Begins no further one after `seconds`.
    """
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until and (due := _next(tenant_id)) is not None:
        _run(due)
        count += 1
    return count


def _next(tenant_id: UUID | None) -> RevocationDue | None:
    """One that is due, held against everybody else for a while."""
    with transaction.atomic():
        rows = RevocationDue.objects.filter(due_at__lte=timezone.now())
        if tenant_id is not None:
            rows = rows.filter(tenant_id=tenant_id)
        due = rows.order_by("due_at").select_for_update(skip_locked=True).first()
        if due is not None:
            RevocationDue.objects.filter(pk=due.pk).update(due_at=timezone.now() + HELD)
    return due


def _run(due: RevocationDue) -> None:
    with tenant_context(due.tenant_id):
        receipt = Revocation.objects.filter(pk=due.revocation_id, outcome=RevocationOutcome.PENDING).first()
        errand = None if receipt is None else _opened(keyring_for_opening(due.tenant_id), receipt)
    if receipt is None:  # its tenant is gone, or another ended it
        RevocationDue.objects.filter(pk=due.pk).delete()
        return
    outcome = Outcome(None, UNREADABLE) if errand is None else _told(errand)
    with tenant_context(due.tenant_id):
        _noted(due, receipt, outcome)


def _opened(keyring: Keyring, receipt: Revocation) -> Errand | None:
    try:
        return decode(keyring.unseal(REVOCATION, receipt.sealed, *own_row(receipt.pk)))
    except (Forged, KeyGone):
        return None


def _told(errand: Errand) -> Outcome:
    async def tell(http: Client) -> Outcome:
        outcomes = [
            await revoke(http, errand.provider, errand.registration, token, hint) for token, hint in errand.tokens
        ]
        return _judged(outcomes)

    try:
        return with_provider(tell)
    except ProviderAway as away:
        return Outcome(None, str(away), again=True)
    except OAuthFailed as failed:
        return Outcome(None, str(failed))


def _judged(statuses: list[int]) -> Outcome:
    """The first token is the one that counts; a provider may revoke no access tokens (RFC 7009 section 2)."""
    status = statuses[0]
    return Outcome(status) if status == REVOKED else Outcome(status, f"The provider answered {status}.")


def _noted(due: RevocationDue, receipt: Revocation, outcome: Outcome) -> None:
    attempts = receipt.attempts + 1
    again = outcome.again and attempts < MAXIMUM_ATTEMPTS
    said = {"attempts": attempts, "http_status": outcome.http_status, "last_error": outcome.error[:500]}
    rows = Revocation.objects.filter(pk=receipt.pk, outcome=RevocationOutcome.PENDING)
    if again:
        rows.update(**said)
        pause = jittered(min(FIRST_PAUSE * 3**receipt.attempts, LONGEST_PAUSE))
        RevocationDue.objects.filter(pk=due.pk).update(due_at=timezone.now() + timedelta(seconds=pause))
        return
    ended = RevocationOutcome.GAVE_UP if outcome.error else RevocationOutcome.REVOKED
    rows.update(**said, outcome=ended, ended_at=timezone.now(), sealed="")
    RevocationDue.objects.filter(pk=due.pk).delete()
    if outcome.error:
        logger.warning("a revocation was given up: %s", outcome.error)


def revocations_resealed(keyring: Keyring) -> int:
    """Seals what waits in the receipts of the tenant in context with the keyring's current key; how many they were."""
    rows = list(Revocation.objects.select_for_update().exclude(sealed=""))
    for receipt in rows:
        sealed = keyring.resealed(REVOCATION, receipt.sealed, *own_row(receipt.pk))
        Revocation.objects.filter(pk=receipt.pk).update(sealed=sealed)
    return len(rows)
