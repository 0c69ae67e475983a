"""What must hold whatever arrives, for the decoder and for the whole ladder."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from mcp_runtime.metering.meter import Meter
from mcp_runtime.protocol import jsonrpc, ladder
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.headers import RequestHeaders
from mcp_runtime.protocol.listening import Listen
from mcp_runtime.protocol.replies import Batch, Notice, Outcome, Reply, Work
from mcp_runtime.protocol.scene import Scene
from mcp_runtime.protocol.served import Principal
from mcp_runtime.protocol.sessions import SessionTokens
from mcp_runtime.quota.fairness import Turns
from mcp_runtime.quota.rates import Rates
from mcp_runtime.quota.shedding import LoopLag
from mcp_runtime.snapshots.held import Held
from mcp_runtime.transports.asgi import Event, Receive
from mcp_runtime.transports.calls import Calls, Throttle
from mcp_runtime.transports.limits import Limits
from mcp_runtime.transports.outlets import EventOutlet
from mcp_runtime.transports.signals import Signals
from tests.fuzz import strict
from tests.fuzz.endpoint import make_endpoint
from tests.fuzz.keeping import Keeper

# Of this process's CPU, so that a busy machine makes no hangs. The largest inputs are a few kilobytes.
SECONDS = 1.0
SAFE_INTEGER = 2**53
ID_CHARACTERS = 1_024
STATUSES = frozenset({200, 202, 400, 404, 422})


class Broken(AssertionError):
    """An invariant that did not hold."""


class Overdue(Broken):
    """An input that took too long."""


def check_decoder(body: bytes) -> None:
    """The decoder accepts exactly what the strict reader does, and sees the same value."""
    with _bounded():
        try:
            value = jsonrpc.decode(body)
            accepted = True
        except RpcError:
            accepted = False
    try:
        expected = strict.read(body)
    except strict.NotStrict as reason:
        _require(not accepted, f"accepted what a strict reader refuses: {reason}")
        return
    _require(accepted, "refused what a strict reader accepts")
    _require(strict.same(value, expected), "read another value than a strict reader")


@dataclass
class Sent:
    """The events of one response."""

    body: bytes = b""

    async def send(self, event: Event) -> None:
        """Takes an event as a server would."""
        self.body += event.get("body", b"")


async def _never() -> Event:
    return await asyncio.Event().wait()  # type: ignore[return-value]  # nobody leaves


class Runtime:
    """The protocol without a network: what arrives climbs the ladder, and the work that comes of it is done."""

    def __init__(self) -> None:
        self.endpoint = make_endpoint()
        self.sessions = SessionTokens(clock=lambda: 1_000_000.0)
        self._held = Held(self.endpoint)
        throttle = Throttle(cast("Rates", None), Turns(calls=64, of_tenant=32, waiting=64), LoopLag())
        self._calls = Calls(Limits(), cast("Signals", None), Meter(_check_row), throttle)
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        """Ends the loop."""
        self._loop.close()

    def check(self, principal: Principal, headers: list[tuple[bytes, bytes]], body: bytes) -> Reply | None:
        """Hands a POST in and looks at what comes of it; the reply, unless a stream was opened."""
        scene = Scene(self.endpoint, principal, self.sessions, frozenset(), Keeper())
        with _bounded():
            outcome = ladder.receive(RequestHeaders(headers), body, scene)
            reply = self._loop.run_until_complete(self._finish(outcome))
        if reply is not None:
            _check_reply(reply, body)
        return reply

    async def _finish(self, outcome: Outcome) -> Reply | None:
        if isinstance(outcome, Listen):
            for message in (outcome.acknowledged(), outcome.cancelled(), outcome.result()):
                strict.read(message)
            return None
        if isinstance(outcome, Batch):
            return await self._calls.perform_batch(_without_notices(outcome), self._held, cast("Receive", _never), 0)
        if isinstance(outcome, Notice):
            return outcome.reply
        return await self._perform(outcome) if isinstance(outcome, Work) else outcome

    async def _perform(self, work: Work) -> Reply | None:
        """The answer, which closes an event stream if the work said anything before."""
        sent = Sent()
        # A session's questions wait for answers: without an outlet its handlers speak to nobody.
        outlet = EventOutlet(sent.send, None, "", primed=False) if work.revision.stateless else None
        reply = await self._calls.perform(work, self._held, cast("Receive", _never), outlet, 0)
        for line in sent.body.splitlines():
            if line.startswith(b"data: "):
                strict.read(line.removeprefix(b"data: "))
        return reply


def _without_notices(batch: Batch) -> Batch:
    return Batch([part.reply if isinstance(part, Notice) else part for part in batch.parts])


def _check_row(row: bytes) -> None:
    _require(row.count(b"\t") == 12 and row.find(b"\n") == len(row) - 1, f"no row of the ledger: {row[:200]!r}")
    row.decode()


def _check_reply(reply: Reply, body: bytes) -> None:
    _require(reply.status in STATUSES, f"status {reply.status}: {reply.body[:200]!r}")
    if not reply.body:
        _require(reply.status == 202, f"status {reply.status} without a body")
        return
    try:
        answer = strict.read(reply.body)
    except strict.NotStrict as reason:
        raise Broken(f"the answer is not JSON: {reason}") from None
    try:
        asked = strict.read(body)
    except strict.NotStrict:
        asked = None
    if isinstance(answer, list):
        _require(isinstance(asked, list) and reply.status == 200, "a batch answers no batch")
        _check_batch(answer, asked)
    else:
        _check_answer(answer, _id_of(asked))


def _check_batch(answers: list[Any], asked: list[Any]) -> None:
    """Every answer is one, and those with an id answer each request once."""
    wanted = [_id_of(part) for part in asked]
    for answer in answers:
        identifier = _id_of(answer)
        _check_answer(answer, identifier)
        if identifier is not None:
            _require(identifier in wanted, "an answer to what was not asked")
            wanted.remove(identifier)


def _check_answer(answer: Any, identifier: tuple[str, Any] | None) -> None:
    _require(isinstance(answer, dict) and answer.get("jsonrpc") == "2.0", "no JSON-RPC message")
    _require(_id_of(answer) == identifier and ("id" in answer) == (identifier is not None), "another id")
    _require(("result" in answer) != ("error" in answer), "neither a result nor an error, or both")
    if "error" in answer:
        error = answer["error"]
        _require(type(error["code"]) is int and type(error["message"]) is str, "an error is a code and a message")
        # The boundary's own answer to an exception that nobody foresaw; the log has its traceback.
        _require("request_id" not in error.get("data", {}), "an internal error")


def _id_of(message: Any) -> tuple[str, Any] | None:
    """The id of a message with its type, for 1 and "1" are two; None where MCP allows none such."""
    identifier = message.get("id") if isinstance(message, dict) else None
    if type(identifier) is int and -SAFE_INTEGER <= identifier <= SAFE_INTEGER:
        return ("int", identifier)
    return ("str", identifier) if type(identifier) is str and len(identifier) <= ID_CHARACTERS else None


@contextmanager
def _bounded() -> Iterator[None]:
    """Raises Overdue when what is done inside takes too long; collecting garbage, which is no input's fault, waits."""
    gc.disable()
    began = time.process_time()
    try:
        yield
    finally:
        gc.enable()
    taken = time.process_time() - began
    if taken > SECONDS:
        raise Overdue(f"took {taken:.1f} s of CPU")


def _require(holds: bool, sentence: str) -> None:  # noqa: FBT001  the condition is the point of the call
    if not holds:
        raise Broken(sentence)
