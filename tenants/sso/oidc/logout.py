"""Logout tokens: what an OpenID provider posts to us when a session of its own ends (Back-Channel Logout 1.0)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tenants.sso.checks import MAXIMUM_SUBJECT, Trace
from tenants.sso.oidc.config import OidcSettings
from tenants.sso.oidc.tokens import LEEWAY_SECONDS, MAXIMUM_AGE_SECONDS, require_issued, signed

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = frozenset({None, "JWT", "logout+jwt"})
WHAT = "logout token"


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """Whose session ended: a session's name, a person, or both; `token_id` is good once until `expires_at`."""

    index: str
    subject: str
    token_id: str
    expires_at: datetime


def logged_out(settings: OidcSettings, token: str) -> LoggedOut:
    """What a logout token says (section 2.6). Never inside a transaction. Raises CheckFailed."""
    trace = Trace()
    found = signed(trace, token, settings.provider, WHAT)
    claims = dict(found.claims)
    kind = found.header.get("typ")
    trace.require(f"{WHAT}: typ", "It is a token of another kind.", holds=kind in TYPES, came=kind)
    require_issued(trace, claims, settings.provider, settings.registration.client_id, WHAT)
    events = claims.get("events")
    holds = isinstance(events, dict) and isinstance(events.get(EVENT), dict)
    trace.require(f"{WHAT}: events", "It is no logout token.", holds=holds)
    # An ID token has one, and must not do as a logout token.
    trace.require(f"{WHAT}: nonce", "A logout token has none.", holds="nonce" not in claims)
    texts = {name: claims.get(name, "") for name in ("sid", "sub", "jti")}
    well = all(isinstance(text, str) and len(text) <= MAXIMUM_SUBJECT and text.isprintable() for text in texts.values())
    named = well and bool(texts["jti"]) and bool(texts["sid"] or texts["sub"])
    trace.require(f"{WHAT}: sid, sub, jti", "It names no session and nobody, or not itself.", holds=named)
    kept = timedelta(seconds=MAXIMUM_AGE_SECONDS + 2 * LEEWAY_SECONDS)
    return LoggedOut(texts["sid"], texts["sub"], texts["jti"], datetime.now(UTC) + kept)
