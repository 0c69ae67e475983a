"""The decisions of a supervisor, without processes, loops or clocks: order, who is concerned, who comes back."""

from collections.abc import Sequence

from core.supervision.spec import ChildSpec, Restart, Strategy


class InvalidTree(Exception):
    """The child specifications contradict each other; the message names the child."""


def require_valid(specs: Sequence[ChildSpec]) -> None:
    """Raises InvalidTree for an id used twice, an empty command, or an `after` that is not declared earlier."""
    seen: set[str] = set()
    for spec in specs:
        if spec.id in seen:
            raise InvalidTree(f"{spec.id} is declared twice.")
        if not spec.argv:
            raise InvalidTree(f"{spec.id} has no command.")
        if missing := [name for name in spec.after if name not in seen]:
            raise InvalidTree(f"{spec.id} starts after {missing[0]}, which is not declared before it.")
        seen.add(spec.id)


def comes_back(restart: Restart, status: int) -> bool:
    """Whether a child that ended with `status` (0 is success, negative is a signal) is started again."""
    if restart is Restart.PERMANENT:
        return True
    return restart is Restart.TRANSIENT and status != 0


def concerned(strategy: Strategy, order: Sequence[str], ended: str) -> tuple[str, ...]:
    """The children to stop (in reverse) and start again, in order of declaration, when `ended` has ended."""
    if strategy is Strategy.ONE_FOR_ONE:
        return (ended,)
    if strategy is Strategy.ONE_FOR_ALL:
        return tuple(order)
    return tuple(order[order.index(ended) :])


def stop_waves(specs: Sequence[ChildSpec]) -> list[tuple[str, ...]]:
    """Groups of children to stop one group after the other: nobody stops before those that started after it.

    Children of one group do not need each other and stop at the same time.
    """
    height: dict[str, int] = {}
    for spec in reversed(specs):
        dependents = [other.id for other in specs if spec.id in other.after]
        height[spec.id] = 1 + max((height[name] for name in dependents), default=-1)
    waves = [tuple(name for name in height if height[name] == level) for level in range(len(specs))]
    return [wave for wave in waves if wave]
