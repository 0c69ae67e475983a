"""Every transition of a circuit breaker, with a clock of the test's."""

from dataclasses import dataclass, field

import pytest

from mcp_runtime.health.breaker import LIMITS, Breaker, State


@dataclass
class Bench:
    """A breaker, its clock, and what it told."""

    now: float = 1_000.0
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.breaker = Breaker(
            lambda: self.now,
            lambda seconds: seconds,
            opened=lambda _breaker, seconds: self.told.append(f"opened {seconds:g}"),
            closed=lambda _breaker: self.told.append("closed"),
        )

    def state(self) -> State:
        """What happens to calls."""
        return self.breaker.state

    def is_calm(self) -> bool:
        """Whether calls need not be noted."""
        return self.breaker.is_calm

    def call(self, *, fails: bool = False) -> bool:
        """A call from its beginning to its end; whether it went through."""
        if self.breaker.enter() is not None:
            return False
        trial = self.state() is State.HALF_OPEN
        if fails:
            self.breaker.failed("It refuses.", trial=trial)
        else:
            self.breaker.succeeded(trial=trial)
        return True

    def trip(self) -> None:
        """Fails until it opens."""
        for _ in range(LIMITS.in_a_row):
            self.call(fails=True)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_calm_until_something_fails_and_again_when_that_is_long_ago(bench: Bench) -> None:
    assert bench.is_calm()
    bench.call(fails=True)
    assert not bench.is_calm()
    bench.now += LIMITS.seconds + 1
    bench.call()
    assert bench.is_calm()


def test_failures_in_a_row_open_it(bench: Bench) -> None:
    for _ in range(LIMITS.in_a_row - 1):
        bench.call(fails=True)
    assert bench.state() is State.CLOSED
    bench.call(fails=True)
    assert (bench.state(), bench.told) == (State.OPEN, ["opened 2"])
    assert not bench.call()


def test_a_success_ends_the_row(bench: Bench) -> None:
    for _ in range(3):
        for _ in range(LIMITS.in_a_row - 1):
            bench.call(fails=True)
        bench.call()
        bench.now += LIMITS.seconds + 1
    assert bench.state() is State.CLOSED


def test_a_share_of_many_calls_opens_it(bench: Bench) -> None:
    bench.call(fails=True)
    for number in range(LIMITS.calls - 2):
        bench.call(fails=bool(number % 2))
    assert bench.state() is State.CLOSED
    bench.call(fails=True)
    assert bench.state() is State.OPEN


def test_fewer_calls_than_that_do_not(bench: Bench) -> None:
    for number in range(LIMITS.calls - 1):
        bench.call(fails=number % 4 != 0)
        bench.now += 0.1
    assert bench.state() is State.CLOSED


def test_failures_long_ago_do_not_count(bench: Bench) -> None:
    for number in range(10 * LIMITS.calls):
        bench.call(fails=bool(number % 2))
        bench.now += 2.0
    assert bench.state() is State.CLOSED


def test_who_is_refused_hears_why_since_when_and_until_when(bench: Bench) -> None:
    bench.trip()
    bench.now += 0.5
    held = bench.breaker.enter()
    assert held is not None
    assert (held.reason, held.since, held.until) == ("It refuses.", 1_000.0, 1_002.0)


def test_half_open_one_call_goes_through(bench: Bench) -> None:
    bench.trip()
    bench.now += 2
    assert bench.breaker.enter() is None
    assert bench.state() is State.HALF_OPEN
    assert bench.breaker.enter() is not None


def test_a_trial_that_is_answered_closes_it(bench: Bench) -> None:
    bench.trip()
    bench.now += 2
    assert bench.call()
    assert (bench.state(), bench.breaker.is_calm, bench.told[-1]) == (State.CLOSED, True, "closed")


def test_a_trial_that_fails_opens_it_for_longer(bench: Bench) -> None:
    bench.trip()
    for _ in range(8):
        bench.now = bench.breaker.until
        bench.call(fails=True)
    assert bench.told == [f"opened {seconds}" for seconds in (2, 4, 8, 16, 32, 60, 60, 60, 60)]
    held = bench.breaker.enter()
    assert held is not None
    assert held.since == 1_000.0


def test_after_a_good_trial_pauses_begin_short_again(bench: Bench) -> None:
    bench.trip()
    bench.now = bench.breaker.until
    bench.call(fails=True)
    bench.now = bench.breaker.until
    bench.call()
    bench.trip()
    assert bench.told == ["opened 2", "opened 4", "closed", "opened 2"]


def test_a_trial_whose_client_leaves_makes_room_for_the_next(bench: Bench) -> None:
    bench.trip()
    bench.now += 2
    assert bench.breaker.enter() is None
    bench.breaker.left(trial=True)
    assert bench.breaker.enter() is None


def test_calls_from_before_it_opened_decide_nothing(bench: Bench) -> None:
    bench.trip()
    bench.breaker.succeeded()
    bench.breaker.failed("late")
    bench.breaker.left()
    assert (bench.state(), bench.breaker.reason) == (State.OPEN, "It refuses.")
    bench.now += 2
    assert bench.breaker.enter() is None
    bench.breaker.succeeded()
    bench.breaker.left()
    assert bench.state() is State.HALF_OPEN
    assert bench.breaker.enter() is not None


def test_what_other_workers_say_is_heard_and_not_told_again(bench: Bench) -> None:
    bench.breaker.hear_opened(8.0, "It hangs.")
    held = bench.breaker.enter()
    assert held is not None
    assert (held.reason, held.until) == ("It hangs.", 1_008.0)
    bench.breaker.hear_closed()
    assert (bench.state(), bench.breaker.is_calm, bench.told) == (State.CLOSED, True, [])


def test_an_open_one_that_hears_of_another_keeps_since_when(bench: Bench) -> None:
    bench.trip()
    bench.now += 1
    bench.breaker.hear_opened(8.0, "It hangs.")
    held = bench.breaker.enter()
    assert held is not None
    assert (held.since, held.until) == (1_000.0, 1_009.0)


def test_what_is_noted_is_bounded(bench: Bench) -> None:
    bench.call(fails=True)
    for _ in range(3_000):
        bench.call()
    assert bench.breaker.is_calm
