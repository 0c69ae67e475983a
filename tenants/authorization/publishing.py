"""Publishing the gate: what workers know changes in the same transaction as what it says."""

import json
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from core.channels import ENDPOINTS_CHANNEL
from core.events import notify
from tenants.authorization import gate
from tenants.models import Cutoff, PublishedGate, SigningKey, Tenant

# A clock that is slower than another, and a token that was being made.
MARGIN = timedelta(minutes=5)


def issuer_of(tenant_id: UUID | str) -> str:
    """The issuer identifier of a tenant's authorization server (RFC 8414 section 2)."""
    return f"{settings.CONSOLE_URL}/oauth/{tenant_id}"


def gate_publish(tenant_id: UUID) -> None:
    """Stores the gate of the tenant in context and tells the workers on commit."""
    PublishedGate.objects.bulk_create(
        [PublishedGate(tenant_id=tenant_id, version=0, document=b"")], ignore_conflicts=True
    )
    published = PublishedGate.objects.select_for_update().get(tenant_id=tenant_id)
    published.version += 1
    published.document = gate.encode(_gate(tenant_id, published.version))
    published.save(update_fields=["version", "document"])
    notify(ENDPOINTS_CHANNEL, json.dumps({"tenant_id": str(tenant_id)}))


def _gate(tenant_id: UUID, version: int) -> gate.Gate:
    now = timezone.now()
    keys = SigningKey.objects.filter(Q(forget_after=None) | Q(forget_after__gt=now)).order_by("created_at", "id")
    cutoffs = Cutoff.objects.filter(at__gt=now - timedelta(seconds=gate.MAXIMUM_TOKEN_SECONDS) - MARGIN)
    return gate.Gate(
        version=version,
        issuers=[issuer_of(tenant_id)],
        keys=[key.public for key in keys],
        cutoffs={cutoff.subject: cutoff.at.timestamp() for cutoff in cutoffs},
        networks=Tenant.objects.values_list("endpoint_networks", flat=True).get(pk=tenant_id),
    )
