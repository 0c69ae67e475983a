"""What is stored of an operation: all that a call needs, without the document it came from.

{"method": "GET", "server": "https://api.example.com/v1", "path": "/users/{id}",
 "parameters": [{"argument": "id", "name": "id", "place": "path", "required": true, "style": "simple"}],
 "security": [[{"name": "key", "kind": "apiKey", "place": "header", "parameter": "X-Key"}]]}
"""

from typing import Annotated, Any, Literal

import msgspec

from mcp_runtime.sources.configuration import converted

MAXIMUM_PARAMETERS = 200
MAXIMUM_ALTERNATIVES = 20
MAXIMUM_TEXT = 4_096

BODY_ARGUMENT = "body"

type Text = Annotated[str, msgspec.Meta(max_length=MAXIMUM_TEXT)]
type Place = Literal["path", "query", "header", "cookie"]
type Style = Literal[
    "simple", "label", "matrix", "form", "spaceDelimited", "pipeDelimited", "tabDelimited", "deepObject", "json"
]
type BodyKind = Literal["json", "form", "multipart", "text", "binary"]


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where one argument goes. `style` json: as the JSON text of the value (OpenAPI 3.1, "Parameter Object")."""

    argument: Text
    name: Text
    place: Place
    style: Style
    explode: bool = False
    required: bool = False
    allow_reserved: bool = False


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How one property of a form is sent, where not as forms usually do (OpenAPI 3.1, "Encoding Object")."""

    name: Text
    style: Style = "form"
    explode: bool = True
    binary: bool = False
    media_type: Text = ""


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the argument `body` becomes."""

    kind: BodyKind
    media_type: Text
    required: bool = False
    argument: Text = BODY_ARGUMENT
    fields: Annotated[list[Field], msgspec.Meta(max_length=1_000)] = []


class Scheme(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One way to say who asks. `place` and `parameter` are an apiKey's."""

    name: Text
    kind: Literal["apiKey", "basic", "bearer", "oauth2"]
    place: Literal["header", "query", "cookie", ""] = ""
    parameter: Text = ""


class Paging(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The argument that asks for a page, and the one that says how long pages are; empty where there is none."""

    page: Text = ""
    size: Text = ""


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One operation.

    `server` is where it is, without the final slash; `own_server` says that the document names it for this operation
    alone. `security` lists alternatives, each of them schemes that are needed together; an empty one is nobody's name.
    `structured` says that a tool's answer has to be structured content.
    """

    method: Literal["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "QUERY"]
    server: Text
    path: Text
    own_server: bool = False
    parameters: Annotated[list[Parameter], msgspec.Meta(max_length=MAXIMUM_PARAMETERS)] = []
    body: Body | None = None
    security: Annotated[list[list[Scheme]], msgspec.Meta(max_length=MAXIMUM_ALTERNATIVES)] = []
    structured: bool = False
    paging: Paging = Paging()


def read_operation(operation: dict[str, Any]) -> Operation:
    """The typed operation; raises InvalidConfig that names the wrong place."""
    return converted(operation, Operation)
