"""Whom tests of payments speak to follows from STRIPE_API_KEY, and never is an account in which money moves."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.servers import ROOT
from tests.stripe_account import stripe_test_key

SECONDS = 100


def _pytest(key: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A run of tests of its own, where somebody has set the variable."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-rs", *words]
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TEST_"))}
    environment = given | {"STRIPE_API_KEY": key}
    return subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=SECONDS
    )


@pytest.mark.skipif(bool(stripe_test_key()), reason="is about runs without a key")
def test_nobody_is_paid_where_no_key_is_named() -> None:
    assert settings.STRIPE_API_KEY == ""
    assert "STRIPE_API_KEY" not in os.environ


@pytest.mark.system
@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", "nonsense"])
def test_no_test_runs_with_a_key_that_moves_money(key: str) -> None:
    run = _pytest(key, "tests/billing/test_money.py")
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert "STRIPE_API_KEY is not of Stripe's test mode" in run.stderr


@pytest.mark.system
def test_in_test_mode_the_simulator_is_not_started_and_other_tests_are_of_a_platform_without_a_key() -> None:
    only = "outages_are_what or whole_amount"
    run = _pytest("sk_test_1", "tests/billing/stripe/test_simulator.py", "tests/billing/test_money.py", "-k", only)
    assert run.returncode == 0, run.stdout
    assert "only the simulator fails, waits and answers at a word" in run.stdout
    assert " passed" in run.stdout
