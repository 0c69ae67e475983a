"""URIs of resources (RFC 3986) and templates of them (RFC 6570, level 1 and reserved expansion)."""

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

MAXIMUM_CHARACTERS = 1_000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_ALLOWED = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_EXPRESSION = re.compile(r"\{(\+?)([A-Za-z_][A-Za-z0-9_]{0,63})\}")
MAXIMUM_VARIABLES = 10


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
    """A function that finds a template's variables in a URI, or None where it does not match. Raises InvalidUri."""
    variables_of(template)
    pattern, position = "", 0
    for found in _EXPRESSION.finditer(template):
        characters = r"[^\s]" if found[1] else r"[^/?#\s]"
        pattern += re.escape(template[position : found.start()]) + f"(?P<{found[2]}>{characters}+)"
        position = found.end()
    expression = re.compile(pattern + re.escape(template[position:]))

    def match(uri: str) -> dict[str, str] | None:
        if len(uri) > MAXIMUM_CHARACTERS or (matched := expression.fullmatch(uri)) is None:
            return None
        return {name: unquote(value) for name, value in matched.groupdict().items()}

    return match
