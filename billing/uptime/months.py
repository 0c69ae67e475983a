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
from django.utils import timezone

from billing.entitlements import contract_in_force, entitlement_of
from billing.money import shown
from billing.plans.models import Entitlement
from billing.uptime.models import UptimeMonth, UptimeWatch
from billing.uptime.reckoning import SETTLES, Record, records
from billing.uptime.terms import TARGET, credit_of, share_of
from core.tenancy import tenant_context
from tenants.models import Membership, Role, Tenant

logger = logging.getLogger(__name__)


def months_close(now: datetime | None = None) -> int:
    """Writes last month down for every watched tenant that it is not written down for; how many that were."""
    now = now or timezone.now()
    month = (now.date().replace(day=1) - timedelta(days=1)).replace(day=1)
    if now < datetime.combine(now.date().replace(day=1), time(), UTC) + SETTLES:
        return 0
    tenants = list(UptimeWatch.objects.values_list("tenant_id", flat=True))
    return sum(_close(tenant_id, month, now) for tenant_id in tenants)


def months_tell() -> int:
    """Mails what was not told yet; how many months that were."""
    tenants = list(UptimeWatch.objects.values_list("tenant_id", flat=True))
    return sum(_tell(tenant_id) for tenant_id in tenants)


def _close(tenant_id: UUID, month: date, now: datetime) -> bool:
    with tenant_context(tenant_id):
        tenant = Tenant.objects.filter(delete_after=None).select_for_update(no_key=True).first()
        if tenant is None or UptimeMonth.objects.filter(tenant=tenant, month=month).exists():
            return False
        last = month.replace(day=monthrange(month.year, month.month)[1])
        found = [record for record in records(month, last, now) if record.tally.counted]
        if not found:
            return False
        _write(tenant, month, found)
    return True


def _write(tenant: Tenant, month: date, found: list[Record]) -> None:
    held = entitlement_of(tenant.pk)
    worst = min(record.uptime for record in found if record.uptime is not None)
    share = share_of(worst) if held.sla else 0
    UptimeMonth.objects.create(
        tenant=tenant,
        month=month,
        endpoints=[_told(record) for record in found],
        uptime=worst,
        target=TARGET if held.sla else None,
        share=share,
        credit_cents=credit_of(_price(held), share),
        currency=held.plan.currency,
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


def _price(held: Entitlement) -> int:
    """A month's price, of the contract where there is one: the same where it is paid by the year."""
    contract = contract_in_force(held.tenant_id)
    if contract is not None and contract.price_cents is not None:
        return contract.price_cents
    return held.plan.monthly_price_cents or 0


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
        lines += [
            "",
            f"{row.target} % was promised. {amount} is taken off your next invoice ({row.share} % of a month).",
        ]
    address = f"{settings.CONSOLE_URL}/t/{tenant.slug}/uptime/?month={row.month:%Y-%m}"
    return "\n".join([*lines, "", f"Each outage: {address}", ""])
