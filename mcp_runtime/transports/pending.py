"""A call that waits in the fast lane, for its turn or in its work: its answer is written there when it comes soon.

Most calls that wait do so for another server, for milliseconds. Whatever else may happen to one meanwhile (its client
leaves or sends more, it has something to say before its answer, it takes long) is ASGI's to handle, as if it had been
there from the start.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from mcp_runtime.protocol.replies import Reply
from mcp_runtime.transports.asgi import Application
from mcp_runtime.transports.outlets import Later

# So long a call is waited for in the lane.
MOMENT_SECONDS = 0.25


class InLine:
    """A call that waits for nothing but its turn: nothing of it has begun, so whoever takes it over begins it.

    `answer` says what came of it when `begin` is called, and None where it turns out to have to wait for more.
    """

    __slots__ = ("_answer", "_done", "_hand_over", "_timer")
    rest: Application | None = None

    def __init__(self, answer: Callable[[], Reply | None]) -> None:
        self._answer = answer
        self._done: Callable[[Reply], None] | None = None
        self._hand_over: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, done: Callable[[Reply], None], hand_over: Callable[[], None]) -> None:
        """Calls `done` with the answer, or `hand_over` when the call has to leave the lane; neither after `drop`."""
        self._done, self._hand_over = done, hand_over
        self._timer = asyncio.get_running_loop().call_later(MOMENT_SECONDS, hand_over)

    def drop(self) -> None:
        """The lane waits no longer."""
        self._done = self._hand_over = None
        if self._timer is not None:
            self._timer.cancel()

    def begin(self) -> bool:
        """Its turn has come; False where nobody waits for it any more."""
        done, hand_over = self._done, self._hand_over
        if done is None or hand_over is None:
            return False
        reply = self._answer()
        if reply is None:
            hand_over()
        else:
            self.drop()
            done(reply)
        return True


class Pending:
    """`answer` says what came of `task` when it is done; `rest` is what ASGI has left to do, where that is needed."""

    __slots__ = ("_answer", "_done", "_later", "_task", "_timer", "rest")

    def __init__(
        self, task: asyncio.Task[Any], answer: Callable[[], Reply | None], later: Later, rest: Application
    ) -> None:
        self.rest = rest
        self._task = task
        self._answer = answer
        self._later = later
        self._done: Callable[[Reply], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, done: Callable[[Reply], None], hand_over: Callable[[], None]) -> None:
        """Calls `done` with the answer, or `hand_over` when the call has to leave the lane; neither after `drop`."""
        self._done = done
        self._later.wanted = hand_over
        self._timer = asyncio.get_running_loop().call_later(MOMENT_SECONDS, hand_over)
        self._task.add_done_callback(self._ended)

    def drop(self) -> None:
        """The lane waits no longer."""
        self._done = None
        self._later.wanted = None
        if self._timer is not None:
            self._timer.cancel()

    def _ended(self, _task: asyncio.Task[Any]) -> None:
        done = self._done
        reply = None if done is None else self._answer()
        if done is not None and reply is not None:
            self.drop()
            done(reply)
