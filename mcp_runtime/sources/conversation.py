"""What a handler may say and ask while it works, whatever the protocol revision of its client.

A question is a server request on an open stream up to 2025-11-25, and an `input_required` result from 2026-07-28 on:
there the handler runs again from its start when the answers have come, and `ask` returns them. So whatever a handler
does before it asks must be fit to happen again, and what has effects comes after.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

LOG_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")  # RFC 5424


@dataclass(frozen=True, slots=True)
class Elicit:
    """Asks the person for data by a form: `schema` is a flat object of primitives (client/elicitation)."""

    message: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ElicitUrl:
    """Asks the person to visit a page: for secrets, payments, and whatever must not pass through the client."""

    message: str
    url: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Asks the client's model; `params` are those of sampling/createMessage (client/sampling)."""

    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListRoots:
    """Asks for the client's roots (client/roots)."""


type Question = Elicit | ElicitUrl | Sample | ListRoots
type Answer = dict[str, Any]  # the result as the client sent it: ElicitResult, CreateMessageResult, ListRootsResult


@dataclass(slots=True)
class ClientCannot(Exception):
    """The client did not declare what an essential question needs; `required` is shaped like ClientCapabilities."""

    required: dict[str, Any] = field(default_factory=dict)


class ClientFailed(Exception):
    """The client did not answer a question in time, or not with an answer; the message says which."""


@dataclass(slots=True)
class Detached(Exception):
    """The call goes on as a task, with the `answers` that it has by now; handlers let it pass."""

    answers: dict[str, Answer]


class Conversation(Protocol):
    """The client's side of one call.

    `memory` is what earlier runs of the handler left for this one, and this one leaves for the next where a question
    ends it: values of JSON, sealed with the answers on their way through the client. It is empty in the first run, and
    may be where a task runs again.
    """

    @property
    def memory(self) -> dict[str, Any]:
        """What is remembered; to be changed in place."""

    @property
    def log_level(self) -> str | None:
        """From which level on the client wants log messages, as far as is known beforehand; None for none."""

    def understands(self, question: Question) -> bool:
        """Whether the client declared the capability that this question needs."""

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        """The answers, by the same keys; keys are unique within the call.

        Leaves out the questions that the client does not understand, unless that leaves none: then ClientCannot.
        Answers are checked for shape, and elicited content against its schema, before the handler sees them.
        """

    async def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        """Reports progress, if the client asked for reports; values that do not rise are dropped."""

    async def log(self, level: str, data: Any, logger: str = "") -> None:
        """Sends a log message, if the client wants messages of this level (one of LOG_LEVELS)."""

    async def release(self) -> None:
        """Lets a client that can come back for its answer go, to free its connection (2025-11-25 polling)."""

    async def detach(self) -> None:
        """From here on the call may outlive its request: it becomes a task, if its client can follow one.

        Then the handler runs again from its start, in another process, with the answers it has been given; there, and
        for a client that cannot follow a task, this returns at once. What has effects comes after.
        """


class Silence:
    """The conversation with a client that hears nothing and answers nothing: a task's, or a probe's.

    What is shared has no memory: each gets one of its own where it looks.
    """

    @property
    def memory(self) -> dict[str, Any]:
        """Nothing, and whatever is put there is forgotten."""
        return {}

    @property
    def log_level(self) -> str | None:
        return None

    def understands(self, question: Question) -> bool:
        return False

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        raise ClientCannot(required_for(questions.values()))

    async def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        return

    async def log(self, level: str, data: Any, logger: str = "") -> None:
        return

    async def release(self) -> None:
        return

    async def detach(self) -> None:
        return


def required_for(questions: Iterable[Question]) -> dict[str, Any]:
    """The client capabilities that a collection of questions needs, shaped like ClientCapabilities."""
    required: dict[str, Any] = {}
    for question in questions:
        match question:
            case Elicit():
                required.setdefault("elicitation", {})["form"] = {}
            case ElicitUrl():
                required.setdefault("elicitation", {})["url"] = {}
            case Sample(params=params):
                required.setdefault("sampling", {}).update({"tools": {}} if "tools" in params else {})
            case ListRoots():
                required["roots"] = {}
    return required


def declared(capabilities: Mapping[str, Any], question: Question) -> bool:
    """Whether `capabilities` (ClientCapabilities) cover the question; `elicitation: {}` means forms only."""
    match question:
        case Elicit():
            modes = capabilities.get("elicitation")
            return isinstance(modes, dict) and (not modes or "form" in modes)
        case ElicitUrl():
            modes = capabilities.get("elicitation")
            return isinstance(modes, dict) and "url" in modes
        case Sample(params=params):
            sampling = capabilities.get("sampling")
            return isinstance(sampling, dict) and ("tools" not in params or "tools" in sampling)
        case ListRoots():
            return isinstance(capabilities.get("roots"), dict)
