"""A platform of its own, which may reach a provider on this machine, and the people who will be put out of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.leaving.held import PASSWORD, Held, Stage
from tests.leaving.report import Report
from tests.leaving.ways import WAYS
from tests.oidc_provider.process import Upstream, upstream_running
from tests.running_platform import Platform, armstrong

SEED = Path(__file__).parent / "seed.py"


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """The provider at which people connect accounts of theirs."""
    with upstream_running() as running:
        yield running


@pytest.fixture(scope="session")
def platform(upstream: Upstream) -> Iterator[Platform]:
    """A running platform that may reach the provider."""
    made = Platform()
    made.environment["OUTBOUND_ALLOW"] = upstream.allowed
    try:
        made.start()
        yield made
    finally:
        made.close()


def _inside(platform: Platform, call: str) -> Any:
    """What a function of tests/leaving/seed.py says, called inside the platform's Django."""
    code = f"import json, runpy; print('SAID', json.dumps(runpy.run_path({str(SEED)!r})[{call}))"
    done = armstrong("manage", "shell", "--no-imports", "-c", code, env=platform.environment)
    said = [line for line in done.stdout.splitlines() if line.startswith("SAID ")]
    assert said, done.stdout + done.stderr
    return json.loads(said[0].removeprefix("SAID "))


@pytest.fixture(scope="session")
def held(platform: Platform, upstream: Upstream) -> Iterator[dict[str, Held]]:
    """Of each way to be put out, somebody who has everything that anybody can have."""
    facts = platform.facts
    told = _inside(
        platform,
        f"'seeded']({facts['tenant']!r}, {facts['email']!r}, {PASSWORD!r}, {list(WAYS)!r}, {upstream.mcp!r})",
    )
    stage = Stage(platform, upstream, told)
    found = {name: Held(stage, name, person) for name, person in told["people"].items()}
    for one in found.values():
        one.take()
    tokens = _inside(platform, f"'upstream_tokens']({told['tenant_id']!r})")
    for one in found.values():
        one.upstream_token = tokens[one.user_id]
    yield found
    for one in found.values():
        one.let_go()
    stage.owner.close()


@pytest.fixture(scope="session")
def report() -> Iterator[Report]:
    """What was measured, printed and kept at the end."""
    made = Report()
    yield made
    made.keep()
