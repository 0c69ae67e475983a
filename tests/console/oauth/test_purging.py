"""What is used up goes, and what tells a second use from a guess stays while its grant lives."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config.celery import app
from tenants.authorization.grant_types import DEVICE
from tenants.authorization.purging import ENDED_KEPT, UNUSED_KEPT, tenant_purge, used_up_purge
from tenants.models import AuthorizationCode, ClientGrant, DeviceCode, RefreshToken
from tenants.tasks import purge_used_up
from tests.console.oauth.flows import Flow, error_of

MOMENT = timedelta(seconds=1)
MODELS = (AuthorizationCode, DeviceCode, RefreshToken, ClientGrant)


def _left(flow: Flow) -> dict[str, int]:
    with flow.inside():
        return {model.__name__: model.objects.count() for model in MODELS if model.objects.exists()}


def _aged(flow: Flow, model: Any, **values: Any) -> None:
    with flow.inside():
        model.objects.update(**values)


def test_what_a_living_grant_needs_stays(flow: Flow, person: Client) -> None:
    code = flow.code(person)
    tokens = flow.redeem(code).json()
    latest = flow.refresh(tokens["refresh_token"]).json()["refresh_token"]
    long_ago = timezone.now() - timedelta(days=50)
    _aged(flow, AuthorizationCode, expires_at=long_ago)
    _aged(flow, ClientGrant, created_at=long_ago)
    used_up_purge()
    assert _left(flow) == {"AuthorizationCode": 1, "RefreshToken": 2, "ClientGrant": 1}
    assert flow.refresh(latest).status_code == 200
    assert error_of(flow.redeem(code)) == "invalid_grant"
    with flow.inside():
        assert ClientGrant.objects.exclude(revoked_at=None).count() == 1


def test_refresh_tokens_that_ran_out_go_and_the_others_of_their_grant_stay(flow: Flow, person: Client) -> None:
    first = flow.tokens(person)["refresh_token"]
    second = flow.refresh(first).json()["refresh_token"]
    with flow.inside():
        RefreshToken.objects.filter(used_at__isnull=False).update(expires_at=timezone.now() - MOMENT)
    tenant_purge(flow.tenant.pk)
    assert _left(flow)["RefreshToken"] == 1
    assert flow.refresh(second).status_code == 200


def test_of_an_ended_grant_only_the_grant_is_kept_and_that_not_for_ever(flow: Flow, person: Client) -> None:
    flow.post("revoke", {"token": flow.tokens(person)["refresh_token"], "client_id": flow.client_id})
    tenant_purge(flow.tenant.pk)
    assert _left(flow) == {"ClientGrant": 1}
    _aged(flow, ClientGrant, revoked_at=timezone.now() - ENDED_KEPT - MOMENT)
    tenant_purge(flow.tenant.pk)
    assert _left(flow) == {}


def test_grants_that_ran_out_go_with_all_that_is_theirs(flow: Flow, person: Client) -> None:
    flow.tokens(person)
    _aged(flow, ClientGrant, expires_at=timezone.now() - ENDED_KEPT + MOMENT * 60)
    tenant_purge(flow.tenant.pk)
    assert _left(flow)["ClientGrant"] == 1
    _aged(flow, ClientGrant, expires_at=timezone.now() - ENDED_KEPT - MOMENT)
    tenant_purge(flow.tenant.pk)
    assert _left(flow) == {}


def test_codes_that_nobody_came_for_go_and_then_their_grants(flow: Flow, person: Client) -> None:
    flow.code(person)
    tenant_purge(flow.tenant.pk)
    assert _left(flow) == {"AuthorizationCode": 1, "ClientGrant": 1}
    _aged(flow, AuthorizationCode, expires_at=timezone.now() - MOMENT)
    tenant_purge(flow.tenant.pk)
    assert _left(flow) == {"ClientGrant": 1}
    _aged(flow, ClientGrant, created_at=timezone.now() - UNUSED_KEPT - MOMENT)
    tenant_purge(flow.tenant.pk)
    assert _left(flow) == {}


@pytest.mark.parametrize("is_old", [False, True])
def test_codes_of_devices_go_once_they_are_old(flow: Flow, *, is_old: bool) -> None:
    flow.register(grant_types=[DEVICE])
    assert flow.post("device_authorization", {"client_id": flow.client_id}).status_code == 200
    if is_old:
        _aged(flow, DeviceCode, expires_at=timezone.now() - MOMENT)
    tenant_purge(flow.tenant.pk)
    assert _left(flow) == ({} if is_old else {"DeviceCode": 1})


def test_it_is_on_the_schedule() -> None:
    assert purge_used_up.name in {entry["task"] for entry in app.conf.beat_schedule.values()}
