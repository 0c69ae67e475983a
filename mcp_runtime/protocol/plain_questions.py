"""Questions as clients before 2025-11-25 know them: forms without defaults, titled or several choices, single contents.

What SEP-1034, SEP-1330 and SEP-1577 brought is said in the members that there were, and their answers are read back, so
that a handler asks the same of everyone.
"""

import json
from typing import Any

from mcp_runtime.sources.conversation import Elicit, Question

type Field = dict[str, Any]

_CHOICE = frozenset({"type", "title", "description", "enum", "enumNames"})
_NUMBER = frozenset({"type", "title", "description", "minimum", "maximum"})
_MEMBERS: dict[str, frozenset[str]] = {
    "boolean": frozenset({"type", "title", "description", "default"}),
    "integer": _NUMBER,
    "number": _NUMBER,
    "string": frozenset({"type", "title", "description", "minLength", "maxLength", "format"}),
}
# Later members of sampling/createMessage; a client that does not declare tools is sent none anyway.
_LATER_PARAMS = frozenset({"task", "toolChoice", "tools"})


def plain_form(schema: dict[str, Any]) -> dict[str, Any]:
    """The form of `schema` (2025-06-18, client/elicitation "Requested Schema")."""
    fields = {name: _plain_field(field) for name, field in schema.get("properties", {}).items()}
    required = {"required": schema["required"]} if "required" in schema else {}
    return {"type": "object", "properties": fields, **required}


def plain_sampling(params: dict[str, Any]) -> dict[str, Any]:
    """The request, each message with one content: several in a row say the same (2025-06-18, client/sampling)."""
    messages = [
        {**message, "content": content} for message in params.get("messages", []) for content in _contents(message)
    ]
    return {name: value for name, value in params.items() if name not in _LATER_PARAMS} | {"messages": messages}


def whole_answer(question: Question, answer: Any) -> Any:
    """The answer as the form asked for it before it was made plain: several choices are a list again."""
    content = answer.get("content") if isinstance(answer, dict) else None
    if not isinstance(question, Elicit) or not isinstance(content, dict):
        return answer
    fields = question.schema.get("properties", {})
    read = {name: _read_back(fields.get(name, {}), value) for name, value in content.items()}
    return {**answer, "content": read}


def _plain_field(field: Field) -> Field:
    if field.get("type") == "array":
        return _described(field, {"type": "string"}, f"Several of these, with commas: {', '.join(_choices(field))}.")
    if "oneOf" in field or "enum" in field:
        names = {"enumNames": [choice["title"] for choice in field["oneOf"]]} if "oneOf" in field else {}
        return _described(field, {**field, "enum": _choices(field), **names}, "", _CHOICE)
    return _described(field, field, "", _MEMBERS.get(field.get("type", ""), _MEMBERS["string"]))


def _described(field: Field, plain: Field, hint: str, members: frozenset[str] = _CHOICE) -> Field:
    """The plain field, with what has no member any more in its description."""
    default = f"Default: {json.dumps(field['default'])}." if "default" in field and "default" not in members else ""
    description = " ".join(part for part in (field.get("description", ""), hint, default) if part)
    whole = {**plain, **({"title": field["title"]} if "title" in field else {})}
    whole |= {"description": description} if description else {}
    return {name: value for name, value in whole.items() if name in members}


def _choices(field: Field) -> list[str]:
    """The values of a choice, of one or of several, however they are written."""
    source = field.get("items", field)
    titled = source.get("oneOf") or source.get("anyOf") or []
    return [choice["const"] for choice in titled] or list(source.get("enum", []))


def _read_back(field: Field, value: Any) -> Any:
    if field.get("type") != "array" or not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def _contents(message: dict[str, Any]) -> list[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else [content]
