"""From an upstream's answer to the tool's result, or to an error that says what was wrong with the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from core.outbound import Response
from mcp_runtime.sources.contract import InvalidConfig, ToolResult, text_result
from mcp_runtime.sources.http.config import ResultMapping
from mcp_runtime.sources.http.pointer import InvalidPointer, NothingThere, Pointer, parse_pointer, resolve

EXCERPT_CHARACTERS = 300
REASON_CHARACTERS = 80
BYTE_ORDER_MARK = "\ufeff"
# Others are not read: some of Python's codecs are not encodings of text at all.
CHARSETS = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1", "iso-8859-15", "windows-1252", "cp1252"}
    | {"windows-1251", "windows-1250", "koi8-r", "shift_jis", "euc-jp", "euc-kr", "gb2312", "gbk", "gb18030", "big5"}
    | {"utf-16", "utf-16le", "utf-16be"}
)


class Unusable(Exception):
    """The answer cannot be mapped; the message says why."""


@dataclass(frozen=True, slots=True)
class ResultReader:
    """A compiled mapping. `hide` takes the tool's secrets out of a text, should the upstream repeat them."""

    pointer: Pointer | None
    structured: bool
    success: frozenset[int]
    hide: Callable[[str], str]

    def read(self, response: Response) -> ToolResult:
        """The result of a complete answer."""
        try:
            text = self.hide(text_of(response))
            if not self._succeeded(response.status):
                return text_result(self.hide(status_line(response)) + quoted(text), is_error=True)
            return self._mapped(response, text)
        except Unusable as error:
            return text_result(f"{self.hide(status_line(response))}, but {error}", is_error=True)

    def _succeeded(self, status: int) -> bool:
        return status in self.success if self.success else 200 <= status <= 299

    def _mapped(self, response: Response, text: str) -> ToolResult:
        if self.pointer is None and not self.structured:
            return text_result(text or self.hide(status_line(response)) + quoted(text))
        value = self._value(text)
        if not self.structured:
            return text_result(_written(value))
        content = [{"type": "text", "text": _written(value)}]
        return ToolResult(content=content, structured=value, has_structured=True)

    def _value(self, text: str) -> Any:
        try:
            document = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            raise Unusable(f"the answer is not JSON{quoted(text)}") from None
        try:
            return resolve(self.pointer or (), document)
        except NothingThere:
            place = "".join(f"/{step}" for step in self.pointer or ())
            raise Unusable(f"the answer has nothing at {place}{quoted(text)}") from None


def parse_result(mapping: ResultMapping, hide: Callable[[str], str]) -> ResultReader:
    """Compiles the configured mapping; raises InvalidConfig."""
    try:
        pointer = None if mapping.pointer is None else parse_pointer(mapping.pointer)
    except InvalidPointer:
        sentence = "Write a JSON Pointer such as /data/items/0, or nothing for the whole answer."
        raise InvalidConfig({"config.result.pointer": sentence}) from None
    return ResultReader(pointer, mapping.structured, frozenset(mapping.success), hide)


def text_of(response: Response) -> str:
    """The body as text. Raises Unusable."""
    charset = (response.charset or "utf-8").lower()
    try:
        if charset in CHARSETS:
            return response.body.decode(charset).removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError:
        pass
    media_type = (response.header("content-type") or "application/octet-stream")[:80]
    raise Unusable(f"the answer is not text that can be read ({media_type}).")


def _written(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def status_line(response: Response) -> str:
    """Who answered, and with which status."""
    return f"{response.host} answered {response.status} {response.reason[:REASON_CHARACTERS]}".rstrip()


def quoted(text: str) -> str:
    """The beginning of a text, to follow a sentence that is not ended yet."""
    text = text.strip()
    if not text:
        return ", with an empty body."
    return f": {text}" if len(text) <= EXCERPT_CHARACTERS else f": {text[:EXCERPT_CHARACTERS]}…"
