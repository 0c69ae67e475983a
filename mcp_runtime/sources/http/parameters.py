"""Query parameters and form fields: names that are fixed and values that are templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_runtime.sources.http.encoding import as_it_stands, percent_encoded
from mcp_runtime.sources.http.template import Absent, InvalidTemplate, Template, as_text, parse_template, present


@dataclass(frozen=True, slots=True)
class Parameters:
    """`entries` are pairs of an encoded `name=` and the template of its value, literal texts encoded."""

    entries: tuple[tuple[str, Template], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The placeholders of all values."""
        return tuple(name for _parameter, template in self.entries for name in template.names)

    def render(self, arguments: Mapping[str, Any]) -> list[str]:
        """`name=value` pairs, percent-encoded; a list gives one for each of its items. Raises BadArgument."""
        return [parameter + value for parameter, template in self.entries for value in _values(template, arguments)]


def parse_parameters(texts: Mapping[str, str]) -> Parameters:
    """Reads {name: value template}, neither encoded yet; raises InvalidTemplate and BadArgument."""
    entries = [
        (percent_encoded("A name", _fixed(name)) + "=", parse_template(text).mapped(_encoded))
        for name, text in texts.items()
    ]
    return Parameters(tuple(entries))


def parse_query(query: str) -> Parameters:
    """Reads the query of a URL template, whose literal texts are encoded already; raises InvalidTemplate."""
    entries: list[tuple[str, Template]] = []
    for pair in query.split("&") if query else ():
        name, equals, text = pair.partition("=")
        entries.append((as_it_stands(_fixed(name)) + equals, parse_template(text).mapped(as_it_stands)))
    return Parameters(tuple(entries))


def _fixed(name: str) -> str:
    if not name or "{" in name or "}" in name:
        raise InvalidTemplate("The name of a parameter is fixed: it cannot be empty or an argument.")
    return name


def _encoded(literal: str) -> str:
    return percent_encoded("A value", literal)


def _values(template: Template, arguments: Mapping[str, Any]) -> list[str]:
    sole = template.sole
    try:
        if sole is None:
            return [template.render(arguments, percent_encoded)]
        value = present(arguments, sole)
    except Absent:
        return []
    items = value if isinstance(value, list) else [value]
    return [percent_encoded(sole, as_text(sole, item)) for item in items]
