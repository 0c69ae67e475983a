"""Where a request comes from, behind as many proxies as TRUSTED_PROXIES says."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The client's IP address, without what clients can make up; empty where it is not known.

    Each proxy appends the address that it was called from to X-Forwarded-For, so that the one which our outermost proxy
    saw is that many from the end.
    """
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    told = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if proxies else []
    last = told[-proxies].strip() if len(told) >= proxies > 0 else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(last))
    except ValueError:
        return ""
