"""Somebody is put out, whichever way, and all that they held is dead: at a platform that runs, with all its processes.

What is asserted is that it happens, within waits that are no claim about speed. How long it took is printed and kept
in var/bench/leaving.md; docs/provisioning.md says what it was.
"""

import threading
import time

import pytest

from tests.leaving.held import WAIT_SECONDS, Held
from tests.leaving.report import Report
from tests.leaving.ways import BEFORE, WAYS


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_somebody_lives_on(held: dict[str, Held], report: Report, way: str) -> None:
    leaver = held[way]
    if way in BEFORE:
        BEFORE[way](leaver.stage, leaver)
    leaver.require_alive()
    watches = leaver.watches()
    began = time.monotonic()
    followers = [threading.Thread(target=watch.follow, args=(began,), daemon=True) for watch in watches]
    for follower in followers:
        follower.start()
    assert WAYS[way](leaver.stage, leaver) in {200, 204, 302}
    for follower in followers:
        follower.join(WAIT_SECONDS + 10)
    measured = {watch.name: watch.after for watch in watches}
    assert None not in measured.values(), measured
    report.measured[way] = {name: after for name, after in measured.items() if after is not None}


def test_others_keep_what_they_hold(held: dict[str, Held]) -> None:
    stage = next(iter(held.values())).stage
    assert stage.owner.get(f"/t/{stage.tenant}/").status_code == 200
