"""Questions to clients on the wire: their form in each revision, and what counts as an answer."""

import secrets
from collections.abc import Mapping
from typing import Any

from mcp_runtime import schemas
from mcp_runtime.protocol.plain_questions import plain_form, plain_sampling
from mcp_runtime.protocol.revision import Revision
from mcp_runtime.sources.conversation import Answer, Elicit, ElicitUrl, ListRoots, Question, Sample

ACTIONS = frozenset({"accept", "decline", "cancel"})


class NotAnAnswer(Exception):
    """What the client sent is not an answer to the question; the message says why."""


def encode_question(question: Question, revision: Revision) -> dict[str, Any]:
    """The method and params of the request that asks `question`."""
    match question:
        case Elicit(message=message, schema=schema):
            mode = {"mode": "form"} if revision.elicitation_has_modes else {}
            form = plain_form(schema) if revision.plain_questions else schema
            return {"method": "elicitation/create", "params": {**mode, "message": message, "requestedSchema": form}}
        case ElicitUrl(message=message, url=url):
            named = {"elicitationId": secrets.token_urlsafe(16)} if revision.elicitation_has_ids else {}
            return {"method": "elicitation/create", "params": {"mode": "url", "message": message, "url": url, **named}}
        case Sample(params=params):
            asked = plain_sampling(params) if revision.plain_questions else params
            return {"method": "sampling/createMessage", "params": asked}
        case ListRoots():
            return {"method": "roots/list", "params": {}}


def decode_question(request: Mapping[str, Any]) -> Question:
    """The question that `encode_question` made `request` of."""
    params = request["params"]
    match request["method"]:
        case "sampling/createMessage":
            return Sample(params)
        case "roots/list":
            return ListRoots()
        case _ if params.get("mode") == "url":
            return ElicitUrl(params["message"], params["url"])
        case _:
            return Elicit(params["message"], params["requestedSchema"])


def read_answer(question: Question, value: object) -> Answer:
    """The client's answer, checked. Raises NotAnAnswer."""
    if not isinstance(value, dict):
        raise NotAnAnswer("An answer is an object.")
    match question:
        case Elicit(schema=schema):
            _check_elicited(value, schema)
        case ElicitUrl():
            _check_action(value)
        case Sample():
            if not isinstance(value.get("role"), str) or not isinstance(value.get("content"), dict | list):
                raise NotAnAnswer("A sampled message has a role and content.")
        case ListRoots():
            roots = value.get("roots")
            if not isinstance(roots, list) or not all(_is_root(root) for root in roots):
                raise NotAnAnswer("Roots are a list of objects with a file:// URI each.")
    return value


def unanswered(
    questions: Mapping[str, Question], answers: Mapping[str, object]
) -> tuple[dict[str, Question], dict[str, Answer]]:
    """Those of `questions` that `answers` leaves open, or answers wrongly; and the answers that stand."""
    standing: dict[str, Answer] = {}
    for key, question in questions.items():
        try:
            standing[key] = read_answer(question, answers.get(key))
        except NotAnAnswer:
            continue
    return {key: question for key, question in questions.items() if key not in standing}, standing


def _check_elicited(value: dict[str, Any], schema: dict[str, Any]) -> None:
    _check_action(value)
    if value["action"] != "accept":
        return
    content = value.get("content")
    if not isinstance(content, dict):
        raise NotAnAnswer("An accepted form has content.")
    complaints = schemas.describe_errors(schemas.compile_schema(_checkable(schema)), content)
    if complaints:
        raise NotAnAnswer("; ".join(complaints))


def _checkable(schema: dict[str, Any]) -> dict[str, Any]:
    """The form's schema without `enumNames`, which is not a keyword of JSON Schema but of older forms."""
    return {name: value for name, value in schema.items() if name != "$schema"}


def _check_action(value: dict[str, Any]) -> None:
    action = value.get("action")
    if not isinstance(action, str) or action not in ACTIONS:
        raise NotAnAnswer("An elicitation is accepted, declined or cancelled.")


def _is_root(root: object) -> bool:
    return isinstance(root, dict) and str(root.get("uri", "")).startswith("file://")
