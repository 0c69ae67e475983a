"""A deactivated member is a stranger until they come back as they were."""

import pytest
from django.db import IntegrityError
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import person_context, tenant_context
from tenants.access import actor_for, memberships_of
from tenants.models import Group, GroupMember, GroupSource, Membership, Role, Tenant, User
from tenants.selectors import member_of
from tenants.services import members
from tenants.services.api_keys import actor_for_api_key, api_key_issue
from tenants.services.tenants import tenant_transfer
from tests.conftest import Cast


def _deactivate(cast: Cast, user: User, by: User | None = None) -> None:
    actor = cast.acting(by or cast.alice)
    with tenant_context(cast.tenant.id):
        members.member_deactivate(actor=actor, user_id=user.pk)


def _reactivate(cast: Cast, user: User, by: User | None = None) -> None:
    actor = cast.acting(by or cast.alice)
    with tenant_context(cast.tenant.id):
        members.member_reactivate(actor=actor, user_id=user.pk)


def test_a_deactivated_member_is_a_stranger(cast: Cast) -> None:
    _deactivate(cast, cast.bob)
    with pytest.raises(Refused) as refusal:
        actor_for(cast.bob, cast.tenant.slug)
    assert refusal.value.refusal is refusals.NOT_FOUND
    assert memberships_of(cast.bob) == []


def test_the_database_shows_a_person_neither_the_membership_nor_the_tenant(cast: Cast) -> None:
    _deactivate(cast, cast.bob)
    with person_context(cast.bob.pk):
        assert not Membership.objects.exists()
        assert not Tenant.objects.exists()


def test_they_come_back_with_their_role_and_groups(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        group = Group.objects.create(tenant=cast.tenant, name="Engineers")
        GroupMember.objects.create(tenant=cast.tenant, group=group, membership=member_of(cast.bob.pk))
    _deactivate(cast, cast.bob)
    _deactivate(cast, cast.bob)
    _reactivate(cast, cast.bob)
    _reactivate(cast, cast.bob)
    assert cast.acting(cast.bob).role == Role.DEVELOPER
    with tenant_context(cast.tenant.id):
        assert member_of(cast.bob.pk).groups.get().group == group


def test_keys_that_they_made_end_and_stay_ended(cast: Cast) -> None:
    adam = cast.join("adam", Role.ADMIN)
    actor = cast.acting(adam)
    with tenant_context(cast.tenant.id):
        _, secret = api_key_issue(actor=actor, name="key", role=Role.VIEWER)
    _deactivate(cast, adam)
    _reactivate(cast, adam)
    with pytest.raises(Refused) as refusal:
        actor_for_api_key(secret)
    assert refusal.value.refusal is refusals.INVALID_CREDENTIALS


def test_the_owner_is_never_deactivated(cast: Cast) -> None:
    adam = cast.join("adam", Role.ADMIN)
    with pytest.raises(Refused) as refusal:
        _deactivate(cast, cast.alice, by=adam)
    assert refusal.value.refusal is refusals.CONFLICT
    with pytest.raises(IntegrityError), tenant_context(cast.tenant.id):
        Membership.objects.filter(role=Role.OWNER).update(deactivated_at=timezone.now())


def test_a_developer_deactivates_nobody(cast: Cast) -> None:
    for act in (_deactivate, _reactivate):
        with pytest.raises(Refused) as refusal:
            act(cast, cast.bob, by=cast.bob)
        assert refusal.value.refusal is refusals.PERMISSION_DENIED


def test_the_tenant_is_not_handed_to_somebody_deactivated(cast: Cast) -> None:
    _deactivate(cast, cast.bob)
    actor = cast.acting(cast.alice)
    with pytest.raises(Refused), tenant_context(cast.tenant.id):
        tenant_transfer(actor=actor, to_user_id=cast.bob.pk)
    with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
        members.member_invite(actor=actor, email=cast.bob.email, role=Role.VIEWER)
    assert "reactivate them" in refusal.value.detail


def test_a_group_takes_no_member_of_another_tenant(cast: Cast) -> None:
    with tenant_context(cast.elsewhere.id):
        theirs = Membership.objects.get(user=cast.charlie)
    with tenant_context(cast.tenant.id):
        group = Group.objects.create(tenant=cast.tenant, name="Engineers")
    with pytest.raises(IntegrityError), tenant_context(cast.tenant.id):
        GroupMember.objects.create(tenant=cast.tenant, group=group, membership_id=theirs.pk)


def test_two_groups_of_one_source_never_share_a_name(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        Group.objects.create(tenant=cast.tenant, name="Engineers")
        Group.objects.create(tenant=cast.tenant, name="Engineers", source=GroupSource.SCIM)
    with pytest.raises(IntegrityError), tenant_context(cast.tenant.id):
        Group.objects.create(tenant=cast.tenant, name="ENGINEERS")


def test_no_group_makes_owners(cast: Cast) -> None:
    with pytest.raises(IntegrityError), tenant_context(cast.tenant.id):
        Group.objects.create(tenant=cast.tenant, name="Engineers", role=Role.OWNER)
