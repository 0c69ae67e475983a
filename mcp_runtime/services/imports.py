"""Imports: a look at all that an upstream offers, and what has changed since the last one.

Nothing is half-imported: what is found is written in one transaction at the end, or not at all.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core import refusals
from core.jobs import send_or_leave
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.jobs import RUN_IMPORT
from mcp_runtime.models import Definition, Form, ImportRun, ImportSchedule, RunState, Upstream, UpstreamSchedule
from mcp_runtime.services.definitions import approve, definitions_note, rescan
from mcp_runtime.services.endpoints import changing_unasked, endpoint_for
from mcp_runtime.services.serving import document_of, with_upstream
from mcp_runtime.services.upstreams import upstream_for
from mcp_runtime.sources.upstream import Discovery
from mcp_runtime.trust.digests import digest_of
from mcp_runtime.trust.scan import Finding, lookalikes
from tenants.access import Actor, Permission
from tenants.validation import json_problem

MAXIMUM_DEFINITIONS = 10_000
MAXIMUM_NAME_BYTES = 1_000
MAXIMUM_REFUSED_KEPT = 1_000
MAXIMUM_RUNS_KEPT = 20
MAXIMUM_SWEPT = 100
# A run that has said nothing for so long has died with its process.
SILENCE = timedelta(minutes=6)
SWEEP_AFTER = timedelta(seconds=15)
# What upstreams offer is looked at again so often, and not more often however they change.
RELOOK_AFTER = timedelta(hours=24)
RELOOK_PAUSE = timedelta(minutes=10)


def import_start(*, actor: Actor, endpoint_slug: str, upstream_slug: str, approves_clean: bool = False) -> ImportRun:
    """Begins to look at what an upstream offers, in a job. Raises Refused: CONFLICT while another run is under way."""
    actor.require(Permission.EDIT_ENDPOINTS)
    upstream = upstream_for(endpoint_for(endpoint_slug), upstream_slug, lock=True)
    if any(not is_lost(run) for run in _under_way(upstream)):
        raise Refused(refusals.CONFLICT, "An import of this upstream is under way.")
    _under_way(upstream).update(state=RunState.FAILED, error="It was cut short.", ended_at=timezone.now())
    run = ImportRun.objects.create(
        tenant=actor.tenant, upstream=upstream, approves_clean=approves_clean, requested_by=actor.user
    )
    _forget_old(upstream)
    schedule(run)
    return run


def relook_where_due(tenant_id: UUID, upstream_id: UUID) -> ImportRun | None:
    """Begins an import of an upstream that said that it changed, or was not looked at for RELOOK_AFTER.

    Of what such a run finds, nothing is approved. One that was never imported is left to its author. Opens the tenant's
    context itself.
    """
    said_at = _said_changed_at(upstream_id)
    with tenant_context(tenant_id):
        upstream = Upstream.objects.select_for_update().defer("material").filter(pk=upstream_id).first()
        if upstream is None or upstream.discovered_at is None or _under_way(upstream).exists():
            return None
        is_old = upstream.discovered_at < timezone.now() - RELOOK_AFTER
        if not is_old and (said_at is None or said_at < upstream.discovered_at):
            return None
        last = ImportRun.objects.filter(upstream=upstream).order_by("-created_at").first()
        if last is not None and last.created_at > timezone.now() - RELOOK_PAUSE:
            return None
        run = ImportRun.objects.create(tenant_id=tenant_id, upstream=upstream)
        _forget_old(upstream)
        schedule(run)
        return run


def _said_changed_at(upstream_id: UUID) -> datetime | None:
    rows = UpstreamSchedule.objects.filter(upstream_id=upstream_id)
    return rows.values_list("changed_at", flat=True).first()


def schedule(run: ImportRun) -> None:
    """Has a job perform the run: at once by a message, and if that is lost by whoever sweeps the schedule."""
    ImportSchedule.objects.update_or_create(
        run_id=run.pk, defaults={"tenant_id": run.tenant_id, "wake_at": timezone.now() + SWEEP_AFTER}
    )
    arguments = (str(run.tenant_id), str(run.pk))
    transaction.on_commit(partial(send_or_leave, RUN_IMPORT, arguments))


def is_lost(run: ImportRun) -> bool:
    """Whether nothing will be heard of a run that is not over."""
    return timezone.now() - (run.started_at or run.created_at) > SILENCE


def run_begin(*, run_id: UUID) -> ImportRun | None:
    """Claims a run for whoever performs it; None where it is over, or its upstream is gone."""
    # A run whose process died is still running on paper, and is claimed again when nothing more will come of that.
    lost = Q(state=RunState.RUNNING, started_at__lt=timezone.now() - SILENCE)
    claimed = ImportRun.objects.filter(Q(state=RunState.QUEUED) | lost, pk=run_id)
    if not claimed.update(state=RunState.RUNNING, started_at=timezone.now(), done=0, total=0):
        return None
    rows = ImportRun.objects.select_related("upstream__endpoint", "upstream__tenant").defer("upstream__material")
    return rows.get(pk=run_id)


def runs_due() -> list[tuple[UUID, UUID]]:
    """Tenant and id of runs whose message was lost, each put off for a while; outside any tenant's context."""
    now = timezone.now()
    due = list(ImportSchedule.objects.filter(wake_at__lte=now).values_list("tenant_id", "run_id")[:MAXIMUM_SWEPT])
    ImportSchedule.objects.filter(run_id__in=[run_id for _tenant, run_id in due]).update(wake_at=now + SILENCE)
    return due


def run_over(run_id: UUID) -> None:
    """Takes a run that is over off the schedule."""
    ImportSchedule.objects.filter(run_id=run_id).delete()


def run_progress(*, run_id: UUID, done: int, total: int, doing: str) -> None:
    """Notes how far a run is."""
    progress = {"done": max(done, 0), "total": max(total, 0), "doing": doing[:200]}
    ImportRun.objects.filter(pk=run_id, state=RunState.RUNNING).update(**progress)


def run_fail(*, run_id: UUID, error: str) -> None:
    """Ends a run that changed nothing."""
    ended = {"state": RunState.FAILED, "error": error[:1_000], "ended_at": timezone.now()}
    ImportRun.objects.filter(pk=run_id, state=RunState.RUNNING).update(**ended)


def run_finish(run: ImportRun, discovery: Discovery) -> None:
    """Writes down what a run found, all of it in the transaction of the tenant's context that it is called in."""
    with changing_unasked(tenant_id=run.tenant_id, endpoint_slug=run.upstream.endpoint.slug) as endpoint:
        upstream = upstream_for(endpoint, run.upstream.slug, lock=True)
        if upstream.revision != run.upstream.revision:
            raise Refused(refusals.CONFLICT, "It was changed while it was looked at. Import it again.")
        found, refused = _found(discovery)
        comparison = _Comparison(upstream, found)
        comparison.write()
        if run.approves_clean:
            clean = comparison.clean()
            definitions_note("approved", upstream, clean)
            approve(clean, run.requested_by)
        _describe(upstream, discovery)
    run.state, run.ended_at, run.doing = RunState.DONE, timezone.now(), ""
    run.refused = refused[:MAXIMUM_REFUSED_KEPT]
    run.counts = comparison.counts | {"refused": len(refused)}
    run.done = run.total = len(found)
    run.save()


@dataclass(frozen=True, slots=True)
class _Found:
    form: str
    name: str
    document: dict[str, Any]


def _found(discovery: Discovery) -> tuple[list[_Found], list[dict[str, str]]]:
    """What can be stored of a discovery, and what cannot, by name and reason."""
    refused = [{"name": item.name[:200], "reason": item.reason[:500]} for item in discovery.refused]
    found: dict[tuple[str, str], _Found] = {}
    for form, name, document in _documents(discovery):
        problem = _problem(name, document, is_double=(form, name) in found, is_full=len(found) >= MAXIMUM_DEFINITIONS)
        if problem:
            refused.append({"name": name[:200], "reason": problem})
        else:
            found[form, name] = _Found(form, name, document)
    return list(found.values()), refused


def _documents(discovery: Discovery) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for tool in discovery.tools:
        yield Form.TOOL, tool.name, document_of(tool)
    for prompt in discovery.prompts:
        yield Form.PROMPT, prompt.name, document_of(prompt)
    for resource in discovery.resources:
        yield Form.RESOURCE, resource.uri, document_of(resource)


def _problem(name: str, document: dict[str, Any], *, is_double: bool, is_full: bool) -> str:
    if not name or len(name.encode("utf-8", "replace")) > MAXIMUM_NAME_BYTES:
        return f"Its name is empty or longer than {MAXIMUM_NAME_BYTES} bytes."
    if is_double:
        return "Something else of this upstream has the same name."
    if is_full:
        return f"An upstream has at most {MAXIMUM_DEFINITIONS} definitions."
    return json_problem([name, document])


class _Comparison:
    """What was found against what is stored."""

    def __init__(self, upstream: Upstream, found: list[_Found]) -> None:
        self._upstream = upstream
        self._found = found
        stored = Definition.objects.filter(upstream=upstream).select_for_update(of=("self",))
        self._stored = {(item.form, item.name): item for item in with_upstream(stored)}
        self._waiting: list[Definition] = []
        self.counts = {"new": 0, "changed": 0, "gone": 0, "unchanged": 0}

    def write(self) -> None:
        """Stores what is new or changed as waiting, and marks what is gone. Serves none of it."""
        alike = lookalikes([item.name for item in self._found if item.form == Form.TOOL])
        for item in self._found:
            definition = self._stored.pop((item.form, item.name), None) or self._new(item)
            self.counts[self._offer(definition, item.document)] += 1
            rescan(definition)
            if item.form == Form.TOOL and item.name in alike:
                finding = Finding("lookalike", "name", alike[item.name])
                definition.findings = [*definition.findings, msgspec.to_builtins(finding)]
            definition.save()
            if definition.offered is not None:
                self._waiting.append(definition)
        self._lose(self._stored.values())

    def clean(self) -> list[Definition]:
        """What waits and has nothing in it to look at."""
        return [definition for definition in self._waiting if not definition.findings]

    def _new(self, item: _Found) -> Definition:
        return Definition(tenant_id=self._upstream.tenant_id, upstream=self._upstream, form=item.form, name=item.name)

    @staticmethod
    def _offer(definition: Definition, document: dict[str, Any]) -> str:
        """Notes what is offered now; what that makes of the definition."""
        definition.is_gone = False
        if definition.pinned is None:
            outcome = "new" if definition.offered is None else "unchanged"
            definition.offered = document
            return outcome
        is_pinned = digest_of(document) == definition.digest
        definition.offered = None if is_pinned else document
        return "unchanged" if is_pinned else "changed"

    def _lose(self, missing: Iterable[Definition]) -> None:
        for definition in missing:
            if definition.pinned is None:
                definition.delete()
                continue
            self.counts["gone"] += 1
            definition.is_gone, definition.offered = True, None
            definition.save()


def _describe(upstream: Upstream, discovery: Discovery) -> None:
    upstream.speaks = discovery.speaks[:200]
    upstream.instructions = discovery.instructions[:20_000]
    upstream.discovered_at = timezone.now()
    upstream.save(update_fields=["speaks", "instructions", "discovered_at", "updated_at"])


def _under_way(upstream: Upstream) -> Any:
    return ImportRun.objects.filter(upstream=upstream, state__in=[RunState.QUEUED, RunState.RUNNING])


def _forget_old(upstream: Upstream) -> None:
    rows = ImportRun.objects.filter(upstream=upstream).order_by("-created_at")
    kept = list(rows.values_list("pk", flat=True)[:MAXIMUM_RUNS_KEPT])
    rows.exclude(pk__in=kept).delete()
