"""What somebody sees who is not signed in."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from billing.plans.selling import plans_on_sale


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """What the platform is, its picture, its plans. Whoever is signed in goes on to their tenants."""
    if request.user.is_authenticated:
        return redirect("home")
    return render(request, "landing/show.html", {"plans": plans_on_sale(), "runtime_url": settings.RUNTIME_URL})
