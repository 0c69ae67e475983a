"""What a server says and asks in the middle of a call, passed on to the call's client."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.jsonrpc import Kind, Message, encode, error_envelope, result_envelope
from mcp_runtime.protocol.questions import encode_question
from mcp_runtime.protocol.revisions import NEWEST_STATELESS
from mcp_runtime.sources.conversation import LOG_LEVELS, ClientCannot, ClientFailed, Question
from mcp_runtime.sources.mcp.messages import broken
from mcp_runtime.sources.mcp.questions import ASKING, NotAQuestion, read_question, with_defaults
from mcp_runtime.sources.mcp.requests import Caller

# What waits for answers of one call at once, and what a call may say in all.
MAXIMUM_QUESTIONS = 16
MAXIMUM_MESSAGES = 100_000
MAXIMUM_LOG_BYTES = 64 * 1024
MAXIMUM_PROGRESS_MESSAGE = 4_096
# The part of a conversation's memory that names a parked call (see `parking`).
PARKED = "parked"

type Reply = Callable[[bytes], Awaitable[None]]


class Talk:
    """One call's. `token` is the progress token that it was given; `reply` brings answers to the server."""

    def __init__(self, caller: Caller, token: int, reply: Reply, handle: str = "") -> None:
        self.caller = caller
        # By which the call is found again where asking ends it.
        self.handle = handle
        self._open: dict[bytes, tuple[str, Message, Question]] = {}
        self._token = token
        self._reply = reply
        self._heard = 0
        self._numbers = 0
        self._asked: dict[bytes, asyncio.Task[None]] = {}
        self._budget: asyncio.Timeout | None = None
        self._left = 0.0

    def go_on(self, group: asyncio.TaskGroup, budget: asyncio.Timeout) -> None:
        """Asks again what is open: of a call that was parked."""
        for _key, message, _question in list(self._open.values()):
            self._put(message, group, budget)

    async def overhear(self, message: Message) -> None:
        """Takes what the server says while nobody is there to be asked. Raises UpstreamFailed."""
        if message.kind is Kind.NOTIFICATION:
            if message.method == "notifications/cancelled" and type(message.params) is dict:
                self._open.pop(encode(message.params.get("requestId")), None)
        elif message.method in ASKING and len(self._open) < MAXIMUM_QUESTIONS:
            self._opened(message)
        else:
            await self._reply(reply_to(message))

    async def hear(self, message: Message, group: asyncio.TaskGroup, budget: asyncio.Timeout) -> None:
        """Takes a request or notification of the server's. Raises UpstreamFailed for one too many."""
        self._heard += 1
        if self._heard > MAXIMUM_MESSAGES:
            raise broken("The server does not stop talking.")
        if message.kind is Kind.NOTIFICATION:
            await self._notified(message.method, message.params)
        elif message.method in ASKING:
            self._put(message, group, budget)
        else:
            await self._reply(reply_to(message))

    def end(self) -> None:
        """The call is over: whoever is still being asked need not answer."""
        for task in self._asked.values():
            task.cancel()

    async def _notified(self, method: str, params: Any) -> None:
        if type(params) is not dict:
            return
        conversation = self.caller.conversation
        if method == "notifications/progress" and params.get("progressToken") == self._token:
            progress, total, said = params.get("progress"), params.get("total"), params.get("message")
            if isinstance(progress, int | float):
                words = said[:MAXIMUM_PROGRESS_MESSAGE] if type(said) is str else ""
                await conversation.progress(progress, total if isinstance(total, int | float) else None, words)
        elif method == "notifications/message" and params.get("level") in LOG_LEVELS:
            logger, data = params.get("logger"), params.get("data")
            if len(encode(data)) <= MAXIMUM_LOG_BYTES:
                await conversation.log(params["level"], data, logger[:128] if type(logger) is str else "")
        elif method == "notifications/cancelled":
            asked = encode(params.get("requestId"))
            self._open.pop(asked, None)
            task = self._asked.get(asked)
            if task is not None:
                task.cancel()

    def _put(self, message: Message, group: asyncio.TaskGroup, budget: asyncio.Timeout) -> None:
        if message.id in self._asked:
            raise broken("The server used the id of a request twice.")
        if len(self._asked) >= MAXIMUM_QUESTIONS:
            raise broken("The server asks too much at once.")
        if not self._asked and not budget.expired():
            # Waiting for people is not the server's being slow.
            self._left = (budget.when() or 0.0) - asyncio.get_running_loop().time()
            budget.reschedule(None)
        self._asked[message.id] = group.create_task(self._ask(message, budget))

    async def _ask(self, message: Message, budget: asyncio.Timeout) -> None:
        try:
            await self._reply(await self._answer(message))
            self._open.pop(message.id, None)
        finally:
            del self._asked[message.id]
            if not self._asked and not budget.expired():
                budget.reschedule(asyncio.get_running_loop().time() + self._left)

    async def _answer(self, message: Message) -> bytes:
        try:
            key, question = self._opened(message)
            if self.handle:
                asked = {key: encode_question(question, NEWEST_STATELESS) for key, _, question in self._open.values()}
                self.caller.conversation.memory[PARKED] = {"handle": self.handle, "questions": asked}
            answers = await self.caller.conversation.ask({key: question})
            return result_envelope(message.id, encode(with_defaults(question, answers[key])))
        except NotAQuestion as error:
            return error_envelope(message.id, errors.INVALID_PARAMS, str(error))
        except ClientCannot:
            return error_envelope(message.id, errors.METHOD_NOT_FOUND, "The client cannot be asked this.")
        except ClientFailed as error:
            return error_envelope(message.id, errors.INTERNAL_ERROR, str(error))

    def _opened(self, message: Message) -> tuple[str, Question]:
        """The question and its name, the same whenever it is asked. Raises NotAQuestion.

        Named by what is asked and its place, so that it is known again when the whole call is repeated.
        """
        if message.id in self._open:
            key, _, question = self._open[message.id]
            return key, question
        question = read_question(message.method, message.params)
        self._numbers += 1
        asked = hashlib.sha256(encode([message.method, message.params])).hexdigest()[:12]
        self._open[message.id] = f"q{self._numbers}-{asked}", message, question
        return self._open[message.id][0], question


def reply_to(message: Message) -> bytes:
    """The answer to a request that concerns no call."""
    if message.method == "ping":
        return result_envelope(message.id, b"{}")
    return error_envelope(message.id, errors.METHOD_NOT_FOUND, "The client does not know this method.")
