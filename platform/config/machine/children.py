"""The children of `armstrong up`: which there are, in what order they start, how each one stops."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.machine.commands import OURS
from core.embedded import postgres, valkey
from core.embedded.account import Account
from core.supervision.spec import AS_WE_ARE, ChildSpec, Probe, Restart

JOBS_STOP_SECONDS = 20.0  # tasks in progress end; those that do not are delivered again
START_SECONDS = 180.0  # a first start compiles everything it imports, perhaps on a slow machine
POSTGRES_STOP_SECONDS = 30.0  # it writes a checkpoint

# The launcher is a Python, which may have been installed where only these variables find its library.
NEEDED_TO_EXECUTE = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")

DATABASE = "postgres"
BROKER = "valkey"
MIGRATIONS = "migrations"
PAYMENTS = "payments"
CATALOGUE = "catalogue"
STATIC = "static"


@dataclass(frozen=True, slots=True)
class Server:
    """An embedded server: what to run, as whom, where, and how to see that it is ready."""

    argv: tuple[str, ...]
    ready: Callable[[], bool]
    account: Account = AS_WE_ARE


def database(server: Server) -> ChildSpec:
    """The embedded PostgreSQL."""
    return ChildSpec(
        id=DATABASE,
        argv=server.argv,
        env={**_bare_environment(), "LC_ALL": "C", "TZ": "UTC"},
        account=server.account,
        ready=_in_thread(server.ready),
        essential=True,
        stop_signal=postgres.STOP_SIGNAL,
        stop_seconds=POSTGRES_STOP_SECONDS,
        # A checkpoint and no recovery at the next start, even when the supervisor is killed.
        death_signal=postgres.STOP_SIGNAL,
    )


def broker(server: Server) -> ChildSpec:
    """The embedded Valkey."""
    return ChildSpec(
        id=BROKER,
        argv=server.argv,
        env=_bare_environment(),
        ready=_in_thread(server.ready),
        essential=True,
        stop_signal=valkey.STOP_SIGNAL,
        death_signal=signal.SIGTERM,
    )


def payments(argv: tuple[str, ...], env: Mapping[str, str], ready: Callable[[], bool]) -> ChildSpec:
    """What stands in for Stripe; the platform goes on without it."""
    return ChildSpec(id=PAYMENTS, argv=argv, env=env, ready=_in_thread(ready))


def step(name: str, module: str, env: Mapping[str, str], *, after: tuple[str, ...], essential: bool) -> ChildSpec:
    """Something done once before others start."""
    return ChildSpec(
        id=name,
        argv=(*OURS, module),
        env=env,
        after=after,
        completes=True,
        restart=Restart.TEMPORARY,
        essential=essential,
    )


def role(
    name: str,
    *,
    env: Mapping[str, str],
    after: tuple[str, ...],
    number: int | None = None,
    listening: int | None = None,
    stop_seconds: float = 10.0,
) -> ChildSpec:
    """A process of one of the platform's roles; `listening` is the descriptor of the socket that it serves."""
    descriptor = () if listening is None else ("--fd", str(listening))
    return ChildSpec(
        id=name if number is None else f"{name}-{number}",
        argv=(*OURS, "config.cli", "serve", name, *descriptor),
        env=env,
        after=after,
        fds=() if listening is None else (listening,),
        heartbeat=True,
        rolls=True,
        ready_seconds=START_SECONDS,
        stop_seconds=stop_seconds,
    )


def _bare_environment() -> dict[str, str]:
    """What a server that is not ours needs to be executed at all, and none of our secrets."""
    return {name: os.environ[name] for name in NEEDED_TO_EXECUTE if name in os.environ}


def settings_environment(state: Path) -> dict[str, str]:
    """What every process of ours is given besides addresses and secrets."""
    return {
        **os.environ,
        "ARMSTRONG_STATE": str(state),
        # Django's system checks load every page of the console; `armstrong doctor` runs them, not each start.
        "CELERY_SKIP_CHECKS": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        # What each process says of its start is ours to say, in one line each.
        "ARMSTRONG_LOG_LEVEL": os.environ.get("ARMSTRONG_LOG_LEVEL") or "WARNING",
    }


def _in_thread(look: Callable[[], bool]) -> Probe:
    async def probe() -> bool:
        return await asyncio.to_thread(look)

    return probe
