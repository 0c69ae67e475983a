"""Months that are over: what each came to is written down once, told to owners and admins, and credited.

Each function opens the tenants' contexts itself. Whoever is killed in between leaves a step that is taken later.
"""

import logging
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from smtplib import SMTPException
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q
from django.utils import timezone

from billing.money import shown
from billing.stripe.customers import customer_known
from billing.uptime.models import UptimeMonth, UptimeWatch
from billing.uptime.promises import Judged, promises_judged
from billing.uptime.reckoning import SETTLES, Record, records
from billing.uptime.terms import TARGET
from core.tenancy import tenant_context
from tenants.models import Membership, Role, Tenant

logger = logging.getLogger(__name__)

# Of a month in which nothing was promised.
DEFAULT_CURRENCY = "usd"
# How long jobs may be away without a month staying open.
MONTHS_BACK = 3


def months_close(now: datetime | None = None) -> int:
    """Writes months that are over down, each once for every tenant that was watched in it; how many that were.

    Beside last month those before it, which jobs that were away for so long have not closed.
    """
    now = now or timezone.now()
    return sum(_close(tenant_id, month, now) for month in _months_over(now) for tenant_id in _watched_in(month))


def _months_over(now: datetime) -> list[date]:
    """The months that can be closed, the first first."""
    after, found = now.astimezone(UTC).date().replace(day=1), []
    for _ in range(MONTHS_BACK):
        month = (after - timedelta(days=1)).replace(day=1)
        if now >= datetime.combine(after, time(), UTC) + SETTLES:
            found.append(month)
        after = month
    return found[::-1]


def _watched_in(month: date) -> list[UUID]:
    watched = UptimeWatch.objects.filter(Q(ended_at=None) | Q(ended_at__gte=datetime.combine(month, time(), UTC)))
    return list(watched.exclude(closed__gte=month).values_list("tenant_id", flat=True))


def months_tell() -> int:
    """Mails what was not told yet; how many months that were."""
    return sum(_tell(tenant_id) for tenant_id in months_owed())


def months_owed() -> list[UUID]:
    """The tenants with a month that was closed and has still to be told or credited."""
    return list(UptimeWatch.objects.filter(is_owed=True).order_by("tenant_id").values_list("tenant_id", flat=True))


def months_settle() -> None:
    """Notes of which tenants nothing is owed any more."""
    open_ones = Q(told_at=None) | Q(credit_cents__gt=0, credited_at=None)
    for tenant_id in months_owed():
        with tenant_context(tenant_id):
            # Held first: a month that is closed meanwhile is owed again.
            watch = UptimeWatch.objects.select_for_update().get(tenant_id=tenant_id)
            watch.is_owed = UptimeMonth.objects.filter(open_ones).exists()
            watch.save(update_fields=["is_owed"])


def _close(tenant_id: UUID, month: date, now: datetime) -> bool:
    with tenant_context(tenant_id):
        watch = UptimeWatch.objects.select_for_update().get(tenant_id=tenant_id)
        tenant = Tenant.objects.filter(delete_after=None).first()
        if tenant is None or UptimeMonth.objects.filter(tenant=tenant, month=month).exists():
            return False
        last = month.replace(day=monthrange(month.year, month.month)[1])
        found = [record for record in records(month, last, now) if record.tally.counted]
        if found:
            _write(tenant, month, found, promises_judged(month, last, now))
        watch.closed, watch.is_owed = month, watch.is_owed or bool(found)
        watch.save(update_fields=["closed", "is_owed"])
    return bool(found)


def _write(tenant: Tenant, month: date, found: list[Record], judged: list[Judged]) -> None:
    currency = judged[-1].terms.currency if judged else DEFAULT_CURRENCY
    for one in judged:
        if one.credit_cents and one.terms.currency != currency:
            # A customer of Stripe's has one currency.
            logger.error("%s is to be credited by hand for %s: %s", tenant.pk, f"{month:%Y-%m}", one.told())
    UptimeMonth.objects.create(
        tenant=tenant,
        month=month,
        endpoints=[_told(record) for record in found],
        promised=[one.told() for one in judged],
        uptime=min([one.uptime for one in judged] or [one.uptime for one in found if one.uptime is not None]),
        target=TARGET if judged else None,
        share=max((one.share for one in judged), default=0),
        credit_cents=sum(one.credit_cents for one in judged if one.terms.currency == currency),
        currency=currency,
    )


def _told(record: Record) -> dict[str, object]:
    counted = record.tally
    return {
        "endpoint_id": str(record.endpoint.endpoint_id),
        "name": record.endpoint.name,
        "minutes_counted": counted.counted,
        "minutes_down": counted.down,
        "uptime_percent": str(record.uptime),
    }


def _tell(tenant_id: UUID) -> bool:
    with tenant_context(tenant_id):
        tenant = Tenant.objects.first()
        row = UptimeMonth.objects.filter(told_at=None).order_by("month").first()
        people = Membership.objects.select_related("user").filter(
            role__in=[Role.OWNER, Role.ADMIN], deactivated_at=None
        )
        addresses = [member.user.email for member in people]
    if tenant is None or row is None:
        return False
    try:
        for address in addresses:
            send_mail(f"Uptime of {tenant.name} in {row.month:%B %Y}", _text(tenant, row), None, [address])
    except (SMTPException, OSError) as error:
        logger.warning("%s is not told of its uptime yet: %s", tenant.pk, type(error).__name__)
        return False
    with tenant_context(tenant_id):
        UptimeMonth.objects.filter(month=row.month).update(told_at=timezone.now())
    return True


def _text(tenant: Tenant, row: UptimeMonth) -> str:
    lines = [f"{one['name']}: {one['uptime_percent']} %, {one['minutes_down']} min down" for one in row.endpoints]
    if row.credit_cents:
        amount = shown(row.credit_cents, row.currency)
        how = "It is taken off your next invoice" if customer_known(tenant.pk) else "We credit it to you by hand"
        lines += [
            "",
            f"{row.target} % was promised, and the worst endpoint had {row.uptime} % while it was.",
            f"{amount} is given back: up to {row.share} % of the price of that time. {how}.",
        ]
    address = f"{settings.CONSOLE_URL}/t/{tenant.slug}/uptime/?month={row.month:%Y-%m}"
    return "\n".join([*lines, "", f"Each outage: {address}", ""])
