"""Every transition of an upstream's state, without a loop or a database."""

import pytest

from mcp_runtime.health.judging import Look, failed_in_a_row, judge
from mcp_runtime.sources.upstream import Health

LOOKS = {
    "g": Look(Health.OK),
    "p": Look(Health.DEGRADED, "It is slow."),
    "f": Look(Health.DOWN, "It refuses."),
    "l": Look(Health.NEEDS_LOGIN, "The token was revoked."),
    "d": Look(Health.DENIED, "It says no."),
}
SHORT = {"O": Health.OK, "D": Health.DEGRADED, "X": Health.DOWN, "L": Health.NEEDS_LOGIN, "N": Health.DENIED}


def _states(looks: str, state: Health = Health.OK, outcomes: str = "") -> str:
    """The states, one letter each, that looks lead through."""
    told = ""
    for letter in looks:
        verdict = judge(state, outcomes, LOOKS[letter])
        state, outcomes = verdict.state, verdict.outcomes
        told += next(short for short, named in SHORT.items() if named is state)
    return told


@pytest.mark.parametrize(
    ("looks", "states"),
    [
        ("ggg", "OOO"),
        # One failure is none; two in a row are.
        ("gfg", "OOO"),
        ("gff", "OOX"),
        # Two of three that are not in a row.
        ("fgf", "OOD"),
        ("gpg", "OOO"),
        ("gpp", "OOD"),
        ("gpf", "OOD"),
        # One good look does not end an outage; two do.
        ("ffg", "OXX"),
        ("ffgg", "OXXO"),
        ("ffgf", "OXXX"),
        ("ffffffffffffgg", "OXXXXXXXXXXXXO"),
        # What answers again, though not well, is not down any more.
        ("ffp", "OXD"),
        # Who has been unsteady has to fail longer.
        ("ppff", "ODDD"),
        ("ppfff", "ODDDX"),
        # Credentials are decisive at once, and so is that they are good again.
        ("gl", "OL"),
        ("ffl", "OXL"),
        ("ppd", "ODN"),
        ("lg", "LO"),
        ("dg", "NO"),
        ("ld", "LN"),
        ("dl", "NL"),
        ("lp", "LD"),
        ("dp", "ND"),
        # A failure of transport says nothing of credentials, until it is an outage.
        ("lf", "LL"),
        ("lff", "LLX"),
        ("dff", "NNX"),
        ("lffgg", "LLXXO"),
    ],
)
def test_transitions(looks: str, states: str) -> None:
    assert _states(looks) == states


@pytest.mark.parametrize("pattern", ["fg", "ffg", "ffgg", "fgg"])
def test_what_flaps_settles(pattern: str) -> None:
    states = _states(pattern * 12)
    assert len(set(states[-12:])) == 1, states


def test_what_was_unsteady_is_well_after_good_looks_alone() -> None:
    assert _states("fgfgfg" + "g" * 10)[-1] == "O"


def test_an_open_question_is_told() -> None:
    assert judge(Health.OK, "ggg", LOOKS["f"]).open_question
    assert judge(Health.DOWN, "ff", LOOKS["g"]).open_question
    assert not judge(Health.OK, "ggg", LOOKS["g"]).open_question
    assert not judge(Health.DOWN, "ff", LOOKS["f"]).open_question
    assert not judge(Health.OK, "ggg", LOOKS["l"]).open_question


def test_only_so_many_outcomes_are_kept() -> None:
    assert judge(Health.OK, "g" * 10, LOOKS["f"]).outcomes == "g" * 9 + "f"


def test_failures_in_a_row_are_counted_from_the_end() -> None:
    assert [failed_in_a_row(outcomes) for outcomes in ("", "g", "gff", "ffg", "fff")] == [0, 0, 2, 0, 3]
