"""Where a request comes from, behind as many proxies as TRUSTED_PROXIES says."""

from django.conf import settings
from django.http import HttpRequest

from core.networks import address_of, client_of


def client_address(request: HttpRequest) -> str:
    """The client's IP address, without what clients can make up; empty where it is not known."""
    return address_behind_proxies(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def address_behind_proxies(peer: str, forwarded: str) -> str:
    """The same of who is connected to us and of what X-Forwarded-For says."""
    found = address_of(client_of(peer, forwarded, settings.ALLAUTH_TRUSTED_PROXY_COUNT))
    return "" if found is None else str(found)
