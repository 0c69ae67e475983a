"""How a client proves to a token endpoint who it is (RFC 6749 section 2.3, RFC 7523 section 2.2)."""

import base64
from urllib.parse import quote

from authlib.oauth2.rfc7523 import private_key_jwt_sign
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tenants.vault.oauth.failures import OAuthFailed
from tenants.vault.oauth.metadata import BASIC, POST, SIGNED, ProviderMetadata
from tenants.vault.oauth.registration import Registration

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
_KEY_KINDS: tuple[type[RSAKey | ECKey | OKPKey], ...] = (RSAKey, ECKey, OKPKey)
# What each kind of key signs with, first choice first; never "none", never a shared secret.
_ALGORITHMS = {"RSA": ("PS256", "RS256"), "OKP": ("Ed25519", "EdDSA")}
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class InvalidKey(OAuthFailed):
    """A client's private key is none that signs."""


def authenticated(registration: Registration, provider: ProviderMetadata) -> tuple[dict[str, str], dict[str, str]]:
    """The form fields and the headers that say who asks. Raises InvalidKey."""
    client_id = {"client_id": registration.client_id}
    if registration.auth_method == BASIC:
        return {}, {"Authorization": _basic(registration)}
    if registration.auth_method == POST:
        return {**client_id, "client_secret": registration.secret}, {}
    if registration.auth_method == SIGNED:
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": _assertion(registration, provider)}, {}
    return client_id, {}


def private_key(pem: str) -> RSAKey | ECKey | OKPKey:
    """The key that `pem` holds; raises InvalidKey for a public one, an unknown kind, or what is no key."""
    for kind in _KEY_KINDS:
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private:
            return key
    raise InvalidKey("The client's private key is not a PEM of an RSA, EC or Ed25519 key.")


def _basic(registration: Registration) -> str:
    # Each part form-encoded first (RFC 6749 section 2.3.1): a colon or a percent sign would be read otherwise.
    pair = f"{quote(registration.client_id, safe='')}:{quote(registration.secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def _assertion(registration: Registration, provider: ProviderMetadata) -> str:
    """A JWT of the client's, good for a minute at this issuer (audience: the issuer, as RFC 7523bis asks)."""
    key = private_key(registration.secret)
    header = {"kid": registration.key_id} if registration.key_id else {}
    signed: str = private_key_jwt_sign(
        key,
        registration.client_id,
        provider.issuer,
        alg=_algorithm(key, provider),
        header=header,
        expires_in=ASSERTION_SECONDS,
    )
    return signed


def _algorithm(key: RSAKey | ECKey | OKPKey, provider: ProviderMetadata) -> str:
    if key.key_type == "EC":
        return _CURVES.get(str(key.as_dict(private=False).get("crv")), "ES256")
    able = _ALGORITHMS[key.key_type]
    return next((name for name in able if name in provider.signing_algorithms), able[-1])
