"""What a request says of who asks: the upstream's credentials, put where its security schemes say."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from mcp_runtime.sources.openapi.operation import Scheme
from mcp_runtime.sources.openapi.requests import Request
from mcp_runtime.sources.upstream import Credentials, Health, UpstreamFailed


@dataclass(frozen=True, slots=True)
class Presented:
    """The credentials of one request, by the schemes that they are for. `token` is the OAuth token among them."""

    values: tuple[tuple[Scheme, str], ...] = ()
    token: str | None = None

    def hidden(self) -> dict[str, str]:
        """All forms in which a service could repeat them."""
        texts = [text for scheme, value in self.values for text in _forms(scheme, value)]
        return {str(number): text for number, text in enumerate(texts)}

    def put(self, request: Request) -> None:
        """Adds them to a request; they win over arguments of the same name. Raises UpstreamFailed."""
        for scheme, value in self.values:
            _put(request, scheme, value)


async def presented(credentials: Credentials, alternatives: list[list[Scheme]], principal: str) -> Presented:
    """The credentials for the first of the alternatives for which there are all.

    Raises UpstreamFailed(NEEDS_LOGIN) where there are none and some are needed.
    """
    schemes = [scheme for alternative in alternatives for scheme in alternative]
    if not schemes:
        return Presented()
    secrets = await credentials.secrets()
    chosen = next((needed for needed in alternatives if needed and _has_all(needed, secrets)), None)
    if chosen is not None:
        return Presented(tuple((scheme, secrets[scheme.name]) for scheme in chosen))
    if any(scheme.kind == "oauth2" for scheme in schemes):
        return await _with_token(credentials, alternatives, secrets, principal)
    return _without(alternatives)


async def _with_token(
    credentials: Credentials, alternatives: list[list[Scheme]], secrets: Mapping[str, str], principal: str
) -> Presented:
    token = await credentials.token(principal)
    if token is None:
        return _without(alternatives)
    held = dict(secrets) | {s.name: token for needed in alternatives for s in needed if s.kind == "oauth2"}
    chosen = next((needed for needed in alternatives if needed and _has_all(needed, held)), None)
    if chosen is None:
        return _without(alternatives)
    return Presented(tuple((scheme, held[scheme.name]) for scheme in chosen), token)


def _has_all(needed: list[Scheme], held: Mapping[str, str]) -> bool:
    return all(held.get(scheme.name) for scheme in needed)


def _without(alternatives: list[list[Scheme]]) -> Presented:
    if any(not needed for needed in alternatives):
        return Presented()  # the service answers strangers too
    names = " or ".join(dict.fromkeys(" and ".join(scheme.name for scheme in needed) for needed in alternatives))
    raise UpstreamFailed(f"The service asks for credentials that are not stored: {names}.", Health.NEEDS_LOGIN)


def _put(request: Request, scheme: Scheme, value: str) -> None:
    if scheme.kind != "apiKey":
        _set_header(request, "Authorization", _authorization(scheme, value))
    elif scheme.place == "header":
        _set_header(request, scheme.parameter, value)
    elif scheme.place == "cookie":
        request.cookies = _replaced(request.cookies, scheme.parameter, quote(value, safe="!#$&'()*+/:<=>?@[]^`{|}~"))
    else:
        request.query = _replaced(request.query, quote(scheme.parameter, safe=""), quote(value, safe=""))


def _set_header(request: Request, name: str, value: str) -> None:
    if not value.isascii() or not value.isprintable():
        raise UpstreamFailed("The stored credentials cannot be sent: a header takes printable ASCII only.")
    request.headers = {key: text for key, text in request.headers.items() if key.lower() != name.lower()}
    request.headers[name] = value


def _replaced(pairs: list[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    return [(key, text) for key, text in pairs if key != name] + [(name, value)]


def _authorization(scheme: Scheme, value: str) -> str:
    if scheme.kind == "basic":
        return f"Basic {_base64(value)}"
    return value if value.lower().startswith("bearer ") else f"Bearer {value}"


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _forms(scheme: Scheme, value: str) -> list[str]:
    forms = [value, quote(value, safe="")]
    if scheme.kind == "basic":
        forms += [_base64(value), value.partition(":")[2]]
    return forms
