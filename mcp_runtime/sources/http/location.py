"""Where a request goes: a URL template whose arguments can change neither scheme, host, path depth nor query."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from mcp_runtime.sources.http.encoding import as_it_stands, encoded_for_path, has_dot_segments
from mcp_runtime.sources.http.parameters import Parameters, parse_query
from mcp_runtime.sources.http.template import Absent, BadArgument, InvalidTemplate, Template, parse_template

URL_PARTS = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?")
FORBIDDEN_IN_AUTHORITY = frozenset("{}\\%@ ")


@dataclass(frozen=True, slots=True)
class Location:
    """A parsed URL template. `origin` is fixed; `path` and `parameters` hold the placeholders."""

    origin: str
    path: Template
    parameters: Parameters

    def render(self, arguments: Mapping[str, Any], further: Parameters) -> str:
        """The URL for one call, percent-encoded, with `further` parameters. Raises BadArgument."""
        path = self._path(arguments)
        pairs = self.parameters.render(arguments) + further.render(arguments)
        return f"{self.origin}{path}?{'&'.join(pairs)}" if pairs else self.origin + path

    def _path(self, arguments: Mapping[str, Any]) -> str:
        try:
            path = self.path.render(arguments, encoded_for_path)
        except Absent as absent:
            raise BadArgument(f"{absent} is needed: it is part of the address.") from None
        if self.path.names and has_dot_segments(path):
            raise BadArgument(f"{' or '.join(self.path.names)} would lead to another path.")
        return path


def parse_location(url: str) -> Location:
    """Reads a URL template; raises InvalidTemplate."""
    parts = URL_PARTS.fullmatch(url)
    if parts is None:
        raise InvalidTemplate("Write a URL that begins with https:// or http:// and has no fragment (#).")
    return Location(
        origin=_origin(parts["scheme"], parts["authority"]),
        path=_path(parts["path"] or "/"),
        parameters=parse_query(parts["query"] or ""),
    )


def _origin(scheme: str, authority: str) -> str:
    if not authority.isprintable() or FORBIDDEN_IN_AUTHORITY & set(authority):
        raise InvalidTemplate("A host is a name or an address and perhaps a port: no argument, user or password.")
    try:
        url = URL(f"{scheme}://{authority}/")
        return str(url.origin())
    except ValueError:
        raise InvalidTemplate("The host or the port is not valid.") from None


def _path(text: str) -> Template:
    path = parse_template(text).mapped(as_it_stands)
    if has_dot_segments("x".join(path.literals)):
        raise InvalidTemplate("The path holds dot segments (. or ..).")
    return path
