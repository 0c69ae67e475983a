"""What the running platform says of its processes, on the operations port."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from config.machine.options import state_folder
from config.machine.state import ENVIRONMENT, State
from config.problems import Problem
from core import environment

ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One process. Times are seconds, memory is bytes; None is unknown."""

    name: str
    state: str
    is_well: bool
    pid: int | None
    restarts: int
    heartbeat_age: float | None
    loop_lag: float | None
    connections: int | None
    task_restarts: int | None
    calls_lost: int | None
    memory: int | None
    rolls: bool


def operations_url() -> str:
    """Where the platform on this machine answers; raises Problem where none does."""
    known = environment.text("OPS_URL", "") or State(state_folder()).read(ENVIRONMENT).get("OPS_URL", "")
    if not known:
        raise Problem(
            "No platform has run here yet: start it with `armstrong up`, or set OPS_URL to where one answers."
        )
    return known


def look(url: str) -> list[Seen]:
    """Every process, in order of start; raises Problem while the platform does not answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        children: dict[str, dict[str, Any]] = json.loads(connection.getresponse().read())["children"]
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        raise Problem(f"No platform answers at {url}. Is `armstrong up` running?") from None
    finally:
        connection.close()
    return [_seen(name, child) for name, child in children.items()]


def _seen(name: str, child: dict[str, Any]) -> Seen:
    return Seen(
        name=name,
        state=child["state"],
        is_well=child["well"],
        pid=child.get("pid"),
        restarts=child["restarts"],
        heartbeat_age=child.get("heartbeat_age_seconds"),
        loop_lag=child.get("loop_lag_seconds"),
        connections=child.get("connections"),
        task_restarts=child.get("task_restarts"),
        calls_lost=child.get("calls_lost"),
        memory=child.get("memory_bytes"),
        rolls=child.get("rolls", False),
    )
