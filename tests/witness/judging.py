"""What is wrong with a message that a server sent, as its revision has it: nothing, if all is well."""

from collections.abc import Iterator
from typing import Any

import pydantic
from mcp_types import methods

from tests.witness import extensions, schemas

STATELESS_FROM = "2026-07-28"
BATCHES = "2025-03-26"
# MCP 2026-07-28, basic, "Error Codes"; the codes of that revision alone, and those that it does away with.
_STATELESS_CODES = frozenset({-32020, -32021, -32022})
_SESSION_CODES = frozenset({-32002, -32042})
_JSON_RPC_CODES = frozenset({-32700, -32600, -32601, -32602, -32603})
_RESERVED = range(-32768, -31999)
_ERRORS_BY_CODE = {
    -32020: "HeaderMismatchError",
    -32021: "MissingRequiredClientCapabilityError",
    -32022: "UnsupportedProtocolVersionError",
    -32042: "URLElicitationRequiredError",
}


def complaints(message: Any, version: str, method: str | None = None, *, strict: bool = True) -> list[str]:
    """What is wrong with `message`; `method` is that of the request which it answers, where that is known.

    With `strict` a member that the revision does not know is wrong, wherever the protocol describes the object.
    Without the published schemas the official types judge, which know no such mode.
    """
    if isinstance(message, list):
        return [f"{version} has no batches"] if version != BATCHES else _batch(message, strict=strict)
    return [f"{version}: {complaint}" for complaint in _complaints(message, version, method, strict=strict)]


def _batch(messages: list[Any], *, strict: bool) -> list[str]:
    found = [complaint for message in messages for complaint in complaints(message, BATCHES, strict=strict)]
    return found if messages else ["an empty batch"]


def _complaints(message: Any, version: str, method: str | None, *, strict: bool) -> Iterator[str]:
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        yield f"no JSON-RPC message: {message!r}"
    elif "method" in message:
        yield from _asked(message, version, strict=strict)
    elif "error" in message:
        yield from _error(message, version, strict=strict)
    elif method is not None:
        yield from _result(message, version, method, strict=strict)
    elif not isinstance(message.get("result"), dict) or "id" not in message:
        yield f"no response: {message!r}"


def _asked(message: dict[str, Any], version: str, *, strict: bool) -> Iterator[str]:
    """A request or a notification of the server's."""
    union, method = "ServerRequest" if "id" in message else "ServerNotification", message["method"]
    extended = extensions.notification(version, method) if union == "ServerNotification" else None
    if extended is not None:
        yield from _errors(extended, message.get("params"))
    elif schemas.has(version):
        name = schemas.definition_of(version, union, method)
        if name is None:
            yield f"a server sends no {method} as {union}"
        else:
            yield from _errors(schemas.validator(version, (name,), strict=strict), _described(message, version, name))
    else:
        parse = methods.parse_server_request if "id" in message else methods.parse_server_notification
        try:
            parse(method, version, message.get("params"))
        except (KeyError, pydantic.ValidationError) as error:
            yield f"{method}: {error!r}"


def _described(message: dict[str, Any], version: str, name: str) -> dict[str, Any]:
    """The message without its envelope where the revision's definition leaves that out."""
    if "jsonrpc" in schemas.definitions(version)[name]["properties"]:
        return message
    return {member: value for member, value in message.items() if member not in ("jsonrpc", "id")}


def _error(message: dict[str, Any], version: str, *, strict: bool) -> Iterator[str]:
    error, identifier = message["error"], message.get("id", 0)
    code = error.get("code") if isinstance(error, dict) else None
    if "result" in message or type(identifier) not in (str, int) or not set(message) <= {"jsonrpc", "id", "error"}:
        yield f"a malformed response: {message!r}"
    if type(code) is not int or not isinstance(error.get("message"), str) or not set(error) <= _ERROR_MEMBERS:
        yield f"a malformed error: {message!r}"
    else:
        yield from _code(code, version)
        name = _ERRORS_BY_CODE.get(code)
        if name is not None and schemas.has(version) and name in schemas.definitions(version):
            yield from _errors(schemas.validator(version, (name,), strict=strict), message)


_ERROR_MEMBERS = frozenset({"code", "message", "data"})


def _code(code: int, version: str) -> Iterator[str]:
    theirs = _STATELESS_CODES if version >= STATELESS_FROM else _SESSION_CODES
    if code in _RESERVED and code not in theirs | _JSON_RPC_CODES:
        yield f"no error of this revision: {code}"
    if code == -32042 and version != "2025-11-25":
        yield "URL elicitation is required by error in 2025-11-25 alone"


def _result(message: dict[str, Any], version: str, method: str, *, strict: bool) -> Iterator[str]:
    extended = extensions.result(version, method, message.get("result"))
    if extended is not None:
        yield from _errors(extended, message.get("result"))
    elif schemas.has(version):
        yield from _published_result(message, version, method, strict=strict)
    else:
        yield from (f"{method}: {name} is null" for name in _nulls(message["result"]))
        try:
            methods.validate_server_result(method, version, message["result"])
        except (KeyError, pydantic.ValidationError) as error:
            yield f"{method}: {error!r}"


def _nulls(value: Any) -> Iterator[str]:
    """Members that are null, which the official types take for absent and the schemas forbid."""
    if isinstance(value, list):
        for item in value:
            yield from _nulls(item)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name in schemas.OPEN_MEMBERS or name == "ttl":
                continue
            if member is None:
                yield name
            yield from _nulls(member)


def _published_result(message: dict[str, Any], version: str, method: str, *, strict: bool) -> Iterator[str]:
    request = schemas.definition_of(version, "ClientRequest", method)
    if request is None:
        yield f"a result of {method}, which this revision does not have"
        return
    known, stem = schemas.definitions(version), request.removesuffix("Request")
    if f"{stem}ResultResponse" in known:
        yield from _errors(schemas.validator(version, (f"{stem}ResultResponse",), strict=strict), message)
        return
    if not set(message) <= {"jsonrpc", "id", "result"} or type(message.get("id")) not in (str, int):
        yield f"a malformed response: {message!r}"
    names = [f"{stem}Result" if f"{stem}Result" in known else "EmptyResult"]
    if method == "tools/call" and "CreateTaskResult" in known:
        names.append("CreateTaskResult")
    yield from _errors(schemas.validator(version, tuple(names), strict=strict), message["result"])


def _errors(validator: Any, value: Any) -> Iterator[str]:
    for error in validator.iter_errors(value):
        place = "/".join(str(step) for step in error.instance_path)
        yield f"{place}: {error.message}"[:2_000]
