"""How the console says what is known of a source, a definition or an import: a dot's state and a word."""

from dataclasses import dataclass

from mcp_runtime.models import Definition, HealthState, ImportRun, RunState, Upstream
from mcp_runtime.services.imports import is_lost

_HEALTH = {
    HealthState.OK: "ok",
    HealthState.DEGRADED: "warn",
    HealthState.DOWN: "down",
    HealthState.NEEDS_LOGIN: "login",
    HealthState.DENIED: "down",
}
_RUNS = {RunState.QUEUED: "off", RunState.RUNNING: "warn", RunState.DONE: "ok", RunState.FAILED: "down"}


@dataclass(frozen=True, slots=True)
class Standing:
    """A dot's state (`ok`, `warn`, `down`, `login`, `off`) and its word."""

    state: str
    word: str


def of_source(upstream: Upstream) -> Standing:
    """What is to be said of a source first: that it is off, or out of service, or never seen, or how it is."""
    if not upstream.enabled:
        return Standing("off", "Off")
    if upstream.quarantined_at is not None:
        return Standing("down", "Quarantined")
    if upstream.discovered_at is None and upstream.health == HealthState.OK:
        return Standing("off", "Not imported yet")
    return Standing(_HEALTH[HealthState(upstream.health)], upstream.get_health_display())


def of_definition(definition: Definition, *, is_served: bool) -> Standing:
    """Whether clients see it, and what waits for somebody."""
    if definition.is_gone:
        return Standing("down", "Gone")
    if definition.pinned is None:
        return Standing("warn", "New")
    if definition.offered is not None:
        return Standing("warn", "Drifted")
    if definition.obstacle:
        return Standing("down", "Cannot be served")
    return Standing("ok", "Served") if is_served else Standing("off", "Not served")


def of_run(run: ImportRun) -> Standing:
    """How far an import is."""
    if is_under_way(run):
        return Standing("off" if run.state == RunState.QUEUED else "warn", run.get_state_display())
    if run.state == RunState.FAILED or run.state != RunState.DONE:
        return Standing("down", "Failed")
    return Standing(_RUNS[RunState(run.state)], run.get_state_display())


def is_under_way(run: ImportRun) -> bool:
    """Whether something is still to be heard of it."""
    return run.state in (RunState.QUEUED, RunState.RUNNING) and not is_lost(run)
