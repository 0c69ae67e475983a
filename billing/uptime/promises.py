"""What uptime is promised to a tenant, on which terms and when, and what it comes to in a month.

Runs inside the tenant's context.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.utils import timezone

from billing.plans.models import Contract, Entitlement, PlanVersion, Standing
from billing.uptime.choosing import uptime_watch
from billing.uptime.minutes import MINUTE, Span
from billing.uptime.models import Terms, UptimePromise
from billing.uptime.reckoning import records
from billing.uptime.terms import credit_of, share_of

_UNIT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a promise in a month: its minutes, the worst endpoint's uptime in them, and what is given back.

    `share` is in percent of what these minutes cost.
    """

    terms: Terms
    minutes: int
    uptime: Decimal
    share: int
    credit_cents: int

    def told(self) -> dict[str, object]:
        """As it is stored with the month."""
        return asdict(self.terms) | {
            "minutes": self.minutes,
            "uptime_percent": str(self.uptime),
            "share": self.share,
            "credit_cents": self.credit_cents,
        }


def promise_settle(held: Entitlement, contract: Contract | None) -> None:
    """Writes down what is promised from now on where that is something else than before; `held` is held.

    `contract` is the one in force. What is promised is watched from the next look on.
    """
    terms, now = _terms_of(held, contract), timezone.now()
    open_one = UptimePromise.objects.filter(tenant_id=held.tenant_id, until=None).first()
    if (open_one.terms if open_one else None) == terms:
        return
    UptimePromise.objects.filter(tenant_id=held.tenant_id, until=None).update(until=now)
    if terms is not None:
        UptimePromise.objects.create(tenant_id=held.tenant_id, since=now, **asdict(terms))
        uptime_watch(held.tenant_id)


def promises_judged(first: date, last: date, now: datetime) -> list[Judged]:
    """What each terms came to that held on any day from `first` to `last`, those first that held first.

    Terms that held more than once are one, and none are left out but those in whose minutes nothing counted.
    """
    start, over = (datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1)))
    rows = UptimePromise.objects.filter(since__lt=over).exclude(until__lte=start).order_by("since")
    spans: dict[Terms, list[Span]] = {}
    for row in rows:
        spans.setdefault(row.terms, []).append((max(row.since, start), min(row.until or over, over)))
    judged = (_judged(terms, during, (first, last), now) for terms, during in spans.items())
    return [one for one in judged if one is not None]


def _judged(terms: Terms, during: list[Span], days: tuple[date, date], now: datetime) -> Judged | None:
    found = [record.uptime for record in records(*days, now, during)]
    worst = min((uptime for uptime in found if uptime is not None), default=None)
    if worst is None:
        return None
    held = sum((until - since for since, until in during), timedelta())
    part = Decimal(held // _UNIT) / Decimal((days[1] - days[0] + timedelta(days=1)) // _UNIT)
    share = share_of(worst)
    return Judged(terms, held // MINUTE, worst, share, credit_of(terms.price_cents * part, share))


def _terms_of(held: Entitlement, contract: Contract | None) -> Terms | None:
    """A month's price is the contract's where it names one, and the same where it is paid by the year."""
    if not held.sla:
        return None
    plan: PlanVersion = held.plan
    price = plan.monthly_price_cents if contract is None or contract.price_cents is None else contract.price_cents
    return Terms(plan.pk, 0 if held.standing == Standing.TRIALING else price or 0, plan.currency)
