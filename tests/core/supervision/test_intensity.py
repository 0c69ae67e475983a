"""Restart intensity and back-off, with a clock and dice of our own."""

from core.supervision.intensity import Backoff, RestartWindow
from core.supervision.spec import Intensity


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_restarts_beyond_the_intensity_are_not_allowed() -> None:
    window = RestartWindow(Intensity(restarts=3, seconds=10), Clock())
    assert [window.allows_another() for _ in range(5)] == [True, True, True, False, False]


def test_restarts_that_left_the_window_do_not_count() -> None:
    clock = Clock()
    window = RestartWindow(Intensity(restarts=2, seconds=10), clock)
    verdicts = []
    for _ in range(20):
        verdicts.append(window.allows_another())
        clock.now += 5.0
    assert verdicts == [True] * 20


def test_zero_intensity_allows_no_restart() -> None:
    assert not RestartWindow(Intensity(restarts=0, seconds=10), Clock()).allows_another()


def test_delays_double_up_to_the_ceiling() -> None:
    backoff = Backoff(first=0.1, ceiling=1.0, jitter=lambda: 0.0)
    assert [round(backoff.next(lived=0), 3) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_child_that_lived_well_starts_over_from_the_first_delay() -> None:
    backoff = Backoff(first=0.1, ceiling=1.0, healthy=30, jitter=lambda: 0.0)
    for _ in range(5):
        backoff.next(lived=1)
    assert backoff.next(lived=29.9) == 1.0
    assert backoff.next(lived=30) == 0.1
    assert backoff.next(lived=1) == 0.2


def test_jitter_shortens_a_delay_by_up_to_a_half() -> None:
    dice = iter([0.0, 1.0, 0.5])
    backoffs = [Backoff(first=1.0, jitter=lambda: next(dice)) for _ in range(3)]
    assert [backoff.next(lived=0) for backoff in backoffs] == [1.0, 0.5, 0.75]


def test_one_child_in_a_crash_loop_leaves_the_delay_of_another_alone() -> None:
    looping, healthy = Backoff(jitter=lambda: 0.0), Backoff(jitter=lambda: 0.0)
    for _ in range(50):
        looping.next(lived=0)
    assert healthy.next(lived=0) == 0.1
