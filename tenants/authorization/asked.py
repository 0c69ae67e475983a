"""A request to the authorization server as Authlib takes it, after what Authlib does not check was checked.

Authlib repeats parameters in its error descriptions, which must be printable ASCII (RFC 6749 section 5.2): a parameter
that is not would end in an exception of another kind.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Payload, OAuth2Request

from tenants.authorization.resources import InvalidTarget, Resource

MAXIMUM_PARAMETERS = 50
MAXIMUM_VALUE = 8192
MAXIMUM_TOKEN = 64 * 1024  # an assertion holds what its issuer likes


class Fields(OAuth2Payload):
    """The parameters of a request, each once."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = dict(fields)

    @property
    def data(self) -> dict[str, str]:
        """Each parameter's value."""
        return self._fields

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """The same as lists, which Authlib counts."""
        return defaultdict(list, {name: [value] for name, value in self._fields.items()})


class Asked(OAuth2Request):
    """A request with parameters that were taken from one place: the query, or the body."""

    # What Authlib finds out on its way, and declares no types of.
    payload: Any
    client: Any
    user: Any
    authorization_code: Any
    refresh_token: Any
    credential: Any
    assertion: Any
    # What it is about, once that was found.
    resource: Resource | None = None
    # Whether the person came by the tenant's single sign-on.
    by_sso = False

    def __init__(self, method: str, uri: str, headers: Mapping[str, str], fields: Mapping[str, str]) -> None:
        super().__init__(method, uri, headers=headers)
        self.payload = Fields(fields)

    @property
    def form(self) -> dict[str, str]:
        """What Authlib reads of a body."""
        found: dict[str, str] = self.payload.data
        return found


_LONG = frozenset({"assertion", "client_assertion", "subject_token", "actor_token", "token"})


def single(parameters: Mapping[str, list[str]]) -> dict[str, str]:
    """The parameters, none of which may be there twice (RFC 6749 sections 3.1 and 3.2); empty ones count as absent.

    Raises InvalidRequestError for those, and for what no parameter of OAuth's may hold; InvalidTarget for several
    resources, which RFC 8707 allows to ask for and to refuse: a token of ours is for one.
    """
    if len(parameters) > MAXIMUM_PARAMETERS:
        raise InvalidRequestError("There are too many parameters.")
    for name, values in parameters.items():
        if len(values) > 1 and name == "resource":
            raise InvalidTarget("Ask for one resource at a time.")
        if len(values) > 1:
            raise InvalidRequestError(f"{_shown(name)} is there more than once.")
        _require_sound(name, values[0])
    return {name: values[0] for name, values in parameters.items() if values[0]}


def _require_sound(name: str, value: str) -> None:
    longest = MAXIMUM_TOKEN if name in _LONG else MAXIMUM_VALUE
    # RFC 6749 appendix A: VSCHAR; what stands in descriptions has neither quotes nor backslashes.
    if len(value) > longest or not value.isascii() or not value.isprintable():
        raise InvalidRequestError(f"{_shown(name)} is too long, or is not printable ASCII.")
    if name != "state" and ('"' in value or "\\" in value):
        raise InvalidRequestError(f"{_shown(name)} holds a quote or a backslash.")


def _shown(name: str) -> str:
    return "".join(character for character in name[:40] if character.isalnum() and character.isascii()) or "A parameter"
