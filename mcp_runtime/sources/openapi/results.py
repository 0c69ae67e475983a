"""From a service's answer to a tool's result: structured content, text, images, sounds and files."""

import base64
from collections.abc import Callable
from typing import Any

import msgspec

from core.outbound import Response
from mcp_runtime.sources.contract import ToolResult, text_result
from mcp_runtime.sources.http.result import Unusable, quoted, status_line, text_of
from mcp_runtime.sources.openapi.bodies import kind_of
from mcp_runtime.sources.openapi.operation import Operation
from mcp_runtime.sources.openapi.paging import further

MAXIMUM_BINARY = 512 * 1024
MAXIMUM_RETRY_AFTER = 40
_SOUNDS = "audio/"
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"})

type Hide = Callable[[str], str]


def result_of(operation: Operation, response: Response, hide: Hide) -> ToolResult:
    """The result of a complete answer; `hide` takes the credentials out of a text, should the service repeat them."""
    try:
        if not 200 <= response.status <= 299:
            return _failed(response, hide)
        media_type = _media_type(response)
        is_file = bool(response.body) and bool(media_type) and kind_of(media_type) == "binary"
        if is_file and not operation.structured:
            return _bytes(response, media_type)
        return _text(operation, response, hide)
    except Unusable as error:
        return text_result(f"{hide(status_line(response))}, but {error}", is_error=True)


def _media_type(response: Response) -> str:
    return (response.header("content-type") or "").partition(";")[0].strip().lower()


def _failed(response: Response, hide: Hide) -> ToolResult:
    try:
        text = hide(text_of(response))
    except Unusable:
        text = ""
    sentence = hide(status_line(response)) + quoted(text)
    if response.status == 403:
        sentence = f"The service denied this to the account that is connected. {sentence}"
    if response.status == 429 and (wait := response.header("retry-after")):
        sentence = f"Too many calls: the service asks to wait ({hide(wait)[:MAXIMUM_RETRY_AFTER]}). {sentence}"
    return text_result(sentence, is_error=True)


def _text(operation: Operation, response: Response, hide: Hide) -> ToolResult:
    text = hide(text_of(response))
    value = _value(text)
    if operation.structured and not isinstance(value, dict):
        raise Unusable(f"the answer is not the JSON object that it has to be{quoted(text)}")
    content = [{"type": "text", "text": text or hide(status_line(response)) + quoted(text)}]
    link = response.header("link")
    if hint := further(operation, hide(link) if link else None, value):
        content.append({"type": "text", "text": f"There is more: call again with {_json(hint)}."})
    if isinstance(value, dict):
        return ToolResult(content=content, structured=value, has_structured=True)
    return ToolResult(content=content)


def _value(text: str) -> Any:
    """The JSON value that the text is; None where it is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _bytes(response: Response, media_type: str) -> ToolResult:
    if len(response.body) > MAXIMUM_BINARY:
        size = MAXIMUM_BINARY // 1024
        raise Unusable(f"the answer is a file of more than {size} KiB ({media_type[:80]}).")
    data = base64.b64encode(response.body).decode()
    if media_type in _IMAGES:
        return ToolResult(content=[{"type": "image", "data": data, "mimeType": media_type}])
    if media_type.startswith(_SOUNDS):
        return ToolResult(content=[{"type": "audio", "data": data, "mimeType": media_type}])
    resource = {"uri": f"urn:answer:{response.host}", "mimeType": media_type[:100], "blob": data}
    return ToolResult(content=[{"type": "resource", "resource": resource}])
