"""Periodic work on tenants."""

from uuid import UUID

from celery import shared_task

from tenants.audit.hearing import STREAM_TASK
from tenants.audit.streaming import audit_stream
from tenants.authorization.purging import used_up_purge
from tenants.issuers.keys import keys_refresh
from tenants.services import tenants
from tenants.services.closing import closings_finish
from tenants.services.deprovisioning import second_look, second_looks_run
from tenants.sso.rechecking import domains_recheck
from tenants.sso.refreshing import metadata_refresh
from tenants.vault.errands import errands_run


@shared_task(name="tenants.purge_deleted")
def purge_deleted() -> int:
    """Deletes the tenants whose grace period is over."""
    return tenants.purge_deleted()


@shared_task(name="tenants.purge_used_up")
def purge_used_up() -> int:
    """Deletes codes, tokens and grants of clients that are used up; returns how many rows."""
    return used_up_purge()


@shared_task(name="tenants.revoke_at_providers")
def revoke_at_providers() -> int:
    """Tells providers which tokens were revoked, where they have not heard it yet."""
    return errands_run()


@shared_task(name="tenants.refresh_sso_metadata")
def refresh_sso_metadata() -> int:
    """Looks at identity providers' metadata again."""
    return metadata_refresh()


@shared_task(name="tenants.recheck_domains")
def recheck_domains() -> int:
    """Looks for the records of verified domains again; returns how many are gone."""
    return domains_recheck()


@shared_task(name="tenants.refresh_issuer_keys")
def refresh_issuer_keys() -> int:
    """Looks at the keys of trusted issuers whose turn it is, or whose unknown keys a worker met."""
    return keys_refresh()


@shared_task(name="tenants.deprovision_second_look")
def deprovision_second_look(tenant_id: str, deprovision_id: str) -> int:
    """Ends what was under way when a person was put out of a tenant."""
    return second_look(tenant_id=UUID(tenant_id), deprovision_id=UUID(deprovision_id))


@shared_task(name="tenants.sweep_leavers")
def sweep_leavers() -> int:
    """Finishes putting people out where somebody began it and was cut short; returns how many they were."""
    return second_looks_run() + closings_finish()


@shared_task(name=STREAM_TASK)
def stream_audit() -> int:
    """Sends events of audit logs to the webhooks that want them; returns how many were taken."""
    return audit_stream()
