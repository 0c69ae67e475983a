"""Which core the servers run on, and which the load."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Cores:
    """The numbers of two cores."""

    server: int
    load: int


def available() -> Cores | None:
    """The first and the last core that this process may use; None where there is but one."""
    cores = sorted(os.sched_getaffinity(0))
    return Cores(server=cores[0], load=cores[-1]) if len(cores) > 1 else None
