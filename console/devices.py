"""The cookie by which a browser is known that somebody signed in with before; loaded when the app is ready."""

from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from console.client_addresses import client_address
from console.templatetags.console import browser
from tenants.models import User
from tenants.services.devices import LIFETIME, device_met

COOKIE = "device"
_SIGNED_IN = "signed_in_as"


@receiver(user_logged_in)
def _signed_in(request: HttpRequest, user: User, **_rest: Any) -> None:
    setattr(request, _SIGNED_IN, user)


def device_noted(request: HttpRequest, response: HttpResponse) -> None:
    """Has a browser in which somebody signed in just now keep its token; they hear by mail of one that is new."""
    user: User | None = getattr(request, _SIGNED_IN, None)
    if user is None:
        return
    token = device_met(
        user=user,
        token=request.COOKIES.get(COOKIE, ""),
        address=client_address(request),
        browser=browser(request.headers.get("User-Agent", "")),
    )
    response.set_cookie(
        COOKIE,
        token,
        max_age=LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
