"""Periodic work on the ledger, and on what else a tier keeps for a time."""

from celery import shared_task
from django.utils import timezone

from billing.audit_log import audit_expire as expire_audit
from billing.entitlements import entitlements_settle_due as settle_due
from billing.ledger import partitions, retention, summing
from billing.metering import sending
from billing.metering.alerts import spending_settle
from billing.receipts import receipts_expire as expire_receipts
from billing.resale.due import MAIL_LINKS, SETTLE
from billing.resale.purchases import link_mail
from billing.resale.reconcile import sellers_end, sellers_reconcile
from billing.resale.settling import purchases_settle
from billing.resale.usage import purchase_reports_send
from billing.stripe import applying, reconcile
from billing.stripe.client import is_set_up
from billing.stripe.passing_time import standings_settle
from billing.uptime import choosing, crediting, months


@shared_task(name="billing.apply_stripe_event")
def apply_stripe_event(event_id: str) -> None:
    """Applies an event that was just stored."""
    applying.event_apply(event_id)


@shared_task(name="billing.sweep_stripe_events")
def sweep_stripe_events() -> int:
    """Applies the events that are due; returns how many."""
    return applying.events_apply()


@shared_task(name="billing.settle_standings")
def settle_standings() -> int:
    """Has happen what time alone brings: grace that ends; returns for how many tenants."""
    return standings_settle()


@shared_task(name="billing.reconcile_stripe")
def reconcile_stripe() -> int:
    """Finds what no webhook told; returns how many events that were."""
    return reconcile.reconciled() if is_set_up() else 0


@shared_task(name="billing.forget_stripe_events")
def forget_stripe_events() -> int:
    """Deletes events that are done with; returns how many."""
    return applying.events_forget()


@shared_task(name=SETTLE)
def settle_purchases() -> int:
    """Does what purchases wait for: ends, mails; returns how much of that was begun."""
    return purchases_settle() if is_set_up() else 0


@shared_task(name=MAIL_LINKS)
def mail_purchase_links(tenant_slug: str, offer_slug: str, email: str) -> None:
    """Mails the links of what an address bought, if it did."""
    link_mail(tenant_slug, offer_slug, email)


@shared_task(name="billing.reconcile_sellers")
def reconcile_sellers() -> int:
    """Finds what no webhook told of sellers' accounts; returns how many sellers were looked at."""
    return sellers_reconcile() if is_set_up() else 0


@shared_task(name="billing.end_sellers")
def end_sellers() -> int:
    """Ends what tenants sold that are being deleted; returns of how many sellers."""
    return sellers_end()


@shared_task(name="billing.send_purchase_usage")
def send_purchase_usage() -> int:
    """Tells sellers' meters of their buyers' calls; returns how many reports were tried."""
    return purchase_reports_send() if is_set_up() else 0


@shared_task(name="billing.usage_sum")
def usage_sum() -> int:
    """Makes the hourly sums that are due; returns how many."""
    return summing.usage_sum(then=spending_settle)


@shared_task(name="billing.send_usage")
def send_usage() -> int:
    """Tells Stripe of calls; returns how many reports were tried."""
    return sending.reports_send() if is_set_up() else 0


@shared_task(name="billing.catch_up_usage")
def catch_up_usage() -> int:
    """Reports calls that were summed before their subscription was known; returns how many."""
    return sending.reports_catch_up()


@shared_task(name="billing.entitlements_settle_due")
def entitlements_settle_due() -> int:
    """Ends the trials and contracts whose time has come; of how many tenants."""
    return settle_due()


@shared_task(name="billing.usage_partitions")
def usage_partitions() -> None:
    """Makes the ledger's next days."""
    partitions.partitions_make(timezone.now().date())


@shared_task(name="billing.usage_expire")
def usage_expire() -> int:
    """Deletes the calls that are kept no longer; returns how many."""
    return retention.usage_expire()


@shared_task(name="billing.receipts_expire")
def receipts_expire() -> int:
    """Deletes the receipts of revocations that are kept no longer; returns how many."""
    return expire_receipts()


@shared_task(name="billing.audit_expire")
def audit_expire() -> int:
    """Deletes the events of audit logs that are kept no longer; returns how many."""
    return expire_audit()


@shared_task(name="billing.uptime_choose")
def uptime_choose() -> int:
    """Ends watches that nobody asks for, and forgets what is too old; returns how many tenants are watched."""
    return choosing.uptime_choose()


@shared_task(name="billing.uptime_close")
def uptime_close() -> int:
    """Writes months of uptime down that are over, tells of them and credits them; returns how many were new."""
    closed = months.months_close()
    months.months_tell()
    if is_set_up():
        crediting.credits_give()
    months.months_settle()
    return closed
