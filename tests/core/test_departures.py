"""What leaves together leaves in order, to whoever is still there."""

import asyncio
import socket
from typing import Self

import pytest

from core import departures as departing
from core.departures import Departures

BOUND_SECONDS = 10.0


class _Pair(asyncio.Protocol):
    """A connection: the transport of one end, and the socket of the other."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    async def __aenter__(self) -> Self:
        near, self.far = socket.socketpair()
        near.setblocking(False)
        self.far.settimeout(BOUND_SECONDS)
        self.transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, sock=near)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.far.close()
        self.transport.abort()
        await asyncio.wait_for(self.lost.wait(), BOUND_SECONDS)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost.set()


async def _turn() -> None:
    await asyncio.sleep(0)


async def test_what_is_held_leaves_in_the_same_turn_and_in_order() -> None:
    said: list[str] = []
    departures = Departures(lambda: said.append("written"))
    async with _Pair() as one, _Pair() as two:
        departures.hold(one.transport, b"a")
        departures.hold(two.transport, b"b")
        departures.hold(one.transport, b"c")
        assert said == []
        await _turn()
        assert said == ["written"]
        assert (one.far.recv(9), two.far.recv(9)) == (b"ac", b"b")


async def test_who_has_gone_keeps_nobody_from_theirs() -> None:
    departures = Departures(lambda: None)
    async with _Pair() as gone, _Pair() as here:
        departures.hold(gone.transport, b"a")
        departures.hold(here.transport, b"b")
        gone.transport.abort()
        await _turn()
        assert here.far.recv(9) == b"b"


@pytest.mark.parametrize(("answers", "size"), [(departing.MAXIMUM_MESSAGES, 1), (2, departing.MAXIMUM_BYTES // 2)])
async def test_much_does_not_wait(answers: int, size: int) -> None:
    said: list[str] = []
    departures = Departures(lambda: said.append("written"))
    async with _Pair() as one:
        for number in range(answers):
            assert said == [], number
            departures.hold(one.transport, b"x" * size)
        assert said == ["written"]


async def test_settling_lets_leave_what_belongs_to_the_connection() -> None:
    said: list[str] = []
    departures = Departures(lambda: said.append("written"))
    async with _Pair() as one, _Pair() as other:
        departures.hold(one.transport, b"a")
        departures.settle(other.transport)
        assert said == []
        departures.settle(one.transport)
        assert said == ["written"]
        await _turn()
