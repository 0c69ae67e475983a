"""The conversation of a task: questions wait in the database, and the task runs again when they are answered."""

from collections.abc import Mapping
from typing import Any

from mcp_runtime.protocol.conversing import InputRequired
from mcp_runtime.protocol.questions import unanswered
from mcp_runtime.sources.conversation import Answer, ClientCannot, Question, Silence, declared, required_for


class TaskConversation(Silence):
    """Asks its client, who may be long gone; says nothing on the way, as the extension has no way to."""

    def __init__(self, capabilities: Mapping[str, Any], answers: Mapping[str, Any]) -> None:
        self._capabilities = capabilities
        self._answers = answers
        self._memory: dict[str, Any] = {}

    @property
    def memory(self) -> dict[str, Any]:
        return self._memory

    def understands(self, question: Question) -> bool:
        return declared(self._capabilities, question)

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        understood = {key: question for key, question in questions.items() if self.understands(question)}
        if questions and not understood:
            raise ClientCannot(required_for(questions.values()))
        missing, standing = unanswered(understood, self._answers)
        if missing:
            raise InputRequired(missing, "")
        return standing
