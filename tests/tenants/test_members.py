"""Who gets in, by which invitation, with which role; and who cannot be put out."""

import re
import smtplib
import uuid
from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Invitation, Membership, Role, User
from tenants.services import members
from tenants.services.api_keys import actor_for_api_key, api_key_issue
from tests.conftest import Cast, make_user, unique
from tests.races import at_once, refused_names

type Mailbox = list[EmailMessage]


def _invite(cast: Cast, email: str, role: str = Role.DEVELOPER, by: User | None = None) -> Invitation:
    actor = cast.acting(by or cast.alice)
    with tenant_context(cast.tenant.id):
        return members.member_invite(actor=actor, email=email, role=role)


def _token(mailbox: Mailbox, email: str) -> str:
    body = next(str(mail.body) for mail in reversed(mailbox) if mail.to == [email])
    found = re.search(r"/invitations/[^/\s]+/(\S+)", body)
    assert found is not None
    return found[1]


def _accept(cast: Cast, user: User, token: str) -> Membership:
    return members.invitation_accept(user=user, slug=cast.tenant.slug, token=token)


def _refusal(act: object) -> refusals.Refusal:
    with pytest.raises(Refused) as refusal:
        act()  # type: ignore[operator]
    return refusal.value.refusal


def test_an_invitation_arrives_by_mail_and_makes_a_member(cast: Cast, mailoutbox: Mailbox) -> None:
    dora = make_user("dora")
    _invite(cast, f"  {dora.email.upper()} ", Role.VIEWER)
    (mail,) = mailoutbox
    assert mail.to == [dora.email]
    assert f"invites you to {cast.tenant.name}" in mail.subject
    token = _token(mailoutbox, dora.email)
    assert members.invitation_for(slug=cast.tenant.slug, token=token).role == Role.VIEWER
    assert _accept(cast, dora, token).role == Role.VIEWER
    assert cast.acting(dora).role == Role.VIEWER


def test_the_mail_is_not_sent_when_the_transaction_fails(cast: Cast, mailoutbox: Mailbox) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        members.member_invite(actor=actor, email="dora@example.com", role=Role.VIEWER)
        transaction.set_rollback(True)
    assert not mailoutbox


def test_a_link_works_once(cast: Cast, mailoutbox: Mailbox) -> None:
    dora = make_user("dora")
    _invite(cast, dora.email)
    token = _token(mailoutbox, dora.email)
    _accept(cast, dora, token)
    assert _refusal(lambda: _accept(cast, dora, token)) is refusals.EXPIRED


def test_a_link_is_worthless_to_another_person(cast: Cast, mailoutbox: Mailbox) -> None:
    dora = make_user("dora")
    _invite(cast, dora.email)
    token = _token(mailoutbox, dora.email)
    assert _refusal(lambda: _accept(cast, cast.charlie, token)) is refusals.PERMISSION_DENIED
    assert _accept(cast, dora, token).user == dora


def test_a_link_is_worthless_in_another_tenant(cast: Cast, mailoutbox: Mailbox) -> None:
    dora = make_user("dora")
    _invite(cast, dora.email)
    token = _token(mailoutbox, dora.email)
    slug = cast.elsewhere.slug
    assert _refusal(lambda: members.invitation_accept(user=dora, slug=slug, token=token)) is refusals.EXPIRED


@pytest.mark.parametrize("token", ["", "wrong", "\0", "\ud800", "x" * 100_000])
def test_a_made_up_link_is_refused(cast: Cast, token: str) -> None:
    assert _refusal(lambda: _accept(cast, cast.charlie, token)) is refusals.EXPIRED


def test_an_expired_or_withdrawn_link_is_refused(cast: Cast, mailoutbox: Mailbox) -> None:
    dora = make_user("dora")
    invitation = _invite(cast, dora.email)
    token = _token(mailoutbox, dora.email)
    with tenant_context(cast.tenant.id):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert _refusal(lambda: _accept(cast, dora, token)) is refusals.EXPIRED
    with tenant_context(cast.tenant.id):
        Invitation.objects.update(expires_at=timezone.now() + timedelta(days=1))
        members.invitation_withdraw(actor=cast.acting_inside(cast.alice, cast.tenant), invitation_id=invitation.pk)
    assert _refusal(lambda: _accept(cast, dora, token)) is refusals.EXPIRED


def test_withdrawing_what_is_gone_or_anothers_is_not_found(cast: Cast) -> None:
    theirs = cast.acting(cast.charlie, cast.elsewhere)
    with tenant_context(cast.elsewhere.id):
        invitation = members.member_invite(actor=theirs, email=f"{unique('x')}@example.com", role=Role.VIEWER)
    actor = cast.acting(cast.alice)
    for invitation_id in (invitation.pk, uuid.uuid4()):
        with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
            members.invitation_withdraw(actor=actor, invitation_id=invitation_id)
        assert refusal.value.refusal is refusals.NOT_FOUND


def test_a_renewed_invitation_replaces_the_earlier_link(cast: Cast, mailoutbox: Mailbox) -> None:
    dora = make_user("dora")
    _invite(cast, dora.email, Role.ADMIN)
    first = _token(mailoutbox, dora.email)
    _invite(cast, dora.email, Role.VIEWER)
    assert _refusal(lambda: _accept(cast, dora, first)) is refusals.EXPIRED
    assert _accept(cast, dora, _token(mailoutbox, dora.email)).role == Role.VIEWER


def test_an_invitation_to_a_deleted_tenant_is_refused(cast: Cast, mailoutbox: Mailbox) -> None:
    dora = make_user("dora")
    _invite(cast, dora.email)
    with tenant_context(cast.tenant.id):
        cast.tenant.delete_after = timezone.now() + timedelta(days=1)
        cast.tenant.save()
    assert _refusal(lambda: _accept(cast, dora, _token(mailoutbox, dora.email))) is refusals.EXPIRED


def test_accepting_twice_at_once_makes_one_member(cast: Cast, mailoutbox: Mailbox) -> None:
    dora = make_user("dora")
    _invite(cast, dora.email)
    token = _token(mailoutbox, dora.email)
    outcomes = at_once(lambda: _accept(cast, dora, token), lambda: _accept(cast, dora, token))
    assert refused_names([*outcomes]) == ["expired"]
    with tenant_context(cast.tenant.id):
        assert Membership.objects.filter(user=dora).count() == 1


def test_inviting_an_address_twice_at_once_leaves_one_invitation(cast: Cast) -> None:
    email = f"{unique('dora')}@example.com"
    assert not refused_names([*at_once(lambda: _invite(cast, email), lambda: _invite(cast, email))])
    with tenant_context(cast.tenant.id):
        assert Invitation.objects.filter(email=email).count() == 1


@pytest.mark.parametrize(
    "email",
    ["", "nobody", "a@b", "a b@example.com", "a@example.com\nBcc: all@example.com", "a\0@example.com",
     "x" * 250 + "@example.com", "a@example.com, b@example.com"],
)  # fmt: skip
def test_what_is_not_one_address_is_refused_and_not_mailed(cast: Cast, mailoutbox: Mailbox, email: str) -> None:
    with pytest.raises(Refused) as refusal:
        _invite(cast, email)
    assert list(refusal.value.data["fields"]) == ["email"]
    assert not mailoutbox


def test_no_name_can_write_a_mail_header(cast: Cast, mailoutbox: Mailbox) -> None:
    cast.alice.name = "Alice\r\nBcc: everyone@example.com"
    cast.alice.save()
    _invite(cast, f"{unique('dora')}@example.com")
    (mail,) = mailoutbox
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
    assert "Bcc" not in mail.message()
    assert "\nBcc" not in str(mail.body)


def test_when_the_mail_cannot_leave_the_inviter_is_told(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_keywords: object) -> int:
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(members, "send_mail", refuse)
    email = f"{unique('dora')}@example.com"
    assert _refusal(lambda: _invite(cast, email)) is refusals.TEMPORARILY_UNAVAILABLE
    with tenant_context(cast.tenant.id):
        assert Invitation.objects.filter(email=email).exists()


def test_a_member_is_not_invited_again(cast: Cast) -> None:
    assert _refusal(lambda: _invite(cast, cast.bob.email)) is refusals.CONFLICT


def test_open_invitations_are_limited(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAXIMUM_OPEN_INVITATIONS", 1)
    email = f"{unique('dora')}@example.com"
    _invite(cast, email)
    assert _refusal(lambda: _invite(cast, f"{unique('eve')}@example.com")) is refusals.LIMIT_REACHED
    assert _invite(cast, email).email == email


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
def test_developers_and_viewers_manage_nobody(cast: Cast, role: Role) -> None:
    actor = cast.acting(cast.join("dora", role))
    for act in (
        lambda: members.member_invite(actor=actor, email="x@example.com", role=Role.VIEWER),
        lambda: members.invitation_withdraw(actor=actor, invitation_id=uuid.uuid4()),
        lambda: members.member_change_role(actor=actor, user_id=cast.bob.pk, role=Role.VIEWER),
        lambda: members.member_remove(actor=actor, user_id=cast.bob.pk),
    ):
        with tenant_context(cast.tenant.id):
            assert _refusal(act) is refusals.PERMISSION_DENIED


def test_nobody_grants_more_than_they_have(cast: Cast) -> None:
    admin = cast.join("dora", Role.ADMIN)
    assert _refusal(lambda: _invite(cast, "x@example.com", Role.OWNER, by=admin)) is refusals.PERMISSION_DENIED
    actor = cast.acting(admin)
    with tenant_context(cast.tenant.id):
        change = lambda: members.member_change_role(actor=actor, user_id=cast.bob.pk, role=Role.OWNER)  # noqa: E731
        assert _refusal(change) is refusals.PERMISSION_DENIED


@pytest.mark.parametrize("role", ["owner", "superuser", ""])
def test_a_second_owner_or_an_unknown_role_is_refused(cast: Cast, role: str) -> None:
    actor = cast.acting(cast.alice)
    for act in (
        lambda: members.member_invite(actor=actor, email="x@example.com", role=role),
        lambda: members.member_change_role(actor=actor, user_id=cast.bob.pk, role=role),
    ):
        with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
            act()
        assert list(refusal.value.data["fields"]) == ["role"]


def test_an_admin_changes_roles_below_the_owner(cast: Cast) -> None:
    actor = cast.acting(cast.join("dora", Role.ADMIN))
    with tenant_context(cast.tenant.id):
        members.member_change_role(actor=actor, user_id=cast.bob.pk, role=Role.VIEWER)
    assert cast.acting(cast.bob).role == Role.VIEWER
    with tenant_context(cast.tenant.id):
        demote = lambda: members.member_change_role(actor=actor, user_id=cast.alice.pk, role=Role.VIEWER)  # noqa: E731
        assert _refusal(demote) is refusals.CONFLICT
        assert _refusal(lambda: members.member_remove(actor=actor, user_id=cast.alice.pk)) is refusals.CONFLICT


def test_the_owner_cannot_leave(cast: Cast) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        assert _refusal(lambda: members.member_remove(actor=actor, user_id=cast.alice.pk)) is refusals.CONFLICT


def test_anyone_else_may_leave(cast: Cast) -> None:
    dora = cast.join("dora", Role.VIEWER)
    actor = cast.acting(dora)
    with tenant_context(cast.tenant.id):
        members.member_remove(actor=actor, user_id=dora.pk)
    assert _refusal(lambda: cast.acting(dora)) is refusals.NOT_FOUND


def test_a_stranger_can_be_neither_changed_nor_removed(cast: Cast) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        assert _refusal(lambda: members.member_remove(actor=actor, user_id=cast.charlie.pk)) is refusals.NOT_FOUND
    assert cast.acting(cast.charlie, cast.elsewhere).role == Role.OWNER


def test_a_key_ends_with_the_membership_or_the_rights_of_its_maker(cast: Cast) -> None:
    dora = cast.join("dora", Role.ADMIN)
    made = cast.acting(dora)
    with tenant_context(cast.tenant.id):
        _, strong = api_key_issue(actor=made, name="strong", role=Role.ADMIN)
        _, weak = api_key_issue(actor=made, name="weak", role=Role.VIEWER)
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        members.member_change_role(actor=actor, user_id=dora.pk, role=Role.DEVELOPER)
    assert _refusal(lambda: actor_for_api_key(strong)) is refusals.INVALID_CREDENTIALS
    assert actor_for_api_key(weak).role == Role.VIEWER
    with tenant_context(cast.tenant.id):
        members.member_remove(actor=actor, user_id=dora.pk)
    assert _refusal(lambda: actor_for_api_key(weak)) is refusals.INVALID_CREDENTIALS
