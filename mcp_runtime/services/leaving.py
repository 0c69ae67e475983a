"""Ending what a person who is put out of a tenant leaves at its endpoints. Each runs inside the tenant's context."""

from uuid import UUID

from django.utils import timezone

from core.channels import ENDPOINTS_CHANNEL
from core.events import notify
from mcp_runtime.models import AccessKey, Endpoint, Task, TaskSchedule, TaskStatus
from mcp_runtime.services.publish import publish
from mcp_runtime.services.telling import tell_board
from mcp_runtime.snapshots.structs import EndpointChanged, encode
from tenants.leaving import Ended, Leaver

UNFINISHED = (TaskStatus.WORKING, TaskStatus.INPUT_REQUIRED)
WHY = "Who asked for it was put out of the tenant."


def access_keys_end(leaver: Leaver) -> list[Ended]:
    """Revokes the access keys that a leaver made, and has workers refuse them within a second."""
    made = AccessKey.objects.filter(created_by_id=leaver.user_id, revoked_at=None)
    # Endpoints first, in one order for everybody: whoever issues a key holds its endpoint.
    of = made.values_list("endpoint_id", flat=True)
    endpoints = list(Endpoint.objects.select_for_update().filter(pk__in=set(of)).order_by("pk"))
    keys = list(made.select_related("endpoint").order_by("pk"))
    made.update(revoked_at=timezone.now())
    for endpoint in endpoints:
        publish(endpoint)
    return [Ended("access_key", f"{key.name} ({key.prefix}…) of {key.endpoint.slug}", key.pk) for key in keys]


def tasks_end(leaver: Leaver) -> list[Ended]:
    """Cancels the tasks of a leaver, and of the access keys that they made; a run that has begun is called off."""
    keys = AccessKey.objects.filter(created_by_id=leaver.user_id).values_list("pk", flat=True)
    principals = [f"member:{leaver.user_id}", *(f"key:{key}" for key in keys)]
    unfinished = Task.objects.filter(principal__in=principals, status__in=UNFINISHED)
    wanted = list(unfinished.order_by("pk").values_list("pk", flat=True))
    # Schedules before rows, as whoever else changes a task does (mcp_runtime/durable/changing.py).
    list(TaskSchedule.objects.select_for_update().filter(pk__in=wanted).order_by("pk"))
    tasks = list(unfinished.filter(pk__in=wanted).select_related("endpoint").select_for_update(of=("self",)))
    Task.objects.filter(pk__in=[task.pk for task in tasks]).update(
        status=TaskStatus.CANCELLED, questions="{}", message=WHY, updated_at=timezone.now()
    )
    for task in tasks:
        TaskSchedule.objects.filter(pk=task.pk).update(wake_at=task.expires_at)
        _announce(leaver.tenant_id, task)
    return [Ended("task", f"{task.tool} at {task.endpoint.slug}", task.pk) for task in tasks]


def boards_end(leaver: Leaver) -> list[Ended]:
    """Has every open board of the tenant ask whether whoever looks at it still may: a leaver's are closed."""
    tell_board(leaver.tenant_id)
    return [Ended("boards", "Open boards of the console", None, "Their connections are closed.")]


def _announce(tenant_id: UUID, task: Task) -> None:
    change = EndpointChanged(tenant_id=str(tenant_id), endpoint=task.endpoint.slug, task=str(task.pk))
    notify(ENDPOINTS_CHANNEL, encode(change).decode())
