"""What can be changed about an imported tool, prompt or resource, as it is stored.

    {"name": "find_pet", "description": "Finds one pet.",
     "arguments": {"api_version": {"fixed": 2}, "debug": {"hidden": true}, "id": {"description": "Its number."}},
     "project": ["/name", "/owner/email"], "maximum_bytes": 65536, "timeout": 20,
     "examples": [{"id": 7}], "annotations": {"readOnlyHint": true},
     "guard": {"instructions": "mark", "secrets": "redact", "personal_data": "redact"}}

What is left out stays as the upstream says it.
"""

from typing import Annotated, Any

import msgspec

from mcp_runtime.guardrails.policy import NO_GUARD, Guard
from mcp_runtime.sources.configuration import converted

MAXIMUM_SECONDS = 300.0
MAXIMUM_RESULT_BYTES = 4 * 1024 * 1024

type Pointer = Annotated[str, msgspec.Meta(max_length=1_024, pattern=r"^(/|\Z)")]


class ArgumentCuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One argument. A `fixed` one is sent as it is here and clients do not see it; a `hidden` one is never sent."""

    fixed: Any = msgspec.UNSET
    hidden: bool = False
    description: Annotated[str, msgspec.Meta(max_length=4_000)] | None = None

    @property
    def is_fixed(self) -> bool:
        """Whether it has a fixed value, which may be null."""
        return self.fixed is not msgspec.UNSET


class Curation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All of it. `name` is the whole name that clients see. `project` are JSON Pointers (RFC 6901) into structured
    content, of which nothing else is passed on. `maximum_bytes` is of the whole result, `timeout` in seconds."""

    name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    title: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    description: Annotated[str, msgspec.Meta(max_length=4_000)] | None = None
    arguments: Annotated[dict[str, ArgumentCuration], msgspec.Meta(max_length=200)] = {}
    project: Annotated[list[Pointer], msgspec.Meta(max_length=64)] = []
    maximum_bytes: Annotated[int, msgspec.Meta(ge=256, le=MAXIMUM_RESULT_BYTES)] | None = None
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=MAXIMUM_SECONDS)] | None = None
    examples: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=16)] = []
    annotations: dict[str, bool] = {}
    guard: Guard = NO_GUARD
    task: str = "forbidden"
    calls_per_minute: int | None = None


def read_curation(curation: dict[str, Any]) -> Curation:
    """The typed curation; raises InvalidConfig that names the wrong place, such as `curation.timeout`."""
    return converted(curation, Curation, field="curation")
