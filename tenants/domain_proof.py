"""Proof that a domain is somebody's: a TXT record that only who runs its DNS can make.

The same for domains of mail addresses and for hosts of endpoints: how it is looked for, what is noted of a look, when a
record that went counts no more, and whose a name is that two have proven.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from django.db import IntegrityError, models, transaction

from core import refusals
from core.refusals import Refused
from tenants.dns import LookupFailed, texts_at

LABEL = "_armstrong-challenge"
# Long enough for somebody to see it and to put the record back; a name that was sold is another's by then.
GRACE = timedelta(days=7)
LONGEST_DOMAIN = 253  # RFC 1035 section 2.3.4, without the final dot
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def normal_domain(text: str) -> str:
    """A domain as it is compared: ASCII, lower case, no final dot; "" for what is no domain (RFC 1035, RFC 5890)."""
    try:
        name = text.strip().removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    return name if len(name) <= LONGEST_DOMAIN and _NAME.fullmatch(name) else ""


@dataclass(frozen=True, slots=True)
class Proof:
    """The TXT record that proves a domain: where it has to be, and what it has to say."""

    domain: str
    text: str

    @property
    def name(self) -> str:
        """Where the record has to be."""
        return f"{LABEL}.{self.domain}"

    def missing(self) -> Refused | None:
        """Asks DNS; None where the record is there.

        TEMPORARILY_UNAVAILABLE where DNS does not answer, and CONFLICT where the record is missing, are returned and
        not raised, since whoever asks writes them down.
        """
        try:
            found = texts_at(self.name)
        except LookupFailed as failed:
            return Refused(refusals.TEMPORARILY_UNAVAILABLE, str(failed))
        if self.text in found:
            return None
        what = f"There is none with this text, but {len(found)} with others." if found else "There is none."
        return Refused(refusals.CONFLICT, f"We looked for a TXT record at {self.name}. {what}")


class Claim(Protocol):
    """A row of a name that a tenant says is its own."""

    name: str
    checked_at: datetime | None
    last_error: str
    missing_since: datetime | None


def new_token() -> str:
    """What the record of a new claim has to say, beside what it is for."""
    return secrets.token_urlsafe(32)


def look_noted(claim: Claim, refused: Refused | None, now: datetime) -> None:
    """Notes when it was looked, and why the claim was refused. The row is not saved."""
    claim.checked_at, claim.last_error = now, str(refused) if refused else ""


def is_missing_too_long(claim: Claim, missing: Refused | None, now: datetime) -> bool:
    """Notes a look for the record of a claim that was verified; whether it has been missing for GRACE.

    `missing` is the answer of `Proof.missing`; DNS that does not answer says nothing of the record. The row is not
    saved.
    """
    look_noted(claim, missing, now)
    if missing is None:
        claim.missing_since = None
        return False
    if missing.refusal is not refusals.CONFLICT:
        return False
    claim.missing_since = claim.missing_since or now
    return now - claim.missing_since >= GRACE


def name_taken(holders: models.Manager[Any], name: str, tenant_id: UUID, **fields: object) -> Refused | None:
    """Makes a proven name a tenant's in a directory of holders, unless another's is quicker: the database decides.

    `fields` are what else the directory says of it, also where the tenant has it already. CONFLICT is returned and not
    raised, since whoever asks writes it down.
    """
    try:
        with transaction.atomic():
            holders.create(name=name, tenant_id=tenant_id, **fields)
    except IntegrityError:
        held = holders.filter(name=name, tenant_id=tenant_id)
        if not held.exists():
            return Refused(refusals.CONFLICT, f"Another tenant has verified {name}. It has to give it up first.")
        if fields:
            held.update(**fields)
    return None
