"""The runtime as other parts of the platform reach it: at its inner address, under its public name.

The address comes from settings alone; nothing that a person types chooses where it is connected to.
"""

import http.client
from urllib.parse import urlsplit

from django.conf import settings


def runtime_connection(*, timeout: float) -> http.client.HTTPConnection:
    """A connection that is not open yet; `timeout` is in seconds, for connecting and for each read and write."""
    address = urlsplit(settings.RUNTIME_INTERNAL_URL)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname or "", address.port, timeout=timeout)


def request_headers() -> dict[str, str]:
    """Those of every MCP request over Streamable HTTP. The runtime answers under its public name, however reached."""
    return {
        "Host": urlsplit(settings.RUNTIME_URL).netloc,
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
