"""What changes by time alone: grace that ends, and disputes whose loss the owner has not heard of yet."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from billing.money import shown
from billing.stripe.mirror import LOST, settle
from billing.stripe.models import Dispute, StripeCustomer
from core.tenancy import tenant_context
from tenants.models import Membership, Role, Tenant

logger = logging.getLogger(__name__)

AGAIN = timedelta(minutes=10)


def standings_settle(now: datetime | None = None) -> int:
    """Has what is due at `now` happen to every tenant that it concerns; how many. Opens contexts of its own."""
    now = now or timezone.now()
    due = list(StripeCustomer.objects.filter(look_at__lte=now).values_list("tenant_id", flat=True))
    for tenant_id in due:
        _settle(tenant_id, now)
    return len(due)


def _settle(tenant_id: UUID, now: datetime) -> None:
    with tenant_context(tenant_id):
        tenant = Tenant.objects.first()
        lost = list(Dispute.objects.filter(status=LOST, told_at=None))
    told = [dispute.stripe_id for dispute in lost if tenant is not None and _tell(tenant, dispute)]
    with tenant_context(tenant_id):
        customer = StripeCustomer.objects.select_for_update().get(pk=tenant_id)
        if tenant is None:
            StripeCustomer.objects.filter(pk=tenant_id).update(look_at=None)
            return
        Dispute.objects.filter(stripe_id__in=told, told_at=None).update(told_at=now)
        settle(customer, now)
        StripeCustomer.objects.filter(pk=tenant_id, look_at__lte=now).update(look_at=now + AGAIN)


def _tell(tenant: Tenant, dispute: Dispute) -> bool:
    """Mails the owner; whether the mail was taken."""
    with tenant_context(tenant.pk):
        owner = Membership.objects.select_related("user").get(role=Role.OWNER).user
    text = (
        f"A payment of {shown(dispute.amount, dispute.currency)} for {tenant.name} was disputed with its bank, and the "
        "bank has taken it back. Nothing was deleted and nothing was switched off.\n\n"
        f"What you pay with, and what is open: {settings.CONSOLE_URL}/t/{tenant.slug}/billing/\n"
    )
    try:
        send_mail("A disputed payment was taken back", text, None, [owner.email])
    except (SMTPException, OSError) as error:
        logger.warning("the owner of %s is not told of a lost dispute yet: %s", tenant.pk, type(error).__name__)
        return False
    return True
