"""A pytest plugin: whom tests of payments speak to: the simulator, or Stripe's test mode where STRIPE_API_KEY is of it.

The variable is taken away from everything else: most tests are of a platform that nobody pays. In test mode no webhook
can reach the machine that tests run on, and a card can be typed into Stripe's pages by a person alone; what tests do
instead is in `tests/billing/stripe/paying.py`. What the simulator alone can do, or what needs an account that nobody
else uses, is skipped there and says so.
"""

import os

import pytest

TEST_MODE = ("sk_test_", "rk_test_")
# xdist's processes inherit it.
_KEPT = "TEST_STRIPE_API_KEY"

if given := os.environ.pop("STRIPE_API_KEY", ""):
    os.environ[_KEPT] = given


def stripe_test_key() -> str:
    """The key of Stripe's test mode; empty where the simulator is spoken to."""
    return os.environ.get(_KEPT, "")


def require_simulator() -> None:
    """Skips the test in test mode: it needs what the simulator does at a word."""
    if stripe_test_key():
        pytest.skip("only the simulator fails, waits and answers at a word")


@pytest.hookimpl
def pytest_configure() -> None:
    """Refuses every key with which tests would move money."""
    if stripe_test_key() and not stripe_test_key().startswith(TEST_MODE):
        raise pytest.UsageError("STRIPE_API_KEY is not of Stripe's test mode: unset it, or name one that is.")


@pytest.fixture
def own_account() -> None:
    """For tests that count what is in the account: in test mode others have put things into it."""
    if stripe_test_key():
        pytest.skip("needs an account that nobody else uses")
