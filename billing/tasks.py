"""Periodic work on the ledger, and on what else a tier keeps for a time."""

from celery import shared_task
from django.utils import timezone

from billing.audit_log import audit_expire as expire_audit
from billing.ledger import partitions, retention, summing
from billing.receipts import receipts_expire as expire_receipts


@shared_task(name="billing.usage_sum")
def usage_sum() -> int:
    """Makes the hourly sums that are due; returns how many."""
    return summing.usage_sum()


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
