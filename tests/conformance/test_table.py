"""The verdict on a scenario: only what ran and passed is clean."""

import pytest

from tests.conformance.__main__ import report
from tests.conformance.scenarios import EXCUSES
from tests.conformance.table import Check, Row, complaints

PASSED = Check("one", "SUCCESS", "")
TASK = '{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"1"}}'
UNKNOWN_RESULT = f"CallToolResult: must have required property 'content' (result of 'tools/call') — message: {TASK}"


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


@pytest.mark.parametrize(
    ("suite", "scenario", "status", "message", "clean"),
    [
        ("0.2.0-alpha.11", "tasks-lifecycle", "FAILURE", UNKNOWN_RESULT, True),
        ("0.2.0-alpha.11", "tasks-lifecycle", "FAILURE", f"{UNKNOWN_RESULT}\n{UNKNOWN_RESULT}", True),
        ("0.2.0-alpha.11", "tasks-lifecycle", "FAILURE", f"{UNKNOWN_RESULT}\nsomething else", False),
        ("0.2.0-alpha.11", "tasks-lifecycle", "WARNING", UNKNOWN_RESULT, False),
        ("0.2.0-alpha.11", "tools-list", "FAILURE", UNKNOWN_RESULT, False),
        ("0.2.0-alpha.12", "tasks-lifecycle", "FAILURE", UNKNOWN_RESULT, False),
    ],
)
def test_only_the_suites_own_fault_is_excused(
    suite: str, scenario: str, status: str, message: str, *, clean: bool
) -> None:
    row = Row("2026-07-28", suite, scenario, [PASSED, Check("wire-schema-valid", status, message)])
    assert (not list(complaints(row))) is clean
    assert row.count("EXCUSED") == clean


def test_every_excuse_gives_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    report([_row(PASSED)])
    told = capsys.readouterr().out
    assert all(excuse.reason in told for excuse in EXCUSES)


def test_one_bad_scenario_is_an_exit_code_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([_row(PASSED)]) == 0
    assert report([_row(PASSED), _row(Check("two", "WARNING", "why"), scenario="caching")]) == 1
    assert (
        "2 scenarios, 1 not clean; checks: 1 passed, 0 failed, 1 warnings, 0 skipped, 0 excused"
        in capsys.readouterr().out
    )
