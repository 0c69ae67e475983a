"""Whoever is put out loses everything at once, and a receipt says what it was."""

from datetime import timedelta
from uuid import uuid4

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import AccessKey, Endpoint, PublishedEndpoint, Task, TaskSchedule, TaskStatus
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.snapshots import structs
from tenants.authorization import gate
from tenants.models import (
    Cause,
    Deprovision,
    DeprovisionDue,
    DeprovisionItem,
    Membership,
    PublishedGate,
    Role,
    User,
)
from tenants.selectors import member_of
from tenants.services.api_keys import actor_for_api_key, api_key_issue
from tenants.services.deprovisioning import SHUT_OUT, SIGNED_OUT, deprovision, second_look, second_looks_run
from tenants.services.members import member_reactivate, member_remove
from tests.conftest import Cast, make_user
from tests.races import at_once
from tests.stored_connection import stored_connection


def _put_out(cast: Cast, user: User, cause: Cause = Cause.REMOVED) -> Deprovision:
    with tenant_context(cast.tenant.id):
        return deprovision(membership=member_of(user.pk), cause=cause, by=cast.alice)


def _items(cast: Cast, receipt: Deprovision) -> dict[str, list[DeprovisionItem]]:
    items: dict[str, list[DeprovisionItem]] = {}
    with tenant_context(cast.tenant.id):
        for item in DeprovisionItem.objects.filter(deprovision_id=receipt.pk):
            items.setdefault(item.kind, []).append(item)
    return items


@pytest.fixture
def adam(cast: Cast) -> User:
    """An admin, who makes things and is put out."""
    return cast.join("adam", Role.ADMIN)


@pytest.fixture
def endpoint(cast: Cast) -> Endpoint:
    """An endpoint of Alice's."""
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        return endpoint_create(actor=actor, slug="tools", name="Tools")


def _task(cast: Cast, endpoint: Endpoint, principal: str) -> Task:
    now = timezone.now()
    with tenant_context(cast.tenant.id):
        task = Task.objects.create(
            tenant=cast.tenant,
            endpoint=endpoint,
            principal=principal,
            tool="slow",
            call="{}",
            created_at=now,
            updated_at=now,
            expires_at=now + timedelta(hours=1),
        )
        TaskSchedule.objects.create(task_id=task.pk, tenant_id=cast.tenant.id, wake_at=now, leased_until=now)
    return task


def test_keys_of_both_kinds_end_with_their_maker(cast: Cast, adam: User, endpoint: Endpoint) -> None:
    actor = cast.acting(adam)
    with tenant_context(cast.tenant.id):
        _, api_secret = api_key_issue(actor=actor, name="deploys", role=Role.ADMIN)
        access_key, _ = access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="agent")
    by_key = actor_for_api_key(api_secret)
    with tenant_context(cast.tenant.id):
        further, _ = access_key_issue(actor=by_key, endpoint_slug=endpoint.slug, name="made by the key")
        kept, _ = access_key_issue(
            actor=cast.acting_inside(cast.alice, cast.tenant), endpoint_slug=endpoint.slug, name="alice's"
        )
    items = _items(cast, _put_out(cast, adam))
    assert [item.label.split(" ")[0] for item in items["api_key"]] == ["deploys"]
    assert {item.reference for item in items["access_key"]} == {access_key.pk, further.pk}
    with pytest.raises(Refused):
        actor_for_api_key(api_secret)
    with tenant_context(cast.tenant.id):
        served = structs.decode(bytes(PublishedEndpoint.objects.get().document))
        assert [key.id for key in served.keys] == [str(kept.pk)]


def test_tasks_of_the_member_and_of_their_keys_are_cancelled(cast: Cast, adam: User, endpoint: Endpoint) -> None:
    actor = cast.acting(adam)
    with tenant_context(cast.tenant.id):
        access_key, _ = access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="agent")
    theirs = [_task(cast, endpoint, f"member:{adam.pk}"), _task(cast, endpoint, f"key:{access_key.pk}")]
    others = _task(cast, endpoint, f"member:{cast.bob.pk}")
    items = _items(cast, _put_out(cast, adam))
    assert {item.reference for item in items["task"]} == {task.pk for task in theirs}
    with tenant_context(cast.tenant.id):
        cancelled = Task.objects.filter(status=TaskStatus.CANCELLED)
        assert {task.pk for task in cancelled} == {task.pk for task in theirs}
        assert Task.objects.get(pk=others.pk).status == TaskStatus.WORKING


def test_their_connections_are_revoked_and_the_tenants_are_not(cast: Cast, adam: User) -> None:
    with tenant_context(cast.tenant.id):
        own = stored_connection(cast.tenant, "https://own.example", "own")
        type(own).objects.filter(pk=own.pk).update(user=adam)
        shared = stored_connection(cast.tenant, "https://shared.example", "shared")
    items = _items(cast, _put_out(cast, adam))
    assert len(items["connection"]) == 1
    with tenant_context(cast.tenant.id):
        assert not type(own).objects.filter(pk=own.pk).exists()
        assert type(shared).objects.get(pk=shared.pk).sealed


def test_workers_are_told_to_refuse_their_tokens(cast: Cast, adam: User) -> None:
    before = timezone.now().timestamp()
    items = _items(cast, _put_out(cast, adam, Cause.DEACTIVATED))
    assert len(items["access_tokens"]) == 1
    with tenant_context(cast.tenant.id):
        told = gate.decode(bytes(PublishedGate.objects.get().document))
    assert told.cutoffs[f"member:{adam.pk}"] > before


def test_console_sessions_end_where_nothing_else_is_open(cast: Cast, adam: User) -> None:
    browser = Client()
    browser.force_login(adam)
    browser.get(f"/t/{cast.tenant.slug}/")
    assert UserSession.objects.filter(user=adam).exists()
    items = _items(cast, _put_out(cast, adam))
    assert [item.note for item in items["console_sessions"]] == [SIGNED_OUT]
    assert "/account/login" in browser.get("/t/")["Location"]


def test_console_sessions_stay_for_another_tenant(cast: Cast, adam: User) -> None:
    with tenant_context(cast.elsewhere.id):
        Membership.objects.create(tenant=cast.elsewhere, user=adam, role=Role.VIEWER)
    browser = Client()
    browser.force_login(adam)
    items = _items(cast, _put_out(cast, adam))
    assert [item.note for item in items["console_sessions"]] == [SHUT_OUT]
    assert browser.get(f"/t/{cast.elsewhere.slug}/").status_code == 200
    assert browser.get(f"/t/{cast.tenant.slug}/").status_code == 404


def test_who_leaves_by_themselves_stays_signed_in(cast: Cast) -> None:
    browser = Client()
    browser.force_login(cast.bob)
    actor = cast.acting(cast.bob)
    with tenant_context(cast.tenant.id):
        receipt = member_remove(actor=actor, user_id=cast.bob.pk)
    assert (receipt.cause, receipt.email) == (Cause.LEFT, cast.bob.email)
    assert "console_sessions" not in _items(cast, receipt)
    assert browser.get("/account/sessions/").status_code == 200


def test_a_second_look_ends_what_came_meanwhile(cast: Cast, adam: User, endpoint: Endpoint) -> None:
    receipt = _put_out(cast, adam)
    late = _task(cast, endpoint, f"member:{adam.pk}")
    assert second_look(tenant_id=cast.tenant.id, deprovision_id=receipt.pk) == 1
    assert [item.reference for item in _items(cast, receipt)["task"]] == [late.pk]
    assert second_look(tenant_id=cast.tenant.id, deprovision_id=receipt.pk) == 0
    assert second_look(tenant_id=cast.tenant.id, deprovision_id=uuid4()) == 0


def test_a_look_that_the_broker_lost_is_taken_all_the_same(
    cast: Cast, adam: User, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenants.services.deprovisioning.send_or_leave", lambda *_args, **_rest: None)
    receipt = _put_out(cast, adam)
    late = _task(cast, endpoint, f"member:{adam.pk}")
    browser = Client()
    browser.force_login(adam)  # a login that was under way
    browser.get("/account/sessions/")
    DeprovisionDue.objects.filter(pk=receipt.pk).update(due_at=timezone.now())
    assert second_looks_run() >= 1
    items = _items(cast, receipt)
    assert [item.reference for item in items["task"]] == [late.pk]
    assert len(items["console_sessions"]) == 1
    assert not UserSession.objects.filter(user=adam).exists()
    assert not DeprovisionDue.objects.filter(pk=receipt.pk).exists()


def test_a_second_look_ends_nothing_of_who_came_back(cast: Cast, adam: User, endpoint: Endpoint) -> None:
    receipt = _put_out(cast, adam, Cause.DEACTIVATED)
    alice = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        member_reactivate(actor=alice, user_id=adam.pk)
    _task(cast, endpoint, f"member:{adam.pk}")
    assert second_look(tenant_id=cast.tenant.id, deprovision_id=receipt.pk) == 0


def test_nobody_puts_the_owner_out(cast: Cast) -> None:
    with pytest.raises(Refused) as refusal:
        _put_out(cast, cast.alice)
    assert refusal.value.refusal is refusals.CONFLICT


def test_an_actor_from_before_makes_no_key_afterwards(cast: Cast, adam: User, endpoint: Endpoint) -> None:
    actor = cast.acting(adam)
    _put_out(cast, adam, Cause.DEACTIVATED)
    with pytest.raises(Refused), tenant_context(cast.tenant.id):
        api_key_issue(actor=actor, name="late", role=Role.VIEWER)
    with pytest.raises(Refused), tenant_context(cast.tenant.id):
        access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="late")


def test_keys_that_are_made_at_that_moment_end_or_are_refused(cast: Cast, adam: User, endpoint: Endpoint) -> None:
    actor = cast.acting(adam)

    def issue() -> None:
        with tenant_context(cast.tenant.id):
            access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="racing")

    at_once(issue, issue, lambda: (_put_out(cast, adam), None)[1], issue, issue)
    with tenant_context(cast.tenant.id):
        assert not AccessKey.objects.filter(created_by=adam, revoked_at=None).exists()


def test_a_receipt_is_the_tenants_alone(cast: Cast) -> None:
    receipt = _put_out(cast, cast.bob)
    with tenant_context(cast.elsewhere.id):
        assert not Deprovision.objects.filter(pk=receipt.pk).exists()
        assert not DeprovisionItem.objects.exists()


def test_a_person_without_anything_gets_a_receipt_too(cast: Cast) -> None:
    dora = make_user("dora")
    with tenant_context(cast.tenant.id):
        Membership.objects.create(tenant=cast.tenant, user=dora, role=Role.VIEWER)
    items = _items(cast, _put_out(cast, dora))
    assert items.keys() == {"membership", "access_tokens", "boards", "console_sessions"}
