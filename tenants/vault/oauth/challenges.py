"""What a WWW-Authenticate header tells a client to do (RFC 6750 section 3, RFC 9728 section 5.1)."""

import re
from dataclasses import dataclass

MAXIMUM_CHARACTERS = 8192
_PART = re.compile(r'\s*,?\s*([A-Za-z0-9_.-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)|\s+|$)')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """The parameters of a Bearer challenge that matter here; empty where they are not given."""

    resource_metadata: str = ""
    scope: str = ""
    error: str = ""

    @property
    def lacks_scope(self) -> bool:
        """Whether the token is good and may not do this (RFC 6750 section 3.1)."""
        return self.error == "insufficient_scope"


def bearer_challenge(header: str) -> Challenge:
    """The first Bearer challenge in the header's value; an empty one where there is none."""
    found: dict[str, str] = {}
    is_bearer = False
    for name, value in _parts(header[:MAXIMUM_CHARACTERS]):
        if value is None:
            if is_bearer:
                break
            is_bearer = name.lower() == "bearer"
        elif is_bearer:
            found.setdefault(name.lower(), value)
    return Challenge(found.get("resource_metadata", ""), found.get("scope", ""), found.get("error", ""))


def _parts(header: str) -> list[tuple[str, str | None]]:
    """Schemes (without a value) and parameters in order, as far as the header makes sense."""
    parts: list[tuple[str, str | None]] = []
    position = 0
    while position < len(header) and (found := _PART.match(header, position)) is not None:
        parts.append((found[1], None if found[2] is None else _unquoted(found[2])))
        position = found.end()
    return parts


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1]) if text.startswith('"') else text
