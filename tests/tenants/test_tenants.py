"""A tenant's life: made, renamed, handed over, deleted, restored, purged. Its addresses are nobody else's, ever."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services.endpoints import endpoint_create
from tenants.access import Permission, actor_for, memberships_of, tenant_id_for
from tenants.models import Membership, Role, Tenant, TenantPurgeDue, TenantSlug
from tenants.services import tenants
from tenants.services.api_keys import actor_for_api_key, api_key_issue
from tests.conftest import Cast, make_user, unique
from tests.races import at_once, refused_names


def _rename(cast: Cast, slug: str, name: str = "Acme") -> Tenant:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        return tenants.tenant_rename(actor=actor, name=name, slug=slug)


def _transfer(cast: Cast, to_user_id: object) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        tenants.tenant_transfer(actor=actor, to_user_id=to_user_id)  # type: ignore[arg-type]


def _delete(cast: Cast) -> Tenant:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        return tenants.tenant_delete(actor=actor)


def _make_overdue(tenant: Tenant) -> None:
    with tenant_context(tenant.id):
        Tenant.objects.update(delete_after=timezone.now() - timedelta(seconds=1))


def test_its_maker_owns_a_tenant() -> None:
    dora = make_user("dora")
    tenant = tenants.tenant_create(owner=dora, name=" Dora & Co ", slug=unique("dora"))
    assert tenant.name == "Dora & Co"
    assert actor_for(dora, tenant.slug).role == Role.OWNER
    assert [row.tenant for row in memberships_of(dora)] == [tenant]


def test_without_a_slug_one_is_made_from_the_name() -> None:
    name = unique("Ünïque Näme")
    first = tenants.tenant_create(owner=make_user("d"), name=name)
    second = tenants.tenant_create(owner=make_user("d"), name=name)
    assert second.slug.startswith(first.slug + "-")
    assert tenants.tenant_create(owner=make_user("d"), name="API").slug.startswith("api-")
    assert tenants.tenant_create(owner=make_user("d"), name="日本").slug.startswith("tenant")


@pytest.mark.parametrize(
    ("name", "slug", "field"),
    [
        ("", "fine", "name"),
        ("  ", "fine", "name"),
        ("x" * 81, "fine", "name"),
        ("a\nb", "fine", "name"),
        ("a\0b", "fine", "name"),
        ("a\u2028b", "fine", "name"),
        ("\ud800", "fine", "name"),
        ("Fine", "UPPER", "slug"),
        ("Fine", "-a", "slug"),
        ("Fine", "a\n", "slug"),
        ("Fine", "a/b", "slug"),
        ("Fine", "x" * 41, "slug"),
        ("Fine", "ä", "slug"),
    ],
)
def test_a_bad_name_or_slug_is_refused_by_field(cast: Cast, name: str, slug: str, field: str) -> None:
    with pytest.raises(Refused) as creation:
        tenants.tenant_create(owner=cast.alice, name=name, slug=slug)
    with pytest.raises(Refused) as renaming:
        _rename(cast, slug, name)
    for refusal in (creation.value, renaming.value):
        assert refusal.refusal is refusals.INVALID_INPUT
        assert list(refusal.data["fields"]) == [field]


def test_a_reserved_slug_is_refused(cast: Cast) -> None:
    with pytest.raises(Refused) as refusal:
        tenants.tenant_create(owner=cast.alice, name="API", slug="api")
    assert refusal.value.refusal is refusals.CONFLICT


def test_after_a_rename_both_slugs_lead_to_the_tenant(cast: Cast) -> None:
    former, current = cast.tenant.slug, unique("acme")
    assert _rename(cast, current, "Acme 2").name == "Acme 2"
    assert tenant_id_for(former) == tenant_id_for(current) == cast.tenant.id
    assert actor_for(cast.bob, former).tenant.slug == current


def test_a_former_slug_is_never_another_tenants(cast: Cast) -> None:
    former = cast.tenant.slug
    _rename(cast, unique("acme"))
    with pytest.raises(Refused) as refusal:
        tenants.tenant_create(owner=cast.charlie, name="Squatter", slug=former)
    assert refusal.value.refusal is refusals.CONFLICT
    actor = cast.acting(cast.charlie, cast.elsewhere)
    with pytest.raises(Refused), tenant_context(cast.elsewhere.id):
        tenants.tenant_rename(actor=actor, name="Squatter", slug=former)
    with tenant_context(cast.elsewhere.id):
        assert Tenant.objects.get().slug == cast.elsewhere.slug


def test_a_tenant_may_take_its_former_slug_back(cast: Cast) -> None:
    former = cast.tenant.slug
    _rename(cast, unique("acme"))
    assert _rename(cast, former).slug == former


def test_of_two_who_claim_a_slug_at_once_one_gets_it(cast: Cast) -> None:
    slug = unique("wanted")
    outcomes = at_once(
        lambda: tenants.tenant_create(owner=cast.alice, name="A", slug=slug),
        lambda: tenants.tenant_create(owner=cast.charlie, name="C", slug=slug),
    )
    assert refused_names([*outcomes]) == ["conflict"]
    assert TenantSlug.objects.filter(slug=slug).count() == 1


@pytest.mark.parametrize("slug", ["", "no-such-tenant", "a\0b", "\ud800", "x" * 10_000, "../.."])
def test_what_names_no_tenant_is_not_found(cast: Cast, slug: str) -> None:
    with pytest.raises(Refused) as refusal:
        actor_for(cast.alice, slug)
    assert refusal.value.refusal is refusals.NOT_FOUND


def test_a_stranger_finds_nothing(cast: Cast) -> None:
    with pytest.raises(Refused) as refusal:
        cast.acting(cast.charlie)
    assert refusal.value.refusal is refusals.NOT_FOUND


def test_a_transfer_makes_the_successor_the_one_owner(cast: Cast) -> None:
    _transfer(cast, cast.bob.pk)
    assert cast.acting(cast.bob).role == Role.OWNER
    assert cast.acting(cast.alice).role == Role.ADMIN


def test_ownership_goes_to_another_member_alone(cast: Cast) -> None:
    for user in (cast.charlie, cast.alice):
        with pytest.raises(Refused) as refusal:
            _transfer(cast, user.pk)
        assert refusal.value.data["fields"].keys() == {"user_id"}
    assert cast.acting(cast.alice).role == Role.OWNER


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DEVELOPER, Role.VIEWER])
def test_nobody_but_the_owner_transfers_deletes_or_restores(cast: Cast, role: Role) -> None:
    actor = cast.acting(cast.join("dora", role))
    assert actor.user is not None
    for act in (
        lambda: tenants.tenant_transfer(actor=actor, to_user_id=actor.user.pk),
        lambda: tenants.tenant_delete(actor=actor),
        lambda: tenants.tenant_restore(actor=actor),
    ):
        with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
            act()
        assert refusal.value.refusal is refusals.PERMISSION_DENIED


def test_of_two_transfers_at_once_one_happens(cast: Cast) -> None:
    dora = cast.join("dora", Role.ADMIN)
    outcomes = at_once(lambda: _transfer(cast, cast.bob.pk), lambda: _transfer(cast, dora.pk))
    assert refused_names([*outcomes]) == ["permission_denied"]
    with tenant_context(cast.tenant.id):
        assert Membership.objects.filter(role=Role.OWNER).count() == 1


def test_the_former_owners_keys_do_not_outlive_the_ownership(cast: Cast) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        _, owners = api_key_issue(actor=actor, name="owner's", role=Role.OWNER)
        _, admins = api_key_issue(actor=actor, name="admin's", role=Role.ADMIN)
    _transfer(cast, cast.bob.pk)
    with pytest.raises(Refused):
        actor_for_api_key(owners)
    assert actor_for_api_key(admins).role == Role.ADMIN


def test_a_deleted_tenant_can_be_seen_and_restored_and_not_changed(cast: Cast) -> None:
    assert _delete(cast).is_being_deleted
    actor = cast.acting(cast.alice)
    assert actor.may(Permission.VIEW)
    assert not actor.may(Permission.EDIT_ENDPOINTS)
    with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
        endpoint_create(actor=actor, slug=unique("e"), name="E")
    assert refusal.value.refusal is refusals.TENANT_BEING_DELETED
    with tenant_context(cast.tenant.id):
        assert not tenants.tenant_restore(actor=actor).is_being_deleted
    assert cast.acting(cast.alice).may(Permission.EDIT_ENDPOINTS)


def test_a_second_deletion_does_not_lengthen_the_grace(cast: Cast) -> None:
    first = _delete(cast).delete_after
    assert first is not None
    assert timedelta(days=13) < first - timezone.now() <= tenants.GRACE
    assert _delete(cast).delete_after == first


def test_a_purge_deletes_what_is_due_with_all_it_holds_and_nothing_else(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        endpoint_create(actor=cast.acting_inside(cast.alice, cast.tenant), slug=unique("e"), name="E")
    _delete(cast)
    tenants.purge_deleted()
    with tenant_context(cast.tenant.id):
        assert Tenant.objects.exists()
    _make_overdue(cast.tenant)
    assert tenants.purge_deleted() >= 1
    with tenant_context(cast.tenant.id):
        assert not Tenant.objects.exists()
        assert not Endpoint.objects.exists()
        assert not Membership.objects.exists()
    with tenant_context(cast.elsewhere.id):
        assert Tenant.objects.exists()
    assert not memberships_of(cast.alice)


def test_only_tenants_that_are_being_deleted_are_due_to_be_purged(cast: Cast) -> None:
    due = TenantPurgeDue.objects.filter(tenant_id__in=[cast.tenant.id, cast.elsewhere.id])
    assert not due.exists()
    moment = _delete(cast).delete_after
    assert list(due.values_list("tenant_id", "due_at")) == [(cast.tenant.id, moment)]
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        tenants.tenant_restore(actor=actor)
    assert not due.exists()
    _delete(cast)
    _make_overdue(cast.tenant)
    tenants.purge_deleted()
    assert not due.exists()


def test_a_purged_tenants_slug_stays_taken(cast: Cast) -> None:
    _delete(cast)
    _make_overdue(cast.tenant)
    tenants.purge_deleted()
    with pytest.raises(Refused) as refusal:
        tenants.tenant_create(owner=cast.charlie, name="Heir", slug=cast.tenant.slug)
    assert refusal.value.refusal is refusals.CONFLICT


def test_what_is_purged_cannot_be_restored(cast: Cast) -> None:
    _delete(cast)
    actor = cast.acting(cast.alice)
    _make_overdue(cast.tenant)
    tenants.purge_deleted()
    with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
        tenants.tenant_restore(actor=actor)
    assert refusal.value.refusal is refusals.NOT_FOUND
