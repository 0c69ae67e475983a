"""An audit log as it is downloaded, from a page or over the API."""

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from billing.entitlements import Right, require
from console.streaming import streamed
from core.tenancy import tenant_context
from tenants.access import Actor
from tenants.audit.reading import audit_export

CONTENT_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


def audit_download(request: HttpRequest, actor: Actor, form: str, after: int = 0) -> StreamingHttpResponse:
    """The log from after a sequence, in a form of CONTENT_TYPES. Opens contexts of its own.

    Raises Refused: NOT_IN_PLAN, PERMISSION_DENIED.
    """
    with tenant_context(actor.tenant.id):
        require(actor.tenant.id, Right.AUDIT_EXPORT)
    lines = audit_export(actor=actor, form=form, after=after)
    return streamed(request, lines, content_type=CONTENT_TYPES[form], filename=filename_of(actor, form))


def filename_of(actor: Actor, form: str = "jsonl") -> str:
    """What a download of today is called."""
    return f"{actor.tenant.slug}-audit-{timezone.now():%Y-%m-%d}.{form}"
