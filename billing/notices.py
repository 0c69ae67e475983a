"""News of billing, for whoever tells tenants of them.

This app is below the one that has tenants' webhooks, so that it cannot name it: that registers itself when Django is
ready, and is called inside the transaction that makes the news, in the tenant's context. So news are told of if, and
only if, they are true.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from billing.plans.models import Entitlement, Standing

type Hears = Callable[["Notice"], None]

_hearing: list[Hears] = []
# What is told of a payment's way; `active` only where it follows one of these.
_OF_PAYMENT = (Standing.PAST_DUE, Standing.GRACE, Standing.LAPSED)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened, `about` included calls, a cap, a payment or a dispute; `said` is JSON.

    It holds no amounts of money: whoever sees a webhook may not pay.
    """

    about: str
    said: dict[str, Any]


def notices_register(hears: Hears) -> None:
    """Says who hears from now on; called by an app's configuration when Django is ready."""
    _hearing[:] = [hears]


def notice_tell(notice: Notice) -> None:
    """Has what happened be heard of, with this transaction."""
    for hears in _hearing:
        hears(Notice(notice.about, {**notice.said, "about": notice.about, "at": timezone.now().isoformat()}))


def standing_tell(former: str, held: Entitlement) -> None:
    """Tells that a payment failed, that the plan is in its grace or over, or that all is paid again."""
    if held.standing in _OF_PAYMENT or (held.standing == Standing.ACTIVE and former in _OF_PAYMENT):
        until = held.until.isoformat() if held.until else None
        said = {"standing": held.standing, "before": former, "plan": held.plan.name, "until": until}
        notice_tell(Notice("payment", said))
