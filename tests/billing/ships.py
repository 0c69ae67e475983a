"""Calls in the ledger, as a worker's shipper puts them there."""

import uuid
from datetime import datetime

from billing.ledger.models import UsageDue, UsageEvent
from billing.ledger.partitions import partitions_make
from billing.uptime.models import UptimeDue
from core.tenancy import tenant_context
from tenants.models import Tenant

ENDPOINT = uuid.uuid4()


class Ships:
    """Writes calls as a worker's shipper does: the calls and the marks of their hour and minute in one transaction."""

    def __init__(self, tenant: Tenant, endpoint_id: uuid.UUID = ENDPOINT, principal: str = "key:1") -> None:
        self.tenant = tenant
        self.endpoint_id = endpoint_id
        self.principal = principal
        self.boot = uuid.uuid4().int >> 65
        self.number = 0

    def __call__(self, at: datetime, count: int = 1, *, outcome: str = "ok", name: str = "echo") -> None:
        partitions_make(at.date(), days=1)
        with tenant_context(self.tenant.id):
            for _ in range(count):
                self.number += 1
                UsageEvent.objects.create(
                    tenant=self.tenant,
                    at=at,
                    boot=self.boot,
                    sequence=self.number,
                    endpoint_id=self.endpoint_id,
                    principal=self.principal,
                    method="tools/call",
                    name=name,
                    revision="2026-07-28",
                    outcome=outcome,
                    billable=outcome == "ok",
                    microseconds=100,
                    bytes_in=10,
                    bytes_out=20,
                    request_id=str(self.number),
                )
            hour = at.replace(minute=0, second=0, microsecond=0)
            UsageDue.objects.update_or_create(
                tenant_id=self.tenant.id, hour=hour, boot=self.boot, defaults={"sequence": self.number}
            )
            # Of watched tenants alone, in truth.
            UptimeDue.objects.update_or_create(
                tenant_id=self.tenant.id,
                minute=at.replace(second=0, microsecond=0),
                boot=self.boot,
                defaults={"sequence": self.number},
            )
