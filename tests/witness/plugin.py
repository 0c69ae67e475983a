"""A pytest plugin: a test fails when a server sent it a message that is not of its revision."""

from collections.abc import Iterator

import pytest

_reported: list[str] = []


def report(complaint: str) -> None:
    """Has the test that runs now fail when it ends."""
    _reported.append(complaint)


@pytest.fixture(autouse=True)
def _every_message_is_of_its_revision() -> Iterator[None]:
    _reported.clear()
    yield
    assert not _reported, "\n".join(["messages that are not of their revision:", *_reported])
