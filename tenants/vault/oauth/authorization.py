"""The authorization request that a person's browser carries, and the answer that it brings back."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from tenants.vault.oauth.exchanging import host_of
from tenants.vault.oauth.failures import AnswerRefused, ProviderRefused
from tenants.vault.oauth.metadata import S256, ProviderMetadata

VERIFIER_CHARACTERS = 64  # RFC 7636 section 4.1: 43 to 128
STATE_CHARACTERS = 43  # 256 bits
MAXIMUM_CODE = 8192


class Pkce(NamedTuple):
    """A proof key and its challenge (RFC 7636)."""

    verifier: str
    challenge: str


def new_pkce() -> Pkce:
    """A fresh proof key with its S256 challenge."""
    verifier = generate_token(VERIFIER_CHARACTERS)
    return Pkce(verifier, create_s256_code_challenge(verifier))


def new_state() -> str:
    """A value that nobody can guess."""
    return str(generate_token(STATE_CHARACTERS))


def authorization_url(
    provider: ProviderMetadata,
    *,
    client_id: str,
    redirect_uri: str,
    scopes: str,
    resource: str,
    state: str,
    challenge: str,
) -> str:
    """Where the person is sent (RFC 6749 section 4.1.1, with PKCE and a resource indicator)."""
    fields = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": S256,
        **({"scope": scopes} if scopes else {}),
        **({"resource": resource} if resource else {}),
        # Without it OpenID providers give no refresh token for a consent that was given before.
        **({"prompt": "consent"} if "offline_access" in scopes.split() else {}),
    }
    joint = "&" if urlsplit(provider.authorization_endpoint).query else "?"
    return f"{provider.authorization_endpoint}{joint}{urlencode(fields)}"


def code_of(answer: Mapping[str, str], provider: ProviderMetadata) -> str:
    """The code in an authorization answer whose state is known already.

    The issuer comes first (RFC 9207 section 2.4): an answer of another provider's says nothing that counts.
    Raises AnswerRefused, and ProviderRefused with the provider's error.
    """
    told = answer.get("iss")
    if told is None and provider.tells_issuer:
        raise AnswerRefused(f"The answer does not say that it is {host_of(provider.issuer)}'s.")
    if told is not None and told != provider.issuer:
        raise AnswerRefused(f"The answer is another provider's than {host_of(provider.issuer)}'s.")
    if "error" in answer:
        raise ProviderRefused(host_of(provider.issuer), answer["error"])
    code = answer.get("code", "")
    if not 0 < len(code) <= MAXIMUM_CODE or not code.isprintable():
        raise AnswerRefused(f"The answer of {host_of(provider.issuer)} holds no code.")
    return code
