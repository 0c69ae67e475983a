"""Scopes as texts: taken apart, put together, and held to a size, since upstreams say which they want."""

import re

MAXIMUM_SCOPES = 50
MAXIMUM_CHARACTERS = 2_000
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")  # RFC 6749 section 3.3, and a bound


def scopes_in(text: str) -> list[str]:
    """The valid scopes in a text, each once, in order."""
    return [scope for scope in dict.fromkeys(text.split()) if _SCOPE.fullmatch(scope)]


def united(first: str, *others: str) -> str:
    """All of `first`, and of the others what is not there yet, up to MAXIMUM_SCOPES and MAXIMUM_CHARACTERS."""
    found = list(dict.fromkeys(first.split()))
    for scope in (scope for other in others for scope in scopes_in(other)):
        room = len(found) < MAXIMUM_SCOPES and len(" ".join([*found, scope])) <= MAXIMUM_CHARACTERS
        if scope not in found and room:
            found.append(scope)
    return " ".join(found)


def without(text: str, *others: str) -> str:
    """The scopes of a text that stand in none of the others."""
    known = {scope for other in others for scope in other.split()}
    return " ".join(scope for scope in scopes_in(text) if scope not in known)
