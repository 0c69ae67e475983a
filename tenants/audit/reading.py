"""Reading the audit log: pages of it, and exports."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Func, Q, QuerySet, TextField
from django.db.models.functions import Cast, Collate

from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.audit.chain import FIELDS
from tenants.audit.recording import audit_note
from tenants.models import AuditEvent, AuditHead

PAGE = 50
EXPORTED_TOGETHER = 1_000
_AT = "%Y-%m-%dT%H:%M:%S.%fZ"
# What a spreadsheet takes for a formula (OWASP, "CSV Injection"): the last four are = + - @ in full width.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *map(chr, (0xFF1D, 0xFF0B, 0xFF0D, 0xFF20)))
_SEARCHED = ("action", "actor_name", "target_name", "target_id", "address", "request_id")
_COLUMNS = (*FIELDS, "changes", "previous", "digest")


def audit_events(*, actor: Actor, text: str = "", kind: str = "", before: int | None = None) -> QuerySet[AuditEvent]:
    """The latest events first: those whose action, names, addresses or changes contain `text`, about targets of `kind`.

    `before` is the sequence of the last one that was shown. Runs inside the tenant's context, as `audit_head` does.
    Raises Refused(PERMISSION_DENIED).
    """
    actor.require(Permission.VIEW_AUDIT)
    found = AuditEvent.objects.order_by("-sequence")
    if text:
        found = _containing(found, text.replace("\0", ""))
    if kind:
        found = found.filter(target_kind=kind.replace("\0", ""))
    return found if before is None else found.filter(sequence__lt=before)


def audit_head() -> tuple[int, str]:
    """Sequence and digest of the latest event, to hold an export to; 0 and nothing where there is none."""
    head = AuditHead.objects.first()
    return (head.sequence, head.digest) if head else (0, "")


def audit_export(*, actor: Actor, form: str, after: int = 0) -> Iterator[str]:
    """The log from after a sequence, the earliest first, as lines of `jsonl` or `csv`.

    That somebody exports it is itself an event, and the last one of the export. Opens contexts of its own, one for each
    thousand events, so that no transaction waits for whoever reads. Raises Refused(PERMISSION_DENIED).
    """
    actor.require(Permission.VIEW_AUDIT)
    with tenant_context(actor.tenant.id):
        audit_note(action="audit.exported", kind="audit", name=form)
        last, _digest = audit_head()
    told = _exported(actor.tenant.id, after, last)
    return _as_csv(told) if form == "csv" else (json.dumps(event, ensure_ascii=False) + "\n" for event in told)


class _Folded(Func):
    """A text without its case, as Unicode has it and `str.casefold` too, whatever the database's own collation."""

    function = "casefold"
    output_field = TextField()

    def __init__(self, text: str | Cast) -> None:
        super().__init__(Collate(text, "pg_unicode_fast"))


def _containing(events: QuerySet[AuditEvent], text: str) -> QuerySet[AuditEvent]:
    # As JSON writes it: a quote in what changed stands there with a backslash.
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    matching = Q(folded_changes__contains=written.casefold())
    for column in _SEARCHED:
        matching |= Q(**{f"folded_{column}__contains": text.casefold()})
    folded = {f"folded_{column}": _Folded(column) for column in _SEARCHED}
    return events.alias(**folded, folded_changes=_Folded(Cast("changes", TextField()))).filter(matching)


def _exported(tenant_id: UUID, after: int, last: int) -> Iterator[dict[str, Any]]:
    while after < last:
        with tenant_context(tenant_id):
            rows = AuditEvent.objects.filter(sequence__gt=after, sequence__lte=last).order_by("sequence")
            events = [told_of(event) for event in rows[:EXPORTED_TOGETHER]]
        if not events:
            return
        yield from events
        after = events[-1]["sequence"]


def told_of(event: AuditEvent) -> dict[str, Any]:
    """An event as it is exported."""
    fields: dict[str, Any] = {name: getattr(event, name) for name in _COLUMNS}
    return {**fields, "at": _moment(event.at)}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_AT)


def _as_csv(events: Iterator[dict[str, Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(_COLUMNS)
    for event in events:
        yield writer.writerow([_cell(event[name]) for name in _COLUMNS])


def _cell(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


class _Line:
    """What a csv.writer writes to: it hands each line back."""

    @staticmethod
    def write(line: str) -> str:
        return line
