"""Disconnecting: out of use at once, told to the provider as soon as it listens, and a receipt for each."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Connection, ConnectionState, Revocation, RevocationDue, RevocationOutcome, Role
from tenants.services.members import member_remove
from tenants.services.tenants import tenant_delete
from tenants.vault import errands
from tenants.vault.errands import errands_run
from tenants.vault.revocations import (
    connection_delete,
    connection_disconnect,
    revoke_all_at_provider,
    revoke_all_of_tenant,
    revoke_all_of_user,
)
from tenants.vault.rotation import tenant_key_rotate
from tests.connecting import Connecting
from tests.dumps import tables_holding


def _inside(connecting: Connecting, connection: Connection) -> Revocation:
    with tenant_context(connection.tenant_id):
        actor = connecting.cast.acting_inside(connecting.cast.alice, connecting.cast.tenant)
        (receipt,) = connection_disconnect(actor=actor, connection_id=connection.pk)
    return receipt


def _receipts(connecting: Connecting) -> list[Revocation]:
    with tenant_context(connecting.cast.tenant.id):
        return list(Revocation.objects.order_by("requested_at"))


def _told(connecting: Connecting) -> int:
    return errands_run(tenant_id=connecting.cast.tenant.id)


def _is_active(connecting: Connecting, connection: Connection, token: str) -> bool:
    known = connecting.client(connection)
    form = {"token": token, "client_id": known.client_id, "client_secret": known.secret}
    active: bool = httpx.post(f"{connecting.upstream.issuer}/token/introspection", data=form).json()["active"]
    return active


def test_a_disconnected_account_is_revoked_at_the_provider(connecting: Connecting) -> None:
    connection = connecting.connected()
    got = connecting.tokens(connection)
    assert _is_active(connecting, connection, got.access_token)
    _inside(connecting, connection)
    row = connecting.again(connection)
    assert (row.state, row.sealed) == (ConnectionState.REVOKED, "")
    assert _told(connecting) == 1
    assert not _is_active(connecting, connection, got.access_token)
    assert not _is_active(connecting, connection, got.refresh_token)
    assert connecting.upstream.call(got.access_token).status_code == 401
    (receipt,) = _receipts(connecting)
    assert (receipt.outcome, receipt.http_status, receipt.tokens, receipt.attempts) == ("revoked", 200, 2, 1)
    assert (receipt.requested_by_id, receipt.sealed) == (connecting.cast.alice.pk, "")
    assert receipt.ended_at is not None
    assert _told(connecting) == 0


def test_a_provider_that_is_away_is_told_later_and_nothing_is_usable_meanwhile(connecting: Connecting) -> None:
    connection = connecting.connected()
    got = connecting.tokens(connection)
    connecting.upstream.ask(away=True)
    _inside(connecting, connection)
    assert _told(connecting) == 1
    (receipt,) = _receipts(connecting)
    assert (receipt.outcome, receipt.attempts) == (RevocationOutcome.PENDING, 1)
    assert receipt.last_error
    assert connecting.again(connection).sealed == ""
    assert _told(connecting) == 0  # the next attempt waits
    connecting.upstream.ask(away=False)
    _due_now(connecting)
    assert _told(connecting) == 1
    assert not _is_active(connecting, connection, got.access_token)
    (receipt,) = _receipts(connecting)
    assert (receipt.outcome, receipt.attempts) == (RevocationOutcome.REVOKED, 2)


def _due_now(connecting: Connecting) -> None:
    due = RevocationDue.objects.filter(tenant_id=connecting.cast.tenant.id)
    due.update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_provider_that_never_listens_is_given_up_and_its_tokens_forgotten(
    connecting: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errands, "MAXIMUM_ATTEMPTS", 2)
    _inside(connecting, connecting.connected())
    connecting.upstream.ask(away=True)
    for _attempt in range(2):
        _due_now(connecting)
        assert _told(connecting) == 1
    (receipt,) = _receipts(connecting)
    assert (receipt.outcome, receipt.sealed) == (RevocationOutcome.GAVE_UP, "")
    assert not RevocationDue.objects.filter(tenant_id=connecting.cast.tenant.id).exists()


def test_waiting_tokens_are_sealed_and_go_along_with_a_new_key(connecting: Connecting) -> None:
    connection = connecting.connected()
    got = connecting.tokens(connection)
    _inside(connecting, connection)
    assert tables_holding(got.refresh_token) == []
    tenant_key_rotate(slug=connecting.cast.tenant.slug)
    assert _told(connecting) == 1
    assert not _is_active(connecting, connection, got.refresh_token)


def test_a_disconnected_account_can_be_connected_again(connecting: Connecting) -> None:
    connection = connecting.connected()
    _inside(connecting, connection)
    connecting.log_in(connection)
    assert connecting.again(connection).state == ConnectionState.CONNECTED


def test_everything_of_a_tenant_goes_and_nobody_elses(connecting: Connecting) -> None:
    mine = [connecting.connected(), connecting.connected(connecting.cast.bob, personal=True)]
    with tenant_context(connecting.cast.tenant.id):
        actor = connecting.cast.acting_inside(connecting.cast.alice, connecting.cast.tenant)
        assert len(revoke_all_of_tenant(actor=actor)) == 2
    assert {connecting.again(connection).state for connection in mine} == {ConnectionState.REVOKED}


def test_everything_at_a_provider_goes(connecting: Connecting) -> None:
    connection = connecting.connected()
    with tenant_context(connecting.cast.tenant.id):
        actor = connecting.cast.acting_inside(connecting.cast.alice, connecting.cast.tenant)
        with pytest.raises(Refused) as refused:
            revoke_all_at_provider(actor=actor, issuer="https://other.example.com")
        assert refused.value.refusal is refusals.NOT_FOUND
        assert len(revoke_all_at_provider(actor=actor, issuer=connecting.upstream.issuer)) == 1
    assert connecting.again(connection).state == ConnectionState.REVOKED


def test_everything_of_a_member_goes_and_the_tenants_stays(connecting: Connecting) -> None:
    shared = connecting.connected()
    own = connecting.connected(connecting.cast.bob, personal=True)
    with tenant_context(connecting.cast.tenant.id):
        bob = connecting.cast.acting_inside(connecting.cast.bob, connecting.cast.tenant)
        assert len(revoke_all_of_user(actor=bob, user_id=connecting.cast.bob.pk)) == 1
    assert connecting.again(own).state == ConnectionState.REVOKED
    assert connecting.again(shared).state == ConnectionState.CONNECTED


def test_who_may_not_manage_revokes_nothing_of_others(connecting: Connecting) -> None:
    shared = connecting.connected()
    dora = connecting.cast.join("dora", Role.VIEWER)
    with tenant_context(connecting.cast.tenant.id):
        viewer = connecting.cast.acting_inside(dora, connecting.cast.tenant)
        bob = connecting.cast.acting_inside(connecting.cast.bob, connecting.cast.tenant)
        acts: list[Callable[[], object]] = [
            lambda: connection_disconnect(actor=viewer, connection_id=shared.pk),
            lambda: revoke_all_of_tenant(actor=bob),
            lambda: revoke_all_at_provider(actor=bob, issuer=connecting.upstream.issuer),
            lambda: revoke_all_of_user(actor=bob, user_id=connecting.cast.alice.pk),
        ]
        for act in acts:
            with pytest.raises(Refused) as refused:
                act()
            assert refused.value.refusal is refusals.PERMISSION_DENIED
    assert connecting.again(shared).state == ConnectionState.CONNECTED


def test_a_member_who_leaves_leaves_no_token(connecting: Connecting) -> None:
    own = connecting.connected(connecting.cast.bob, personal=True)
    got = connecting.tokens(own)
    with tenant_context(connecting.cast.tenant.id):
        actor = connecting.cast.acting_inside(connecting.cast.alice, connecting.cast.tenant)
        member_remove(actor=actor, user_id=connecting.cast.bob.pk)
        assert not Connection.objects.filter(pk=own.pk).exists()
    assert _told(connecting) == 1
    assert connecting.upstream.call(got.access_token).status_code == 401


def test_a_deleted_tenant_is_disconnected_at_once(connecting: Connecting) -> None:
    got = connecting.tokens(connecting.connected())
    with tenant_context(connecting.cast.tenant.id):
        tenant_delete(actor=connecting.cast.acting_inside(connecting.cast.alice, connecting.cast.tenant))
    assert _told(connecting) == 1
    assert connecting.upstream.call(got.access_token).status_code == 401


def test_a_deleted_connection_leaves_its_receipt_and_another_takes_its_place(connecting: Connecting) -> None:
    holder = uuid.uuid4()
    first = connecting.connected(holder=holder, label="work")
    second = connecting.connected(holder=holder, label="home")
    with tenant_context(connecting.cast.tenant.id):
        actor = connecting.cast.acting_inside(connecting.cast.alice, connecting.cast.tenant)
        (receipt,) = connection_delete(actor=actor, connection_id=first.pk)
    assert receipt.label == "work"
    assert connecting.again(second).is_chosen
