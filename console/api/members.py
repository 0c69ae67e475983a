"""Members and invitations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Query, Router, Schema, Status
from pydantic import Field

from console.api.paging import Page, Paging, page_of
from console.api.requests import ApiRequest
from console.api.schemas import Body, Moment, answers, written
from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.services.telling import tell_board
from tenants.access import Permission
from tenants.models import Invitation, MemberSession, Membership, Role
from tenants.selectors import member_of
from tenants.services import members
from tenants.services.sessions import member_session_end, member_sessions

router = Router(tags=["Members"])


class MemberOut(Schema):
    """A person in the tenant."""

    user_id: UUID
    email: str
    name: str
    role: Role
    joined_at: Moment
    deactivated_at: Moment | None = Field(description="Since when the person is a stranger here; null for members.")

    @staticmethod
    def resolve_email(membership: Membership) -> str:
        return membership.user.email

    @staticmethod
    def resolve_name(membership: Membership) -> str:
        return membership.user.name

    @staticmethod
    def resolve_joined_at(membership: Membership) -> datetime:
        return membership.created_at


class MemberPatch(Body):
    """What to change."""

    role: str = Field(description="admin, developer or viewer; at most the key's own role.")


class InvitationIn(Body):
    """Whom to invite."""

    email: str = Field(description="The invitation works for this address alone.")
    role: str = Field(description="admin, developer or viewer; at most the key's own role.")


class InvitationOut(Schema):
    """An invitation that was sent by mail and is neither accepted nor withdrawn. Its link is in the mail alone."""

    id: UUID
    email: str
    role: Role
    created_at: Moment
    expires_at: Moment


class SessionOut(Schema):
    """A console session in which a member has been here."""

    id: UUID
    user_id: UUID
    email: str
    address: str | None
    browser: str = Field(description="The browser's User-Agent.")
    by_sso: bool
    began_at: Moment
    last_seen_at: Moment

    @staticmethod
    def resolve_email(session: MemberSession) -> str:
        return session.user.email


class Sessions(Page[SessionOut]):
    """Sessions, the earliest first."""


class Members(Page[MemberOut]):
    """Members, the earliest first."""


class Invitations(Page[InvitationOut]):
    """Invitations, the earliest first."""


@router.get("/members", response=answers(200, Members, 422), summary="List the members")
def member_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return page_of(Membership.objects.select_related("user"), paging)


@router.get("/members/{uuid:user_id}", response=answers(200, MemberOut, 404), summary="Show a member")
def member_show(request: ApiRequest, user_id: UUID) -> Membership:
    request.auth.require(Permission.VIEW)
    with tenant_context(request.auth.tenant.id):
        return member_of(user_id)


@router.patch("/members/{uuid:user_id}", response=written(200, MemberOut, 404), summary="Change a member's role")
def member_change(request: ApiRequest, user_id: UUID, payload: MemberPatch) -> Membership:
    """API keys that the member made and whose role is above the new one end. The owner changes by transfer alone."""
    with tenant_context(request.auth.tenant.id):
        members.member_change_role(actor=request.auth, user_id=user_id, role=payload.role)
        return member_of(user_id)


@router.post(
    "/members/{uuid:user_id}/deactivate", response=answers(200, MemberOut, 404, 409), summary="Deactivate a member"
)
def member_deactivate(request: ApiRequest, user_id: UUID) -> Membership:
    """They are a stranger until they are reactivated. Their API keys end, their own connections are disconnected."""
    with tenant_context(request.auth.tenant.id):
        members.member_deactivate(actor=request.auth, user_id=user_id)
        return member_of(user_id)


@router.post(
    "/members/{uuid:user_id}/reactivate", response=answers(200, MemberOut, 404, 409), summary="Reactivate a member"
)
def member_reactivate(request: ApiRequest, user_id: UUID) -> Membership:
    """They come back with the role and the groups they had. Keys that ended stay ended."""
    with tenant_context(request.auth.tenant.id):
        members.member_reactivate(actor=request.auth, user_id=user_id)
        return member_of(user_id)


@router.delete("/members/{uuid:user_id}", response=answers(204, None, 404, 409), summary="Remove a member")
def member_remove(request: ApiRequest, user_id: UUID) -> Status[None]:
    """API keys that the member made end."""
    with tenant_context(request.auth.tenant.id):
        members.member_remove(actor=request.auth, user_id=user_id)
    return Status(204, None)


@router.get(
    "/invitations", response=answers(200, Invitations, 422), summary="List the invitations", tags=["Invitations"]
)
def invitation_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        return page_of(Invitation.objects.all(), paging)


@router.post("/invitations", response=written(201, InvitationOut), summary="Invite by mail", tags=["Invitations"])
def invitation_create(request: ApiRequest, payload: InvitationIn) -> Status[Invitation]:
    """Inviting an address again replaces its earlier invitation."""
    with tenant_context(request.auth.tenant.id):
        invitation = members.member_invite(actor=request.auth, email=payload.email, role=payload.role)
    return Status(201, invitation)


@router.get(
    "/invitations/{uuid:invitation_id}",
    response=answers(200, InvitationOut, 404),
    summary="Show an invitation",
    tags=["Invitations"],
)
def invitation_show(request: ApiRequest, invitation_id: UUID) -> Invitation:
    request.auth.require(Permission.MANAGE_MEMBERS)
    with tenant_context(request.auth.tenant.id):
        invitation = Invitation.objects.filter(pk=invitation_id).first()
    if invitation is None:
        raise Refused(refusals.NOT_FOUND)
    return invitation


@router.delete(
    "/invitations/{uuid:invitation_id}",
    response=answers(204, None, 404, 409),
    summary="Withdraw an invitation",
    tags=["Invitations"],
)
def invitation_withdraw(request: ApiRequest, invitation_id: UUID) -> Status[None]:
    with tenant_context(request.auth.tenant.id):
        members.invitation_withdraw(actor=request.auth, invitation_id=invitation_id)
    return Status(204, None)


@router.get("/sessions", response=answers(200, Sessions, 422), summary="List members' console sessions")
def session_list(request: ApiRequest, paging: Query[Paging]) -> dict[str, Any]:
    with tenant_context(request.auth.tenant.id):
        return page_of(member_sessions(request.auth), paging, by="began_at")


@router.delete("/sessions/{uuid:session_id}", response=answers(204, None, 404, 409), summary="End a console session")
def session_end(request: ApiRequest, session_id: UUID) -> Status[None]:
    """It opens nothing here any more: its person signs in again. The owner's are the owner's to end.

    Who belongs to no other tenant is signed out of that browser at once.
    """
    with tenant_context(request.auth.tenant.id):
        member_session_end(actor=request.auth, session_id=session_id)
        tell_board(request.auth.tenant.id)
    return Status(204, None)
