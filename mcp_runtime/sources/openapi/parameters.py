"""The parameters of an operation: what the document says of them, and the argument that each becomes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from mcp_runtime.sources.http.encoding import as_it_stands, has_dot_segments
from mcp_runtime.sources.http.headers import RESERVED, TOKEN
from mcp_runtime.sources.http.template import InvalidTemplate
from mcp_runtime.sources.openapi import swagger
from mcp_runtime.sources.openapi.document import Document, Unusable, shown
from mcp_runtime.sources.openapi.naming import MAXIMUM_ARGUMENT, Names, sanitised
from mcp_runtime.sources.openapi.operation import BODY_ARGUMENT, MAXIMUM_PARAMETERS, Parameter, Place, Scheme, Style

PLACES = ("path", "query", "header", "cookie")
# OpenAPI says that these are not parameters ("Parameter Object", `name`); the rest is the platform's to set.
NOT_PARAMETERS = RESERVED | {"accept", "authorization", "content-type", "cookie"}
# Of the path, or of the body in Swagger 2.0.
_ELSEWHERE = frozenset({"path", "body", "formData"})
VARIABLE = re.compile(r"\{([^{}]+)\}")
MAXIMUM_PATH = 2_000

_STYLES = {
    "path": ("simple", {"simple", "label", "matrix"}),
    "query": ("form", {"form", "spaceDelimited", "pipeDelimited", "tabDelimited", "deepObject"}),
    "header": ("simple", {"simple"}),
    "cookie": ("form", {"form"}),
}
# Swagger 2.0 has formats of lists in places where OpenAPI 3 has one style; all of them are "simple" with commas there.
_LISTS = frozenset({"form", "spaceDelimited", "pipeDelimited", "tabDelimited"})


@dataclass(frozen=True, slots=True)
class Described:
    """A parameter, and its schema as the document has it."""

    parameter: Parameter
    schema: Any
    description: str


def require_path(path: str) -> str:
    """The path as it is sent, its variables in braces. Raises Unusable."""
    path = path.partition("#")[0]  # documents tell operations of one path apart by fragments, which are never sent
    if not path.startswith("/") or len(path) > MAXIMUM_PATH:
        raise Unusable(f"Its path does not begin with a slash, or has more than {MAXIMUM_PATH} characters.")
    pieces = VARIABLE.split(path)
    try:
        pieces[0::2] = [as_it_stands(_without_braces(literal)) for literal in pieces[0::2]]
    except InvalidTemplate as error:
        raise Unusable(f"Its path cannot be sent. {error}") from None
    if has_dot_segments("x".join(pieces[0::2]).partition("?")[0]):
        raise Unusable("Its path has dot segments (. or ..).")
    pieces[1::2] = [f"{{{name}}}" for name in pieces[1::2]]
    return "".join(pieces)


def _without_braces(literal: str) -> str:
    if "{" in literal or "}" in literal:
        raise InvalidTemplate("It has a brace without its other one.")
    return literal


def given_parameters(document: Document, path_item: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The operation's parameters and those that its path has for all, each once. Raises Unusable."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for holder in (path_item, operation):
        listed = holder.get("parameters")
        for entry in listed if isinstance(listed, list) else []:
            parameter = document.followed(entry)
            found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
    if len(found) > MAXIMUM_PARAMETERS:
        raise Unusable(f"It has more than {MAXIMUM_PARAMETERS} parameters.")
    return list(found.values())


def described(
    document: Document, path: str, given: list[dict[str, Any]], credentials: Iterable[Scheme] = ()
) -> list[Described]:
    """The parameters that callers give, each with its argument's name; those of the path are required.

    What is one of the operation's credentials is the vault's to give, and no argument. Raises Unusable.
    """
    variables = list(dict.fromkeys(VARIABLE.findall(path)))
    known = {str(parameter.get("name")): parameter for parameter in given if parameter.get("in") == "path"}
    # A variable that the document forgot to describe is a text.
    in_path = [known.get(name, {"name": name, "in": "path", "schema": {"type": "string"}}) for name in variables]
    others = [parameter for parameter in given if _is_sent(parameter) and not _is_credential(parameter, credentials)]
    names = Names(MAXIMUM_ARGUMENT)
    names.take(BODY_ARGUMENT)
    return [_described(document, parameter, names) for parameter in [*in_path, *others]]


def _is_sent(parameter: dict[str, Any]) -> bool:
    place, name = parameter.get("in"), parameter.get("name")
    if place == "header":
        return isinstance(name, str) and name.lower() not in NOT_PARAMETERS
    if place in ("query", "cookie"):
        return True
    if str(place) not in _ELSEWHERE and parameter.get("required") is True:
        raise Unusable(f"It needs a parameter in a place that requests do not have: {shown(str(place))}.")
    return False


def _is_credential(parameter: dict[str, Any], credentials: Iterable[Scheme]) -> bool:
    place, name = parameter.get("in"), str(parameter.get("name"))
    alike = str.lower if place == "header" else str
    return any(scheme.place == place and alike(scheme.parameter) == alike(name) for scheme in credentials)


def _described(document: Document, parameter: dict[str, Any], names: Names) -> Described:
    name, place = parameter.get("name"), cast("Place", parameter["in"])
    if not isinstance(name, str) or not name:
        raise Unusable(f"It has a parameter in {place} without a name.")
    if place in ("header", "cookie") and not TOKEN.fullmatch(name):
        raise Unusable(f"Its {place} {shown(name)} has a name that cannot be sent.")
    if document.is_swagger:
        parameter = swagger.parameter_of(parameter)
    base = sanitised(name, MAXIMUM_ARGUMENT) or place
    argument = names.take(sanitised(f"{place}_{base}", MAXIMUM_ARGUMENT) if base in names else base)
    style, explode = _style(parameter, place)
    schema, is_json = _schema(parameter)
    written = Parameter(
        argument=argument,
        name=name,
        place=place,
        style="json" if is_json else style,
        explode=explode,
        required=place == "path" or parameter.get("required") is True,
        allow_reserved=place == "query" and parameter.get("allowReserved") is True,
    )
    description = parameter.get("description")
    return Described(written, schema, description if isinstance(description, str) else "")


def _style(parameter: dict[str, Any], place: Place) -> tuple[Style, bool]:
    usual, known = _STYLES[place]
    style = str(parameter.get("style", usual))
    if style not in known:
        style = "simple" if usual == "simple" and style in _LISTS else usual
    explode = parameter.get("explode")
    return cast("Style", style), explode if isinstance(explode, bool) else style in ("form", "deepObject")


def _schema(parameter: dict[str, Any]) -> tuple[Any, bool]:
    """The schema, and whether the value is sent as JSON text."""
    content = parameter.get("content")
    if "schema" in parameter or not isinstance(content, dict) or not content:
        return parameter.get("schema", {}), False
    media_type, entry = next(iter(content.items()))
    schema = entry.get("schema", {}) if isinstance(entry, dict) else {}
    return schema, "json" in media_type.lower()
