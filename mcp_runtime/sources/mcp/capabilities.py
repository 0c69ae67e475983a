"""What is declared to a server: who we are, and what the client that it works for can be asked."""

from functools import lru_cache
from importlib.metadata import version
from typing import Any

from mcp_runtime.sources.conversation import Conversation, Elicit, ElicitUrl, ListRoots, Question, Sample, required_for

INFO = {"name": "armstrong", "title": "Joe Armstrong AGI MCP", "version": version("armstrong")}
_QUESTIONS: tuple[Question, ...] = (
    Elicit("", {}),
    ElicitUrl("", ""),
    Sample({}),
    Sample({"tools": []}),
    ListRoots(),
)
# Declared where nobody is asked anything: some servers hide what needs a capability from those that lack it.
EVERYTHING = frozenset(range(len(_QUESTIONS)))

type Abilities = frozenset[int]


def abilities_of(conversation: Conversation) -> Abilities:
    """Which questions the client understands, in a form that can be a key."""
    return frozenset([number for number, question in enumerate(_QUESTIONS) if conversation.understands(question)])


def question_number(question: Question) -> int:
    """Which of the abilities a question needs."""
    match question:
        case Elicit():
            return 0
        case ElicitUrl():
            return 1
        case Sample(params=params):
            return 3 if "tools" in params else 2
        case ListRoots():
            return 4


@lru_cache(maxsize=64)
def capabilities_of(abilities: Abilities) -> dict[str, Any]:
    """The ClientCapabilities that say so; shared, and not to be changed."""
    return required_for([question for number, question in enumerate(_QUESTIONS) if number in abilities])
