"""What looks at an upstream make of its state: pure, so that each transition is a table in a test.

Credentials are decisive at once. Failures of transport go by quorum: two of the last three looks, and more to leave a
state than to stay in it, so that an upstream which flaps settles on `degraded` and does not oscillate.
"""

from dataclasses import dataclass
from itertools import pairwise

from mcp_runtime.sources.upstream import Health

GOOD, POOR, FAILED = "g", "p", "f"
MAXIMUM_OUTCOMES = 10
# So many turns between good and bad among the last looks are those of one failure and its end.
STEADY_TURNS = 2
_LOGIN = (Health.NEEDS_LOGIN, Health.DENIED)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found, and in a sentence why it is not OK."""

    health: Health
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state after a look. `outcomes` are the last ones, the newest last; `open_question`: look again soon."""

    state: Health
    outcomes: str
    open_question: bool


def judge(state: Health, outcomes: str, look: Look) -> Verdict:
    """The verdict on an upstream in `state`, whose last looks came to `outcomes`, after a further look."""
    if look.health in _LOGIN:
        # It was reached and it answered: what failed before says nothing of what will fail once somebody logged in.
        return Verdict(look.health, "", open_question=False)
    outcomes = (outcomes + _outcome(look.health))[-MAXIMUM_OUTCOMES:]
    after = {GOOD: _after_good, POOR: _after_poor, FAILED: _after_failure}[outcomes[-1]](state, outcomes)
    return Verdict(after, outcomes, open_question=_is_open(after, outcomes))


def failed_in_a_row(outcomes: str) -> int:
    """How many of the last looks failed, one after the other."""
    return len(outcomes) - len(outcomes.rstrip(FAILED))


def _outcome(health: Health) -> str:
    if health is Health.OK:
        return GOOD
    return POOR if health is Health.DEGRADED else FAILED


def _after_good(state: Health, outcomes: str) -> Health:
    if state in (Health.OK, *_LOGIN):
        return Health.OK
    if not outcomes.endswith(GOOD * 2):
        return state
    if _turns(outcomes) > STEADY_TURNS:
        return Health.DEGRADED
    return Health.OK


def _after_poor(state: Health, outcomes: str) -> Health:
    """It answers, though not well."""
    if state is Health.OK and _bad_of_three(outcomes) < 2:
        return Health.OK
    return Health.DEGRADED


def _after_failure(state: Health, outcomes: str) -> Health:
    if state is Health.DOWN:
        return Health.DOWN
    # What is known to be unsteady has to fail longer before it counts as down.
    if outcomes.endswith(FAILED * (3 if state is Health.DEGRADED else 2)):
        return Health.DOWN
    if state is Health.OK and _bad_of_three(outcomes) >= 2:
        return Health.DEGRADED
    return state


def _bad_of_three(outcomes: str) -> int:
    return sum(outcome != GOOD for outcome in outcomes[-3:])


def _turns(outcomes: str) -> int:
    """How often good and bad took turns."""
    return sum((one == GOOD) != (other == GOOD) for one, other in pairwise(outcomes))


def _is_open(state: Health, outcomes: str) -> bool:
    """Whether the last look speaks against the state, so that the next should not be waited for long."""
    return (outcomes[-1] == GOOD) != (state is Health.OK)
