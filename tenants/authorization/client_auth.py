"""How a client proves who it is: a secret, a signature, or being public (RFC 6749 section 2.3)."""

import base64
from dataclasses import dataclass
from urllib.parse import unquote_plus
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError

from tenants.authorization import assertions
from tenants.authorization.asked import Asked
from tenants.authorization.clients import KnownClient
from tenants.models import AuthMethod

REALM = "authorization server"


class Unproven(InvalidClientError):
    """The client did not prove who it is."""

    def get_headers(self) -> list[tuple[str, str]]:
        """For 401 a whole challenge: Authlib's has no realm (RFC 7617 section 2)."""
        headers = [pair for pair in super().get_headers() if pair[0] != "WWW-Authenticate"]
        challenge = ("WWW-Authenticate", f'Basic realm="{REALM}", error="{self.error}"')
        return [*headers, challenge] if self.status_code == 401 else headers


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request says of its client. `proof` is a secret or an assertion, empty for public clients."""

    client_id: str
    method: AuthMethod
    proof: str = ""


def presented(asked: Asked) -> Presented:
    """Who the request says it is of; raises Unproven, and InvalidRequestError for two ways at once."""
    ways = [way for way in (_in_header(asked), _in_body(asked), _signed(asked)) if way is not None]
    if len(ways) > 1:
        raise InvalidRequestError("A client proves itself in one way at a time.")
    found = ways[0] if ways else _public(asked)
    # Neither a header nor an assertion was held to RFC 6749 appendix A before.
    if not (found.client_id.isascii() and found.client_id.isprintable()):
        raise Unproven("The client is unknown here.", status_code=401)
    named = asked.form.get("client_id", found.client_id)
    if named != found.client_id:
        raise InvalidRequestError("The client_id is not the one that proves itself.")
    return found


def require_proven(tenant_id: UUID, client: KnownClient | None, said: Presented) -> KnownClient:
    """The client, if it is known, may prove itself so, and has; raises Unproven, alike for each.

    Never inside a transaction: the client's keys may have to be fetched.
    """
    may = client is not None and client.check_endpoint_auth_method(said.method, "token")
    if client is not None and may and _has_proved(tenant_id, client, said):
        return client
    raise unproven(said)


def _has_proved(tenant_id: UUID, client: KnownClient, said: Presented) -> bool:
    if said.method == AuthMethod.SIGNED:
        return assertions.is_proven(tenant_id, client, said.proof)
    return said.method == AuthMethod.NONE or client.check_client_secret(said.proof)


def unproven(said: Presented) -> Unproven:
    """The refusal of a client (RFC 6749 section 5.2): 401 with a challenge for one that came with a header."""
    status = 401 if said.method != AuthMethod.NONE else 400
    return Unproven("The client is unknown here, or did not prove who it is.", status_code=status)


def _in_header(asked: Asked) -> Presented | None:
    header = asked.headers.get("Authorization", "")
    if not header:
        return None
    scheme, _, credentials = header.partition(" ")
    try:
        pair = base64.b64decode(credentials.strip(), validate=True).decode("ascii")
    except ValueError:
        pair = ""
    client_id, colon, secret = pair.partition(":")
    if scheme.lower() != "basic" or not (client_id and colon and secret):
        raise Unproven("The Authorization header is not of HTTP Basic.", status_code=401)
    # Both were form-encoded first (RFC 6749 section 2.3.1).
    return Presented(unquote_plus(client_id), AuthMethod.BASIC, unquote_plus(secret))


def _in_body(asked: Asked) -> Presented | None:
    secret = asked.form.get("client_secret")
    if secret is None:
        return None
    return Presented(_named(asked), AuthMethod.POST, secret)


def _signed(asked: Asked) -> Presented | None:
    assertion = asked.form.get("client_assertion")
    if assertion is None:
        return None
    if asked.form.get("client_assertion_type") != assertions.TYPE or not (named := assertions.named_in(assertion)):
        raise Unproven("The client_assertion is not a JSON Web Token of the client.", status_code=401)
    return Presented(named, AuthMethod.SIGNED, assertion)


def _public(asked: Asked) -> Presented:
    return Presented(_named(asked), AuthMethod.NONE)


def _named(asked: Asked) -> str:
    client_id = asked.form.get("client_id")
    if not client_id:
        raise Unproven("Say with client_id which client asks.", status_code=400)
    return client_id
