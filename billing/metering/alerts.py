"""Telling a tenant, once each, that half, four fifths or all is used of what is included or what it wants to spend.

Opens the tenant's context itself; mail is sent outside of it.
"""

import logging
from datetime import datetime
from smtplib import SMTPException
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from billing.metering.caps import cap_settle
from billing.metering.models import AlertAbout, SpendingCap, UsageAlert
from billing.metering.periods import Period, calls_in, period_now
from billing.money import shown
from billing.notices import Notice, notice_tell
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Membership, Role, Tenant

logger = logging.getLogger(__name__)

PERCENTS = (50, 80, 100)


def spending_settle(tenant_id: UUID, now: datetime | None = None) -> None:
    """What follows from a tenant's sums: what is left before its cap, and whom that is told."""
    now = now or timezone.now()
    try:
        with tenant_context(tenant_id):
            cap_settle(tenant_id, now=now)
            alerts_note(tenant_id, now)
            untold = list(UsageAlert.objects.filter(told_at=None).order_by("-percent"))
            tenant = Tenant.objects.first()
            to = _addresses() if untold else []
    except Refused:  # the tenant is gone
        return
    if untold and tenant is not None and _tell(tenant, untold, to):
        with tenant_context(tenant_id):
            UsageAlert.objects.filter(pk__in=[alert.pk for alert in untold]).update(told_at=now)


def alerts_note(tenant_id: UUID, now: datetime) -> None:
    """Writes down what was reached of the present period, inside the tenant's context, and has it be heard of.

    The tenant's entitlement is held: of two who come at once the second finds what the first wrote.
    """
    period = period_now(tenant_id, now)
    calls = calls_in(period)
    reached = {AlertAbout.INCLUDED: _of_included(period, calls), AlertAbout.CAP: _of_cap(period, calls)}
    known = set(UsageAlert.objects.filter(period=period.since).values_list("about", "percent"))
    new = [
        UsageAlert(tenant_id=tenant_id, period=period.since, about=about, percent=percent, calls=calls)
        for about, part in reached.items()
        for percent in PERCENTS
        if part >= percent and (about, percent) not in known
    ]
    UsageAlert.objects.bulk_create(new)
    for alert in {alert.about: alert for alert in new}.values():  # the most of each
        notice_tell(Notice(alert.about, _said(alert, period)))


def _said(alert: UsageAlert, period: Period) -> dict[str, Any]:
    of = {"included": period.included} if alert.about == AlertAbout.INCLUDED else {}
    period_said = {"since": period.since.isoformat(), "until": period.until.isoformat()}
    return {"percent": alert.percent, "calls": alert.calls, "period": period_said, **of}


def _of_included(period: Period, calls: int) -> int:
    return calls * 100 // period.included if period.included else 0


def _of_cap(period: Period, calls: int) -> int:
    """How many per cent of the cap are spent; all, where the next call would cost more than is left."""
    cap = SpendingCap.objects.first()
    reached = period.calls_for(cap.cents) if cap is not None else None
    if cap is None or reached is None:
        return 0
    if calls >= reached:
        return 100
    return min(99, int(period.cost(calls).exact * 100 / cap.cents)) if cap.cents else 0


def _addresses() -> list[str]:
    rows = Membership.objects.active().filter(role__in=[Role.OWNER, Role.ADMIN]).order_by("user__email")
    return list(rows.values_list("user__email", flat=True))


def _tell(tenant: Tenant, alerts: list[UsageAlert], to: list[str]) -> bool:
    """One mail about the most of each kind that was reached; whether it was taken."""
    most = {alert.about: alert for alert in reversed(alerts)}
    lines = [_sentence(tenant, alert) for alert in most.values()]
    text = "\n".join([*lines, "", f"How it goes on: {settings.CONSOLE_URL}/t/{tenant.slug}/usage/", ""])
    try:
        send_mail(f"{max(alert.percent for alert in alerts)} % reached: calls of {tenant.name}", text, None, to)
    except (SMTPException, OSError) as error:
        logger.warning("%s is not told of its use yet: %s", tenant.pk, type(error).__name__)
        return False
    return True


def _sentence(tenant: Tenant, alert: UsageAlert) -> str:
    if alert.about == AlertAbout.INCLUDED:
        return f"{tenant.name} has used {alert.percent} % of the calls that its plan includes ({alert.calls:,} calls)."
    with tenant_context(tenant.pk):
        cap, period = SpendingCap.objects.first(), period_now(tenant.pk)
    amount = f" of {shown(cap.cents, period.currency)}" if cap is not None else ""
    ending = " Further calls are refused." if cap is not None and cap.is_hard and alert.percent == 100 else ""
    return f"{tenant.name} has spent {alert.percent} % of its cap{amount} for further calls.{ending}"
