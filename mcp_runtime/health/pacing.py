"""When an upstream is looked at next: soon while a question is open, ever more rarely while it keeps failing."""

from mcp_runtime.sources.upstream import Health

# Seconds until the next look.
FIRST = 2.0
SECOND_LOOK = 5.0
REGULAR = {Health.OK: 60.0, Health.DEGRADED: 30.0, Health.DOWN: 15.0, Health.NEEDS_LOGIN: 60.0, Health.DENIED: 60.0}
LONGEST = 300.0
SPREAD = 0.2


def pause(state: Health, *, failures: int, open_question: bool) -> float:
    """Seconds until the next look, before jitter; `failures` counts the looks in a row that were not well."""
    if open_question and state is not Health.DEGRADED:
        return SECOND_LOOK
    if state in (Health.OK, Health.DEGRADED):
        return REGULAR[state]
    return min(REGULAR[state] * 2.0 ** max(0, min(failures, 16) - 2), LONGEST)
