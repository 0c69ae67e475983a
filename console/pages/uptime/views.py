"""Uptime of a month by endpoint, its outages, what of it may be shown to everybody, and the month as a file."""

import csv
import io
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing.models import StatusPage
from billing.money import shown
from console.access import MemberRequest, member
from console.pages.uptime.forms import StatusPageForm
from console.pages.uptime.strip import HEIGHT, WIDTH, days_of, marks_of, month_of, months_back, outages_of
from console.rendering import page
from mcp_runtime.models import Endpoint
from mcp_runtime.services.status_page import status_page_set
from mcp_runtime.uptime_selectors import month_closed, month_records, status_page
from tenants.access import Permission

_COLUMNS = ("endpoint", "month", "uptime_percent", "minutes_counted", "minutes_down", "outages")


@require_safe
@member(Permission.VIEW)
def show(request: MemberRequest) -> HttpResponse:
    """The month that the address names, or this one."""
    return _page(request)


@require_safe
@member(Permission.VIEW)
def download(request: MemberRequest) -> HttpResponse:
    """The same month as CSV."""
    month = month_of(request.GET.get("month"), timezone.now().date())
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    for record in month_records(month, timezone.now()):
        # A slug and not the name: no program takes it for a formula.
        told = (record.endpoint.slug, f"{month:%Y-%m}", record.uptime, record.tally.counted, record.tally.down)
        rows.writerow((*told, len(record.outages)))
    name = f"{request.actor.tenant.slug}-uptime-{month:%Y-%m}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
@member(Permission.MANAGE_TENANT)
def status_page_edit(request: MemberRequest) -> HttpResponse:
    """Publishes the page for everybody, changes it, or takes it back."""
    form = StatusPageForm(request.POST)
    if form.is_valid():
        with form.submitting():
            said = form.cleaned_data
            made = status_page_set(
                actor=request.actor, name=said["name"], endpoint_slugs=said["endpoints"], published=said["published"]
            )
            messages.success(request, "Everybody can see it now." if made.published else "Nobody else sees it.")
            return redirect("uptime", request.actor.tenant.slug)
    return _page(request, form=form)


def _page(request: MemberRequest, *, form: StatusPageForm | None = None) -> HttpResponse:
    now = timezone.now()
    month = month_of(request.GET.get("month"), now.date())
    found, known, closed = month_records(month, now), status_page(), month_closed(month)
    form = form or StatusPageForm(initial=_initial(request, known))
    context = {
        "month": f"{month:%Y-%m}",
        "months": [(f"{one:%Y-%m}", f"{one:%B %Y}") for one in months_back(now.date())],
        "rows": [(record, marks_of(record, days_of(month))) for record in found],
        "outages": outages_of(found),
        "width": WIDTH,
        "height": HEIGHT,
        "status_page": known,
        "closed": closed,
        "credit": shown(closed.credit_cents, closed.currency) if closed and closed.credit_cents else "",
        "form": form,
    }
    return page(request, "uptime/show.html", context, status=form.status)


def _initial(request: MemberRequest, known: StatusPage | None) -> dict[str, Any]:
    if known is None:
        return {"name": request.actor.tenant.name}
    slugs = Endpoint.objects.filter(pk__in=known.shown).values_list("slug", flat=True)
    return {"name": known.name, "published": known.published, "endpoints": list(slugs)}
