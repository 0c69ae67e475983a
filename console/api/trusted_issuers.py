"""Issuers of access tokens that a tenant trusts beside, or instead of, its own authorization server."""

from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field, StrictBool

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from console.oauth.resources import EndpointResources
from core.tenancy import tenant_context
from mcp_runtime.trying import Tried, token_tried
from tenants.authorization.trusted import ALGORITHMS
from tenants.issuers import refused, services
from tenants.issuers.refused import Refusals
from tenants.models import TrustedIssuer, TrustedPeople

router = Router(tags=["Trusted issuers"])
_ONE = "/trusted-issuers/{uuidstr:issuer}"


class TrustedIssuerOut(Schema):
    """An issuer whose access tokens the tenant's endpoints take, where they are set to."""

    id: UUID
    name: str
    issuer: str
    jwks_url: str
    audience: str
    algorithms: list[str]
    takes_plain: bool
    people: TrustedPeople
    connection_id: UUID | None
    subject_claim: str
    scope_claim: str
    scopes: dict[str, str]
    default_scope: str
    groups_claim: str
    groups: dict[str, str]
    key_ids: list[str] = Field(description="The keys that are known now.")
    fetched_at: Moment | None = Field(description="When they were last read.")
    last_error: str = Field(description="Why they could not be read since; those that are known stay.")
    created_at: Moment

    @staticmethod
    def resolve_key_ids(issuer: TrustedIssuer) -> list[str]:
        return [str(key.get("kid", "")) for key in issuer.keys]


class TrustedIssuerIn(Body):
    """An issuer to trust."""

    name: str = Field(description="1 to 100 characters.")
    issuer: str = Field(description="As its tokens name it (iss), to the letter.")
    jwks_url: str = Field(default="", description="Where its keys are; empty: found by its metadata.")
    audience: str = Field(
        default="", description="For whom its tokens are (aud); empty: the address of the endpoint that is called."
    )
    algorithms: list[str] = Field(
        default=list(services.USUAL_ALGORITHMS), description=f"Signatures to take, of {', '.join(ALGORITHMS)}."
    )
    takes_plain: StrictBool = Field(default=False, description="Whether tokens of type JWT are taken beside at+jwt.")
    people: str = Field(default=TrustedPeople.EXTERNAL, description=f"One of {', '.join(TrustedPeople.values)}.")
    connection_id: UUID | None = Field(default=None, description="For sso: the SSO connection that knows the subject.")
    subject_claim: str = Field(default="sub", description="The claim that says who somebody is.")
    scope_claim: str = Field(default="scope", description="The claim that says what a token may do.")
    scopes: dict[str, str] = Field(default={}, description="What its values mean: mcp:read or mcp:call.")
    default_scope: str = Field(default="", description="What a token may do that says nothing of it; empty: nothing.")
    groups_claim: str = Field(default="", description="The claim that names groups; empty: none.")
    groups: dict[str, str] = Field(default={}, description="The ids of groups here that its values stand for.")


class TokenIn(Body):
    """A token to try."""

    token: str = Field(max_length=16_384)


class TriedOut(Schema):
    """What a worker would make of it now."""

    check: str = Field(description="The claim or check that failed; empty where the token is good.")
    sentence: str
    who: str = Field(description="Who would come in.")
    scopes: list[str]
    groups: list[str] = Field(description="Ids of the groups that the token names.")


class RefusedTokensOut(Schema):
    """Tokens that workers refused in the last 30 days for one reason."""

    issuer_id: UUID | None = Field(description="Whose they are; null: of issuers that nobody here trusts.")
    check: str = Field(description="The claim or check that failed, as a trial names it.")
    sentence: str
    times: int
    last_at: Moment


class TrustedIssuers(Page[TrustedIssuerOut]):
    """Trusted issuers, the earliest first."""


@router.get("/trusted-issuers", response=answers(200, TrustedIssuers, 422), summary="List the issuers you trust")
def issuer_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    with tenant_context(request.auth.tenant.id):
        return page_of(services.issuers_trusted(request.auth).order_by(), paging)


@router.post("/trusted-issuers", response=written(201, TrustedIssuerOut), summary="Trust an issuer")
def issuer_add(request: ApiRequest, payload: TrustedIssuerIn) -> Status[TrustedIssuer]:
    """Its keys are fetched first. Endpoints take its tokens that are set to (`logins`)."""
    return Status(201, services.issuer_set(actor=request.auth, fields=services.IssuerFields(**payload.model_dump())))


@router.get("/refused-tokens", response=answers(200, list[RefusedTokensOut]), summary="Count refused tokens")
def tokens_refused(request: ApiRequest) -> list[Refusals]:
    """Of trusted issuers and of others, by the check that they failed; the last first. Nothing of a token is kept."""
    with tenant_context(request.auth.tenant.id):
        return refused.tokens_refused(request.auth)


@router.get(_ONE, response=answers(200, TrustedIssuerOut, 404), summary="Show an issuer")
def issuer_show(request: ApiRequest, issuer: UUID) -> TrustedIssuer:
    with tenant_context(request.auth.tenant.id):
        return services.issuer_shown(request.auth, issuer)


@router.put(_ONE, response=written(200, TrustedIssuerOut, 404), summary="Say anew how you trust an issuer")
def issuer_change(request: ApiRequest, issuer: UUID, payload: TrustedIssuerIn) -> TrustedIssuer:
    """Open streams of its tokens end, and come back as what they are then."""
    fields = services.IssuerFields(**payload.model_dump())
    return services.issuer_set(actor=request.auth, fields=fields, issuer_id=issuer)


@router.delete(_ONE, response=answers(204, None, 404), summary="Trust an issuer no more")
def issuer_remove(request: ApiRequest, issuer: UUID) -> Status[None]:
    """Its tokens are refused and their streams end within a second."""
    with tenant_context(request.auth.tenant.id):
        services.issuer_remove(actor=request.auth, issuer_id=issuer)
    return Status(204, None)


@router.post(f"{_ONE}/try", response=written(200, TriedOut, 404), summary="Try a token")
def token_try(request: ApiRequest, issuer: UUID, payload: TokenIn) -> Tried:
    """Nothing of it is kept."""
    tenant_id = request.auth.tenant.id
    with tenant_context(tenant_id):
        row, known = services.issuer_shown(request.auth, issuer), EndpointResources(tenant_id)
        return token_tried(row, payload.token, lambda url: known.named(url) is not None)
