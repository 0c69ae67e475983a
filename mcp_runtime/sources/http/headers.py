"""Which headers a tool may send, and with which values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.http.template import (
    Absent,
    BadArgument,
    InvalidTemplate,
    Template,
    parse_template,
)

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # RFC 9110 section 5.6.2
# Those of the connection and the framing, which are not the tool's (RFC 9110 section 7.6.1), and what the door sets.
RESERVED = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "expect", "host", "http2-settings"}
    | {"keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "via"}
)
CREDENTIALS = frozenset({"authorization", "cookie"})


def canonical(name: str) -> str:
    """A header's name in the one spelling that it is stored under: X-Api-Key."""
    return "-".join(part.capitalize() for part in name.split("-"))


@dataclass(frozen=True, slots=True)
class Headers:
    """Headers that never change, and templates of those that do."""

    fixed: dict[str, str]
    templates: tuple[tuple[str, Template], ...]

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The placeholders of each header."""
        return {header: template.names for header, template in self.templates}

    def render(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        """The headers for one call, without those whose argument is absent. Raises BadArgument."""
        headers = dict(self.fixed)
        for header, template in self.templates:
            try:
                headers[header] = template.render(arguments, _sendable)
            except Absent:
                continue
        return headers


def parse_headers(texts: Mapping[str, str]) -> Headers:
    """Reads the configured headers; raises InvalidConfig that names each wrong one."""
    wrong: dict[str, str] = {}
    fixed: dict[str, str] = {}
    templates: dict[str, Template] = {}
    for name, text in texts.items():
        try:
            require_name(name)
            template = _template(name, text)
        except InvalidTemplate as error:
            wrong[f"config.headers.{name}"] = str(error)
            continue
        if canonical(name) in fixed | templates:
            wrong[f"config.headers.{name}"] = "The header is there twice."
        elif template.names:
            templates[canonical(name)] = template
        else:
            fixed[canonical(name)] = template.literals[0]
    if wrong:
        raise InvalidConfig(wrong)
    return Headers(fixed, tuple(templates.items()))


def require_name(name: str) -> None:
    """Raises InvalidTemplate unless `name` is a header that a tool may set."""
    if not TOKEN.fullmatch(name):
        raise InvalidTemplate("This is not the name of a header.")
    if name.lower() in RESERVED:
        raise InvalidTemplate("This header is set by the platform, not by a tool.")


def require_value(value: str) -> None:
    """Raises InvalidTemplate unless `value` is printable ASCII without spaces at its ends (RFC 9110 section 5.5)."""
    if not value.isascii() or not value.isprintable() or value != value.strip(" "):
        raise InvalidTemplate("A header's value is printable ASCII, without spaces at its ends.")


def header_faults(headers: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with an upstream's headers, by the field of its draft: plain ones, and those that are secret."""
    faults: dict[str, str] = {}
    for field, given in (("config.headers", headers), ("secrets", secrets)):
        for name, value in given.items():
            try:
                require_name(name)
                require_value(value)
            except InvalidTemplate as error:
                faults[f"{field}.{name}"] = str(error)
    secret = {canonical(name) for name, value in secrets.items() if value}
    for name in headers:
        if name.lower() in CREDENTIALS:
            faults[f"config.headers.{name}"] = "Store a credential as a secret: there it is encrypted and never shown."
        elif canonical(name) in secret:
            faults[f"config.headers.{name}"] = "This header is a secret one too."
    return faults


def _template(name: str, text: str) -> Template:
    template = parse_template(text)
    require_value(text)
    if name.lower() in CREDENTIALS and not template.names:
        raise InvalidTemplate("Store a credential as a secret header: there it is encrypted and never shown.")
    return template


def _sendable(name: str, value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise BadArgument(f"{name} goes into a header, which takes printable ASCII only.")
    return value
