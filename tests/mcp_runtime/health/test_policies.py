"""When upstreams are looked at next, and when they are taken out of service."""

from datetime import timedelta

import pytest

from mcp_runtime.health.pacing import LONGEST, REGULAR, SECOND_LOOK, pause
from mcp_runtime.health.quarantine import POLICY, reason_to_quarantine
from mcp_runtime.sources.upstream import Health


def test_a_first_failure_is_looked_at_again_soon() -> None:
    assert pause(Health.OK, failures=1, open_question=True) == SECOND_LOOK
    assert pause(Health.DOWN, failures=0, open_question=True) == SECOND_LOOK


def test_what_keeps_failing_is_looked_at_ever_more_rarely() -> None:
    pauses = [pause(Health.DOWN, failures=number, open_question=False) for number in range(2, 12)]
    assert pauses[0] == REGULAR[Health.DOWN]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST
    assert pause(Health.NEEDS_LOGIN, failures=10_000, open_question=False) == LONGEST


def test_what_is_well_is_looked_at_regularly() -> None:
    assert pause(Health.OK, failures=0, open_question=False) == REGULAR[Health.OK]
    assert pause(Health.DEGRADED, failures=9, open_question=False) == REGULAR[Health.DEGRADED]


def _reason(state: Health = Health.DOWN, *, minutes: float = 0, failures: int = 0, falls: int = 0) -> str:
    return reason_to_quarantine(state, down_for=timedelta(minutes=minutes), failures=failures, falls=falls)


def test_an_outage_has_to_be_long_and_looked_at_often() -> None:
    assert not _reason(minutes=29, failures=POLICY.failures)
    assert not _reason(minutes=500, failures=POLICY.failures - 1)
    assert _reason(minutes=95, failures=9) == "It has been down for 1 h 35 min, and 9 looks at it in a row failed."


def test_what_falls_again_and_again_is_taken_out() -> None:
    assert not _reason(falls=POLICY.falls - 1)
    assert _reason(falls=POLICY.falls) == "It went down 6 times within 60 min."


@pytest.mark.parametrize("state", [state for state in Health if state is not Health.DOWN])
def test_what_is_not_down_never_is(state: Health) -> None:
    assert not _reason(state, minutes=10_000, failures=1_000, falls=1_000)
