"""Closing one's account."""

from typing import cast

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from console.access import PersonRequest, person
from console.forms import OF_INPUT, TypedNameForm
from core.refusals import Refused
from tenants.services.closing import account_close


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@person
def close(request: PersonRequest) -> HttpResponseBase:
    """Asks by name, of somebody who has shown just now that it is them, and closes the account."""
    return cast(HttpResponseBase, _close(request))


@reauthentication_required
def _close(request: HttpRequest) -> HttpResponse:
    user = cast(PersonRequest, request).user
    form = TypedNameForm(user.email, request.POST or None)
    if form.is_valid():
        try:
            account_close(user=user)
        except Refused as refused:
            if refused.refusal not in OF_INPUT:
                raise
            form.add_error(None, str(refused))
        else:
            logout(request)
            messages.success(request, "Your account is closed.")
            return redirect("account_login")
    return render(request, "account/close.html", {"form": form}, status=form.status)
