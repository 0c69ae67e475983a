"""Where a person goes after signing in."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from console.access import PersonRequest, person
from tenants.access import memberships_of


@require_safe
@person
def home(request: PersonRequest) -> HttpResponse:
    """A newcomer's welcome, the one tenant of those who have one, or the choice between several."""
    memberships = memberships_of(request.user)
    if len(memberships) == 1:
        return redirect("overview", memberships[0].tenant.slug)
    return redirect("tenant_list" if memberships else "welcome")
