"""What a tenant is entitled to, of what it subscribed to: a pure function of the mirror's rows and the time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.plans.models import Standing
from billing.stripe.models import Subscription

# The better a subscription stands, the more it counts beside others of the same tenant.
_RANKS = {
    Standing.ACTIVE: 5,
    Standing.TRIALING: 4,
    Standing.PAST_DUE: 3,
    Standing.GRACE: 2,
    Standing.LAPSED: 1,
    Standing.FREE: 0,
}
_AS_THEY_ARE = {"active": Standing.ACTIVE, "trialing": Standing.TRIALING}
# Nothing was ever paid for these: they take nothing away from what the tenant has otherwise.
NEVER_BEGAN = frozenset({"incomplete", "incomplete_expired"})


@dataclass(frozen=True, slots=True)
class Due:
    """What a subscription gives: the plan and how it stands. `until` is when that changes by time alone."""

    plan_id: str
    standing: Standing
    until: datetime | None = None

    @property
    def rank(self) -> int:
        return _RANKS[self.standing]


def due_of(subscriptions: Iterable[Subscription], *, now: datetime, grace: timedelta) -> Due | None:
    """What a tenant has of all that it subscribed to; None where nothing of it ever began.

    While Stripe tries to get what is owed, and for `grace` after it gave up, the plan stays; then it has lapsed.
    """
    begun = [row for row in subscriptions if row.status not in NEVER_BEGAN]
    found = [(_due(row, now, grace), row.created, row.stripe_id) for row in begun]
    if not found:
        return None
    return max(found, key=lambda each: (each[0].rank, *each[1:]))[0]


def _due(row: Subscription, now: datetime, grace: timedelta) -> Due:
    if row.status in _AS_THEY_ARE:
        return Due(row.plan_id, _AS_THEY_ARE[row.status])
    if row.payment_stopped_at is not None:
        ends = row.payment_stopped_at + grace
        return Due(row.plan_id, Standing.GRACE, ends) if now < ends else Due(row.plan_id, Standing.LAPSED)
    if row.status == "past_due":
        return Due(row.plan_id, Standing.PAST_DUE)
    return Due(row.plan_id, Standing.FREE)
