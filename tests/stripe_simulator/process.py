"""The simulator as a process, and the unchanged client that speaks to it."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import stripe

from tests.servers import ROOT

STOP_SECONDS = 10


@dataclass(frozen=True)
class Simulator:
    """Where it is reached."""

    url: str

    def client(self, key: str | None = None) -> stripe.StripeClient:
        """A client; without a key that of an account that nobody has used."""
        # Each account is its key's, so that tests do not see each other's.
        key = key or f"sk_test_{secrets.token_hex(12)}"
        return stripe.StripeClient(key, base_addresses={"api": self.url}, max_network_retries=0)

    def told(self, what: str, **how: Any) -> Any:
        """Tells it how to behave (`webhooks`, `outages`, `disputes`), or asks for its `requests`."""
        asked = Request(f"{self.url}/_simulator/{what}", json.dumps(how).encode(), method="POST")  # noqa: S310  loopback
        with urlopen(asked, timeout=STOP_SECONDS) as answer:  # noqa: S310  loopback
            return json.load(answer)


@contextmanager
def simulator_running() -> Iterator[Simulator]:
    """The process, while the context lasts."""
    command = [sys.executable, "-P", "-m", "tests.stripe_simulator"]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Simulator(process.stdout.readline().strip())
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
