"""What a supervised child is: how it starts, when it counts as ready, how it stops, whether it comes back."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.embedded.account import Account

AS_WE_ARE = Account()

type Probe = Callable[[], Awaitable[bool]]


class Restart(StrEnum):
    """When an ended child is started again (the terms of Erlang/OTP's `supervisor`)."""

    PERMANENT = "permanent"  # always
    TRANSIENT = "transient"  # unless it ended with status 0
    TEMPORARY = "temporary"  # never


class Strategy(StrEnum):
    """Whom the end of one child concerns."""

    ONE_FOR_ONE = "one_for_one"  # itself
    ONE_FOR_ALL = "one_for_all"  # everybody
    REST_FOR_ONE = "rest_for_one"  # itself and those declared after it


@dataclass(frozen=True, slots=True)
class Intensity:
    """How many restarts within how many seconds a supervisor bears before it gives a child up."""

    restarts: int = 10
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """One child. Times are seconds.

    `after` names children, declared earlier, that have to be ready first. `completes` marks a step: it counts as
    ready once it has ended with status 0. `essential` means that the tree ends when this child is given up.
    `heartbeat` means that the child writes one (core.supervision.heartbeat), and is ready only once it has. `rolls`
    means that a reload replaces it: with what is installed and configured by then.
    """

    id: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    account: Account = AS_WE_ARE
    restart: Restart = Restart.PERMANENT
    after: tuple[str, ...] = ()
    fds: tuple[int, ...] = ()
    ready: Probe | None = None
    ready_seconds: float = 60.0
    heartbeat: bool = False
    rolls: bool = False
    completes: bool = False
    essential: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    # What the kernel sends the child when the supervisor dies without having stopped it.
    death_signal: signal.Signals = signal.SIGKILL
