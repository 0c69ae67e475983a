"""What a client says of itself (RFC 7591 section 2), checked before it is believed or shown to anybody."""

import unicodedata
from dataclasses import dataclass
from typing import Any, NoReturn

from authlib.oauth2.rfc7591 import InvalidClientMetadataError
from authlib.oauth2.rfc7591.errors import InvalidRedirectURIError

from tenants.authorization import redirects
from tenants.authorization.grant_types import ASSERTION, CODE, DEVICE, REFRESH
from tenants.models import AuthMethod

LONGEST_NAME = 100
MAXIMUM_ENTRIES = 50
# What a client that nobody registered may use; whatever else it asks for is left out (RFC 7591 section 2).
BY_ITSELF = (CODE, DEVICE, REFRESH)
# Of a client that is known by a document of its own, and so by its keys.
BY_DOCUMENT = (*BY_ITSELF, ASSERTION)
_UNSHOWABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class Description:
    """A client in its own words."""

    name: str
    redirect_uris: list[str]
    grant_types: list[str]
    auth_method: AuthMethod


def description_of(
    said: dict[str, Any],
    *,
    default_method: AuthMethod,
    methods: frozenset[AuthMethod],
    grants: tuple[str, ...] = BY_ITSELF,
) -> Description:
    """What `said` describes; `grants` are those that it may ask for.

    Raises InvalidRedirectURIError and InvalidClientMetadataError.
    """
    grant_types = [grant for grant in grants if grant in _texts(said, "grant_types", [CODE])]
    if not {CODE, DEVICE, ASSERTION} & set(grant_types):
        _refuse(f"Ask for {CODE} or {DEVICE}: nothing else is granted to clients that nobody registered.")
    if CODE in grant_types and "code" not in _texts(said, "response_types", ["code"]):
        _refuse("The response type has to be code.")
    uris = _redirect_uris(said) if CODE in grant_types else []
    return Description(_name(said, uris), uris, grant_types, _method(said, default_method, methods))


def showable(name: str) -> bool:
    """Whether a name may stand on a page: nothing in it that is invisible or turns the text around."""
    return not any(unicodedata.category(character) in _UNSHOWABLE for character in name)


def _redirect_uris(said: dict[str, Any]) -> list[str]:
    uris = _texts(said, "redirect_uris", [])
    if len(uris) > redirects.MAXIMUM_URIS:
        raise InvalidRedirectURIError(f"Register at most {redirects.MAXIMUM_URIS} redirect URIs.")
    if not uris:
        raise InvalidRedirectURIError("Register the redirect_uris.")
    for uri in uris:
        if problem := redirects.problem(uri):
            raise InvalidRedirectURIError(problem)
    return list(dict.fromkeys(uris))


def _name(said: dict[str, Any], uris: list[str]) -> str:
    name = said.get("client_name") or (redirects.destination(uris[0]) if uris else "")
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not showable(name):
        _refuse(f"The client_name is a text of 1 to {LONGEST_NAME} characters that can be seen.")
    return name.strip()


def _method(said: dict[str, Any], default: AuthMethod, methods: frozenset[AuthMethod]) -> AuthMethod:
    asked = said.get("token_endpoint_auth_method", default)
    if not isinstance(asked, str) or asked not in methods:
        _refuse(f"The token_endpoint_auth_method is one of {', '.join(sorted(methods))}.")
    return AuthMethod(asked)


def _texts(said: dict[str, Any], name: str, default: list[str]) -> list[str]:
    value = said.get(name, default)
    if not isinstance(value, list) or len(value) > MAXIMUM_ENTRIES or any(type(entry) is not str for entry in value):
        _refuse(f"{name} is a list of at most {MAXIMUM_ENTRIES} texts.")
    return list(value)


def _refuse(sentence: str) -> NoReturn:
    raise InvalidClientMetadataError(sentence)
