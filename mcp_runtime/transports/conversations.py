"""Conversations with the client of one call, in either era, behind the interface that handlers see."""

import asyncio
from collections.abc import Mapping
from typing import Any

from mcp_runtime.protocol import errors, tasks
from mcp_runtime.protocol.conversing import (
    LOG_LEVEL,
    InputRequired,
    Retry,
    encode_notification,
    is_loud_enough,
    progress_token,
)
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.extension import is_declared
from mcp_runtime.protocol.plain_questions import whole_answer
from mcp_runtime.protocol.questions import NotAnAnswer, encode_question, read_answer, unanswered
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.sources.conversation import (
    Answer,
    ClientCannot,
    ClientFailed,
    Detached,
    Question,
    declared,
    required_for,
)
from mcp_runtime.transports.outlets import Outlet
from mcp_runtime.transports.questions import Questions
from mcp_runtime.transports.session_state import DEFAULT_LEVEL, SessionState


class _Talk:
    """What both eras do alike. `waited` is how many seconds the call has spent waiting for its client."""

    __slots__ = ("_exchange", "_memory", "_outlet", "_progress", "waited")

    def __init__(self, exchange: Exchange, outlet: Outlet) -> None:
        self._exchange = exchange
        self._outlet = outlet
        self._progress = float("-inf")
        self._memory: dict[str, Any] | None = None
        self.waited = 0.0

    @property
    def memory(self) -> dict[str, Any]:
        if self._memory is None:
            self._memory = {}
        return self._memory

    @property
    def log_level(self) -> str | None:
        """What most sessions want; what one wants less is left out where it is said."""
        return DEFAULT_LEVEL

    def understands(self, question: Question) -> bool:
        return declared(self._exchange.capabilities, question)

    def _understood(self, questions: Mapping[str, Question]) -> dict[str, Question]:
        understood = {key: question for key, question in questions.items() if self.understands(question)}
        if questions and not understood:
            raise ClientCannot(required_for(questions.values()))
        return understood

    async def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        token = progress_token(self._exchange.params)
        if token is None or progress <= self._progress:
            return
        self._progress = progress
        params: dict[str, Any] = {"progressToken": token, "progress": progress}
        if total is not None:
            params["total"] = total
        if message and self._exchange.revision.progress_has_message:
            params["message"] = message
        await self._outlet.send(encode_notification("notifications/progress", params))

    async def _say(self, level: str, data: Any, logger: str) -> None:
        params: dict[str, Any] = {"level": level, "data": data}
        if logger:
            params["logger"] = logger
        await self._outlet.send(encode_notification("notifications/message", params))

    async def release(self) -> None:
        await self._outlet.release()

    async def detach(self) -> None:
        """Tasks are of the stateless era alone: elsewhere the call stays with its request."""


class StatelessConversation(_Talk):
    """From 2026-07-28: a question ends the call, and the client calls again with the answer."""

    __slots__ = ("_retry", "_standing")

    def __init__(self, exchange: Exchange, outlet: Outlet) -> None:
        """Raises RpcError(INVALID_PARAMS) for a state or answers that are not this call's."""
        super().__init__(exchange, outlet)
        params = exchange.params
        self._retry = Retry(exchange) if "requestState" in params or "inputResponses" in params else None
        self._standing: dict[str, Answer] = {}
        self._memory = self._retry.memory if self._retry else None

    @property
    def log_level(self) -> str | None:
        level: str | None = self._exchange.params["_meta"].get(LOG_LEVEL)
        return level

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        understood = self._understood(questions)
        retry = self._retry or Retry(self._exchange)
        missing, standing = unanswered(understood, retry.answers)
        if missing:
            raise InputRequired(missing, retry.state({**retry.answers, **standing}, self.memory))
        self._standing |= standing
        return standing

    async def detach(self) -> None:
        if is_declared(tasks.EXTENSION_ID, self._exchange.capabilities):
            raise Detached(self._standing)

    async def log(self, level: str, data: Any, logger: str = "") -> None:
        minimum = self._exchange.params["_meta"].get(LOG_LEVEL)
        if minimum is not None and is_loud_enough(level, minimum):
            await self._say(level, data, logger)


class SessionConversation(_Talk):
    """Up to 2025-11-25: a question is a request on the call's stream, and the call waits for the answer."""

    __slots__ = ("_level", "_questions", "_session", "_state")

    def __init__(
        self, exchange: Exchange, outlet: Outlet, session: str, questions: Questions, state: SessionState
    ) -> None:
        super().__init__(exchange, outlet)
        self._session = session
        self._questions = questions
        self._state = state
        self._level: str | None = None

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        understood = self._understood(questions)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {key: group.create_task(self._ask(question)) for key, question in understood.items()}
        except* ClientFailed as failures:
            raise ClientFailed(str(failures.exceptions[0])) from None
        finally:
            self.waited += loop.time() - began
        return {key: task.result() for key, task in tasks.items()}

    async def _ask(self, question: Question) -> Answer:
        revision = self._exchange.revision
        request = encode_question(question, revision)
        result = await self._questions.ask(self._session, self._outlet, request)
        try:
            return read_answer(question, whole_answer(question, result) if revision.plain_questions else result)
        except NotAnAnswer as error:
            raise ClientFailed(f"The client's answer to {request['method']} is not valid: {error}") from None

    async def log(self, level: str, data: Any, logger: str = "") -> None:
        if self._level is None:
            self._level = await self._state.level(self._session)
        if is_loud_enough(level, self._level):
            await self._say(level, data, logger)


class SessionlessConversation(_Talk):
    """Up to 2025-11-25 without a session: progress is heard, and there is nowhere for an answer to come to."""

    __slots__ = ()

    @property
    def log_level(self) -> str | None:
        return None

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        sentence = "This asks its client, which needs a session: initialize, then send its Mcp-Session-Id."
        raise RpcError(errors.INVALID_REQUEST, sentence, status=400)

    async def log(self, level: str, data: Any, logger: str = "") -> None:
        """Nothing: a client that set no level has not asked to hear of anything."""
