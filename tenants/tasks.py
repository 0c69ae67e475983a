"""Periodic work on tenants."""

from celery import shared_task

from tenants.services import tenants


@shared_task(name="tenants.purge_deleted")
def purge_deleted() -> int:
    """Deletes the tenants whose grace period is over."""
    return tenants.purge_deleted()
