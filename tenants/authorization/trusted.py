"""Access tokens of issuers that a tenant trusts: what each check finds, in words. Without Django, for workers."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tenants.authorization.gate import BY_EMAIL, BY_SSO, CALL_SCOPE, MAXIMUM_TRUSTED_SECONDS, READ_SCOPE, Trusted
from tenants.authorization.jose import BadKey, BadToken, PublicKey, peeked, public_key, require_signed

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
MAXIMUM_BYTES = 8_192
MAXIMUM_KEYS = 50
# For so long a tenant sees which tokens of others were refused.
REFUSED_DAYS = 30
# What stands for issuers there that nobody here trusts: a UUID, as the ids of others are.
NOBODYS = "00000000-0000-0000-0000-000000000000"
# Of groups and scopes in one token: what is beyond counts for nothing.
MAXIMUM_VALUES = 500
SKEW_SECONDS = 60.0
ACCESS_TYPES = frozenset({"at+jwt", "application/at+jwt"})
PLAIN_TYPES = ACCESS_TYPES | {"jwt", ""}
# Tokens of OpenID Connect that say something else than that somebody may call.
_ELSEWHERE = {"nonce": "an ID token", "at_hash": "an ID token", "c_hash": "an ID token", "events": "an event"}
_LONGEST_SUBJECT = 128
_LONGEST_CLAIM = 1_000
_HASHED = "sha256:"
# After 0, which stands for never having been cut off.
_LONG_AGO = 1.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a good token says. Times are in seconds since the epoch; `lookup` finds a member among the tenant's people.

    `scopes` are ours and `groups` ids of groups here; `bound_to` is the thumbprint of the key that it is bound to.
    """

    issuer_id: str
    revision: int
    subject: str
    lookup: str
    expires_at: float
    issued_at: float
    audience: str
    scopes: frozenset[str]
    groups: frozenset[str]
    bound_to: str = ""


# The check that fails where an issuer signs with a key that is not known yet.
KEY = "kid"


class TokenRefused(ValueError):
    """A token that is not good here: `check` names what failed, the message says how, for administrators."""

    def __init__(self, check: str, sentence: str) -> None:
        super().__init__(sentence)
        self.check = check


type Keys = dict[str, PublicKey]
type IsAddress = Callable[[str], bool]


def keys_of(jwks: Sequence[dict[str, Any]]) -> Keys:
    """Keys that verify signatures, by their `kid`; those of other kinds and for other uses are left out."""
    found: Keys = {}
    for jwk in jwks[:MAXIMUM_KEYS]:
        if jwk.get("use", "sig") != "sig":
            continue
        try:
            found.setdefault(str(jwk.get("kid", "")), public_key(jwk))
        except BadKey:
            continue
    return found


def issuer_named(token: str) -> str:
    """The issuer that a token names, which nobody has verified; empty for what is no token."""
    try:
        issuer = peeked(token)[1].get("iss")
    except BadToken:
        return ""
    return issuer if isinstance(issuer, str) else ""


def said_by(token: str, issuer: Trusted, keys: Keys, *, is_address: IsAddress, now: float) -> Said:
    """What a token of the issuer says, checked whole (RFC 9068 section 4, RFC 8725). Raises TokenRefused."""
    if len(token) > MAXIMUM_BYTES:
        raise TokenRefused("form", f"It is longer than {MAXIMUM_BYTES:,} bytes.")
    try:
        header, claims = peeked(token)
    except BadToken as error:
        raise TokenRefused("form", str(error)) from None
    _require_kind(header, claims, issuer)
    if claims.get("iss") != issuer.issuer:
        raise TokenRefused("iss", f"Its issuer is {_shown(claims.get('iss'))}, and not {issuer.issuer}.")
    _require_signature(token, header, issuer, keys)
    expires_at, issued_at = _times(claims, now)
    audience = _audience(claims, issuer, is_address)
    subject = _subject(claims, issuer)
    return Said(
        issuer_id=issuer.id,
        revision=issuer.revision,
        subject=subject,
        lookup=_lookup(claims, issuer, subject),
        expires_at=expires_at,
        issued_at=issued_at,
        audience=audience,
        scopes=_scopes(claims, issuer),
        groups=frozenset(
            issuer.groups[value] for value in _values(claims, issuer.groups_claim) if value in issuer.groups
        ),
        bound_to=_bound_to(claims),
    )


def principal_name(said: Said) -> str:
    """What somebody is called here whom nobody here knows."""
    subject = said.subject
    # Ledgers and tasks keep it, and it is part of addresses: what is long or odd goes by its digest.
    if (
        len(subject) > _LONGEST_SUBJECT
        or not (subject.isascii() and subject.isprintable())
        or subject.startswith(_HASHED)
    ):
        subject = _HASHED + hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()
    return f"external:{said.issuer_id}:{subject}"


def _require_kind(header: dict[str, Any], claims: dict[str, Any], issuer: Trusted) -> None:
    typ = str(header.get("typ", "")).lower()
    if typ not in (PLAIN_TYPES if issuer.takes_plain else ACCESS_TYPES):
        known = "at+jwt or JWT" if issuer.takes_plain else "at+jwt; plain JWTs are not taken from this issuer"
        raise TokenRefused("typ", f"Its type is {_shown(header.get('typ'))}, and not {known}.")
    for name, kind in _ELSEWHERE.items():
        if name in claims:
            raise TokenRefused("typ", f"It has the claim {name}, so that it is {kind} and no access token.")
    algorithm = header.get("alg")
    if algorithm not in issuer.algorithms or algorithm not in ALGORITHMS:
        raise TokenRefused("alg", f"It is signed by {_shown(algorithm)}; {', '.join(issuer.algorithms)} are accepted.")


def _require_signature(token: str, header: dict[str, Any], issuer: Trusted, keys: Keys) -> None:
    kid = header.get("kid")
    if kid is None and len(keys) == 1:
        key = next(iter(keys.values()))
    elif isinstance(kid, str) and kid in keys:
        key = keys[kid]
    else:
        raise TokenRefused(KEY, f"No key of the issuer's is called {_shown(kid)}. {len(keys)} are known.")
    told = next((jwk.get("alg") for jwk in issuer.keys if str(jwk.get("kid", "")) == (kid or "")), None)
    if told not in (None, header["alg"]):
        raise TokenRefused("alg", f"Its key is for {told} alone, and it is signed by {header['alg']}.")
    try:
        require_signed(token, key, header["alg"])
    except BadToken as error:
        raise TokenRefused("signature", str(error)) from None


def _times(claims: dict[str, Any], now: float) -> tuple[float, float]:
    """When it ends, and when it was issued: long ago where it does not say, so that any cut-off cuts it off too."""
    expires_at, issued_at, not_before = (_seconds(claims, name) for name in ("exp", "iat", "nbf"))
    if expires_at is None:
        raise TokenRefused("exp", "It does not say when it ends (exp).")
    if expires_at <= now - SKEW_SECONDS:
        raise TokenRefused("exp", f"It ended {int(now - expires_at):,} seconds ago.")
    if expires_at > now + MAXIMUM_TRUSTED_SECONDS + SKEW_SECONDS:
        raise TokenRefused("exp", f"It would live for more than {MAXIMUM_TRUSTED_SECONDS // 3600} hours from now.")
    for name, moment in (("iat", issued_at), ("nbf", not_before)):
        if moment is not None and moment > now + SKEW_SECONDS:
            raise TokenRefused(name, f"It is good only in {int(moment - now):,} seconds ({name}).")
    # It is let in until its own end and not for the skew: a principal expires by our clock.
    return expires_at + SKEW_SECONDS, max(issued_at or 0.0, _LONG_AGO)


def _seconds(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise TokenRefused(name, f"Its {name} is no time.")
    return float(value)


def _audience(claims: dict[str, Any], issuer: Trusted, is_address: IsAddress) -> str:
    said = claims.get("aud")
    listed = said if isinstance(said, list) else [said]
    audiences = [one for one in listed if isinstance(one, str)]
    if not audiences or len(audiences) != len(listed):
        raise TokenRefused("aud", "It does not say for whom it is (aud).")
    found = next((one for one in audiences if (one == issuer.audience if issuer.audience else is_address(one))), None)
    if found is None:
        wanted = issuer.audience or "the endpoint's address"
        raise TokenRefused("aud", f"It is for {', '.join(map(_shown, audiences[:5]))}, and not for {wanted}.")
    return found


def _subject(claims: dict[str, Any], issuer: Trusted) -> str:
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise TokenRefused("sub", "It does not say of whom it is (sub).")
    subject = claims.get(issuer.subject_claim)
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_CLAIM:
        raise TokenRefused(issuer.subject_claim, f"It has no claim {issuer.subject_claim} that says who somebody is.")
    return subject


def _lookup(claims: dict[str, Any], issuer: Trusted, subject: str) -> str:
    if issuer.people == BY_SSO:
        return f"sso:{issuer.connection}:{subject}"
    if issuer.people != BY_EMAIL:
        return ""
    email = claims.get("email")
    if not isinstance(email, str) or not email or claims.get("email_verified") is not True:
        raise TokenRefused("email", "It names no mail address that the issuer has verified (email, email_verified).")
    return f"email:{email.strip().lower()}"


def _scopes(claims: dict[str, Any], issuer: Trusted) -> frozenset[str]:
    known = {READ_SCOPE: READ_SCOPE, CALL_SCOPE: CALL_SCOPE} | issuer.scopes
    found = {known[value] for value in _values(claims, issuer.scope_claim) if value in known}
    if not found and issuer.default_scope:
        found = {issuer.default_scope}
    if not found:
        raise TokenRefused("scope", f"Nothing that its claim {issuer.scope_claim} says means anything here.")
    return frozenset(found)


def _values(claims: dict[str, Any], name: str) -> list[str]:
    """A claim's values: a list of texts, or a text with spaces between them (RFC 8693 section 4.2)."""
    said = claims.get(name) if name else None
    values = said.split(" ") if isinstance(said, str) else said if isinstance(said, list) else []
    return [value for value in values[:MAXIMUM_VALUES] if isinstance(value, str)]


def _bound_to(claims: dict[str, Any]) -> str:
    bound = claims.get("cnf")
    if bound is None:
        return ""
    key = bound.get("jkt") if isinstance(bound, dict) and bound.keys() == {"jkt"} else None
    if not isinstance(key, str) or not key:
        raise TokenRefused("cnf", "It is bound to a key in a way that cannot be proved here; DPoP (jkt) can.")
    return key


def _shown(value: object) -> str:
    return ascii(value)[:120] if value is not None else "none"
