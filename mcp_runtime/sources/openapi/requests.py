"""An operation and a call's arguments as one request, without the credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.http.encoding import has_dot_segments
from mcp_runtime.sources.http.headers import require_name
from mcp_runtime.sources.http.template import BadArgument, InvalidTemplate
from mcp_runtime.sources.openapi.body_writing import written_body
from mcp_runtime.sources.openapi.document import Unusable
from mcp_runtime.sources.openapi.operation import Operation, Parameter
from mcp_runtime.sources.openapi.parameters import NOT_PARAMETERS, VARIABLE, require_path
from mcp_runtime.sources.openapi.servers import require_server
from mcp_runtime.sources.openapi.styles import header_value, path_segment, query_pairs

ACCEPT = "application/json, text/*;q=0.9, */*;q=0.5"


@dataclass(slots=True)
class Request:
    """A request that credentials are still added to. `query` and `cookies` are pairs, encoded already."""

    method: str
    address: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None

    @property
    def url(self) -> str:
        """The whole address."""
        if not self.query:
            return self.address
        return f"{self.address}{'&' if '?' in self.address else '?'}{_joined(self.query, '&')}"

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers with the cookies among them."""
        return self.headers | ({"Cookie": _joined(self.cookies, "; ")} if self.cookies else {})


def _joined(pairs: list[tuple[str, str]], separator: str) -> str:
    return separator.join(f"{name}={value}" for name, value in pairs)


class RequestPlan:
    """How the requests of one operation are written."""

    def __init__(self, operation: Operation, server: str) -> None:
        """Raises InvalidConfig for an operation that cannot be sent."""
        self._operation = operation
        try:
            self._server = require_server(server)
            self._path = require_path(operation.path)
            for parameter in operation.parameters:
                _require_parameter(parameter)
        except (Unusable, InvalidTemplate) as error:
            raise InvalidConfig({"config": str(error)}) from None
        self._pieces = VARIABLE.split(self._path)
        self._in_path = {entry.name: entry for entry in operation.parameters if entry.place == "path"}
        self._others = [entry for entry in operation.parameters if entry.place != "path"]
        if missing := set(self._pieces[1::2]) - set(self._in_path):
            raise InvalidConfig({"config.path": f"No parameter fills {', '.join(sorted(missing))}."})

    def request(self, arguments: Mapping[str, Any]) -> Request:
        """The request for these arguments. Raises BadArgument."""
        request = Request(self._operation.method, self._server + self._filled(arguments), headers={"Accept": ACCEPT})
        for parameter in self._others:
            value = arguments.get(parameter.argument)
            if value is not None:
                _add(request, parameter, value)
        _require_distinct(request, self._others)
        body = self._operation.body
        if body is not None and arguments.get(body.argument) is not None:
            request.headers["Content-Type"], request.body = written_body(body, arguments[body.argument])
        return request

    def _filled(self, arguments: Mapping[str, Any]) -> str:
        if len(self._pieces) == 1:
            return self._path
        pieces = list(self._pieces)
        for place in range(1, len(pieces), 2):
            parameter = self._in_path[pieces[place]]
            value = arguments.get(parameter.argument)
            if value is None:
                raise BadArgument(f"{parameter.argument} is needed: it is part of the address.")
            pieces[place] = path_segment(parameter.name, value, parameter.style, explode=parameter.explode)
        path = "".join(pieces)
        if has_dot_segments(path.partition("?")[0]):
            names = " or ".join(parameter.argument for parameter in self._in_path.values())
            raise BadArgument(f"{names} would lead to another path.")
        return path


def _require_parameter(parameter: Parameter) -> None:
    if parameter.place in ("header", "cookie"):
        require_name(parameter.name)
    if parameter.place == "header" and parameter.name.lower() in NOT_PARAMETERS:
        raise InvalidTemplate(f"{parameter.name} is no header for arguments.")


def _add(request: Request, parameter: Parameter, value: Any) -> None:
    name, style, explode = parameter.name, parameter.style, parameter.explode
    if parameter.place == "header":
        request.headers[name] = header_value(name, value, style, explode=explode)
    elif parameter.place == "cookie":
        request.cookies += query_pairs(name, value, style, explode=explode)
    else:
        pairs = query_pairs(name, value, style, explode=explode, allow_reserved=parameter.allow_reserved)
        request.query += [(_Spread(key) if _spreads(parameter, value) else key, text) for key, text in pairs]


class _Spread(str):
    """The name of a pair that a caller chose: a member of an object that is spread over the query."""

    __slots__ = ()


def _spreads(parameter: Parameter, value: Any) -> bool:
    return isinstance(value, dict) and parameter.explode and parameter.style not in ("deepObject", "json")


def _require_distinct(request: Request, parameters: list[Parameter]) -> None:
    """Raises BadArgument where a member of an object would pass for another parameter."""
    declared = {parameter.name for parameter in parameters if parameter.place == "query"}
    for name, _value in request.query:
        if isinstance(name, _Spread) and name in declared:
            raise BadArgument(f"{name} is a parameter of its own, and cannot be a member of another.")
