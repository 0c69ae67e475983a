"""Calls that wait at their server for what a client has yet to bring: held by a worker, gone on with from any.

A server of an earlier revision asks in the middle of a call, and a client of 2026-07-28 answers by calling again. In
between the call stays open here, bounded in number and time. What the client carries names it (`requestState`, sealed
for this principal, endpoint and call); the worker that the client comes back to has the one that holds it go on.
"""

import asyncio
import itertools
import logging
import re
import secrets
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from redis.exceptions import RedisError

from mcp_runtime.bus import Bus
from mcp_runtime.protocol.conversing import InputRequired
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.questions import decode_question
from mcp_runtime.sources.conversation import Answer, ClientCannot, Question, Silence, required_for
from mcp_runtime.sources.mcp.capabilities import Abilities, question_number
from mcp_runtime.sources.mcp.messages import Answered
from mcp_runtime.sources.mcp.requests import Caller
from mcp_runtime.sources.mcp.talk import PARKED as MEMORY
from mcp_runtime.sources.mcp.tasks import Tasks
from mcp_runtime.sources.upstream import Health, UpstreamFailed

logger = logging.getLogger(__name__)

GO_ON, SAID, LEFT = "parked-go-on", "parked-said", "parked-left"
PARKED_SECONDS = 300.0
PARKED_OF_A_TENANT = 64
MAXIMUM_PARKED = 1_000
# The holder says at once that it has heard; else it is gone, and the calls that it held are gone with it.
HEARD_SECONDS = 3.0
REMEMBERED = 10_000
GRACE_SECONDS = 2.0
_WORKER = re.compile("[0-9a-f]{16}")  # as mcp_runtime.bus names them


class Lost(Exception):
    """The call cannot be gone on with; the message says why. It may have had effects."""


class Call(Protocol):
    """A call that waits for answers."""

    tenant_id: str
    owner: str
    principal: str

    async def go_on(self, caller: Caller) -> dict[str, Any]:
        """Its result. Raises InputRequired where it waits again, and is parked again."""

    async def attend(self) -> None:
        """Hears the server while nobody brings answers."""

    def give_up(self) -> None:
        """Tells the server that nobody waits any more."""


class Ticket(msgspec.Struct, frozen=True):
    """What the client carries: the call's handle, which names its holder, and what is asked, by key."""

    handle: str
    questions: dict[str, Any]


class _Parked(msgspec.Struct):
    call: Call
    attending: asyncio.Task[None]
    expiry: asyncio.TimerHandle


class Parking:
    """The calls that this worker holds, and the way to those that others hold."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._parked: dict[str, _Parked] = {}
        self._tenants: Counter[str] = Counter()
        self._ended: OrderedDict[str, str] = OrderedDict()
        self._driving: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._tasks = Tasks("parked calls")
        bus.on(GO_ON, self._asked_to_go_on)
        bus.on(SAID, self._said)
        bus.on(LEFT, self._left)

    # Where calls are held

    def handle(self) -> str:
        """A name for a call, which nobody can guess."""
        return f"{self._bus.worker}.{secrets.token_hex(12)}"

    def park(self, handle: str, call: Call) -> None:
        """Holds a call. Raises UpstreamFailed where too many are held."""
        if self._tenants[call.tenant_id] >= PARKED_OF_A_TENANT or len(self._parked) >= MAXIMUM_PARKED:
            raise UpstreamFailed("Too many calls wait for their clients' answers.", Health.OK)
        expiry = asyncio.get_running_loop().call_later(PARKED_SECONDS, self._expire, handle)
        self._parked[handle] = _Parked(call, self._tasks.begin(call.attend()), expiry)
        self._tenants[call.tenant_id] += 1

    def _expire(self, handle: str) -> None:
        parked = self._taken(handle, "It waited too long for its client's answer, and was given up.")
        if parked is not None:
            parked.call.give_up()

    def _taken(self, handle: str, why: str) -> _Parked | None:
        """The call, held no more; later it is told why."""
        parked = self._parked.pop(handle, None)
        if parked is None:
            return None
        parked.expiry.cancel()
        parked.attending.cancel()
        self._tenants[parked.call.tenant_id] -= 1
        self._tenants += Counter()
        self._ended[handle] = why
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)
        return parked

    def _asked_to_go_on(self, data: dict[str, Any]) -> None:
        handle = data["handle"]
        held = self._parked.get(handle)
        if held is None or held.call.owner != data["owner"]:
            why = self._ended.get(handle, "It is not known here any more.") if held is None else "It is not yours."
            self._tell(data, {"lost": why})
            return
        parked = self._taken(handle, "It was gone on with already, with an answer that came before.")
        if parked is not None:
            self._driving[data["exchange"]] = self._tasks.begin(self._drive(parked, data))

    async def _drive(self, parked: _Parked, data: dict[str, Any]) -> None:
        await asyncio.wait({parked.attending})
        conversation = _Distant(msgspec.json.decode(data["answers"]), frozenset(data["abilities"]))
        conversation.tell = lambda said: self._tell(data, said)
        self._tell(data, {"heard": True})
        deadline = asyncio.get_running_loop().time() + data["seconds"]
        caller = Caller(parked.call.principal, frozenset(data["abilities"]), conversation, deadline)
        try:
            self._tell(data, {"result": await parked.call.go_on(caller)})
        except InputRequired:
            self._tell(data, {"asked": conversation.memory[MEMORY]})
        except Answered as error:
            self._tell(data, {"error": [error.code, error.sentence]})
        except UpstreamFailed as failure:
            self._tell(data, {"failed": [str(failure), failure.health.value]})
        except Exception:
            logger.exception("a parked call failed")
            self._tell(data, {"failed": ["The call failed after it was gone on with.", Health.OK.value]})
        finally:
            self._driving.pop(data["exchange"], None)

    def _left(self, data: dict[str, Any]) -> None:
        driving = self._driving.get(data["exchange"])
        if driving is not None:
            driving.cancel()

    def _tell(self, data: dict[str, Any], said: dict[str, Any]) -> None:
        # As JSON: the channel layer's encoding has no integers beyond 64 bits, and JSON does.
        body = {"exchange": data["exchange"], "said": encode(said).decode()}
        self._tasks.begin(self._send(data["reply_to"], SAID, body))

    async def _send(self, worker: str, kind: str, data: dict[str, Any]) -> None:
        try:
            await self._bus.tell(worker, kind, data)
        except (RedisError, OSError) as error:
            logger.warning("a worker was not told of a parked call: %s", type(error).__name__)

    # Where clients come back to

    async def go_on(self, memory: dict[str, Any], owner: str, caller: Caller) -> dict[str, Any]:
        """The result of the call that `memory` names, wherever it is held.

        Raises Lost, Answered, UpstreamFailed, and what asking the client raises: its answers are looked at first.
        """
        ticket = msgspec.convert(memory[MEMORY], Ticket)
        questions = {key: decode_question(request) for key, request in ticket.questions.items()}
        answers = await caller.conversation.ask(questions)
        said = await self._elsewhere(ticket.handle, owner, caller, answers)
        if "asked" in said:
            memory[MEMORY] = said["asked"]
            again = msgspec.convert(said["asked"], Ticket)
            await caller.conversation.ask({key: decode_question(asked) for key, asked in again.questions.items()})
            raise Lost("Its client cannot be asked again.")
        del memory[MEMORY]
        return _outcome(said)

    async def _elsewhere(
        self, handle: str, owner: str, caller: Caller, answers: Mapping[str, Answer]
    ) -> dict[str, Any]:
        """Has the holder go on; what it says at last."""
        worker = handle.partition(".")[0]
        if not _WORKER.fullmatch(worker):
            raise Lost("It is not known.")
        exchange = f"{self._bus.worker}.{next(self._numbers)}"
        queue = self._waiting[exchange] = asyncio.Queue()
        seconds = caller.seconds
        data = {
            "handle": handle,
            "owner": owner,
            "exchange": exchange,
            "reply_to": self._bus.worker,
            "seconds": seconds,
            "abilities": sorted(caller.abilities),
            "answers": encode(answers).decode(),
        }
        is_over = False
        try:
            await self._send(worker, GO_ON, data)
            said = await _next(queue, HEARD_SECONDS, "The worker that held it has ended.")
            while not said.keys() & {"result", "asked", "error", "failed", "lost"}:
                await _hear(said, caller)
                said = await _next(queue, seconds + GRACE_SECONDS, "The worker that held it has ended since.")
            is_over = True
            return said
        finally:
            del self._waiting[exchange]
            if not is_over:
                self._tasks.begin(self._send(worker, LEFT, {"exchange": exchange}))

    def _said(self, data: dict[str, Any]) -> None:
        queue = self._waiting.get(data["exchange"])
        if queue is not None:
            queue.put_nowait(msgspec.json.decode(data["said"]))

    async def close(self) -> None:
        """Gives everything up that is held."""
        for handle in list(self._parked):
            self._expire(handle)
        await self._tasks.end(GRACE_SECONDS)


class _Distant(Silence):
    """The client of a parked call, as its holder has it: the answers that were brought, and a way to tell it things."""

    def __init__(self, answers: Mapping[str, Answer], abilities: Abilities) -> None:
        self._answers = answers
        self._abilities = abilities
        self._memory: dict[str, Any] = {}
        self.tell: Any = None

    @property
    def memory(self) -> dict[str, Any]:
        return self._memory

    def understands(self, question: Question) -> bool:
        return question_number(question) in self._abilities

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        if not any(self.understands(question) for question in questions.values()):
            raise ClientCannot(required_for(questions.values()))
        missing = {key: question for key, question in questions.items() if key not in self._answers}
        if missing:
            raise InputRequired(missing, "")
        return {key: self._answers[key] for key in questions}

    async def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        self.tell({"progress": [progress, total, message]})

    async def log(self, level: str, data: Any, logger: str = "") -> None:
        self.tell({"log": [level, data, logger]})


async def _next(queue: "asyncio.Queue[dict[str, Any]]", seconds: float, otherwise: str) -> dict[str, Any]:
    try:
        async with asyncio.timeout(seconds):
            return await queue.get()
    except TimeoutError:
        raise Lost(otherwise) from None


async def _hear(said: dict[str, Any], caller: Caller) -> None:
    if "progress" in said:
        await caller.conversation.progress(*said["progress"])
    elif "log" in said:
        await caller.conversation.log(*said["log"])


def _outcome(said: dict[str, Any]) -> dict[str, Any]:
    if "lost" in said:
        raise Lost(said["lost"])
    if "error" in said:
        raise Answered(*said["error"])
    if "failed" in said:
        sentence, health = said["failed"]
        raise UpstreamFailed(sentence, Health(health))
    result: dict[str, Any] = said["result"]
    return result
