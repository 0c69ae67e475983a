"""What a tool of this source is configured with.

    {"method": "GET", "url": "https://api.example.com/v1/users/{id}?page={page}",
     "headers": {"Accept-Language": "{language}"}, "query": {"tag": "{tags}"},
     "body": {"kind": "json", "template": {"name": "{name}", "tags": "{tags}"}},
     "result": {"pointer": "/data", "structured": true, "success": [200, 201]},
     "timeout": 10, "size_limit": 262144}

`{name}` stands for the argument of that name; `{{` and `}}` are braces. What names an argument that a call leaves
out is left out itself: a parameter, a header, a member of the body. Secret headers are no part of this: they are the
draft's `secrets`, {header name: value}.
"""

from typing import Annotated, Any, Literal

import msgspec

from mcp_runtime.sources.configuration import converted

MAXIMUM_URL_CHARACTERS = 4_096
MAXIMUM_ENTRIES = 64
DEFAULT_SECONDS = 10.0
DEFAULT_BYTES = 256 * 1024
MAXIMUM_BYTES = 1024 * 1024

type Text = Annotated[str, msgspec.Meta(max_length=MAXIMUM_URL_CHARACTERS)]
type Texts = Annotated[dict[str, Text], msgspec.Meta(max_length=MAXIMUM_ENTRIES)]
type Status = Annotated[int, msgspec.Meta(ge=200, le=599)]


class JsonBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="json"):
    """A JSON value in which a string that is one placeholder becomes the argument, whatever its type."""

    template: Any


class FormBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="form"):
    """Fields as a browser's form sends them (application/x-www-form-urlencoded)."""

    fields: Texts


class ResultMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of the answer becomes the result.

    `pointer` is a JSON Pointer (RFC 6901) into the answer; without one the whole of it counts. `structured` makes the
    value structured content. `success` lists the statuses that are not failures; empty means 200 to 299.
    """

    pointer: Annotated[str, msgspec.Meta(max_length=1_024)] | None = None
    structured: bool = False
    success: Annotated[list[Status], msgspec.Meta(max_length=MAXIMUM_ENTRIES)] = []


class HttpConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration. `timeout` is in seconds, `size_limit` in bytes of the decompressed answer."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=MAXIMUM_URL_CHARACTERS)]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    headers: Texts = {}
    query: Texts = {}
    body: JsonBody | FormBody | None = None
    result: ResultMapping = ResultMapping()
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = DEFAULT_SECONDS
    size_limit: Annotated[int, msgspec.Meta(ge=1, le=MAXIMUM_BYTES)] = DEFAULT_BYTES


def read_config(config: dict[str, Any]) -> HttpConfig:
    """The typed configuration; raises InvalidConfig that names the wrong field."""
    return converted(config, HttpConfig)
