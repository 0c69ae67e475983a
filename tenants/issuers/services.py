"""Which issuers a tenant trusts: added, changed, removed. Whoever is trusted says who comes in."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.rows import one_of
from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.authorization import scopes
from tenants.authorization.publishing import gate_publish
from tenants.authorization.trusted import ALGORITHMS
from tenants.issuers.keys import FRESH, Fetched, keys_fetched
from tenants.models import Group, IssuerWatch, SsoConnection, TokenRefusal, TrustedIssuer, TrustedPeople
from tenants.validation import cleaned, refused_fields

MAXIMUM_ISSUERS = 10
MAXIMUM_MAPPINGS = 100
USUAL_ALGORITHMS = ("RS256", "PS256", "ES256")


@dataclass(frozen=True, slots=True)
class IssuerFields:
    """What somebody says of an issuer; see the model for each."""

    name: str
    issuer: str
    jwks_url: str = ""
    audience: str = ""
    algorithms: list[str] = field(default_factory=lambda: list(USUAL_ALGORITHMS))
    takes_plain: bool = False
    people: str = TrustedPeople.EXTERNAL
    connection_id: UUID | None = None
    subject_claim: str = "sub"
    scope_claim: str = "scope"
    scopes: Mapping[str, str] = field(default_factory=dict)
    default_scope: str = ""
    groups_claim: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)


def issuers_trusted(actor: Actor) -> QuerySet[TrustedIssuer]:
    """The issuers that the tenant in context trusts, by name."""
    actor.require(Permission.MANAGE_TENANT)
    return TrustedIssuer.objects.order_by("name", "pk")


def issuer_shown(actor: Actor, issuer_id: UUID, *, lock: bool = False) -> TrustedIssuer:
    """One of them; raises Refused(NOT_FOUND)."""
    rows = issuers_trusted(actor)
    return one_of(rows, issuer_id, locked=lock)


def issuer_set(*, actor: Actor, fields: IssuerFields, issuer_id: UUID | None = None) -> TrustedIssuer:
    """Trusts an issuer, or says anew how; its keys are fetched first. Opens contexts of its own.

    Workers hear of it within a second. Open streams of its tokens end with each change. Raises Refused: INVALID_INPUT
    with a sentence a field, CONFLICT, LIMIT_REACHED, NOT_FOUND, PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_TENANT)
    if issuer_id is not None:
        with tenant_context(actor.tenant.id):
            issuer_shown(actor, issuer_id)
    _require_foreign(fields)
    fetched = keys_fetched(fields.issuer, fields.jwks_url)
    if fetched.error:
        raise refused_fields({"jwks_url" if fields.jwks_url else "issuer": fetched.error})
    with tenant_context(actor.tenant.id):
        row = issuer_shown(actor, issuer_id, lock=True) if issuer_id else _new(actor)
        _take(row, fields, fetched)
        cleaned(row).save()
        _hold(row)
        gate_publish(actor.tenant.id)
        return row


def issuer_remove(*, actor: Actor, issuer_id: UUID) -> None:
    """Trusts it no more: its tokens are refused and its streams end within a second. Inside the tenant's context."""
    issuer_shown(actor, issuer_id, lock=True).delete()
    IssuerWatch.objects.filter(pk=issuer_id).delete()
    TokenRefusal.objects.filter(issuer_id=issuer_id).delete()
    gate_publish(actor.tenant.id)


def issuers_forget(tenant_id: UUID) -> None:
    """Frees what a tenant that is gone held of issuers."""
    IssuerWatch.objects.filter(tenant_id=tenant_id).delete()


def _new(actor: Actor) -> TrustedIssuer:
    if TrustedIssuer.objects.count() >= MAXIMUM_ISSUERS:
        raise Refused(refusals.LIMIT_REACHED, f"A tenant trusts at most {MAXIMUM_ISSUERS} issuers.")
    return TrustedIssuer(tenant=actor.tenant, revision=0)


def _take(row: TrustedIssuer, fields: IssuerFields, fetched: Fetched) -> None:
    for name in ("name", "issuer", "jwks_url", "audience", "takes_plain", "people", "groups_claim"):
        setattr(row, name, getattr(fields, name))
    row.subject_claim, row.scope_claim = fields.subject_claim, fields.scope_claim
    row.algorithms, row.default_scope = _algorithms(fields.algorithms), _scope("default_scope", fields.default_scope)
    row.connection_id = _connection(fields)
    row.scopes = {value: _scope("scopes", scope) for value, scope in _mapping("scopes", fields.scopes).items()}
    row.groups = _groups(_mapping("groups", fields.groups))
    row.keys, row.fetched_at, row.last_error = fetched.keys, timezone.now(), ""
    row.revision += 1


def _hold(row: TrustedIssuer) -> None:
    """No two tenants take the same tokens: those for an audience of one's own are one tenant's."""
    holds = hashlib.sha256(f"{row.issuer}\0{row.audience}".encode()).hexdigest() if row.audience else None
    watch: dict[str, Any] = {"tenant_id": row.tenant_id, "wake_at": timezone.now() + FRESH, "holds": holds}
    try:
        with transaction.atomic():
            IssuerWatch.objects.update_or_create(issuer_id=row.pk, defaults=watch)
    except IntegrityError:
        sentence = "Another tenant takes this issuer's tokens for this audience. Have them issued for another one."
        raise refused_fields({"audience": sentence}) from None


def _require_foreign(fields: IssuerFields) -> None:
    if f"{fields.issuer}/".startswith(f"{settings.CONSOLE_URL}/"):
        raise refused_fields({"issuer": "It is one of our own, whose tokens are for its tenant."})
    if f"{fields.audience}/".startswith(f"{settings.RUNTIME_URL}/"):
        raise refused_fields({"audience": "Leave it empty: tokens are then for the address of each endpoint."})


def _algorithms(names: list[str]) -> list[str]:
    chosen = [name for name in ALGORITHMS if name in names]
    if not chosen or set(names) - set(ALGORITHMS):
        raise refused_fields({"algorithms": f"Choose some of {', '.join(ALGORITHMS)}."})
    return chosen


def _scope(name: str, scope: str) -> str:
    if scope not in ("", *scopes.SUPPORTED) or (name == "scopes" and not scope):
        raise refused_fields({name: f"What a value means is one of {', '.join(scopes.SUPPORTED)}."})
    return scope


def _connection(fields: IssuerFields) -> UUID | None:
    if fields.people != TrustedPeople.SSO:
        return None
    found = SsoConnection.objects.filter(pk=fields.connection_id).first() if fields.connection_id else None
    if found is None:
        raise refused_fields({"connection_id": "Choose the connection by which these people sign in."})
    return found.pk


def _mapping(name: str, mapping: Mapping[str, str]) -> dict[str, str]:
    if len(mapping) > MAXIMUM_MAPPINGS or not all(0 < len(value) <= 200 for value in mapping):
        raise refused_fields({name: f"Name at most {MAXIMUM_MAPPINGS} values, of at most 200 characters."})
    return dict(mapping)


def _groups(mapping: dict[str, str]) -> dict[str, str]:
    known = {str(pk) for pk in Group.objects.values_list("pk", flat=True)}
    if not known.issuperset(mapping.values()):
        raise refused_fields({"groups": "Each value stands for a group of this tenant, by its id."})
    return mapping
