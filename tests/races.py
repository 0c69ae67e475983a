"""Runs the same act in several threads at one moment, each on a database connection of its own."""

import threading
from collections.abc import Callable

from django.db import connections

from core.refusals import Refused

BOUND_SECONDS = 20


def at_once[Result](*acts: Callable[[], Result]) -> list[Result | Refused]:
    """What each act returned or refused, in order; any other exception is raised here."""
    barrier = threading.Barrier(len(acts), timeout=BOUND_SECONDS)
    outcomes: dict[int, Result | Exception] = {}

    def run(index: int, act: Callable[[], Result]) -> None:
        try:
            barrier.wait()
            outcomes[index] = act()
        except Exception as error:  # noqa: BLE001  handed to the caller below
            outcomes[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index, act), daemon=True) for index, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND_SECONDS)
    return [_settled(outcomes[index]) for index in range(len(acts))]


def _settled[Result](outcome: Result | Exception) -> Result | Refused:
    if isinstance(outcome, Exception) and not isinstance(outcome, Refused):
        raise outcome
    return outcome


def refused_names(outcomes: list[object]) -> list[str]:
    """The names of the refusals among the outcomes."""
    return [outcome.refusal.name for outcome in outcomes if isinstance(outcome, Refused)]
