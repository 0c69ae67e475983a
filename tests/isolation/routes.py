"""Every route of the console, read from Django's own URL patterns."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

_CONVERTER = re.compile(r"<(?:[a-z_]+:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)>")


@dataclass(frozen=True)
class Route:
    """A URL pattern, whole from the root: `t/<slug:tenant>/endpoints/`."""

    template: str
    parameters: tuple[str, ...]

    def path(self, values: dict[str, str]) -> str:
        """The path with its parameters filled in."""
        return "/" + _CONVERTER.sub(lambda found: values[found["name"]], self.template)


def all_routes() -> list[Route]:
    """Every route, by template."""
    found = {route.template: route for route in _walk(get_resolver().url_patterns, "", ())}
    return [found[template] for template in sorted(found)]


def _walk(patterns: list[URLPattern | URLResolver], lead: str, above: tuple[str, ...]) -> Iterator[Route]:
    for pattern in patterns:
        template = lead + str(pattern.pattern)
        parameters = (*above, *_parameters(pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, template, parameters)
        else:
            yield Route(template, parameters)


def _parameters(pattern: URLPattern | URLResolver) -> tuple[str, ...]:
    # A path() pattern names its converters; a re_path() pattern has a regular expression with groups.
    converters = getattr(pattern.pattern, "converters", {})
    return tuple(converters) or tuple(pattern.pattern.regex.groupindex)
