"""What a supervisor decides, without any process."""

import pytest

from core.supervision.spec import ChildSpec, Restart, Strategy
from core.supervision.strategy import InvalidTree, comes_back, concerned, require_valid, stop_waves

ORDER = ("a", "b", "c", "d")


def spec(name: str, *after: str) -> ChildSpec:
    return ChildSpec(id=name, argv=("true",), after=after)


@pytest.mark.parametrize(
    ("restart", "status", "expected"),
    [
        (Restart.PERMANENT, 0, True),
        (Restart.PERMANENT, 1, True),
        (Restart.TRANSIENT, 0, False),
        (Restart.TRANSIENT, 1, True),
        (Restart.TRANSIENT, -9, True),
        (Restart.TEMPORARY, 0, False),
        (Restart.TEMPORARY, -9, False),
    ],
)
def test_who_comes_back(restart: Restart, status: int, expected: object) -> None:
    assert comes_back(restart, status) is expected


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.ONE_FOR_ONE, ("b",)),
        (Strategy.ONE_FOR_ALL, ("a", "b", "c", "d")),
        (Strategy.REST_FOR_ONE, ("b", "c", "d")),
    ],
)
def test_whom_an_end_concerns(strategy: Strategy, expected: tuple[str, ...]) -> None:
    assert concerned(strategy, ORDER, "b") == expected


def test_nobody_stops_before_those_that_need_it() -> None:
    specs = [
        spec("postgres"),
        spec("valkey"),
        spec("migrate", "postgres"),
        spec("web", "migrate", "valkey"),
        spec("jobs", "valkey"),
    ]
    assert [set(wave) for wave in stop_waves(specs)] == [{"web", "jobs"}, {"migrate", "valkey"}, {"postgres"}]


def test_a_tree_without_order_stops_at_once() -> None:
    assert [set(wave) for wave in stop_waves([spec("a"), spec("b")])] == [{"a", "b"}]


@pytest.mark.parametrize(
    ("specs", "sentence"),
    [
        ([spec("a"), spec("a")], "a is declared twice."),
        ([spec("a", "b"), spec("b")], "a starts after b, which is not declared before it."),
        ([spec("a", "a")], "a starts after a, which is not declared before it."),
        ([ChildSpec(id="a", argv=())], "a has no command."),
    ],
)
def test_a_contradictory_tree_is_refused(specs: list[ChildSpec], sentence: str) -> None:
    with pytest.raises(InvalidTree) as caught:
        require_valid(specs)
    assert str(caught.value) == sentence
