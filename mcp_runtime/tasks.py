"""Work on endpoints: periodic, and calls that outlive their request."""

from itertools import batched
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from billing.resale.due import PUBLISH
from core.tenancy import tenant_context
from mcp_runtime.durable.thread import RUN_TASK, runner_thread
from mcp_runtime.jobs import LOOK_AT_UPTIME, PROBE_UPSTREAMS, RUN_IMPORT
from mcp_runtime.models import EndedSession
from mcp_runtime.services.alerting import alerts_deliver
from mcp_runtime.services.health import events_purge
from mcp_runtime.services.host_checks import hosts_look
from mcp_runtime.services.importing import import_perform
from mcp_runtime.services.imports import runs_due
from mcp_runtime.services.probing import probes_perform
from mcp_runtime.services.purchase_keys import purchases_publish
from mcp_runtime.services.rates import budgets_purge
from mcp_runtime.services.uptime import uptime_look, watched_tenants
from mcp_runtime.services.watching import LEASE, upstreams_due
from tenants.models import TenantSlug

# How many upstreams one job probes, side by side.
PROBED_TOGETHER = 20
# The same for tenants whose endpoints' uptime is looked at; a look that waited for longer comes beside the next.
LOOKED_AT_TOGETHER = 10
LOOK_SECONDS = 25


@shared_task(name="mcp_runtime.purge_ended_sessions")
def purge_ended_sessions() -> int:
    """Forgets ended sessions whose token has expired by now; returns how many."""
    purged = 0
    for tenant_id in set(TenantSlug.objects.values_list("tenant_id", flat=True)):
        with tenant_context(tenant_id):
            purged += EndedSession.objects.filter(expires_at__lte=timezone.now()).delete()[0]
    return purged


@shared_task(name="mcp_runtime.look_at_hosts")
def look_at_hosts() -> int:
    """Looks for the records of hosts again whose turn it is; returns how many."""
    return hosts_look()


@shared_task(name="mcp_runtime.purge_call_budgets")
def purge_call_budgets() -> int:
    """Forgets buckets that have been full for long, which are full when they are made again; returns how many."""
    return budgets_purge()


@shared_task(name=RUN_IMPORT)
def run_import(tenant_id: str, run_id: str) -> None:
    """Looks at all that an upstream offers, and writes down what changed."""
    import_perform(UUID(tenant_id), UUID(run_id))


@shared_task(name="mcp_runtime.sweep_imports")
def sweep_imports() -> int:
    """Asks again for imports whose message was lost; returns how many."""
    due = runs_due()
    for tenant_id, run_id in due:
        run_import.delay(str(tenant_id), str(run_id))
    return len(due)


@shared_task(name="mcp_runtime.sweep_probes")
def sweep_probes() -> int:
    """Has the upstreams probed whose turn it is; returns how many."""
    due = [(str(tenant_id), str(upstream_id)) for tenant_id, upstream_id in upstreams_due()]
    for together in batched(due, PROBED_TOGETHER, strict=False):
        # What waits longer than its lease is sent again, so that a late message would only come beside another.
        probe_upstreams.apply_async((together,), expires=LEASE.total_seconds())
    return len(due)


@shared_task(name=PROBE_UPSTREAMS)
def probe_upstreams(wanted: list[tuple[str, str]]) -> int:
    """Probes upstreams by tenant and id, and writes down what came of it; returns how many changed their state."""
    return len(probes_perform([(UUID(tenant_id), UUID(upstream_id)) for tenant_id, upstream_id in wanted]))


@shared_task(name="mcp_runtime.sweep_uptime")
def sweep_uptime() -> int:
    """Has it looked whether endpoints are up, for all tenants whose uptime is counted; returns how many."""
    tenants = [str(tenant_id) for tenant_id in watched_tenants()]
    for together in batched(tenants, LOOKED_AT_TOGETHER, strict=False):
        look_at_uptime.apply_async((together,), expires=LOOK_SECONDS)
    return len(tenants)


@shared_task(name=LOOK_AT_UPTIME)
def look_at_uptime(tenants: list[str]) -> int:
    """Looks whether the endpoints of these tenants are up; returns how many answered."""
    return uptime_look([UUID(tenant_id) for tenant_id in tenants])


@shared_task(name=PUBLISH)
def publish_purchases() -> int:
    """Has workers know the keys of purchases whose standing changed; returns of how many purchases."""
    return purchases_publish()


@shared_task(name="mcp_runtime.deliver_alerts")
def deliver_alerts() -> int:
    """Tells channels of changes that wait to be told; returns how many messages that was."""
    return alerts_deliver()


@shared_task(name="mcp_runtime.purge_health_events")
def purge_health_events() -> int:
    """Forgets old changes of upstreams' states; returns how many."""
    purged = 0
    for tenant_id in set(TenantSlug.objects.values_list("tenant_id", flat=True)):
        with tenant_context(tenant_id):
            purged += events_purge(timezone.now())
    return purged


# Delivered twice or not at all, it comes to the same: the task's own lease says who runs it. Who sends it names its
# queue, since Celery warns of that as an attribute, and where warnings are errors that leaves other tasks unregistered.
@shared_task(name=RUN_TASK)
def run_task(tenant_id: str, task_id: str) -> None:
    """Runs a call that outlives its request, to its end or to where it waits for answers."""
    runner_thread().run(tenant_id, task_id)
