"""Publishing the gate: what workers know changes in the same transaction as what it says."""

import json
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from core.channels import ENDPOINTS_CHANNEL
from core.events import notify
from tenants.authorization import gate
from tenants.authorization.issuers import issuers_of
from tenants.models import Cutoff, PublishedGate, SigningKey, Tenant, TenantSlug, TrustedIssuer

# A clock that is slower than another, and a token that was being made.
MARGIN = timedelta(minutes=5)
GRANT = "grant:"


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


def published_issuers(tenant_id: UUID) -> list[str]:
    """The issuers whose tokens workers take of the tenant in context."""
    document = PublishedGate.objects.filter(tenant_id=tenant_id).values_list("document", flat=True).first()
    return gate.decode(bytes(document)).issuers if document else []


def forgettable(now: datetime) -> Q:
    """Cut-offs that no token can be old enough for: grants are of our own tokens alone, which live shorter."""
    ours = Q(subject__startswith=GRANT, at__lt=now - timedelta(seconds=gate.MAXIMUM_TOKEN_SECONDS) - MARGIN)
    return ours | Q(at__lt=now - timedelta(seconds=gate.MAXIMUM_TRUSTED_SECONDS) - MARGIN)


def trusted_of(row: TrustedIssuer) -> gate.Trusted:
    """An issuer that is trusted, as workers know it."""
    return gate.Trusted(
        id=str(row.pk),
        revision=row.revision,
        issuer=row.issuer,
        keys=row.keys,
        algorithms=row.algorithms,
        audience=row.audience,
        takes_plain=row.takes_plain,
        people=row.people,
        connection=str(row.connection_id or ""),
        subject_claim=row.subject_claim,
        scope_claim=row.scope_claim,
        scopes=row.scopes,
        default_scope=row.default_scope,
        groups_claim=row.groups_claim,
        groups=row.groups,
    )


def _gate(tenant_id: UUID, version: int) -> gate.Gate:
    now = timezone.now()
    keys = SigningKey.objects.filter(Q(forget_after=None) | Q(forget_after__gt=now)).order_by("created_at", "id")
    cutoffs = Cutoff.objects.filter(~forgettable(now))
    return gate.Gate(
        version=version,
        issuers=issuers_of(tenant_id),
        keys=[key.public for key in keys],
        cutoffs={cutoff.subject: cutoff.at.timestamp() for cutoff in cutoffs},
        trusted=[trusted_of(row) for row in TrustedIssuer.objects.order_by("created_at", "pk")],
        slugs=list(TenantSlug.objects.filter(tenant_id=tenant_id).order_by("slug").values_list("slug", flat=True)),
        networks=Tenant.objects.values_list("endpoint_networks", flat=True).get(pk=tenant_id),
    )
