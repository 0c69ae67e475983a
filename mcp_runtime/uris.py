"""URIs of resources (RFC 3986) and templates of them (RFC 6570, level 1 and reserved expansion)."""

import re
from bisect import bisect_left
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

MAXIMUM_CHARACTERS = 1_000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_ALLOWED = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_URI = re.compile(f"{_SCHEME.pattern}:{_ALLOWED.pattern}")
_EXPRESSION = re.compile(r"\{(\+?)([A-Za-z_][A-Za-z0-9_]{0,63})\}")
MAXIMUM_VARIABLES = 10
# What ends a variable: RFC 6570 sections 3.2.2 and 3.2.3.
_STOPS = re.compile(r"[/?#\s]")
_STOPS_RESERVED = re.compile(r"\s")


class InvalidUri(Exception):
    """Not a URI, or not a template this platform understands; the message says why."""


type Match = Callable[[str], dict[str, str] | None]


def require_uri(uri: str) -> None:
    """Raises InvalidUri unless `uri` is absolute (RFC 3986 section 4.3 and a possible fragment), and bounded."""
    if len(uri) > MAXIMUM_CHARACTERS:
        raise InvalidUri(f"A URI has at most {MAXIMUM_CHARACTERS} characters.")
    scheme, colon, rest = uri.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme) or not rest or not _ALLOWED.fullmatch(rest):
        raise InvalidUri("A URI is a scheme, a colon and what follows, such as notes://today.")
    try:
        urlsplit(uri)
    except ValueError:
        raise InvalidUri("This is not a URI.") from None


def variables_of(template: str) -> list[str]:
    """The names of a template's variables, in order. Raises InvalidUri."""
    names = [found[2] for found in _EXPRESSION.finditer(template)]
    if not names or len(names) != len(set(names)) or len(names) > MAXIMUM_VARIABLES:
        raise InvalidUri(f"A template has 1 to {MAXIMUM_VARIABLES} different variables, such as notes://{{day}}.")
    require_uri(_EXPRESSION.sub("x", template))
    return names


def matcher(template: str) -> Match:
    """A function that finds a template's variables in a URI, or None where it does not match. Raises InvalidUri.

    Earlier variables take as much as they can. The time it takes grows with the product of URI and template and no
    faster, whoever wrote them: a regular expression with ten variables would try every way to share a URI among them.
    """
    variables_of(template)
    expressions = list(_EXPRESSION.finditer(template))
    names = [found[2] for found in expressions]
    stops = [_STOPS_RESERVED if found[1] else _STOPS for found in expressions]
    edges = [0, *(edge for found in expressions for edge in found.span()), len(template)]
    first, *between, last = [template[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]

    def match(uri: str) -> dict[str, str] | None:
        fits = len(first) + len(last) < len(uri) <= MAXIMUM_CHARACTERS
        # What is no URI names nothing, and could not be repeated in a result, whose URIs are ones.
        if not fits or not uri.startswith(first) or not uri.endswith(last) or not _URI.fullmatch(uri):
            return None
        starts = [[len(first)]]
        for stop, text in zip(stops, between, strict=False):
            starts.append(_after(uri, _ends(uri, starts[-1], stop), text))
        end = len(uri) - len(last)
        if not any(low <= end <= high for low, high in _ends(uri, starts[-1], stops[-1])):
            return None
        found: dict[str, str] = {}
        for name, places, text in zip(reversed(names), reversed(starts), reversed(["", *between]), strict=True):
            start = places[bisect_left(places, end) - 1]
            found[name] = unquote(uri[start:end])
            end = start - len(text)
        return dict(reversed(found.items()))

    return match


def _ends(uri: str, starts: list[int], stop: re.Pattern[str]) -> list[tuple[int, int]]:
    """Where a variable may end that begins at any of `starts` (in order): the first and last place of each range."""
    ranges: list[tuple[int, int]] = []
    for start in starts:
        if ranges and start <= ranges[-1][1]:
            continue  # what it reaches, an earlier one does
        stopped = stop.search(uri, start)
        high = stopped.start() if stopped else len(uri)
        if high > start:
            ranges.append((start + 1, high))
    return ranges


def _after(uri: str, ranges: list[tuple[int, int]], text: str) -> list[int]:
    """The places behind each `text` that begins in one of the ranges, in order."""
    places: list[int] = []
    for low, high in ranges:
        at = uri.find(text, low, high + len(text))
        while 0 <= at <= high:
            places.append(at + len(text))
            at = uri.find(text, at + 1, high + len(text))
    return places
