"""Everything about a tool's request that does not depend on the call, prepared once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.http.body import Body, parse_body
from mcp_runtime.sources.http.config import HttpConfig
from mcp_runtime.sources.http.headers import Headers, parse_headers
from mcp_runtime.sources.http.location import Location, parse_location
from mcp_runtime.sources.http.parameters import Parameters, parse_parameters
from mcp_runtime.sources.http.template import BadArgument, InvalidTemplate

ACCEPT = "application/json, text/*;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled request."""

    location: Location
    query: Parameters
    headers: Headers
    body: Body

    def url(self, arguments: Mapping[str, Any]) -> str:
        """Where this call goes; raises BadArgument."""
        return self.location.render(arguments, self.query)

    def placeholders(self) -> Iterator[tuple[str, str]]:
        """(field, name) of every placeholder."""
        for name in (*self.location.path.names, *self.location.parameters.names):
            yield "config.url", name
        yield from (("config.query", name) for name in self.query.names)
        for header, names in self.headers.names.items():
            yield from ((f"config.headers.{header}", name) for name in names)
        yield from (("config.body", name) for name in self.body.names)


def plan_of(config: HttpConfig) -> Plan:
    """Compiles the request; raises InvalidConfig that names the wrong field."""
    if config.body is not None and config.method == "GET":
        raise InvalidConfig({"config.body": "A GET request has no body."})
    try:
        field = "config.url"
        location = parse_location(config.url)
        field = "config.query"
        query = parse_parameters(config.query)
        field = "config.body"
        body = parse_body(config.body)
    except (InvalidTemplate, BadArgument) as error:
        raise InvalidConfig({field: str(error)}) from None
    headers = parse_headers(_defaults(body, config.headers) | config.headers)
    return Plan(location, query, headers, body)


def _defaults(body: Body, given: Mapping[str, str]) -> dict[str, str]:
    names = {name.lower() for name in given}
    defaults = {"Accept": ACCEPT} | ({"Content-Type": body.media_type} if body.media_type else {})
    return {name: value for name, value in defaults.items() if name.lower() not in names}


def require_declared(plan: Plan, schema: Mapping[str, Any]) -> None:
    """Raises InvalidConfig unless every placeholder is a property of the schema, and those of the path required."""
    properties = schema.get("properties")
    declared = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    required = required if isinstance(required, list) else []
    wrong = {
        field: f"The input schema has no property {name}."
        for field, name in plan.placeholders()
        if name not in declared
    }
    for name in plan.location.path.names:
        if name in declared and name not in required:
            wrong["config.url"] = f"{name} is part of the path: the input schema has to require it."
    if wrong:
        raise InvalidConfig(wrong)
