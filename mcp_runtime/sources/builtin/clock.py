"""`time`: the current time in a zone of the IANA time zone database."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mcp_runtime.sources.builtin.function import Function, object_schema, structured_result
from mcp_runtime.sources.contract import ToolResult, text_result

DEFAULT_ZONE = "UTC"


def _time(arguments: dict[str, Any]) -> ToolResult:
    name = arguments.get("zone", DEFAULT_ZONE)
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return text_result(f"There is no time zone {name!r}. Use a name such as Europe/Stockholm.", is_error=True)
    return structured_result(_described(datetime.now(UTC).astimezone(zone), name))


def _described(now: datetime, zone: str) -> dict[str, Any]:
    return {
        "zone": zone,
        "datetime": now.isoformat(timespec="seconds"),
        "weekday": now.strftime("%A"),
        "unix_seconds": int(now.timestamp()),
    }


TIME = Function(
    name="time",
    title="Current time",
    description="The current date and time in a time zone, UTC unless another is named.",
    input_schema=object_schema(
        {
            "zone": {
                "type": "string",
                "description": "A name of the IANA time zone database, such as Europe/Stockholm.",
                "maxLength": 64,
                "default": DEFAULT_ZONE,
            }
        }
    ),
    output_schema=object_schema(
        {
            "zone": {"type": "string"},
            "datetime": {"type": "string", "description": "ISO 8601, with the offset from UTC."},
            "weekday": {"type": "string"},
            "unix_seconds": {"type": "integer"},
        },
        "zone",
        "datetime",
        "weekday",
        "unix_seconds",
    ),
    annotations={"readOnlyHint": True, "destructiveHint": False, "idempotentHint": False, "openWorldHint": False},
    answer=_time,
)
