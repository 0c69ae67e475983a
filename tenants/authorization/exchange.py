"""The token endpoint (RFC 6749 section 3.2): who asks is found and proved first, then the grant is looked at.

Each opens contexts of its own: documents and keys of clients may have to be fetched, which no transaction waits for.
"""

import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import UnauthorizedClientError

from core.tenancy import tenant_context
from tenants.authorization.asked import Asked
from tenants.authorization.client_auth import presented, require_proven
from tenants.authorization.clients import KnownClient
from tenants.authorization.documents import known_client
from tenants.authorization.grant_types import ASSERTION
from tenants.authorization.id_jag import verified_assertion
from tenants.authorization.proofs import BadProof, Proof, proof_read
from tenants.authorization.resources import Resources
from tenants.authorization.server import Answer, Server
from tenants.models import AuthMethod
from tenants.replay import first_time


class InvalidProof(OAuth2Error):
    """A proof of a key that is not good (RFC 9449 section 5)."""

    error = "invalid_dpop_proof"


def token_answer(*, tenant_id: UUID, asked: Asked, resources: Resources) -> Answer:
    """What the token endpoint answers to a request, refusals included."""
    try:
        proof = _proof_of(asked)
        client = proven_client(tenant_id, asked)
        if asked.form.get("grant_type") == ASSERTION:
            asked.assertion = verified_assertion(tenant_id, asked.form.get("assertion", ""))
    except OAuth2Error as error:
        return refused(error)
    if proof is not None:
        client = replace(client, proof_key=proof.key)
    with tenant_context(tenant_id):
        if proof is not None and not _is_fresh(tenant_id, proof):
            return refused(InvalidProof("It was used before (jti)."))
        answer: Answer = Server(tenant_id, resources, client).create_token_response(asked)
        return answer


def endpoint_answer(*, tenant_id: UUID, name: str, asked: Asked, resources: Resources, public: bool) -> Answer:
    """What one of Authlib's further endpoints answers; `public` says whether clients without a secret may ask."""
    try:
        client = proven_client(tenant_id, asked)
        if not public and client.row.auth_method == AuthMethod.NONE:
            raise UnauthorizedClientError("Only clients that prove who they are may ask this.")
    except OAuth2Error as error:
        return refused(error)
    with tenant_context(tenant_id):
        answer: Answer = Server(tenant_id, resources, client).create_endpoint_response(name, asked)
        return answer


def proven_client(tenant_id: UUID, asked: Asked) -> KnownClient:
    """The client that asks, once it proved who it is. Raises OAuth2Error."""
    said = presented(asked)
    return require_proven(tenant_id, known_client(tenant_id, said.client_id, renew=False), said)


def _proof_of(asked: Asked) -> Proof | None:
    """The proof of a key that tokens are to be bound to, if there is one. Raises InvalidProof."""
    said = asked.headers.get("DPoP")
    if said is None:
        return None
    try:
        return proof_read(said, method=asked.method, url=asked.uri, now=time.time())
    except BadProof as error:
        raise InvalidProof(str(error)) from None


def _is_fresh(tenant_id: UUID, proof: Proof) -> bool:
    expires_at = datetime.fromtimestamp(proof.expires_at, UTC)
    return first_time(tenant_id=tenant_id, kind="proof", token=f"{proof.key} {proof.id}", expires_at=expires_at)


def refused(error: OAuth2Error) -> Answer:
    """A refusal as it is sent: JSON, with OAuth's code (RFC 6749 section 5.2)."""
    status, body, headers = error()
    return Answer(status, dict(body), dict(headers))
