"""Rows on their way to a client: counted and measured while they come, so that too many are never held."""

from typing import Any

import msgspec

from mcp_runtime.sources.contract import ToolResult

FRAME_BYTES = len(b'{"rows":[],"truncated":false}')


class Rows:
    """The rows of one call. What is beyond a limit is left out, and the result says so."""

    def __init__(self, columns: list[str], row_limit: int, byte_limit: int) -> None:
        self._columns = columns
        self._row_limit = row_limit
        self._room = byte_limit - FRAME_BYTES
        self._encoded: list[bytes] = []
        self._rows: list[dict[str, Any]] = []
        self.truncated = False

    @property
    def is_empty(self) -> bool:
        """Whether no row was taken."""
        return not self._rows

    def take(self, values: tuple[Any, ...]) -> bool:
        """Takes another row, of which one more than the limit may come; False when there is no room for more bytes."""
        if len(self._rows) >= self._row_limit:
            self.truncated = True
            return True
        row = dict(zip(self._columns, values, strict=True))
        encoded = msgspec.json.encode(row)
        if len(encoded) > self._room:
            self.truncated = True
            return False
        self._room -= len(encoded) + 1
        self._encoded.append(encoded)
        self._rows.append(row)
        return True

    def result(self) -> ToolResult:
        """The rows as structured content, and as the text that says the same."""
        truncated = b"true" if self.truncated else b"false"
        text = b'{"rows":[' + b",".join(self._encoded) + b'],"truncated":' + truncated + b"}"
        structured = {"rows": self._rows, "truncated": self.truncated}
        content = [{"type": "text", "text": text.decode()}]
        return ToolResult(content=content, structured=structured, has_structured=True)


def output_schema(columns: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What `Rows.result` makes of rows with these columns, each with the schema of its values."""
    row = {
        "type": "object",
        "properties": columns,
        "required": list(columns),
        "additionalProperties": False,
    }
    rows = {"type": "array", "items": row}
    truncated = {"type": "boolean", "description": "Whether there are more rows than are told here."}
    return {
        "type": "object",
        "properties": {"rows": rows, "truncated": truncated},
        "required": ["rows", "truncated"],
        "additionalProperties": False,
    }


def twice(names: list[str]) -> str | None:
    """The first name that two columns have."""
    return next((name for number, name in enumerate(names) if name in names[:number]), None)
