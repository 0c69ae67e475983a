"""What upstreams offer: approve, choose, curate. Each service runs inside the actor's tenant context."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from mcp_runtime.curation.shape import read_curation
from mcp_runtime.models import Definition, Upstream
from mcp_runtime.services.endpoints import changing
from mcp_runtime.services.serving import serve, with_upstream, withdraw
from mcp_runtime.services.upstreams import upstream_for
from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.trust.digests import digest_of
from mcp_runtime.trust.scan import findings_of
from tenants.access import Actor
from tenants.audit.recording import audit_note
from tenants.models import User
from tenants.validation import json_problem, refused_fields

MAXIMUM_NAMED = 50


def definition_for(upstream: Upstream, definition_id: UUID, *, lock: bool = False) -> Definition:
    """A definition of this upstream; raises Refused(NOT_FOUND)."""
    rows = Definition.objects.select_for_update(of=("self",)) if lock else Definition.objects.all()
    found = with_upstream(rows).filter(upstream=upstream, pk=definition_id).first()
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    return found


def definitions_approve(
    *, actor: Actor, endpoint_slug: str, upstream_slug: str, digests: dict[UUID, str] | None = None
) -> list[Definition]:
    """Pins what waits, as it was shown: `digests` has the digest of each definition that the person looked at.

    None approves whatever nothing was found in. What is gone is forgotten. Raises Refused: CONFLICT where an upstream
    offers something else by now than what was looked at, NOT_FOUND.
    """
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        upstream = upstream_for(endpoint, upstream_slug, lock=True)
        if digests is None:
            waiting = [found for found in waiting_in(upstream) if not found.findings]
        else:
            waiting = [_as_shown(upstream, definition_id, digest) for definition_id, digest in digests.items()]
        # Those that are gone lose their names with their rows.
        definitions_note("approved", upstream, waiting)
        approve(waiting, actor.user)
        return waiting


def definitions_note(what: str, upstream: Upstream, definitions: Sequence[Definition]) -> None:
    """Has the audit log say of many definitions at once what was decided: how many, and the first names."""
    if definitions:
        names = ", ".join(sorted(definition.name for definition in definitions)[:MAXIMUM_NAMED])
        told = [("count", None, str(len(definitions))), ("names", None, names)]
        audit_note(action=f"definition.{what}", kind="definition", target=upstream.pk, name=upstream.slug, changes=told)


def waiting_in(upstream: Upstream) -> Sequence[Definition]:
    """The definitions of an upstream that wait for somebody's approval, those that are gone left out."""
    rows = Definition.objects.filter(upstream=upstream, offered__isnull=False, is_gone=False)
    return list(with_upstream(rows).order_by("name"))


def approve(definitions: Iterable[Definition], by: User | None) -> None:
    """Pins what waits of each, and serves it; inside `changing`."""
    for definition in definitions:
        if definition.is_gone:
            definition.delete()
            continue
        if definition.offered is not None:
            definition.pinned, definition.offered = definition.offered, None
            definition.digest = digest_of(definition.pinned)
        definition.approved_by, definition.approved_at = by, timezone.now()
        definition.save()
        serve(definition)


def definitions_choose(
    *, actor: Actor, endpoint_slug: str, upstream_slug: str, ids: Sequence[UUID], chosen: bool
) -> list[Definition]:
    """Says of definitions whether clients get them. Raises Refused(NOT_FOUND)."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        upstream = upstream_for(endpoint, upstream_slug, lock=True)
        found = _held(upstream, ids)
        definitions_note("served" if chosen else "withdrawn", upstream, found)
        if chosen:
            _choose(found)
        else:
            withdraw(found)
        return found


def _held(upstream: Upstream, ids: Sequence[UUID]) -> list[Definition]:
    """These definitions of the upstream, locked, in this order; raises Refused(NOT_FOUND) for one that is not there."""
    rows = with_upstream(Definition.objects.select_for_update(of=("self",)))
    found = {definition.pk: definition for definition in rows.filter(upstream=upstream, pk__in=ids)}
    if set(ids) - found.keys():
        raise Refused(refusals.NOT_FOUND)
    return [found[definition_id] for definition_id in dict.fromkeys(ids)]


def _choose(definitions: Iterable[Definition]) -> None:
    for definition in definitions:
        definition.chosen = True
        definition.save(update_fields=["chosen", "updated_at"])
        serve(definition)


def definition_curate(
    *, actor: Actor, endpoint_slug: str, upstream_slug: str, definition_id: UUID, curation: dict[str, Any]
) -> Definition:
    """Replaces what is changed about a definition; see `curation.shape`. Raises Refused(INVALID_INPUT) by field."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        upstream = upstream_for(endpoint, upstream_slug, lock=True)
        definition = definition_for(upstream, definition_id, lock=True)
        definition.curation = _checked(curation)
        definition.save(update_fields=["curation", "updated_at"])
        definitions_note("curated", upstream, [definition])
        serve(definition)
        if definition.obstacle:
            # Here somebody is told at once; what is stored stays as it was.
            raise refused_fields({"curation": definition.obstacle})
        return definition


def _checked(curation: dict[str, Any]) -> dict[str, Any]:
    if problem := json_problem(curation):
        raise refused_fields({"curation": problem})
    try:
        stored: dict[str, Any] = msgspec.to_builtins(read_curation(curation))
    except InvalidConfig as error:
        raise refused_fields(error.fields) from None
    return stored


def _as_shown(upstream: Upstream, definition_id: UUID, digest: str) -> Definition:
    definition = definition_for(upstream, definition_id, lock=True)
    shown = definition.pinned if definition.offered is None else definition.offered
    if digest_of(shown or {}) != digest:
        sentence = f"{definition.name} has changed since you looked at it. Look again."
        raise Refused(refusals.CONFLICT, sentence, {"fields": {str(definition_id): [sentence]}})
    return definition


def rescan(definition: Definition) -> None:
    """Looks again for what has to be looked at: in what waits, or in what is pinned where nothing does."""
    document = definition.offered if definition.offered is not None else definition.pinned
    definition.findings = [msgspec.to_builtins(finding) for finding in findings_of(document or {})]
