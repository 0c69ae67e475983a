"""Proof that a domain is somebody's: a TXT record that only who runs its DNS can make."""

import re
from dataclasses import dataclass

from core import refusals
from core.refusals import Refused
from tenants.dns import LookupFailed, texts_at

LABEL = "_armstrong-challenge"
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
