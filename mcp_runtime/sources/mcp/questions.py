"""What servers ask their clients, checked and put as questions of a conversation."""

from collections.abc import Mapping
from typing import Any

from mcp_runtime import schemas
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.sources.conversation import Answer, Elicit, ElicitUrl, ListRoots, Question, Sample

MAXIMUM_BYTES = 256 * 1024
MAXIMUM_FORM_BYTES = 64 * 1024
MAXIMUM_URL = 4_096
# PrimitiveSchemaDefinition (client/elicitation, "Requested Schema").
_FIELD = frozenset(
    {"type", "title", "description", "default", "format", "minLength", "maxLength", "minimum", "maximum"}
    | {"enum", "enumNames", "oneOf", "anyOf", "items", "minItems", "maxItems"}
)
_ITEMS = frozenset({"type", "enum", "anyOf"})
ASKING = frozenset({"elicitation/create", "sampling/createMessage", "roots/list"})


class NotAQuestion(Exception):
    """What the server asks cannot be put to anybody; the message says why."""


def read_question(method: str, params: Any) -> Question:
    """The question. Raises NotAQuestion."""
    params = {} if params is None else params
    if type(params) is not dict or len(encode(params)) > MAXIMUM_BYTES:
        raise NotAQuestion("The params of a question are an object of moderate size.")
    match method:
        case "roots/list":
            return ListRoots()
        case "sampling/createMessage":
            return _sampling(params)
        case "elicitation/create" if params.get("mode") == "url":
            return _visit(params)
        case "elicitation/create" if params.get("mode", "form") == "form":
            return _form(params)
    raise NotAQuestion("There is no such question.")


def read_questions(requests: Any) -> dict[str, Question]:
    """The questions of an `input_required` result, by the server's keys. Raises NotAQuestion."""
    if type(requests) is not dict or not all(type(request) is dict for request in requests.values()):
        raise NotAQuestion("inputRequests is an object of requests.")
    return {key: read_question(_method(request), request.get("params")) for key, request in requests.items()}


def with_defaults(question: Question, answer: Answer) -> Answer:
    """The answer with the form's defaults for what was left out (SEP-1034): servers rely on their client for that."""
    content = answer.get("content", {})
    if not isinstance(question, Elicit) or answer.get("action") != "accept" or type(content) is not dict:
        return answer
    fields = question.schema.get("properties", {})
    defaults = {name: field["default"] for name, field in fields.items() if "default" in field and name not in content}
    return {**answer, "content": {**content, **defaults}}


def _method(request: Mapping[str, Any]) -> str:
    method = request.get("method")
    return method if type(method) is str else ""


def _sampling(params: dict[str, Any]) -> Sample:
    messages, tokens = params.get("messages"), params.get("maxTokens")
    if type(messages) is not list or type(tokens) not in (int, float):
        raise NotAQuestion("Sampling has messages and maxTokens.")
    if not all(type(message) is dict and type(message.get("content")) in (dict, list) for message in messages):
        raise NotAQuestion("A message to sample from has a content.")
    return Sample({name: value for name, value in params.items() if name not in ("_meta", "task")})


def _visit(params: dict[str, Any]) -> ElicitUrl:
    url = params.get("url")
    if type(url) is not str or len(url) > MAXIMUM_URL or not url.lower().startswith(("https://", "http://")):
        raise NotAQuestion("A page to visit has an http or https URL.")
    return ElicitUrl(_message(params), url)


def _form(params: dict[str, Any]) -> Elicit:
    schema = params.get("requestedSchema")
    if type(schema) is not dict or len(encode(schema)) > MAXIMUM_FORM_BYTES or schema.get("type") != "object":
        raise NotAQuestion("A form has a schema of type object.")
    fields = schema.get("properties", {})
    if type(fields) is not dict or not all(_is_field(field) for field in fields.values()):
        raise NotAQuestion("A form has fields of primitive types.")
    required = {"required": schema["required"]} if "required" in schema else {}
    form = {"type": "object", "properties": {name: _known(field) for name, field in fields.items()}, **required}
    try:
        schemas.compile_schema(form)
    except schemas.InvalidSchema:
        raise NotAQuestion("The form's schema is not valid.") from None
    return Elicit(_message(params), form)


def _known(field: dict[str, Any]) -> dict[str, Any]:
    """What of a field the protocol knows: SDKs make forms of types, and say more than clients take."""
    known = {name: value for name, value in field.items() if name in _FIELD}
    for several in ("oneOf", "anyOf"):
        if several in known:
            known[several] = [{"const": choice["const"], "title": choice["title"]} for choice in known[several]]
    if "items" in known:
        known["items"] = {name: value for name, value in _known(known["items"]).items() if name in _ITEMS}
    return known


def _message(params: dict[str, Any]) -> str:
    message = params.get("message")
    if type(message) is not str:
        raise NotAQuestion("An elicitation has a message.")
    return message


def _is_field(field: Any) -> bool:
    """Whether it is a PrimitiveSchemaDefinition as far as older forms are made of it (client/elicitation)."""
    if type(field) is not dict or not all(type(choice) is str for choice in field.get("enumNames", [])):
        return False
    if field.get("type") == "array":
        items = field.get("items")
        return type(items) is dict and _has_choices(items)
    is_plain = field.get("type") in ("string", "number", "integer", "boolean")
    return is_plain and (("enum" not in field and "oneOf" not in field) or _has_choices(field))


def _has_choices(source: dict[str, Any]) -> bool:
    titled = source.get("oneOf") or source.get("anyOf") or []
    values = source.get("enum", [])
    if type(titled) is not list or type(values) is not list:
        return False
    return all(
        type(choice) is dict and type(choice.get("const")) is str and type(choice.get("title")) is str
        for choice in titled
    ) and all(type(value) is str for value in values)
