"""The audit log: the latest events first, found by words and kind, and downloaded whole."""

from django.http import Http404, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from billing.entitlements import Limit, Right, limit
from billing.lifting import lack_of
from console.access import MemberRequest, member
from console.audit_download import CONTENT_TYPES, audit_download, filename_of
from console.pages.audit.words import kind_in_words, told
from console.rendering import page, query_of
from tenants.access import Permission
from tenants.audit.kinds import audit_kinds
from tenants.audit.reading import PAGE, audit_events, audit_head
from tenants.models import AuditTarget

MAXIMUM_DIGITS = 18  # what a sequence has room for


@require_safe
@member(Permission.VIEW_AUDIT)
def index(request: MemberRequest) -> HttpResponse:
    """A page of events. `?before=` is the sequence of the last one that was shown."""
    kinds, query = audit_kinds(), query_of(request)
    kind = request.GET.get("kind", "")
    kind = kind if kind in kinds else ""
    before = _sequence(request.GET.get("before", ""))
    found = list(audit_events(actor=request.actor, text=query, kind=kind, before=before)[: PAGE + 1])
    sequence, digest = audit_head()
    context = {
        "events": told(found[:PAGE]),
        "older": found[PAGE - 1].sequence if len(found) > PAGE else None,
        "is_latest": before is None,
        "query": query,
        "kind": kind,
        "kinds": [("", "Everything"), *((name, kind_in_words(name)) for name in kinds)],
        "sequence": sequence,
        "digest": digest,
        "lack": lack_of(request.actor.tenant.id, Right.AUDIT_EXPORT),
        "targets": AuditTarget.objects.order_by("name"),
        "filename": filename_of(request.actor),
        "days": limit(request.actor.tenant.id, Limit.AUDIT_DAYS),
    }
    return page(request, "audit/index.html", context)


@require_safe
@member(Permission.VIEW_AUDIT, holds_context=False)
def download(request: MemberRequest, form: str) -> HttpResponseBase:
    """The whole log, streamed: JSON Lines can be verified, CSV is for spreadsheets."""
    if form not in CONTENT_TYPES:
        raise Http404
    return audit_download(request, request.actor, form)


def _sequence(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= MAXIMUM_DIGITS
    return int(text) if is_number else None
