"""Access tokens of issuers that the tenant trusts: verified here by the keys that the gate holds, asking nobody."""

import time
from functools import partial

from mcp_runtime.authorization.access_tokens import is_address
from mcp_runtime.protocol.served import Principal, ServedEndpoint
from tenants.authorization.gate import CALL_SCOPE, OWN, READ_SCOPE, Trusted, grants
from tenants.authorization.trusted import (
    KEY,
    NOBODYS,
    Keys,
    Said,
    TokenRefused,
    issuer_named,
    principal_name,
    said_by,
)


def admitted(token: bytes, endpoint: ServedEndpoint) -> Principal | None:
    """Who presents a token of a trusted issuer; None for one that is not good here, or of nobody who may come in."""
    gate = endpoint.gate
    if not gate.trusted:
        return None
    text = token.decode("latin-1")
    named = issuer_named(text)
    issuer, keys = gate.trusted.get(named, (None, {}))
    if issuer is None:
        if named and named not in gate.issuers:
            gate.note_refused(endpoint.tenant_id, NOBODYS, "iss")
        return None
    try:
        return _admitted(text, issuer, keys, endpoint)
    except TokenRefused as refused:
        gate.note_refused(endpoint.tenant_id, issuer.id, refused.check)
        if refused.check == KEY:
            gate.ask_for_keys(issuer.id)
        return None


def _admitted(text: str, issuer: Trusted, keys: Keys, endpoint: ServedEndpoint) -> Principal:
    if endpoint.logins == OWN:
        raise TokenRefused("endpoint", "The endpoint takes no tokens of trusted issuers.")
    said = said_by(text, issuer, keys, is_address=partial(is_address, endpoint=endpoint), now=time.time())
    principal = principal_of(said, endpoint)
    if principal is not None:
        return principal
    if said.lookup and said.lookup not in endpoint.people:
        raise TokenRefused("member", "No active member is known by what it says.")
    person = endpoint.people.get(said.lookup)
    if not (narrowed(said.scopes, person[1]) if person else said.scopes):
        raise TokenRefused("scope", "The role of its member gives nothing that it asks for.")
    raise TokenRefused("cut off", "Who bears it was put out after it was issued.")


def principal_of(said: Said, endpoint: ServedEndpoint) -> Principal | None:
    """Who somebody is, of whom a verified token spoke, as the endpoint and the tenant's people are now."""
    issuer = next((one for one, _ in endpoint.gate.trusted.values() if one.id == said.issuer_id), None)
    if issuer is None or issuer.revision != said.revision or endpoint.logins == OWN:
        return None
    person = endpoint.people.get(said.lookup) if said.lookup else None
    if said.lookup and person is None:
        return None
    who = f"member:{person[0]}" if person else principal_name(said)
    scopes = narrowed(said.scopes, person[1]) if person else said.scopes
    subjects = (who, f"issuer:{said.issuer_id}")
    if not scopes or endpoint.gate.is_cut_off(subjects, said.issued_at):
        return None
    return Principal(
        who,
        said.expires_at,
        endpoint.tools_of_member(who, said.groups),
        scopes=scopes,
        subjects=subjects,
        issued_at=said.issued_at,
        # What a client logs in for; an audience that is no address says nothing of it.
        resource=said.audience if not issuer.audience else "",
        bound_to=said.bound_to,
        said=said,
    )


def narrowed(asked: frozenset[str], most: frozenset[str]) -> frozenset[str]:
    """What a token says, as far as a member's role gives it."""
    return frozenset(scope for scope in (READ_SCOPE, CALL_SCOPE) if grants(asked, scope) and grants(most, scope))
