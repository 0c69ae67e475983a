"""What stands on a consent page comes back as it was: sealed, for one browser session, for ten minutes, once."""

import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from core import crypto, refusals
from core.crypto import Forged
from core.refusals import Refused
from tenants.replay import first_time

PURPOSE = "consent"
SECONDS = 600


class Question(msgspec.Struct, frozen=True):
    """A question that was put to a person: a request's parameters, a name, and until when it may be answered."""

    fields: dict[str, str]
    nonce: str
    expires_at: float


def sealed(fields: dict[str, str], *, bound_to: str) -> str:
    """A question to put on a page. `bound_to` is whose page it is: tenant, person and browser session."""
    question = Question(fields, secrets.token_urlsafe(16), time.time() + SECONDS)
    return crypto.seal(PURPOSE, msgspec.json.encode(question), bound_to=bound_to)


def opened(said: str, *, bound_to: str) -> Question:
    """The question that an answer is to; raises Refused(EXPIRED) for another browser's, an altered or an old one."""
    try:
        question = msgspec.json.decode(crypto.unseal(PURPOSE, said, bound_to=bound_to), type=Question)
    except (Forged, msgspec.DecodeError):
        raise _expired() from None
    if question.expires_at <= time.time():
        raise _expired()
    return question


def use_up(tenant_id: UUID, question: Question) -> None:
    """Raises Refused(EXPIRED) for a question that was answered already. Inside the tenant's context."""
    until = datetime.fromtimestamp(question.expires_at, UTC)
    if not first_time(tenant_id=tenant_id, kind=PURPOSE, token=question.nonce, expires_at=until):
        raise _expired()


def _expired() -> Refused:
    return Refused(refusals.EXPIRED, "This question was answered already, or is too old. Start again in the program.")
