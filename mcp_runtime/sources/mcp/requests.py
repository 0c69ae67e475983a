"""A request to a server before it is framed for an era, and on whose behalf it is sent."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_runtime.sources.contract import CallContext
from mcp_runtime.sources.conversation import Conversation, Silence
from mcp_runtime.sources.mcp.capabilities import EVERYTHING, Abilities, abilities_of
from mcp_runtime.trace_context import TraceContext


class EraChanged(Exception):
    """The server does not speak as it did, or as it was tried: what it speaks has to be found out."""


@dataclass(frozen=True, slots=True)
class Request:
    """`name` is what 2026-07-28 repeats in `Mcp-Name`, `headers` the arguments that it repeats in `Mcp-Param-…`.

    `is_repeatable`: it may be served twice, as far as is known.
    """

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = False

    def again(self, further: Mapping[str, Any]) -> "Request":
        """The same request with further params."""
        return Request(self.method, {**self.params, **further}, self.name, self.headers, self.is_repeatable)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a request is for. `deadline` is on the loop's clock."""

    principal: str
    abilities: Abilities
    conversation: Conversation
    deadline: float
    trace: TraceContext | None = None
    can_answer: bool = True

    @property
    def seconds(self) -> float:
        """What is left."""
        return max(0.001, self.deadline - asyncio.get_running_loop().time())


def caller_of(context: CallContext) -> Caller:
    """The caller of a handler's call."""
    conversation = context.conversation
    abilities = abilities_of(conversation)
    return Caller(
        context.principal, abilities, conversation, context.deadline, context.trace, can_answer=bool(abilities)
    )


def nobody(seconds: float) -> Caller:
    """The platform itself, which answers no questions."""
    deadline = asyncio.get_running_loop().time() + seconds
    return Caller("", EVERYTHING, Silence(), deadline, can_answer=False)
