"""When an upstream is taken out of service until a person puts it back (Jidoka: stop, rather than go on badly)."""

from dataclasses import dataclass
from datetime import timedelta

from mcp_runtime.sources.upstream import Health


@dataclass(frozen=True, slots=True)
class Policy:
    """Down for `down_for` with `failures` looks in a row that failed, or down `falls` times within `within`."""

    down_for: timedelta = timedelta(minutes=30)
    failures: int = 8
    falls: int = 6
    within: timedelta = timedelta(hours=1)


POLICY = Policy()


def reason_to_quarantine(
    state: Health, *, down_for: timedelta, failures: int, falls: int, policy: Policy = POLICY
) -> str:
    """The sentence why it is taken out of service; empty where it is not.

    Who needs a login or was denied access is never: that is a person's to repair, and not a failure.
    """
    if state is not Health.DOWN:
        return ""
    if falls >= policy.falls:
        return f"It went down {falls} times within {_told(policy.within)}."
    if down_for >= policy.down_for and failures >= policy.failures:
        return f"It has been down for {_told(down_for)}, and {failures} looks at it in a row failed."
    return ""


def _told(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes > 60 else f"{minutes} min"
