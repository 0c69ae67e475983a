"""An identity provider that others wrote (npm's samlp), in a Node process."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tenants.sso.saml.keys import new_key_pair
from tests.node_packages import NODE, installed

SOURCE = Path(__file__).parent
STOP_SECONDS = 10


@dataclass(frozen=True)
class Idp:
    """The provider: its pages are at `origin`."""

    origin: str

    @property
    def allowed(self) -> str:
        """What OUTBOUND_ALLOW says of it."""
        return urlsplit(self.origin).netloc

    @property
    def metadata_url(self) -> str:
        """Where its metadata are."""
        return f"{self.origin}/metadata"

    def ask(self, **what: Any) -> None:
        """Has it know `people` by login, and the `service` that people go on to (acs, slo, entity, cert)."""
        httpx.post(f"{self.origin}/-/ask", json=what).raise_for_status()

    @property
    def sessions(self) -> int:
        """How many people are signed in there."""
        return int(httpx.get(f"{self.origin}/-/seen").json()["sessions"])


@contextmanager
def idp_running(logout: str = "redirect") -> Iterator[Idp]:
    """The process, while the context lasts; it takes messages of `logout` by this binding alone (or post)."""
    pair = new_key_pair()
    certificate = f"-----BEGIN CERTIFICATE-----\n{pair.certificate}\n-----END CERTIFICATE-----\n"
    with subprocess.Popen(
        [str(NODE), "server.mjs"],
        cwd=installed(SOURCE),
        env=os.environ | {"KEY": pair.key, "CERT": certificate, "LOGOUT": logout},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield Idp(**json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(STOP_SECONDS)
