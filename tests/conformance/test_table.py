"""The verdict on a scenario: only what ran and passed is clean."""

import pytest

from tests.conformance.__main__ import report
from tests.conformance.scenarios import NEVER_RUN
from tests.conformance.table import Check, Row, complaints

PASSED = Check("one", "SUCCESS", "")
((NEVER, NEVER_CHECK),) = NEVER_RUN


def _row(*checks: Check, scenario: str = "ping") -> Row:
    return Row("2025-11-25", "0.2.0-alpha.12", scenario, checks)


def test_a_scenario_whose_checks_passed_is_clean() -> None:
    assert list(complaints(_row(PASSED, Check("told", "INFO", "sent a request")))) == []


@pytest.mark.parametrize("status", ["FAILURE", "WARNING", "SKIPPED", "SOMETHING_NEW"])
def test_anything_but_success_is_named_with_its_reason(status: str) -> None:
    (complaint,) = complaints(_row(PASSED, Check("two", status, "the reason")))
    assert complaint == f"2025-11-25 0.2.0-alpha.12 ping: two {status}: the reason"


@pytest.mark.parametrize("checks", [(), (Check("told", "INFO", ""),)])
def test_a_scenario_without_a_passed_check_did_not_run(checks: tuple[Check, ...]) -> None:
    assert list(complaints(_row(*checks))) == ["2025-11-25 0.2.0-alpha.12 ping: no check passed"]


def test_what_the_suite_never_runs_is_clean_until_it_does() -> None:
    assert list(complaints(_row(Check(NEVER_CHECK, "SKIPPED", ""), scenario=NEVER))) == []
    assert list(complaints(_row(Check(NEVER_CHECK, "FAILURE", ""), scenario=NEVER)))


def test_one_bad_scenario_is_an_exit_code_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([_row(PASSED)]) == 0
    assert report([_row(PASSED), _row(Check("two", "WARNING", "why"), scenario="caching")]) == 1
    assert "2 scenarios, 1 not clean; checks: 1 passed, 0 failed, 1 warnings, 0 skipped" in capsys.readouterr().out
