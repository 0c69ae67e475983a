"""The tenant's own host in these runs: a name below a domain that is in no DNS, and is this machine."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DOMAIN = "hosts.example"
# The same for the suite, which is a program of Node.
NAMES = Path(__file__).parent / "names.cjs"


def host_mcp_url(facts: Mapping[str, str]) -> str:
    """The address of the demo's endpoint at its tenant's host."""
    port = urlsplit(facts["mcp_url"]).port
    return f"http://{facts['tenant']}.{DOMAIN}:{port}/{facts['endpoint']}/mcp"


def names_are_here() -> None:
    """Has this process find the names below the domain at this machine."""
    usual = socket.getaddrinfo

    def lookup(host: Any, *rest: Any, **named: Any) -> Any:
        is_ours = isinstance(host, str) and host.endswith(f".{DOMAIN}")
        return usual("127.0.0.1" if is_ours else host, *rest, **named)

    socket.getaddrinfo = lookup
