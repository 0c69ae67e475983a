"""What a buyer's browser holds: a purchase's token, in a cookie that only that purchase's pages get.

Nothing of a purchase is in a session or needs one. Its pages are kept by no cache, told to no other site, and found by
no search.
"""

import functools
import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.cache import never_cache

COOKIE = "purchase"
# A day: whoever comes later has the link in the mail.
KEPT_SECONDS = 86_400
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,200}")


def quiet[**P](view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
    """Has no cache keep a page, no other site hear of its address, and no search engine list it."""

    @functools.wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(*args, **kwargs)
        # Not `no-referrer`: with that, browsers send forms of these pages with `Origin: null`, which no check lets in.
        response["Referrer-Policy"] = "same-origin"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return never_cache(answer)


def token_of(request: HttpRequest) -> str:
    """The token that the browser holds for the purchase of this address; empty where it holds none."""
    held = request.COOKIES.get(COOKIE, "")
    return held if _TOKEN.fullmatch(held) else ""


def token_keep(response: HttpResponse, tenant: str, offer: str, token: str) -> None:
    """Has the browser hold a token for a day, at the pages of that tenant's offer alone."""
    if not _TOKEN.fullmatch(token):
        return
    response.set_cookie(
        COOKIE,
        token,
        max_age=KEPT_SECONDS,
        path=_path(tenant, offer),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def token_drop(response: HttpResponse, tenant: str, offer: str) -> None:
    """Has the browser forget it."""
    response.delete_cookie(COOKIE, path=_path(tenant, offer), samesite="Lax")


def _path(tenant: str, offer: str) -> str:
    return reverse("bought", args=[tenant, offer])
