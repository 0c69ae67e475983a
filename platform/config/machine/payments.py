"""Simulated payments for whoever tries the platform out: the stand-in for Stripe, and the environment that says so."""

import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from config.machine import children
from config.machine.children import BROKER, CATALOGUE, DATABASE, MIGRATIONS, PAYMENTS
from config.machine.commands import OURS
from config.machine.options import Options
from config.machine.state import State
from config.problems import Problem
from core.embedded.postgres import free_port
from core.supervision.spec import ChildSpec

MODULE = "tests.stripe_simulator"
KEPT = "payments.pickle"
LOOK_SECONDS = 1.0


def simulated_environment(state: State, former: Mapping[str, str]) -> dict[str, str]:
    """What says to every process that payments are simulated, and where."""
    port = free_port(urlsplit(former.get("STRIPE_API_URL", "")).port or 0)
    return {
        "STRIPE_API_KEY": f"sk_test_{state.secret('STRIPE_API_KEY')}",
        "STRIPE_API_URL": f"http://127.0.0.1:{port}",
        "STRIPE_WEBHOOK_SECRETS": f"whsec_{state.secret('STRIPE_WEBHOOK_SECRETS')}",
    }


def simulation(options: Options, application: Mapping[str, str], before: list[ChildSpec]) -> list[ChildSpec]:
    """The stand-in, and the step that makes the catalogue in it. Raises Problem where it is not installed."""
    port = urlsplit(application["STRIPE_API_URL"]).port or 0
    webhook = f"{options.reachable(options.console_port)}/webhooks/stripe"
    kept = str(options.state / KEPT)
    argv = (*OURS, MODULE, "--port", str(port), "--keep", kept, "--webhook", webhook)
    stand_in = children.payments(argv, {**application, "PYTHONPATH": str(_source())}, partial(_answers, port))
    servers = {DATABASE, BROKER, MIGRATIONS}
    ready = (*(spec.id for spec in before if spec.id in servers), PAYMENTS)
    return [stand_in, children.step(CATALOGUE, "config.steps.catalogue", application, after=ready, essential=False)]


def _source() -> Path:
    """The source tree: what is installed from a wheel has no stand-in."""
    here = Path(__file__).resolve().parents[3]
    if not (here / "tests" / "stripe_simulator").is_dir():
        raise Problem("Payments are simulated from a source tree only. Leave --simulated-payments out.")
    return here


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), LOOK_SECONDS):
            return True
    except OSError:
        return False
