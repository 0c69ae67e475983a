"""Calls that outlive their request (the protocol's tasks), and when each has to be looked at."""

import uuid

from django.db import models

from core.rls import TenantForeignKey, TenantIsolation
from mcp_runtime.models.endpoint import Endpoint


class TaskStatus(models.TextChoices):
    """The statuses of the protocol's tasks extension."""

    WORKING = "working", "Working"
    INPUT_REQUIRED = "input_required", "Waiting for answers"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Task(models.Model):
    """One call, from its acceptance to its outcome. Written by the data plane, in `mcp_runtime.durable`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, db_index=False, related_name="+")
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+"
    )
    principal = models.CharField(max_length=200)
    tool = models.CharField(max_length=64)
    # An encoded `protocol.tasks.Call`: what was asked, and by what kind of client.
    call = models.TextField()
    status = models.CharField(max_length=16, choices=TaskStatus.choices, default=TaskStatus.WORKING)
    message = models.TextField(blank=True)
    # JSON objects by key: the questions that wait for answers, in wire form, and the answers so far.
    questions = models.TextField(default="{}")
    answers = models.TextField(default="{}")
    # JSON: the result of a completed task, the error of a failed one.
    outcome = models.TextField(blank=True)
    # How often the call was begun; a run writes only while it is the latest. `running`: one has begun and not ended.
    attempt = models.IntegerField(default=0)
    running = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="task_id_within_tenant"),
            models.CheckConstraint(condition=models.Q(status__in=TaskStatus.values), name="task_status_is_known"),
            TenantIsolation(name="task_isolation"),
            TenantForeignKey(
                name="task_endpoint_of_same_tenant", column="endpoint_id", to_table="mcp_runtime_endpoint"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "endpoint", "status"], name="task_by_status")]

    def __str__(self) -> str:
        return f"{self.tool} {self.id}"


class TaskSchedule(models.Model):
    """When a task has to be looked at: to be run, run again, or forgotten.

    Global on purpose, so that one question finds what is due whoever's it is; it holds nothing but ids and times.
    """

    task_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField()
    wake_at = models.DateTimeField(db_index=True)
    # Until then somebody works on it.
    leased_until = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.task_id)
